"""
One output on its way from the service: whole, in order, piece by piece, and certainly a video.

A :class:`Download` knows nothing of where the pieces go. A connection that breaks is taken up at the byte where it
broke (RFC 9110, section 14), a fault that may pass is waited out, and a link that died is asked for anew, once.
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
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.http.fetch import FetchResponse, PublicFetcher, redact_url
from airflow_provider_seedance.gptproto.responses import read_retry_after

#: What a file's name ends in: nothing but MP4 is taken.
EXTENSION = "mp4"
#: How often a link is followed without getting a byte further, before the task's own retries have their turn.
ATTEMPTS = 5
#: Seconds before the next attempt at most, whatever the service asks for.
LONGEST_PAUSE = 30.0
#: Seconds between two lines in the log.
NEWS_EVERY = 10.0
#: Clients' and servers' faults that may pass, besides all from 500 on.
_PASSING = (408, 425, 429)
#: Types that a store gives to files which it does not know, besides all kinds of video.
_NEUTRAL_TYPES = ("", "application/mp4", "application/octet-stream", "binary/octet-stream")
#: How headers number bytes. Python refuses to read numbers of thousands of digits.
_NUMBER = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes (?P<start>[0-9]{1,18})-[0-9]{1,18}/(?P<size>[0-9]{1,18}|\*)")
#: How many stores name what they hold: by its MD5.
_MD5 = re.compile(r'"([0-9a-f]{32})"', re.IGNORECASE)
#: Bytes that tell an MP4 file from others: size, type and brand of its first box (ISO/IEC 14496-12, section 4.3).
_HEAD = 12


class Download:
    """
    A download: a context manager that follows the link, and an iterator over the file's pieces.

    :param link: Where the file is.
    :param links: How links are followed.
    :param max_bytes: The largest file that is wanted.
    :param log: Where news of a long download go.
    :param refresh: Returns another link to the same file in place of a dead one, or ``None``.
    :param clock: Any clock that never goes back, in seconds.
    :param sleep: How to pause, in seconds.
    """

    def __init__(
        self,
        link: str,
        links: PublicFetcher,
        *,
        max_bytes: int,
        log: Log,
        refresh: Callable[[str], str | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._link = link
        self._links = links
        self._max_bytes = max_bytes
        self._log = log
        self._refresh = refresh
        self._clock = clock
        self._sleep = sleep
        self._headers: Mapping[str, str] | None = None
        self._head = b""
        self._hash = hashlib.sha256()
        self._stream = self._arrive()
        self._told_at = clock()
        self._is_same_file = True
        #: Bytes that arrived.
        self.position = 0
        #: Bytes of the whole file; ``None`` where the server does not say.
        self.size: int | None = None

    def __enter__(self) -> Self:
        """
        Follow the link, and see what is there.

        :raises SeedanceError: When it is nothing that is wanted, or cannot be had.
        """
        try:
            self._begin()
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
        Yield the file, once.

        :raises SeedanceError: When it could not be had as a whole.
        """
        yield self._head
        yield from self._stream

    @property
    def sha256(self) -> str:
        """SHA-256 of what arrived."""
        return self._hash.hexdigest()

    @property
    def md5(self) -> str | None:
        """MD5 of the whole file where its server tells it, before it has arrived."""
        named = _MD5.fullmatch((self._headers or {}).get("etag", ""))
        return named[1].lower() if named else None

    def _begin(self) -> None:
        while len(self._head) < _HEAD and (piece := next(self._stream, b"")):
            self._head += piece
        if len(self._head) < _HEAD or self._head[4:8] != b"ftyp":
            raise self._wrong(f"What is behind {redact_url(self._link)} does not begin as an MP4 file")

    def _arrive(self) -> Generator[bytes]:
        """Yield the file once, whatever breaks on the way."""
        failures = 0
        while True:
            before = self.position
            try:
                with self._links.get(self._link, self._wish()) as answer:
                    yield from self._accept(answer)
            except DeadLinkError as dead:
                self._link = self._fresh_link(dead)
                continue
            except DownloadFailedError as error:
                failures = 1 if self.position > before else failures + 1
                if failures >= ATTEMPTS or not self._is_same_file:
                    raise
                pause = max(2.0 ** (failures - 1) * random.uniform(0.5, 1.0), error.retry_after or 0.0)  # noqa: S311
                pause = min(pause, LONGEST_PAUSE)
                self._log.warning("%s. Going on at byte %s in %.1f s", error.what, f"{self.position:,}", pause)
            else:
                return
            self._sleep(pause)

    def _wish(self) -> dict[str, str]:
        """Return the headers that ask for what is missing of the same file."""
        headers = self._headers or {}
        etag = headers.get("etag", "")
        validator = etag if etag and not etag.startswith("W/") else headers.get("last-modified", "")
        # Without it the beginning of one file could be continued with the rest of another.
        return {"Range": f"bytes={self.position}-", "If-Range": validator} if validator else {}

    def _accept(self, answer: FetchResponse) -> Iterator[bytes]:
        """Yield what an answer holds of the file beyond what arrived before."""
        start = self._read_head(answer)
        again = hashlib.sha256()
        for whole_piece in answer.pieces:
            piece = whole_piece
            if start < self.position:
                known = self.position - start
                again.update(piece[:known])
                start += len(piece)
                if start < self.position:
                    continue
                piece = piece[known:]
                if again.digest() != self._hash.digest():
                    raise self._changed()
                if not piece:
                    continue
            self._count(piece)
            start = self.position
            yield piece
        whole = self.position if self.size is None else self.size
        if start != whole:
            raise self._failed(f"{redact_url(self._link)} ended after {start:,} of {whole:,} bytes")

    def _read_head(self, answer: FetchResponse) -> int:
        """Return at which byte of the file an answer begins, if it is an answer to be used."""
        status, headers = answer.status, answer.headers
        where = redact_url(self._link)
        if status in _PASSING or status >= 500:
            retry_after = read_retry_after(headers, datetime.now(UTC))
            raise self._failed(f"{where} answers {status}", retry_after)
        if status == 416:
            raise self._changed()
        if status not in (200, 206):
            raise DeadLinkError(f"{where} answers {status}", charge=Charge.ACCEPTED)
        content_range = _CONTENT_RANGE.fullmatch(headers.get("content-range", "")) if status == 206 else None
        start = int(content_range["start"]) if content_range else 0
        if content_range:
            size = None if content_range["size"] == "*" else int(content_range["size"])
        else:
            size = _whole_number(headers.get("content-length"))
        if self._headers is None:
            self._check_kind(headers)
            self._headers, self.size = headers, size
            self._check_size(size or 0)
        is_continued = status == 200 or (content_range is not None and start == self.position)
        if not is_continued or (None not in (size, self.size) and size != self.size):
            raise self._changed()
        return start

    def _check_kind(self, headers: Mapping[str, str]) -> None:
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in _NEUTRAL_TYPES and not media_type.startswith("video/"):
            raise self._wrong(f"What is behind {redact_url(self._link)} is of type {media_type}")

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            what = f"The file behind {redact_url(self._link)} is larger than {self._max_bytes:,} bytes"
            what += f": it has {size:,}" if size == self.size else ""
            raise FileTooLargeError(what, charge=Charge.ACCEPTED)

    def _count(self, piece: bytes) -> None:
        self.position += len(piece)
        self._check_size(self.position)
        self._hash.update(piece)
        now = self._clock()
        if now - self._told_at >= NEWS_EVERY:
            self._told_at = now
            whole = f" of {self.size / 1e6:.1f} MB, {self.position / self.size:.0%}" if self.size else " MB"
            self._log.info("%s: %.1f%s", redact_url(self._link), self.position / 1e6, whole)

    def _fresh_link(self, dead: DeadLinkError) -> str:
        """Return another link, the first time."""
        if self._refresh is None:
            raise dead
        refresh, self._refresh = self._refresh, None
        fresh = refresh(self._link)
        if fresh is None:
            raise dead
        self._log.info("%s: the prediction is asked for its link anew", dead.what)
        return fresh

    def _wrong(self, what: str) -> NotAVideoError:
        return NotAVideoError(what, charge=Charge.ACCEPTED)

    def _changed(self) -> DownloadFailedError:
        self._is_same_file = False
        return self._failed(f"{redact_url(self._link)} does not go on with the file that it began with")

    def _failed(self, what: str, retry_after: float | None = None) -> DownloadFailedError:
        return DownloadFailedError(what, charge=Charge.ACCEPTED, retry_after=retry_after)


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
