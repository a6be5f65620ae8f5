"""Resumable download: one MP4 file, complete and in order, after broken connections and transient errors."""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DeadLinkError,
    DownloadFailedError,
    FileTooLargeError,
    ForbiddenLinkError,
    NotAVideoError,
    SeedanceError,
    ServiceError,
)
from airflow_provider_seedance.gptproto.http import download as downloads
from airflow_provider_seedance.gptproto.http.download import Download
from airflow_provider_seedance.gptproto.http.fetch import FetchResponse

LINK = "https://cdn.example/0.mp4?signature=needle"
#: The link in errors and logs.
SHOWN = "https://cdn.example/0.mp4"
#: File type, tracks and media data (ISO/IEC 14496-12), with bytes without a repeated piece.
VIDEO = (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42\x00\x00\x00\x4emoov%s\x00\x00\x01\x20mdat%s") % (
    b"".join(b"%07d" % number for number in range(10)),
    b"".join(b"%07d" % number for number in range(10, 50)),
)
ETAG = '"5f1c-needle"'


@dataclass
class FakeServer:
    """A server in memory in place of the fetcher. Each response is used once, and may break."""

    responses: deque[Callable[[Mapping[str, str]], Any]] = field(default_factory=deque)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    open: int = 0
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "video/mp4"})

    @contextmanager
    def get(self, link: str, headers: Mapping[str, str]) -> Iterator[FetchResponse]:
        self.requests.append((link, headers))
        status, response_headers, pieces = self.responses.popleft()(headers)
        self.open += 1
        try:
            yield FetchResponse(status, {**self.headers, **response_headers}, pieces)
        finally:
            self.open -= 1

    def add_error(self, error: SeedanceError) -> None:
        def respond(_: Mapping[str, str]) -> Any:
            raise error

        self.responses.append(respond)

    def add_response(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.responses.append(lambda _: (status, _named(headers), iter([content] if content else [])))

    def add_file(
        self,
        content: bytes = VIDEO,
        *,
        breaks_after: int | None = None,
        supports_ranges: bool = True,
        sends_size: bool = True,
        **headers: str,
    ) -> None:
        """Send a file from the first byte of the requested range; ``breaks_after`` breaks the connection there."""

        def respond(request: Mapping[str, str]) -> Any:
            start, status, sent = 0, 200, {"etag": ETAG, **_named(headers)}
            if supports_ranges and "Range" in request and request.get("If-Range") in (None, sent["etag"]):
                start, status = int(request["Range"].removeprefix("bytes=").removesuffix("-")), 206
                if start >= len(content):
                    return 416, {"content-range": f"bytes */{len(content)}"}, iter([b"<html>416</html>"])
                sent["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if sends_size:
                sent["content-length"] = str(len(content) - start)
            return status, sent, pieces(content[start:breaks_after], breaks_after is not None)

        self.responses.append(respond)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def pieces(content: bytes, breaks: bool) -> Iterator[bytes]:
    for start in range(0, len(content), 7):
        yield content[start : start + 7]
    if breaks:
        raise DownloadFailedError("The connection broke", charge=Charge.ACCEPTED)


@dataclass
class FakeLog:
    lines: list[str] = field(default_factory=list)

    def info(self, message: str, /, *values: Any) -> None:
        self.lines.append(message % values)

    warning = info


@dataclass
class Harness:
    """A fake server, and a download from it."""

    server: FakeServer = field(default_factory=FakeServer)
    log: FakeLog = field(default_factory=FakeLog)
    delays: list[float] = field(default_factory=list)
    #: Seconds that pass at each reading of the clock.
    seconds_per_read: float = 0.0
    now: float = 0.0

    def download(self, **arguments: Any) -> Download:
        fetcher: Any = self.server
        standard = {"max_bytes": 10**6, "log": self.log, "clock": self.clock, "sleep": self.delays.append}
        return Download(LINK, fetcher, **{**standard, **arguments})

    def clock(self) -> float:
        self.now += self.seconds_per_read
        return self.now

    def fetch(self, **arguments: Any) -> bytes:
        with self.download(**arguments) as download:
            content = b"".join(download)
            assert download.sha256 == hashlib.sha256(content).hexdigest()
            assert download.position == len(content)
        assert self.server.open == 0
        return content


@pytest.fixture
def harness() -> Harness:
    return Harness()


class TestContent:
    @pytest.mark.parametrize("sends_size", [True, False])
    def test_download_yields_the_file_unchanged(self, harness: Harness, sends_size: bool) -> None:
        harness.server.add_file(sends_size=sends_size)
        assert harness.fetch() == VIDEO
        assert harness.server.requests == [(LINK, {})]
        assert harness.delays == []

    def test_size_and_md5_are_known_before_the_body(self, harness: Harness) -> None:
        md5 = hashlib.md5(VIDEO, usedforsecurity=False).hexdigest()
        harness.server.add_file(etag=f'"{md5.upper()}"')
        with harness.download() as download:
            assert (download.size, download.md5) == (len(VIDEO), md5)
            assert download.position < len(VIDEO)
        assert harness.server.open == 0

    @pytest.mark.parametrize(
        "etag", [ETAG, 'W/"0123456789abcdef0123456789abcdef"', '"0123456789abcdef0123456789abcdef-2"']
    )
    def test_etag_that_is_no_md5_gives_no_md5(self, harness: Harness, etag: str) -> None:
        harness.server.add_file(etag=etag)
        with harness.download() as download:
            assert download.md5 is None

    def test_unfinished_download_closes_its_connection(self, harness: Harness) -> None:
        harness.server.add_file()
        with harness.download() as download:
            next(iter(download))
            assert harness.server.open == 1
        assert harness.server.open == 0


class TestContentType:
    @pytest.mark.parametrize(
        "declared",
        [
            "video/mp4",
            "video/mp4; charset=utf-8",
            "Video/MP4; codecs=avc1",
            "application/octet-stream",
            "binary/octet-stream",
            "application/force-download",
            "text/plain",
            "text/html",
            "nonsense",
            "",
            None,
        ],
    )
    def test_mp4_content_is_accepted_with_any_declared_type(self, harness: Harness, declared: str | None) -> None:
        harness.server.headers = {} if declared is None else {"content-type": declared}
        harness.server.add_file()
        assert harness.fetch() == VIDEO
        assert harness.log.lines == []

    @pytest.mark.parametrize("declared", ["video/mp4", "text/html", "application/octet-stream"])
    @pytest.mark.parametrize(
        ("content", "shown"),
        [
            (b"<!DOCTYPE html><html><body>Sign in</body></html>", "starts with '<!DOCTYPE html"),
            (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "starts with '<?xml version="),
            (b'{"error": {"message": "the file is not here"}}', """starts with '{"error": {"m"""),
            (b"\x1f\x8b\x08" + bytes(30), "unknown content"),
            (b"\x89PNG\r\n\x1a\n" + bytes(30), "but image/png"),
            (b"\x00\x00\x00\x1cftypheic" + bytes(30), "but image/heic"),
            (b"\x00\x00\x00\x1cftypM4A " + bytes(30), "but audio/mp4"),
            (b"\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1fwebm" + bytes(30), "but video/"),
            (VIDEO[4:], "unknown content"),
            (b"\x00" + VIDEO, "unknown content"),
        ],
        ids=["HTML", "XML", "JSON", "gzip", "PNG", "HEIC", "sound", "WebM", "cut at the start", "shifted"],
    )
    def test_other_content_is_refused_with_any_declared_type(
        self, harness: Harness, content: bytes, shown: str, declared: str
    ) -> None:
        harness.server.add_file(content, content_type=declared)
        with pytest.raises(NotAVideoError) as caught:
            harness.fetch()
        assert caught.value.what.startswith(f"{SHOWN} is not an MP4 file, but ")
        assert f"its declared type is {declared!r}" in caught.value.what
        assert shown in caught.value.what
        assert caught.value.charge is Charge.ACCEPTED
        assert harness.server.open == 0

    def test_error_shows_the_message_of_the_store(self, harness: Harness) -> None:
        page = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired'
        harness.server.add_response(200, page + b"</Message>" + b"<HostId>0</HostId>" * 50)
        with pytest.raises(NotAVideoError, match="<Code>AccessDenied</Code><Message>Request has expired") as caught:
            harness.fetch()
        assert len(caught.value.what) < 400

    def test_link_to_an_error_page_is_refreshed_once(self, harness: Harness) -> None:
        page = b"<html>Your link has expired</html>"
        harness.server.add_file(page)
        harness.server.add_file()
        assert harness.fetch(refresh=lambda _: "https://cdn.example/fresh") == VIDEO
        assert harness.server.requests == [(LINK, {}), ("https://cdn.example/fresh", {})]
        harness.server.add_file(page)
        harness.server.add_file(page)
        with pytest.raises(NotAVideoError):
            harness.fetch(refresh=lambda _: "https://cdn.example/fresh")
        assert (len(harness.server.requests), harness.server.open) == (4, 0)

    def test_error_page_without_a_new_link_is_an_error(self, harness: Harness) -> None:
        harness.server.add_file(b"<html>Your link has expired</html>")
        with pytest.raises(NotAVideoError, match="starts with '<html>Your"):
            harness.fetch(refresh=lambda _: None)
        assert harness.server.open == 0

    def test_quicktime_is_accepted_with_a_warning(self, harness: Harness) -> None:
        content = VIDEO.replace(b"ftypisom", b"ftypqt  ")
        harness.server.add_file(content)
        assert harness.fetch() == content
        assert harness.log.lines == [f"{SHOWN} is of type video/quicktime, not MP4; it is stored as it is"]


class TestCompleteness:
    @given(cut=st.integers(0, len(VIDEO) - 1), resumes=st.booleans())
    def test_body_that_ends_too_early_without_a_size_is_resumed(self, cut: int, resumes: bool) -> None:
        harness = Harness()
        harness.server.responses.append(lambda _: (200, {"etag": ETAG}, pieces(VIDEO[:cut], False)))
        harness.server.add_file(sends_size=False, supports_ranges=resumes)
        assert harness.fetch() == VIDEO
        assert harness.server.requests[1] == (LINK, {"Range": f"bytes={cut}-", "If-Range": ETAG})

    @given(cut=st.integers(0, len(VIDEO) - 1), sends_size=st.booleans(), supports_ranges=st.booleans())
    def test_cut_file_is_never_complete(self, cut: int, sends_size: bool, supports_ranges: bool) -> None:
        harness = Harness()
        for _ in range(6):
            harness.server.add_file(VIDEO[:cut], sends_size=sends_size, supports_ranges=supports_ranges)
        received: list[bytes] = []
        with pytest.raises(DownloadFailedError) as caught, harness.download() as download:
            received.extend(download)
        assert caught.value.what.startswith(f"{SHOWN} is incomplete: it ended after {cut} bytes, but ")
        assert caught.value.charge is Charge.ACCEPTED
        # The first attempt received bytes, so the fifth one without is the sixth.
        assert len(harness.server.requests) in (5, 6)
        assert harness.server.open == 0

    @given(cut=st.integers(0, len(VIDEO) - 1), sends_size=st.booleans())
    def test_whole_file_takes_the_place_of_a_cut_one(self, cut: int, sends_size: bool) -> None:
        harness = Harness()
        harness.server.add_file(VIDEO[:cut], sends_size=sends_size)
        harness.server.add_file(VIDEO[:cut], sends_size=sends_size)
        harness.server.add_file(sends_size=sends_size)
        assert harness.fetch() == VIDEO

    def test_other_file_does_not_take_the_place_of_a_cut_one(self, harness: Harness) -> None:
        harness.server.add_file(VIDEO[:100])
        harness.server.add_file(VIDEO.replace(b"0000003", b"1000003"), etag='"other"')
        with pytest.raises(DownloadFailedError, match="changed during the download"):
            harness.fetch()

    def test_size_limit_applies_to_the_file_that_takes_the_place_of_a_cut_one(self, harness: Harness) -> None:
        harness.server.add_file(VIDEO[:100])
        harness.server.add_file()
        with pytest.raises(FileTooLargeError):
            harness.fetch(max_bytes=len(VIDEO) - 1)

    def test_connection_that_breaks_after_the_last_byte_loses_nothing(self, harness: Harness) -> None:
        harness.server.add_file(breaks_after=len(VIDEO), sends_size=False)
        harness.server.add_file()
        assert harness.fetch() == VIDEO
        assert len(harness.server.requests) == 2

    def test_file_with_a_box_to_its_end_is_complete(self, harness: Harness) -> None:
        content = VIDEO.replace(b"\x00\x00\x01\x20mdat", b"\x00\x00\x00\x00mdat")
        harness.server.add_file(content)
        assert harness.fetch() == content

    @pytest.mark.parametrize("sends_size", [True, False])
    @pytest.mark.parametrize("end", [b"\n", b"<!-- served by cdn -->", b"TAG" + bytes(125)])
    def test_bytes_behind_a_whole_file_are_stored_with_a_warning(
        self, harness: Harness, end: bytes, sends_size: bool
    ) -> None:
        harness.server.add_file(VIDEO + end, sends_size=sends_size)
        assert harness.fetch() == VIDEO + end
        assert harness.log.lines == [
            f"{SHOWN} has {len(end)} bytes behind its last box that are no video; it is stored as it is"
        ]

    def test_error_of_an_incomplete_file_has_a_way_on(self, harness: Harness) -> None:
        for _ in range(6):
            harness.server.add_file(VIDEO[:-7])
        with pytest.raises(DownloadFailedError) as caught:
            harness.fetch()
        assert str(caught.value) == (
            f"{SHOWN} is incomplete: it ended after {len(VIDEO) - 7} bytes, but 7 bytes are missing at the end of its "
            "box 'mdat' of 288 bytes. The generation was accepted and is billed whatever happens to this task. Nothing "
            "was stored. A retry of this task downloads it again and pays nothing. Links live about a day; with "
            "prediction_id the task requests a new one, for 7 days. If the file stays incomplete, open the link and "
            "ask GPTProto's support for the whole file."
        )
        assert caught.value.retryable


class TestSize:
    def test_file_too_large_is_refused_before_its_body(self, harness: Harness) -> None:
        harness.server.add_file()
        with pytest.raises(FileTooLargeError) as caught:
            harness.fetch(max_bytes=100)
        assert caught.value.what == f"{SHOWN} is larger than 100 bytes: it has {len(VIDEO)}"
        assert caught.value.charge is Charge.ACCEPTED
        assert harness.server.open == 0

    def test_size_limit_applies_without_content_length(self, harness: Harness) -> None:
        harness.server.add_file(sends_size=False)
        received: list[bytes] = []
        with pytest.raises(FileTooLargeError) as caught, harness.download(max_bytes=100) as download:
            received.extend(download)
        assert caught.value.what == f"{SHOWN} is larger than 100 bytes"
        assert 0 < len(b"".join(received)) <= 100

    def test_file_of_exactly_max_bytes_is_accepted(self, harness: Harness) -> None:
        harness.server.add_file()
        assert harness.fetch(max_bytes=len(VIDEO)) == VIDEO

    @pytest.mark.parametrize("declared", [len(VIDEO) - 1, len(VIDEO) + 1])
    def test_content_length_that_differs_from_the_body_is_an_error(self, harness: Harness, declared: int) -> None:
        for _ in range(5):
            harness.server.add_response(200, VIDEO, content_length=str(declared), etag=ETAG)
        with pytest.raises(DownloadFailedError) as caught:
            harness.fetch()
        assert caught.value.what == f"{SHOWN} ended after {len(VIDEO)} of {declared} bytes"


class TestResume:
    @pytest.mark.parametrize("breaks_after", [0, 3, 12, 24, 100, len(VIDEO) - 1])
    def test_download_resumes_at_the_next_missing_byte(self, harness: Harness, breaks_after: int) -> None:
        harness.server.add_file(breaks_after=breaks_after)
        harness.server.add_file()
        assert harness.fetch() == VIDEO
        assert harness.server.requests[1] == (LINK, {"Range": f"bytes={breaks_after}-", "If-Range": ETAG})

    def test_number_of_breaks_is_unlimited_while_bytes_arrive(self, harness: Harness) -> None:
        for breaks_after in range(20, len(VIDEO), 20):
            harness.server.add_file(breaks_after=breaks_after)
        harness.server.add_file()
        assert harness.fetch() == VIDEO

    @pytest.mark.parametrize("breaks_after", [20, 24, 100])
    def test_known_bytes_are_skipped_when_the_server_ignores_ranges(self, harness: Harness, breaks_after: int) -> None:
        harness.server.add_file(breaks_after=breaks_after)
        harness.server.add_file(breaks_after=breaks_after - 10, supports_ranges=False)
        harness.server.add_file(supports_ranges=False)
        assert harness.fetch() == VIDEO

    def test_progress_resets_the_backoff(self, harness: Harness) -> None:
        harness.server.add_response(503)
        harness.server.add_response(503)
        harness.server.add_file(breaks_after=100)
        harness.server.add_file()
        harness.fetch()
        assert 0.5 <= harness.delays[2] < 1.0

    def test_known_bytes_that_end_with_a_piece_are_skipped(self, harness: Harness) -> None:
        # 14 and 28 bytes are two and four pieces of the server.
        for breaks_after in (14, 28):
            harness.server.add_file(breaks_after=breaks_after, supports_ranges=False)
        harness.server.add_file(supports_ranges=False)
        assert harness.fetch() == VIDEO
        assert len(harness.server.requests) == 3

    def test_range_of_a_file_of_unknown_size_is_accepted(self, harness: Harness) -> None:
        harness.server.add_file(breaks_after=100, sends_size=False)
        harness.server.add_response(206, VIDEO[100:], content_range=f"bytes 100-{len(VIDEO) - 1}/*", etag=ETAG)
        assert harness.fetch() == VIDEO

    @pytest.mark.parametrize("unit", ["bytes", "Bytes", "BYTES"])
    def test_range_unit_is_read_in_any_case(self, harness: Harness, unit: str) -> None:
        """RFC 9110, section 14.1: all range unit names are case-insensitive."""
        harness.server.add_file(breaks_after=100)
        content_range = f"{unit} 100-{len(VIDEO) - 1}/{len(VIDEO)}"
        harness.server.add_response(206, VIDEO[100:], content_range=content_range, etag=ETAG)
        assert harness.fetch() == VIDEO

    def test_content_range_is_ignored_with_status_200(self, harness: Harness) -> None:
        harness.server.add_response(200, VIDEO, content_range="bytes 7-9/10")
        assert harness.fetch() == VIDEO

    def test_body_that_ends_too_early_is_resumed(self, harness: Harness) -> None:
        harness.server.responses.append(
            lambda _: (200, {"content-length": str(len(VIDEO)), "etag": ETAG}, iter([VIDEO[:50]]))
        )
        harness.server.add_file()
        assert harness.fetch() == VIDEO
        assert harness.server.requests[1][1]["Range"] == "bytes=50-"

    def test_last_modified_is_the_validator_when_the_etag_is_weak(self, harness: Harness) -> None:
        date = "Thu, 01 Jan 2026 00:00:00 GMT"
        harness.server.add_file(breaks_after=50, etag='W/"weak"', last_modified=date)
        harness.server.add_file(supports_ranges=False)
        assert harness.fetch() == VIDEO
        assert harness.server.requests[1][1] == {"Range": "bytes=50-", "If-Range": date}

    @pytest.mark.parametrize("etag", ['W/"weak"', ""])
    def test_whole_file_is_requested_without_a_validator(self, harness: Harness, etag: str) -> None:
        harness.server.add_file(breaks_after=50, etag=etag)
        harness.server.add_file(etag=etag)
        assert harness.fetch() == VIDEO
        assert harness.server.requests[1][1] == {}

    # 98 bytes are fourteen pieces of the server.
    @pytest.mark.parametrize("breaks_after", [98, 100])
    def test_changed_file_is_an_error(self, harness: Harness, breaks_after: int) -> None:
        other = VIDEO.replace(b"0000003", b"1000003")
        harness.server.add_file(breaks_after=breaks_after)
        harness.server.add_file(other, etag='"other"')
        with pytest.raises(DownloadFailedError) as caught:
            harness.fetch()
        assert caught.value.what == f"The file at {SHOWN} changed during the download"
        assert len(harness.server.requests) == 2

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (416, {}),
            (206, {"content_range": f"bytes 0-{len(VIDEO) - 1}/{len(VIDEO)}"}),
            (206, {"content_range": f"bytes 100-{len(VIDEO)}/{len(VIDEO) + 1}"}),
            (206, {"content_range": "nonsense"}),
            (206, {}),
            (200, {"content_length": str(len(VIDEO) + 1)}),
        ],
    )
    def test_wrong_range_is_an_error(self, harness: Harness, status: int, headers: dict[str, str]) -> None:
        harness.server.add_file(breaks_after=100)
        harness.server.add_response(status, VIDEO, **headers)
        with pytest.raises(DownloadFailedError, match="changed during the download"):
            harness.fetch()


