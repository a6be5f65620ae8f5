"""A download brings one video, whole and in order, whatever breaks on the way."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

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
#: A file's type box (ISO/IEC 14496-12, 4.3), then bytes of which no two pieces are the same.
VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + b"".join(b"%07d" % number for number in range(50))
ETAG = '"5f1c-needle"'


@dataclass
class Server:
    """What links lead to, in memory: one answer after the other, each of which may break."""

    answers: deque[Callable[[Mapping[str, str]], Any]] = field(default_factory=deque)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    open: int = 0
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "video/mp4"})

    @contextmanager
    def get(self, link: str, headers: Mapping[str, str]) -> Iterator[FetchResponse]:
        self.asked.append((link, headers))
        status, answer_headers, pieces = self.answers.popleft()(headers)
        self.open += 1
        try:
            yield FetchResponse(status, {**self.headers, **answer_headers}, pieces)
        finally:
            self.open -= 1

    def will_fail(self, error: SeedanceError) -> None:
        def answer(_: Mapping[str, str]) -> Any:
            raise error

        self.answers.append(answer)

    def will_answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.answers.append(lambda _: (status, _named(headers), iter([content] if content else [])))

    def will_send(
        self,
        content: bytes = VIDEO,
        *,
        breaks_after: int | None = None,
        knows_ranges: bool = True,
        tells_size: bool = True,
        **headers: str,
    ) -> None:
        """Send a file as a store does, from the byte that is asked for, and perhaps break at another."""

        def answer(wish: Mapping[str, str]) -> Any:
            start, status, sent = 0, 200, {"etag": ETAG, **_named(headers)}
            if knows_ranges and "Range" in wish and wish.get("If-Range") in (None, sent["etag"]):
                start, status = int(wish["Range"].removeprefix("bytes=").removesuffix("-")), 206
                sent["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if tells_size:
                sent["content-length"] = str(len(content) - start)
            return status, sent, pieces(content[start:breaks_after], breaks_after is not None)

        self.answers.append(answer)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def pieces(content: bytes, breaks: bool) -> Iterator[bytes]:
    for start in range(0, len(content), 7):
        yield content[start : start + 7]
    if breaks:
        raise DownloadFailedError("The connection broke", charge=Charge.ACCEPTED)


@dataclass
class Lines:
    lines: list[str] = field(default_factory=list)

    def info(self, message: str, /, *values: Any) -> None:
        self.lines.append(message % values)

    warning = info


@dataclass
class Desk:
    """A server, and whoever downloads from it."""

    server: Server = field(default_factory=Server)
    log: Lines = field(default_factory=Lines)
    pauses: list[float] = field(default_factory=list)
    #: Seconds that each look at the clock takes.
    seconds_a_look: float = 0.0
    now: float = 0.0

    def download(self, **arguments: Any) -> Download:
        links: Any = self.server
        standard = {"max_bytes": 10**6, "log": self.log, "clock": self.clock, "sleep": self.pauses.append}
        return Download(LINK, links, **{**standard, **arguments})

    def clock(self) -> float:
        self.now += self.seconds_a_look
        return self.now

    def fetch(self, **arguments: Any) -> bytes:
        with self.download(**arguments) as download:
            content = b"".join(download)
            assert download.sha256 == hashlib.sha256(content).hexdigest()
            assert download.position == len(content)
        assert self.server.open == 0
        return content


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestWhole:
    @pytest.mark.parametrize("tells_size", [True, False])
    def test_a_video_arrives_as_it_is(self, desk: Desk, tells_size: bool) -> None:
        desk.server.will_send(tells_size=tells_size)
        assert desk.fetch() == VIDEO
        assert desk.server.asked == [(LINK, {})]
        assert desk.pauses == []

    def test_it_is_known_before_it_has_arrived(self, desk: Desk) -> None:
        md5 = hashlib.md5(VIDEO, usedforsecurity=False).hexdigest()
        desk.server.will_send(etag=f'"{md5.upper()}"')
        with desk.download() as download:
            assert (download.size, download.md5) == (len(VIDEO), md5)
            assert download.position < len(VIDEO)
        assert desk.server.open == 0

    @pytest.mark.parametrize(
        "etag", [ETAG, 'W/"0123456789abcdef0123456789abcdef"', '"0123456789abcdef0123456789abcdef-2"']
    )
    def test_not_every_name_is_an_md5(self, desk: Desk, etag: str) -> None:
        desk.server.will_send(etag=etag)
        with desk.download() as download:
            assert download.md5 is None

    def test_a_connection_is_not_kept_when_nobody_reads_on(self, desk: Desk) -> None:
        desk.server.will_send()
        with desk.download() as download:
            next(iter(download))
            assert desk.server.open == 1
        assert desk.server.open == 0


class TestKind:
    @pytest.mark.parametrize(
        "media_type",
        [
            "video/mp4",
            "Video/MP4; codecs=avc1",
            "video/quicktime",
            "application/mp4",
            "application/octet-stream",
            "application/octet-stream; charset=binary",
            "binary/octet-stream",
            "",
        ],
    )
    def test_of_a_video(self, desk: Desk, media_type: str) -> None:
        desk.server.will_send(content_type=media_type)
        assert desk.fetch() == VIDEO

    def test_of_what_nobody_names(self, desk: Desk) -> None:
        desk.server.headers = {}
        desk.server.will_send()
        assert desk.fetch() == VIDEO

    @pytest.mark.parametrize(
        "media_type", ["text/html", "application/json", "image/png", "application/xml; charset=utf-8"]
    )
    def test_of_something_else(self, desk: Desk, media_type: str) -> None:
        desk.server.will_send(content_type=media_type)
        with pytest.raises(NotAVideoError, match=f"of type {media_type.partition(';')[0]}") as caught:
            desk.fetch()
        assert caught.value.charge is Charge.ACCEPTED
        assert desk.server.open == 0

    @pytest.mark.parametrize(
        "content",
        [b"", b"ftyp", b"<!DOCTYPE html><html></html>", b"\x1f\x8b\x08" + bytes(30), VIDEO[4:], b"\x00" + VIDEO],
        ids=["empty", "short", "HTML", "gzip", "cut", "shifted"],
    )
    def test_is_told_by_content(self, desk: Desk, content: bytes) -> None:
        desk.server.will_send(content)
        with pytest.raises(NotAVideoError, match=r"cdn\.example/0\.mp4 does not begin as an MP4 file"):
            desk.fetch()
        assert desk.server.open == 0


class TestSize:
    def test_is_refused_before_the_file_arrives(self, desk: Desk) -> None:
        desk.server.will_send()
        with pytest.raises(FileTooLargeError, match=f"larger than 100 bytes: it has {len(VIDEO)}") as caught:
            desk.fetch(max_bytes=100)
        assert caught.value.charge is Charge.ACCEPTED
        assert desk.server.open == 0

    def test_is_watched_where_nobody_tells_it(self, desk: Desk) -> None:
        desk.server.will_send(tells_size=False)
        arrived: list[bytes] = []
        with pytest.raises(FileTooLargeError) as caught, desk.download(max_bytes=100) as download:
            arrived.extend(download)
        assert "it has" not in caught.value.what
        assert 0 < len(b"".join(arrived)) <= 100

    def test_may_be_as_large_as_allowed(self, desk: Desk) -> None:
        desk.server.will_send()
        assert desk.fetch(max_bytes=len(VIDEO)) == VIDEO

    @pytest.mark.parametrize("told", [len(VIDEO) - 1, len(VIDEO) + 1])
    def test_must_be_what_was_told(self, desk: Desk, told: int) -> None:
        for _ in range(5):
            desk.server.will_answer(200, VIDEO, content_length=str(told), etag=ETAG)
        with pytest.raises(DownloadFailedError):
            desk.fetch()


class TestBreak:
    @pytest.mark.parametrize("breaks_after", [0, 3, 12, 24, 100, len(VIDEO) - 1])
    def test_is_taken_up_where_it_was(self, desk: Desk, breaks_after: int) -> None:
        desk.server.will_send(breaks_after=breaks_after)
        desk.server.will_send()
        assert desk.fetch() == VIDEO
        assert desk.server.asked[1] == (LINK, {"Range": f"bytes={breaks_after}-", "If-Range": ETAG})

    def test_may_happen_as_often_as_there_is_progress(self, desk: Desk) -> None:
        for breaks_after in range(20, len(VIDEO), 20):
            desk.server.will_send(breaks_after=breaks_after)
        desk.server.will_send()
        assert desk.fetch() == VIDEO

    @pytest.mark.parametrize("breaks_after", [20, 24, 100])
    def test_is_read_over_where_the_server_knows_no_ranges(self, desk: Desk, breaks_after: int) -> None:
        desk.server.will_send(breaks_after=breaks_after)
        desk.server.will_send(breaks_after=breaks_after - 10, knows_ranges=False)
        desk.server.will_send(knows_ranges=False)
        assert desk.fetch() == VIDEO

    def test_progress_begins_the_pauses_anew(self, desk: Desk) -> None:
        desk.server.will_answer(503)
        desk.server.will_answer(503)
        desk.server.will_send(breaks_after=100)
        desk.server.will_send()
        desk.fetch()
        assert 0.5 <= desk.pauses[2] < 1.0

    def test_what_arrived_before_is_read_over_piece_by_piece(self, desk: Desk) -> None:
        # 14 and 28 bytes are two and four of the server's pieces: what is known ends where a piece does.
        for breaks_after in (14, 28):
            desk.server.will_send(breaks_after=breaks_after, knows_ranges=False)
        desk.server.will_send(knows_ranges=False)
        assert desk.fetch() == VIDEO
        assert len(desk.server.asked) == 3

    def test_a_range_of_a_file_of_unknown_size_is_taken(self, desk: Desk) -> None:
        desk.server.will_send(breaks_after=100, tells_size=False)
        desk.server.will_answer(206, VIDEO[100:], content_range=f"bytes 100-{len(VIDEO) - 1}/*", etag=ETAG)
        assert desk.fetch() == VIDEO

    def test_a_range_counts_only_where_a_part_is_sent(self, desk: Desk) -> None:
        desk.server.will_answer(200, VIDEO, content_range="bytes 7-9/10")
        assert desk.fetch() == VIDEO

    def test_an_end_that_came_too_early_is_one(self, desk: Desk) -> None:
        desk.server.answers.append(
            lambda _: (200, {"content-length": str(len(VIDEO)), "etag": ETAG}, iter([VIDEO[:50]]))
        )
        desk.server.will_send()
        assert desk.fetch() == VIDEO
        assert desk.server.asked[1][1]["Range"] == "bytes=50-"

    def test_a_date_tells_files_apart_where_a_name_does_not(self, desk: Desk) -> None:
        date = "Thu, 01 Jan 2026 00:00:00 GMT"
        desk.server.will_send(breaks_after=50, etag='W/"weak"', last_modified=date)
        desk.server.will_send(knows_ranges=False)
        assert desk.fetch() == VIDEO
        assert desk.server.asked[1][1] == {"Range": "bytes=50-", "If-Range": date}

    @pytest.mark.parametrize("etag", ['W/"weak"', ""])
    def test_the_whole_file_is_asked_for_where_nothing_tells_files_apart(self, desk: Desk, etag: str) -> None:
        desk.server.will_send(breaks_after=50, etag=etag)
        desk.server.will_send(etag=etag)
        assert desk.fetch() == VIDEO
        assert desk.server.asked[1][1] == {}

    def test_another_file_is_not_taken_for_the_rest(self, desk: Desk) -> None:
        other = VIDEO.replace(b"0000003", b"1000003")
        desk.server.will_send(breaks_after=100)
        desk.server.will_send(other, etag='"other"')
        with pytest.raises(DownloadFailedError, match="does not go on with the file that it began with"):
            desk.fetch()
        assert len(desk.server.asked) == 2

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
    def test_another_range_is_not_taken_for_the_rest(self, desk: Desk, status: int, headers: dict[str, str]) -> None:
        desk.server.will_send(breaks_after=100)
        desk.server.will_answer(status, VIDEO, **headers)
        with pytest.raises(DownloadFailedError, match="does not go on with the file that it began with"):
            desk.fetch()


class TestPassingFault:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_is_waited_out(self, desk: Desk, status: int) -> None:
        desk.server.will_answer(status)
        desk.server.will_send()
        assert desk.fetch() == VIDEO
        assert len(desk.pauses) == 1

    def test_is_waited_out_longer_each_time(self, desk: Desk) -> None:
        for _ in range(downloads.ATTEMPTS - 1):
            desk.server.will_answer(503)
        desk.server.will_send()
        desk.fetch()
        assert len(desk.pauses) == 4
        assert all(2**number / 2 <= pause <= 2**number for number, pause in enumerate(desk.pauses))

    @pytest.mark.parametrize(("retry_after", "pause"), [("7", 7.0), ("3600", 30.0)])
    def test_is_waited_out_as_long_as_the_server_asks(self, desk: Desk, retry_after: str, pause: float) -> None:
        desk.server.will_answer(429, retry_after=retry_after)
        desk.server.will_send()
        desk.fetch()
        assert desk.pauses == [pause]

    def test_is_waited_out_until_the_date_that_the_server_names(self, desk: Desk) -> None:
        desk.server.will_answer(429, retry_after="Fri, 31 Dec 9999 23:59:59 GMT")
        desk.server.will_send()
        desk.fetch()
        assert desk.pauses == [30.0]

    def test_is_not_waited_out_for_ever(self, desk: Desk) -> None:
        for _ in range(5):
            desk.server.will_answer(503)
        with pytest.raises(DownloadFailedError, match=r"cdn\.example/0\.mp4 answers 503") as raised:
            desk.fetch()
        assert (len(desk.pauses), raised.value.charge) == (4, Charge.ACCEPTED)

    def test_is_told_without_the_signature(self, desk: Desk) -> None:
        desk.server.will_send(breaks_after=100)
        desk.server.will_answer(503)
        desk.server.will_send()
        desk.fetch()
        assert len(desk.log.lines) == 2
        assert "Going on at byte 100" in desk.log.lines[1]
        assert "needle" not in "".join(desk.log.lines)


class TestDeadLink:
    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_is_asked_for_anew(self, desk: Desk, status: int) -> None:
        refreshed: list[str] = []

        def refresh(dead: str) -> str:
            refreshed.append(dead)
            return "https://cdn.example/0.mp4?signature=fresh"

        desk.server.will_answer(status)
        desk.server.will_send()
        assert desk.fetch(refresh=refresh) == VIDEO
        assert refreshed == [LINK]
        assert [link for link, _ in desk.server.asked] == [LINK, "https://cdn.example/0.mp4?signature=fresh"]
        assert desk.pauses == []

    def test_that_dies_half_way_goes_on_there(self, desk: Desk) -> None:
        desk.server.will_send(breaks_after=100)
        desk.server.will_answer(403)
        desk.server.will_send()
        assert desk.fetch(refresh=lambda _: "https://cdn.example/fresh") == VIDEO
        assert desk.server.asked[2] == ("https://cdn.example/fresh", {"Range": "bytes=100-", "If-Range": ETAG})

    def test_is_asked_for_once(self, desk: Desk) -> None:
        desk.server.will_answer(403)
        desk.server.will_answer(404)
        with pytest.raises(DeadLinkError, match="answers 404"):
            desk.fetch(refresh=lambda dead: dead)
        assert len(desk.server.asked) == 2

    @pytest.mark.parametrize("arguments", [{}, {"refresh": lambda _: None}], ids=["nobody to ask", "none is known"])
    def test_means_that_a_paid_video_is_lost(self, desk: Desk, arguments: dict[str, Any]) -> None:
        desk.server.will_answer(410)
        with pytest.raises(DeadLinkError, match=r"cdn\.example/0\.mp4 answers 410") as raised:
            desk.fetch(**arguments)
        assert "is billed whatever happens to this task" in str(raised.value)
        assert "pay for a new one" in str(raised.value)
        assert "needle" not in str(raised.value)

    def test_a_service_that_cannot_be_asked_is_no_dead_link(self, desk: Desk) -> None:
        def refresh(_: str) -> str:
            raise ServiceError("GPTProto answered 502")

        desk.server.will_answer(403)
        with pytest.raises(ServiceError):
            desk.fetch(refresh=refresh)


class TestForbiddenLink:
    def test_is_not_tried_again(self, desk: Desk) -> None:
        desk.server.will_fail(ForbiddenLinkError("It leads to 10.0.0.1"))
        with pytest.raises(ForbiddenLinkError):
            desk.fetch()
        assert len(desk.server.asked) == 1


class TestNews:
    def test_there_are_none_of_a_short_download(self, desk: Desk) -> None:
        desk.server.will_send()
        desk.fetch()
        assert desk.log.lines == []

    def test_come_every_ten_seconds(self, desk: Desk) -> None:
        desk.seconds_a_look = 2.0
        desk.server.will_send()
        desk.fetch()
        polls = -(-len(VIDEO) // 7)
        assert len(desk.log.lines) == polls // 5
        assert desk.log.lines[0].startswith("https://cdn.example/0.mp4: 0.0 of 0.0 MB, ")

    def test_come_without_a_size_too(self, desk: Desk) -> None:
        desk.seconds_a_look = 10.0
        desk.server.will_send(tells_size=False)
        desk.fetch()
        assert desk.log.lines[0] == "https://cdn.example/0.mp4: 0.0 MB"
