"""
Completeness of a video file: whether all boxes of an MP4 or QuickTime file have arrived, while it streams.

HTTP does not show every cut: a body without ``Content-Length`` may end anywhere, and a cache may keep the beginning of
a file and send its length. The boxes state their own lengths. A cut is not visible after a complete fragment (``moof``
and ``mdat``) of a fragmented file, and in a last box of size 0, which reaches to the end of the file.

Some tools append a line or a tag to a file that is whole. Players ignore it, and so does this module
(:attr:`Completeness.trailing`).

The box that describes the film is kept, so that a file need not be read again for its length and frame size.
"""

from __future__ import annotations

from airflow_provider_seedance.gptproto.media.boxes import Box, BoxError, read_box

#: What a player needs (ISO/IEC 14496-12, section 6.2): the file type, the description of the tracks, and media data.
_REQUIRED = (b"ftyp", b"moov", b"mdat")
#: Length of a header with a 32-bit size, and with a 64-bit size.
_HEADER, _LARGE_HEADER = 8, 16
#: The 32-bit size of a box that has a 64-bit size.
_HAS_LARGE_SIZE = b"\x00\x00\x00\x01"
#: The type of bytes that are no box but zeros after the last box.
_PADDING = b"\x00\x00\x00\x00"
#: Types of boxes outside all others (ISO/IEC 14496-12, table 1, and QuickTime). A cut box of another type is text if
#: its size is: the first character of a text is a tab or a later one, so the size is 151 MB or more.
_TYPES = tuple(
    b"ftyp styp moov moof mdat imda mfra free skip wide uuid meta meco pdin pnot sidx ssix prft emsg udta".split()
)
_FIRST_CHARACTER = 0x09
#: More bytes behind the last box, in bytes, are no line and no tag, but boxes behind a damaged one.
_MAXIMUM_TRAILING = 4096
#: Where a box of size 0 ends.
_ENDLESS = 1 << 64
#: Bytes of a ``moov`` that are kept, about: an hour of film has a smaller one.
_MAXIMUM_MOVIE = 8 * 2**20


class Completeness:
    """Reads the boxes in a stream. It keeps one header and :attr:`movie`, whatever the size of the file."""

    def __init__(self) -> None:
        self._position = 0
        self._box = Box(b"", 0, 0, 0)
        self._head = b""
        self._found: set[bytes] = set()
        self._had_data = False
        self._error: str | None = None
        #: The box ``moov``, or the beginning of a very long one.
        self.movie = b""

    def feed(self, piece: bytes) -> None:
        """Read the next bytes of the file."""
        start = self._position
        self._position += len(piece)
        self._keep_movie(piece, start)
        while self._error is None and (offset := self._box.end + len(self._head)) < self._position:
            offset -= start
            self._head += piece[offset : offset + self._header_length - len(self._head)]
            if len(self._head) == self._header_length:
                self._begin_box()
                self._keep_movie(piece, start)
        if (
            self._box.type == _PADDING
            and self._box.end >= _ENDLESS
            and piece[max(self._box.start - start, 0) :].strip(b"\x00")
        ):
            self._error = f"the bytes from {self._box.start:,} on are no box"

    @property
    def problem(self) -> str | None:
        """Why a file that ends here is not complete; ``None`` when it is."""
        if self._error is not None:
            return self._error
        if self.trailing:
            return None
        if self._position < self._box.end < _ENDLESS:
            name, size = self._box.type.decode("latin-1"), self._box.size
            missing = self._box.end - self._position
            return f"{missing:,} bytes are missing at the end of its box {name!r} of {size:,} bytes"
        if self._head.strip(b"\x00"):
            return f"the header of the box at byte {self._box.end:,} is cut"
        missing_boxes = self._missing_boxes(self._found | self._last())
        return f"it has no {' and no '.join(missing_boxes)}" if missing_boxes else None

    @property
    def trailing(self) -> int:
        """Number of bytes at the end of a file that is whole without them, and that begin no box."""
        box, found = self._box, self._found
        if self._head:
            start, found = box.end, found | self._last()
            is_text = self._head[0] >= _FIRST_CHARACTER and not any(
                kind.startswith(self._head[4:] or b"-") for kind in _TYPES
            )
        else:
            start = box.start
            is_cut = self._position < box.end < _ENDLESS
            is_text = is_cut and box.header == _HEADER and box.size >> 24 >= _FIRST_CHARACTER and box.type not in _TYPES
        length = self._position - start
        return length if is_text and length <= _MAXIMUM_TRAILING and not self._missing_boxes(found) else 0

    @staticmethod
    def _missing_boxes(found: set[bytes]) -> list[str]:
        return [name.decode() for name in _REQUIRED if name not in found]

    @property
    def _header_length(self) -> int:
        return _LARGE_HEADER if self._head.startswith(_HAS_LARGE_SIZE) else _HEADER

    def _begin_box(self) -> None:
        self._found |= self._last()
        try:
            self._box = read_box(self._head, self._box.end, _ENDLESS)
        except BoxError as error:
            self._error = str(error)
        if self._box.type == b"moov":
            self.movie = self._head
        self._head = b""
        if self._box.type == b"moof":
            # Each fragment has media data of its own.
            self._had_data |= b"mdat" in self._found
            self._found.discard(b"mdat")

    def _keep_movie(self, piece: bytes, start: int) -> None:
        """Keep the part of a piece that is content of the current box, if that is the ``moov``."""
        if self._box.type == b"moov" and len(self.movie) < _MAXIMUM_MOVIE:
            self.movie += piece[max(self._box.body - start, 0) : max(self._box.end - start, 0)]

    def _last(self) -> set[bytes]:
        """Return the type of the last box, if it has content, or is the media data of a later, empty fragment."""
        box = self._box
        is_empty_fragment = self._had_data and box.type == b"mdat" and box.end == box.body
        return {box.type} if is_empty_fragment or min(self._position, box.end) > box.body else set()
