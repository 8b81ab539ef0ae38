"""A response body that never takes more memory than its limit, however it is compressed."""

from __future__ import annotations

import zlib

_GZIP = zlib.MAX_WBITS | 16
_ZLIB = zlib.MAX_WBITS
_BARE_DEFLATE = -zlib.MAX_WBITS
_ZLIB_MARK = 8  # low four bits of the first byte, RFC 1950 2.2

ACCEPTED_ENCODINGS = "gzip, deflate"


class BoundedBody:
    """Collects a body chunk by chunk, decompressed, up to a limit in bytes.

    ``truncated`` tells that the body went on, broke off or was damaged. ``readable`` is false for
    an encoding that was not asked for; the bytes are then kept as they came.
    """

    def __init__(self, content_encoding: str, limit: int) -> None:
        self.data = bytearray()
        self.truncated = False
        encoding = content_encoding.strip().lower()
        self.readable = encoding in {"", "identity", "gzip", "x-gzip", "deflate"}
        self._encoding = encoding.removeprefix("x-") if self.readable else "identity"
        self._limit = limit
        self._received = 0
        self._inflater: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> bool:
        """Take a chunk; false when no more is wanted."""
        if not chunk:
            return True
        self._received += len(chunk)
        room = self._limit - len(self.data)
        plain = self._plain(chunk, room + 1)
        self.data += plain[:room]
        complete = self._inflater is not None and self._inflater.eof
        if len(plain) > room or (self._received > self._limit and not complete):
            self.truncated = True
        return not (self.truncated or complete)

    def finish(self) -> None:
        """Note that the response ended: a compressed one must have reached its own end."""
        if self._inflater is not None and not self._inflater.eof:
            self.truncated = True

    def _plain(self, chunk: bytes, most: int) -> bytes:
        if self._encoding in {"", "identity"}:
            return chunk
        if self._inflater is None:
            self._inflater = zlib.decompressobj(self._window(chunk[0]))
        try:
            return self._inflater.decompress(chunk, most)
        except zlib.error:
            self.truncated = True
            return b""

    def _window(self, first_byte: int) -> int:
        """What zlib must expect: many servers send "deflate" without the zlib header."""
        if self._encoding == "gzip":
            return _GZIP
        return _ZLIB if first_byte & 0x0F == _ZLIB_MARK else _BARE_DEFLATE
