"""Frames of JSON on a socket: a length of four bytes, then that many bytes of text.

Either end may be hostile: a frame has a greatest length, waiting has a deadline, and what is no JSON is `Broken`.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from typing import Any

HEADER = struct.Struct(">I")
FRAME_BYTES = 96 << 20  # the files of a submission, in base64
CHUNK_BYTES = 1 << 15  # below what the C library asks the kernel for each time

_encoded = json.JSONEncoder(separators=(",", ":")).encode


class Ended(EOFError):
    """The other end has hung up."""


class Broken(ValueError):
    """What arrived is no frame of ours; the message says why."""


def arrived(ends: Iterable[socket.socket], limit_s: float | None = None, event: int = select.POLLIN) -> set[int]:
    """Wait until there is something at one of the ends: at which, by their descriptors, however large these are."""
    poll = select.poll()
    for each in ends:
        poll.register(each, event)
    return {fd for fd, _ in poll.poll(None if limit_s is None else math.ceil(limit_s * 1000))}


class Line:
    """One end of a conversation. `receive` and `send` wait no longer than until `deadline`, on the monotonic clock.

    A `patient` end has no deadlines, and waits within the call that sends or receives.
    """

    def __init__(self, end: socket.socket, frame_bytes: int = FRAME_BYTES, *, patient: bool = False) -> None:
        self.socket, self._frame_bytes, self._heard = end, frame_bytes, bytearray()
        end.setblocking(patient)

    def send(self, message: Any, deadline: float | None = None) -> None:
        """Send one message; Ended when nobody listens any more."""
        text = _encoded(message).encode()
        rest = memoryview(HEADER.pack(len(text)) + text)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError as error:
                raise Ended(str(error)) from None

    def receive(self, deadline: float | None = None) -> Any:
        """The next message; Ended, Broken, or TimeoutError."""
        while (message := self.pending()) is None:
            try:
                heard = self.socket.recv(CHUNK_BYTES)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise Ended(str(error)) from None
            if not heard:
                raise Ended("the other end has hung up")
            self._heard += heard
        return message

    def pending(self) -> Any:
        """A message that has arrived already and is complete, else None."""
        if len(self._heard) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._heard)
        if length > self._frame_bytes:
            raise Broken(f"a frame of {length} bytes; at most {self._frame_bytes} may cross")
        if len(self._heard) < HEADER.size + length:
            return None
        text = bytes(self._heard[HEADER.size : HEADER.size + length])
        del self._heard[: HEADER.size + length]
        try:
            message = json.loads(text.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise Broken(f"a frame that is no JSON: {error}") from None
        if not isinstance(message, dict):
            raise Broken(f"a frame that is a {type(message).__name__}, not an object")
        return message

    def pending_bytes(self) -> int:
        """How much has arrived of messages that nobody has taken yet."""
        return len(self._heard)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _wait(self, event: int, deadline: float | None) -> None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not arrived([self.socket], left, event):
            raise TimeoutError("nothing came before the deadline")


def speaking(lines: Sequence[Line], limit_s: float | None = None) -> list[Line]:
    """Wait until somebody has said something, or hung up; on which of the lines, in their order."""
    unheard = {each for each in lines if each.pending_bytes()}
    ends = arrived([each.socket for each in lines], 0 if unheard else limit_s)
    return [each for each in lines if each in unheard or each.socket.fileno() in ends]
