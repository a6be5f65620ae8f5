"""
A resumable download of one output: an iterator over the bytes of an MP4 file.

After a broken connection the download resumes at the next missing byte (range requests, RFC 9110, section 14).
Transient errors are retried with backoff. So are 403 and 404, which a CDN may return for some seconds; a link that
still does not work is refreshed once. A store that sends too slowly counts as a transient error. The content decides
whether the file is a video: stores declare any type, and send error pages with status 200. It also decides whether the
file is complete; one that is not counts as a transient error. The caller stores the bytes.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DeadLinkError,
    DownloadFailedError,
    FileTooLargeError,
    NotAVideoError,
)
from airflow_provider_seedance.gptproto.http.fetch import FetchResponse, PublicFetcher, redact_url
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.media.completeness import Completeness
from airflow_provider_seedance.gptproto.media.sniff import media_type
from airflow_provider_seedance.gptproto.responses import read_retry_after

#: File name extension. The service documents MP4.
EXTENSION = "mp4"
#: Media types of the content that are accepted. QuickTime has the same structure and plays in the same players.
_MEDIA_TYPES = ("video/mp4", "video/quicktime")
#: Requests in a row without a new byte before the download fails or its link counts as dead: about ten seconds. The
#: task's own retries come after that.
ATTEMPTS = 5
#: The longest delay before a retry, in seconds. A longer ``Retry-After`` is cut to it.
MAXIMUM_DELAY = 30.0
#: Seconds between two progress lines in the log.
LOG_INTERVAL = 10.0
#: Bytes a second, and the seconds of waiting for which a slower store counts as a failed request.
MINIMUM_SPEED = 1024
SLOW_SECONDS = 60.0
#: Transient HTTP statuses, besides all from 500 on.
_TRANSIENT = (408, 425, 429)
#: A byte count in a header. Python raises an error for numbers of thousands of digits.
_NUMBER = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes (?P<start>[0-9]{1,18})-[0-9]{1,18}/(?P<size>[0-9]{1,18}|\*)", re.IGNORECASE)
#: Many stores use the MD5 of a file as its ETag.
_MD5 = re.compile(r'"([0-9a-f]{32})"', re.IGNORECASE)
#: Bytes that identify an MP4 file: size, type and brand of its first box (ISO/IEC 14496-12, section 4.3).
_FIRST_BYTES = 12
#: Bytes of another content that an error shows: enough for the code and the message of a store's XML.
_SHOWN_BYTES = 200
_INCOMPLETE_ADVICE = (
    f"Nothing was stored. {DownloadFailedError.default_advice} If the file stays incomplete, open the link and ask "
    "GPTProto's support for the whole file."
)


def link_delay(failures: int, retry_after: float | None = None) -> float:
    """
    Return the seconds before the next request to a link, with jitter.

    :param failures: Failed requests in a row, at least 1.
    :param retry_after: The store's ``Retry-After``.
    """
    delay = max(2.0 ** (failures - 1) * random.uniform(0.5, 1.0), retry_after or 0.0)  # noqa: S311
    return min(delay, MAXIMUM_DELAY)


class Download:
    """
    A download: a context manager that opens the link, and an iterator over the bytes of the file.

    :param link: URL of the file.
    :param fetcher: Sends the requests.
    :param max_bytes: The largest size that is accepted, in bytes.
    :param log: Receives progress and retries.
    :param refresh: Returns another link to the same file in place of an expired one, or ``None``.
    :param clock: A monotonic clock, in seconds.
    :param sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        link: str,
        fetcher: PublicFetcher,
        *,
        max_bytes: int,
        log: Log,
        refresh: Callable[[str], str | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._link = link
        self._fetcher = fetcher
        self._max_bytes = max_bytes
        self._log = log
        self._refresh = refresh
        self._clock = clock
        self._sleep = sleep
        self._logged_at = clock()
        self._start()

    def __enter__(self) -> Self:
        """
        Open the link, and check size and first bytes of the file.

        :raises SeedanceError: When the file is no video, is too large or cannot be downloaded.
        """
        try:
            try:
                self._read_first_bytes()
            except NotAVideoError as error:
                # Some stores and proxies send an error page with status 200 for a dead link.
                self._link = self._refreshed_link(error)
                self._stream.close()
                self._start()
                self._read_first_bytes()
        except BaseException:
            self._stream.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[bytes]:
        """
        Yield the content of the file. Works once.

        :raises SeedanceError: When the download cannot be completed.
        """
        yield self._first_bytes
        yield from self._stream

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes received so far."""
        return self._hash.hexdigest()

    @property
    def md5(self) -> str | None:
        """MD5 of the whole file from the ETag, or ``None`` when the ETag is no MD5."""
        found = _MD5.fullmatch((self._headers or {}).get("etag", ""))
        return found[1].lower() if found else None

    @property
    def movie(self) -> bytes:
        """The box ``moov`` of the bytes received so far."""
        return self._completeness.movie

    def _start(self) -> None:
        """Begin with the first byte of the link."""
        self._headers: Mapping[str, str] | None = None
        self._first_bytes = b""
        self._hash = hashlib.sha256()
        self._completeness = Completeness()
        self._stream = self._download()
        self._is_same_file = True
        self._is_slow = False
        #: Bytes received so far.
        self.position = 0
        #: Size of the file in bytes; ``None`` when the server does not send it.
        self.size: int | None = None

    def _read_first_bytes(self) -> None:
        while len(self._first_bytes) < _FIRST_BYTES:
            self._first_bytes += next(self._stream)
        found = media_type(self._first_bytes)
        if found not in _MEDIA_TYPES:
            raise self._not_a_video(found)
        if found != "video/mp4":
            self._log.warning("%s is of type %s, not MP4; it is stored as it is", redact_url(self._link), found)

    def _download(self) -> Generator[bytes]:
        """Yield the content of the file, with retries and one refresh of the link."""
        failures = 0
        while True:
            before, self._is_slow = self.position, False
            try:
                with self._fetcher.get(self._link, self._range_headers()) as response:
                    yield from self._read(response)
            except (DeadLinkError, DownloadFailedError) as error:
                failures = 1 if self.position > before and not self._is_slow else failures + 1
                if failures >= ATTEMPTS or not self._is_same_file:
                    if not isinstance(error, DeadLinkError):
                        raise
                    self._link, failures = self._refreshed_link(error), 0
                    continue
                delay = link_delay(failures, error.retry_after)
                self._log.warning("Resuming at byte %s in %.1f s: %s", f"{self.position:,}", delay, error.what)
            else:
                return
            self._sleep(delay)

    def _range_headers(self) -> dict[str, str]:
        """Return the headers that request the missing part of the same file."""
        headers = self._headers or {}
        etag = headers.get("etag")
        validator = etag if etag and not etag.startswith("W/") else headers.get("last-modified")
        # Without a validator the rest of another file could be appended.
        return {"Range": f"bytes={self.position}-", "If-Range": validator} if validator else {}

    def _read(self, response: FetchResponse) -> Iterator[bytes]:
        """Yield the new bytes of a response. Bytes that were received before are compared by their hash."""
        if response.status == 416 and self.size in (None, self.position):
            # There is no byte after those that were received.
            self._check_complete()
            return
        start = self._check_headers(response)
        repeated = hashlib.sha256()
        for whole_piece in self._fast_enough(response.pieces):
            piece = whole_piece
            if start < self.position:
                known = self.position - start
                repeated.update(piece[:known])
                start += len(piece)
                if start < self.position:
                    continue
                piece = piece[known:]
                if repeated.digest() != self._hash.digest():
                    raise self._file_changed()
                if not piece:
                    continue
            self._record(piece)
            start = self.position
            yield piece
        whole = self.position if self.size is None else self.size
        if start != whole:
            raise self._failed(f"{redact_url(self._link)} ended after {start:,} of {whole:,} bytes")
        self._check_complete()

    def _fast_enough(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces, and raise an error if they come too slowly. The time of the caller does not count."""
        waited, received = 0.0, 0
        while True:
            started = self._clock()
            piece = next(pieces, None)
            waited += self._clock() - started
            if piece is None:
                return
            received += len(piece)
            if waited >= SLOW_SECONDS:
                if received < MINIMUM_SPEED * waited:
                    self._is_slow = True
                    raise self._failed(f"{redact_url(self._link)} sent {received:,} bytes in {waited:.0f} s")
                waited, received = 0.0, 0
            yield piece

    def _check_complete(self) -> None:
        """Raise an error if the file is not complete although its body is."""
        problem = self._completeness.problem
        if problem is not None:
            if self.size is not None:
                # A cache may have kept a cut file: request the whole one, which may have another size.
                self._headers = None
            what = f"{redact_url(self._link)} is incomplete: it ended after {self.position:,} bytes, but {problem}"
            raise self._failed(what, _INCOMPLETE_ADVICE)
        if trailing := self._completeness.trailing:
            what = "%s has %s bytes behind its last box that are no video; it is stored as it is"
            self._log.warning(what, redact_url(self._link), f"{trailing:,}")

    def _check_headers(self, response: FetchResponse) -> int:
        """Check status and headers, and return the position in the file at which the body starts."""
        status, headers = response.status, response.headers
        failure = f"{redact_url(self._link)} returned HTTP {status}"
        if status == 416:
            raise self._file_changed()
        if status not in (200, 206):
            is_transient = status in _TRANSIENT or status >= 500
            kind = DownloadFailedError if is_transient else DeadLinkError
            raise kind(failure, charge=Charge.ACCEPTED, retry_after=read_retry_after(headers, datetime.now(UTC)))
        content_range = _CONTENT_RANGE.fullmatch(headers.get("content-range", "")) if status == 206 else None
        start = int(content_range["start"]) if content_range else 0
        if content_range:
            size = None if content_range["size"] == "*" else int(content_range["size"])
        else:
            size = _whole_number(headers.get("content-length"))
        if self._headers is None:
            self._headers, self.size = headers, size
            self._check_size(size or 0)
        is_continued = status == 200 or (content_range is not None and start == self.position)
        if not is_continued or (None not in (size, self.size) and size != self.size):
            raise self._file_changed()
        return start

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            what = f"{redact_url(self._link)} is larger than {self._max_bytes:,} bytes"
            what += f": it has {size:,}" if size == self.size else ""
            raise FileTooLargeError(what, charge=Charge.ACCEPTED)

    def _record(self, piece: bytes) -> None:
        self.position += len(piece)
        self._check_size(self.position)
        self._hash.update(piece)
        self._completeness.feed(piece)
        now = self._clock()
        if now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            whole = f" of {self.size / 1e6:.1f} MB, {self.position / self.size:.0%}" if self.size else " MB"
            self._log.info("Downloaded %.1f%s: %s", self.position / 1e6, whole, redact_url(self._link))

    def _refreshed_link(self, error: DeadLinkError | NotAVideoError) -> str:
        """Return a new link. Works once, then raises the error."""
        if self._refresh is None:
            raise error
        refresh, self._refresh = self._refresh, None
        link = refresh(self._link)
        if link is None:
            raise error
        self._log.info("Got a new link from the prediction: %s", error.what)
        return link

    def _not_a_video(self, found: str | None) -> NotAVideoError:
        declared = (self._headers or {}).get("content-type") or "none"
        start = self._first_bytes[:_SHOWN_BYTES].decode(errors="replace")
        what = f"{redact_url(self._link)} is not an MP4 file, but {found or 'unknown content'}"
        what += f"; its declared type is {declared!r}, and it starts with {start!r}"
        return NotAVideoError(what, charge=Charge.ACCEPTED)

    def _file_changed(self) -> DownloadFailedError:
        self._is_same_file = False
        return self._failed(f"The file at {redact_url(self._link)} changed during the download")

    def _failed(self, what: str, advice: str | None = None) -> DownloadFailedError:
        return DownloadFailedError(what, charge=Charge.ACCEPTED, advice=advice)


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