class TestTransientError:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_transient_status_is_retried(self, harness: Harness, status: int) -> None:
        harness.server.add_response(status)
        harness.server.add_file()
        assert harness.fetch() == VIDEO
        assert len(harness.delays) == 1

    @pytest.mark.parametrize(("jitter", "delays"), [(min, [0.5, 1.0, 2.0, 4.0]), (max, [1.0, 2.0, 4.0, 8.0])])
    def test_retry_delay_doubles_each_time(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch, jitter: Any, delays: list[float]
    ) -> None:
        monkeypatch.setattr(random, "uniform", jitter)
        for _ in range(downloads.ATTEMPTS - 1):
            harness.server.add_response(503)
        harness.server.add_file()
        harness.fetch()
        assert harness.delays == delays

    @pytest.mark.parametrize(("retry_after", "delay"), [("7", 7.0), ("3600", 30.0)])
    def test_retry_after_sets_the_delay_up_to_a_maximum(self, harness: Harness, retry_after: str, delay: float) -> None:
        harness.server.add_response(429, retry_after=retry_after)
        harness.server.add_file()
        harness.fetch()
        assert harness.delays == [delay]

    def test_retry_after_may_be_a_date(self, harness: Harness) -> None:
        harness.server.add_response(429, retry_after="Fri, 31 Dec 9999 23:59:59 GMT")
        harness.server.add_file()
        harness.fetch()
        assert harness.delays == [30.0]

    def test_download_fails_after_five_transient_errors(self, harness: Harness) -> None:
        for _ in range(5):
            harness.server.add_response(503)
        with pytest.raises(DownloadFailedError, match=r"cdn\.example/0\.mp4 returned HTTP 503") as raised:
            harness.fetch()
        assert (len(harness.delays), raised.value.charge) == (4, Charge.ACCEPTED)

    def test_retry_is_logged_without_the_signature(self, harness: Harness) -> None:
        harness.server.add_file(breaks_after=100)
        harness.server.add_response(503)
        harness.server.add_file()
        harness.fetch()
        first, second = harness.delays
        assert harness.log.lines == [
            f"Resuming at byte 100 in {first:.1f} s: The connection broke",
            f"Resuming at byte 100 in {second:.1f} s: {SHOWN} returned HTTP 503",
        ]


