"""Fuzz test on raw sockets: for any bytes, client and download succeed or raise SeedanceError."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.http.fetch import MAXIMUM_REDIRECTS, PublicFetcher
from tests.unit.gptproto.anything import mostly
from tests.unit.gptproto.conftest import KEY, SETTINGS, LoopbackStarter, envelope

ACCEPTED = json.dumps(envelope()).encode()
LINES = st.sampled_from(
    [
        *(
            b"Content-Length: 3",
            b"Content-Length: 99999999999999999999999",
            b"Content-Length: -1",
            b"Content-Length: 1,1",
        ),
        *(
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip",
            b"Content-Encoding: gzip",
            b"Content-Encoding: br",
        ),
        *(b"Location: /elsewhere", b"Location: //[", b"Location: \xff://", b"Location: http://xn--/", b"Location: "),
        *(b"Content-Type: \xff", b": ", b"\0: \0", b"Retry-After: " + b"9" * 5_000, b"X: " + b"x" * 200_000),
        *(b"Upgrade: websocket", b"Connection: close, upgrade"),
    ]
) | st.binary(max_size=40)
STATUS_LINES = mostly(
    st.sampled_from([200, 302, 400, 404, 429, 500]).map(lambda status: b"HTTP/1.1 %d OK" % status),
    st.sampled_from(
        [b"HTTP/1.1 101 ", b"HTTP/1.1 100 Go on", b"HTTP/1.1 2000 OK", b"HTTP/2 200", b"HTTP/0.9 200 OK", b""]
    ),
)
RESPONSES = st.binary() | st.builds(
    lambda first, lines, body: b"\r\n".join([first, *lines, b"", body]),
    STATUS_LINES,
    st.lists(LINES, max_size=3),
    st.just(ACCEPTED)
    | st.binary()
    | st.sampled_from([b"5\r\nabc", b"zz\r\n", b"-1\r\n", b"0" * 40 + b"3\r\nabc\r\n0\r\n\r\n"]),
)
#: Fewer examples, because each one starts its own server.
FEWER = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture],
)


def outcome(call: Callable[[], Any]) -> str:
    """Return the class name of the SeedanceError that a call raised, or NoneType; other exceptions propagate."""
    error: SeedanceError | None = None
    try:
        call()
    except SeedanceError as caught:
        error = caught
    assert KEY not in f"{error}"
    return type(error).__name__


class TestAnyResponseBytes:
    @FEWER
    @given(response=RESPONSES)
    def test_client_survives_any_bytes(self, start_loopback: LoopbackStarter, response: bytes) -> None:
        server = start_loopback(response)
        with GPTProtoClient(replace(SETTINGS, base_url=f"http://{server.address}")) as client:
            event(outcome(lambda: client.get_prediction("abc")))
        server.close()

    @FEWER
    @given(response=RESPONSES)
    def test_download_survives_any_bytes(self, start_loopback: LoopbackStarter, response: bytes) -> None:
        server = start_loopback(*[response] * (MAXIMUM_REDIRECTS + 1))

        def fetch() -> None:
            fetcher = PublicFetcher(SETTINGS, allow_private_addresses=True, resolver=lambda host, port: ["127.0.0.1"])
            with fetcher.get(f"http://{server.address}/0.mp4", {}) as video:
                for _ in video.pieces:
                    pass

        event(outcome(fetch))
        server.close()
