"""For any link and any response, a download succeeds or raises a SeedanceError."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import Charge, SeedanceError
from airflow_provider_seedance.gptproto.http.fetch import PublicFetcher
from tests.unit.gptproto.anything import mostly
from tests.unit.gptproto.conftest import SETTINGS
from tests.unit.gptproto.http.test_download import VIDEO, Harness, pieces

NUMBERS = st.sampled_from(["0", "-1", "1e3", "²", "٣", "", " 7", "9" * 5_000, str(len(VIDEO))]) | st.integers().map(str)
RANGES = st.builds("bytes {}-{}/{}".format, NUMBERS, NUMBERS, NUMBERS | st.just("*")) | st.just("bytes */7") | st.text()
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": mostly(st.sampled_from(["video/mp4", "application/octet-stream", ""]), st.text()),
        "content-length": mostly(st.just(str(len(VIDEO))), NUMBERS),
        "content-range": mostly(st.just(f"bytes 0-{len(VIDEO) - 1}/{len(VIDEO)}"), RANGES),
        "etag": st.sampled_from(['"a"', 'W/"a"', "", f'"{hashlib.md5(VIDEO).hexdigest()}"']) | st.text(),  # noqa: S324
        "last-modified": st.text(),
        "retry-after": NUMBERS,
    },
)
CONTENTS = mostly(
    st.just(VIDEO),
    st.binary()
    | st.builds(VIDEO.__add__, st.binary() | st.binary(max_size=20).map(lambda each: bytes(len(each))))
    | st.builds(lambda n: VIDEO[:n], st.integers(0)),
)
RESPONSES = st.tuples(
    mostly(
        st.sampled_from([200, 206]), st.sampled_from([204, 304, 403, 404, 408, 416, 429, 500]) | st.integers(100, 999)
    ),
    HEADERS,
    CONTENTS,
    st.booleans(),
)
LINKS = (
    st.text()
    | st.text("htps:/.[]@%?#ab1\\ ", max_size=12)
    | st.builds("{}://{}{}".format, st.sampled_from(["http", "https", "ftp"]), st.text(), st.text())
    | st.sampled_from(["https://xn--/", "https://\ud800/", "https://a..b/", "http://0x7f000001/", "http://[::1%25lo]/"])
)


def no_network(host: str, port: int) -> list[str]:
    # The system's resolver does this first, too.
    host.encode("idna")
    raise OSError("there is no network in tests")


class TestDownload:
    @given(
        responses=st.lists(RESPONSES, min_size=1, max_size=4),
        max_bytes=mostly(st.just(10**6), st.integers(0, 400)),
        new_link=st.sampled_from([None, "https://cdn.example/fresh"]),
    )
    def test_download_of_any_response_succeeds_or_raises_seedance_error(
        self, responses: list[tuple[int, dict[str, str], bytes, bool]], max_bytes: int, new_link: str | None
    ) -> None:
        harness = Harness()
        harness.server.responses.extend(_replay(*each) for each in [*responses, *[responses[-1]] * 20])
        error: SeedanceError | None = None
        try:
            content = harness.fetch(max_bytes=max_bytes, refresh=lambda _: new_link)
        except SeedanceError as caught:
            error = caught
        else:
            # Zeros, boxes, or a few bytes that are no box may follow the last box.
            assert content.startswith(VIDEO)
            assert len(content) <= max_bytes
        event("failed" if error else "succeeded")
        assert error is None or error.charge is Charge.ACCEPTED
        json.dumps(error.to_dict() if error else None, allow_nan=False)

    @given(link=LINKS)
    def test_fetch_of_any_link_raises_only_seedance_errors(self, link: str) -> None:
        with pytest.raises(SeedanceError), PublicFetcher(SETTINGS, resolver=no_network).get(link, {}):
            pass


def _replay(status: int, headers: dict[str, str], content: bytes, breaks: bool) -> Callable[[Mapping[str, str]], Any]:
    return lambda _: (status, headers, pieces(content, breaks))