class TestSlowStore:
    def test_store_that_drips_fails_after_all_attempts(self, harness: Harness) -> None:
        # A piece of seven bytes every 30 seconds.
        harness.seconds_per_read = 30.0
        for _ in range(5):
            harness.server.add_file()
        with pytest.raises(DownloadFailedError, match=r"sent \d+ bytes in 60 s"):
            harness.fetch()
        assert len(harness.delays) == 4

    def test_time_of_the_caller_does_not_count(self, harness: Harness) -> None:
        harness.server.add_file()
        with harness.download() as download:
            for _ in download:
                harness.now += 1000.0
        assert download.position == len(VIDEO)


class TestDeadLink:
    @pytest.mark.parametrize("status", [400, 403, 404, 410])
    @pytest.mark.parametrize("times", [1, 4])
    def test_link_that_is_refused_for_some_seconds_is_tried_again(
        self, harness: Harness, status: int, times: int
    ) -> None:
        for _ in range(times):
            harness.server.add_response(status)
        harness.server.add_file()
        assert harness.fetch(refresh=lambda _: pytest.fail("the link was given up")) == VIDEO
        assert {link for link, _ in harness.server.requests} == {LINK}
        assert len(harness.delays) == times

    def test_dead_link_is_given_up_after_some_seconds(self, harness: Harness) -> None:
        for _ in range(5):
            harness.server.add_response(403)
        with pytest.raises(DeadLinkError):
            harness.fetch()
        assert 5 < sum(harness.delays) < 30

    def test_retry_after_of_a_refused_link_is_respected(self, harness: Harness) -> None:
        harness.server.add_response(403, retry_after="9")
        harness.server.add_file()
        assert harness.fetch() == VIDEO
        assert harness.delays == [9.0]

    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_dead_link_is_refreshed(self, harness: Harness, status: int) -> None:
        refreshed: list[str] = []

        def refresh(link: str) -> str:
            refreshed.append(link)
            return "https://cdn.example/0.mp4?signature=fresh"

        for _ in range(5):
            harness.server.add_response(status)
        harness.server.add_file()
        assert harness.fetch(refresh=refresh) == VIDEO
        assert refreshed == [LINK]
        assert harness.log.lines[-1] == f"Got a new link from the prediction: {SHOWN} returned HTTP {status}"
        links = [link for link, _ in harness.server.requests]
        assert links == [LINK] * 5 + ["https://cdn.example/0.mp4?signature=fresh"]

    def test_new_link_that_is_refused_for_some_seconds_is_tried_again(self, harness: Harness) -> None:
        for _ in range(5 + 4):
            harness.server.add_response(403)
        harness.server.add_file()
        assert harness.fetch(refresh=lambda _: "https://cdn.example/fresh") == VIDEO
        assert [link for link, _ in harness.server.requests] == [LINK] * 5 + ["https://cdn.example/fresh"] * 5

    def test_download_resumes_after_a_refresh(self, harness: Harness) -> None:
        harness.server.add_file(breaks_after=100)
        for _ in range(4):
            harness.server.add_response(403)
        harness.server.add_file()
        assert harness.fetch(refresh=lambda _: "https://cdn.example/fresh") == VIDEO
        assert harness.server.requests[-1] == ("https://cdn.example/fresh", {"Range": "bytes=100-", "If-Range": ETAG})

    def test_dead_link_is_refreshed_only_once(self, harness: Harness) -> None:
        refreshed: list[str] = []
        for status in [403] * 5 + [404] * 5:
            harness.server.add_response(status)
        with pytest.raises(DeadLinkError, match="returned HTTP 404"):
            harness.fetch(refresh=lambda link: refreshed.append(link) or link)  # type: ignore[func-returns-value]
        assert refreshed == [LINK]

    @pytest.mark.parametrize("arguments", [{}, {"refresh": lambda _: None}], ids=["no refresh", "no new link"])
    def test_dead_link_without_a_new_one_names_the_cost(self, harness: Harness, arguments: dict[str, Any]) -> None:
        for _ in range(5):
            harness.server.add_response(410)
        with pytest.raises(DeadLinkError, match=r"cdn\.example/0\.mp4 returned HTTP 410") as raised:
            harness.fetch(**arguments)
        assert "is billed whatever happens to this task" in str(raised.value)
        assert "needle" not in str(raised.value)

    def test_error_of_a_dead_link_never_advises_to_pay_again(self) -> None:
        advice = DeadLinkError("The link is dead").advice
        assert "7 days" in advice
        assert "regenerate" not in advice

    def test_error_of_the_refresh_is_raised(self, harness: Harness) -> None:
        def refresh(_: str) -> str:
            raise ServiceError("GPTProto answered 502")

        for _ in range(5):
            harness.server.add_response(403)
        with pytest.raises(ServiceError):
            harness.fetch(refresh=refresh)


