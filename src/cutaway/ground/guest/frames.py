"""The words between host and guest: one byte that says what it is, a length, and that many bytes.

The host begins with RUN, a JSON object, and the guest ends with EXIT; in between both send when they have something.
Who used the port before may have been killed in the middle of a word, and nobody may have seen it go. So RUN comes
after a PREAMBLE, which fills up any word that was begun, and names a nonce, with which the answer begins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

RUN, INPUT, END_OF_INPUT = b"R", b"I", b"E"  # from the host
OUTPUT, ERRORS, EXIT = b"O", b"2", b"X"  # from the guest

CHUNK_BYTES, INPUT_BYTES = 1 << 15, 1 << 12  # the most that one OUTPUT, one INPUT holds

_HEADER = struct.Struct(">cI")
_FILLER = b"\0"  # no word begins with it
_START = bytes.fromhex("c7 1d 9a 0e 5b 84 42 f3 a6 60 3e 9f 11 d8 27 bc")
NONCE_BYTES = len(_START)
PREAMBLE = _FILLER * (INPUT_BYTES + _HEADER.size) + _START

Frame = tuple[bytes, bytes]


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One word as it travels."""
    return _HEADER.pack(kind, len(payload)) + payload


class Frames:
    """Cuts a stream of bytes into frames; with a nonce, what comes before it is not for us."""

    def __init__(self, nonce: bytes = b"") -> None:
        self._ahead, self._sought = b"", nonce

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now."""
        self._ahead += data
        while self._is_found() and len(self._ahead) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._ahead)
            if kind == _FILLER:
                self._sought = _START
                continue
            end = _HEADER.size + length
            if len(self._ahead) < end:
                return
            payload, self._ahead = self._ahead[_HEADER.size : end], self._ahead[end:]
            yield kind, payload

    def _is_found(self) -> bool:
        """Whether nothing is sought any more; what was passed over is forgotten."""
        if self._sought:
            _, found, rest = self._ahead.partition(self._sought)
            self._ahead = rest if found else self._ahead[-len(self._sought) :]
            self._sought = b"" if found else self._sought
        return not self._sought
