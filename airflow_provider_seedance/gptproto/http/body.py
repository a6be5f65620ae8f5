"""
The body of a response, with a limit on its size: the beginning of a larger one is kept, and the rest is not read.

The limit holds for the decoded body, and decoding stops at it, so that a small compressed body cannot fill the memory
(decompression bomb).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import httpx

#: Bytes of a decoded body at most. Responses of the service have a few kilobytes, and one that echoes a small upload
#: can still be read. A much larger one would hold up the event loop of all waits.
MAXIMUM_BYTES = 1024 * 1024
#: Bytes that are kept of a larger body, for the message.
KEPT_BYTES = 64 * 1024
#: Encodings that are decoded, with zlib's ``wbits``. Each request asks for none, so another one is not decoded.
_WINDOW_BITS: Mapping[str, int] = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE = -15
#: No compressed JSON begins so. An accepted submission whose JSON is declared as gzip by mistake must not be lost.
_JSON_STARTS = (b"{", b"[")
#: Encodings on top of each other at most.
_MAXIMUM_ENCODINGS = 3


class Body:
    """
    Collects a body, piece by piece.

    :param content_encoding: The ``Content-Encoding`` of the response.
    """

    def __init__(self, content_encoding: str = "") -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        bits = [_WINDOW_BITS[name] for name in reversed(names) if name in _WINDOW_BITS]
        self._decoders = [_Decoder(each) for each in bits] if len(bits) <= _MAXIMUM_ENCODINGS else []
        self._content = bytearray()
        self._has_begun = False
        #: Whether the body is larger than the limit: the caller stops reading.
        self.is_cut = False

    def add(self, piece: bytes) -> None:
        """
        Add the next piece.

        :raises httpx.DecodingError: When it is not encoded as the response says.
        """
        room = MAXIMUM_BYTES - len(self._content)
        if not self._has_begun and piece:
            self._has_begun = True
            if piece[:1] in _JSON_STARTS:
                self._decoders = []
        for decoder in self._decoders:
            piece = decoder.decode(piece, room + 1)
            self.is_cut |= len(piece) > room
        self.is_cut |= len(piece) > room
        self._content += piece[:room]

    def text(self) -> str:
        """Return the body as text. JSON is UTF-8; the charset of the response is ignored."""
        content = self._content[:KEPT_BYTES] if self.is_cut else self._content
        return content.decode("utf-8-sig", errors="replace")


class _Decoder:
    """Decodes one encoding, as far as its caller has room for the result."""

    def __init__(self, window_bits: int) -> None:
        self._zlib = None if window_bits == _WINDOW_BITS["deflate"] else zlib.decompressobj(window_bits)
        self._start = b""

    def decode(self, piece: bytes, room: int) -> bytes:
        if self._zlib is None:
            # Some servers send deflate without the header of zlib, whose two bytes are a multiple of 31 (RFC 1950).
            self._start += piece
            if len(self._start) < 2:
                return b""
            has_header = int.from_bytes(self._start[:2], "big") % 31 == 0
            self._zlib = zlib.decompressobj(_WINDOW_BITS["deflate"] if has_header else _RAW_DEFLATE)
            piece = self._start
        try:
            return self._zlib.decompress(piece, room)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error