class TestForbiddenLink:
    def test_forbidden_link_is_not_retried(self, harness: Harness) -> None:
        harness.server.add_error(ForbiddenLinkError("It leads to 10.0.0.1"))
        with pytest.raises(ForbiddenLinkError):
            harness.fetch()
        assert len(harness.server.requests) == 1


class TestProgressLog:
    def test_short_download_logs_no_progress(self, harness: Harness) -> None:
        harness.server.add_file()
        harness.fetch()
        assert harness.log.lines == []

    def test_progress_is_logged_every_ten_seconds(self, harness: Harness) -> None:
        harness.server.add_file()
        with harness.download() as download:
            for _ in download:
                harness.now += 2.0
        # The first two pieces, of seven bytes each, are read at the start.
        pieces = -(-len(VIDEO) // 7) - 2
        assert len(harness.log.lines) == pieces // 5

    @pytest.mark.parametrize(
        ("headers", "line"),
        [
            ({"content-length": "2000000"}, f"Downloaded 1.5 of 2.0 MB, 75%: {SHOWN}"),
            ({}, f"Downloaded 1.5 MB: {SHOWN}"),
        ],
        ids=["known size", "unknown size"],
    )
    def test_progress_has_the_size_if_it_is_known(
        self, harness: Harness, headers: Mapping[str, str], line: str
    ) -> None:
        harness.seconds_per_read = 10.0
        content = VIDEO.ljust(2_000_000, b"\0")
        harness.server.responses.append(lambda _: (200, headers, iter([content[:1_500_000], content[1_500_000:]])))
        harness.fetch(max_bytes=2_000_000)
        assert harness.log.lines[0] == line
