"""The host's side of one command in a guest: its input goes in, its two outputs and its status come out.

A port carries one command at a time and is held by a lock on a file, so that any process of this user may talk to a
machine. Who goes away in the middle takes the command along: the guest sees its port close.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cutaway.ground.guest import inside
from cutaway.ground.guest.frames import (
    CHUNK_BYTES,
    END_OF_INPUT,
    ERRORS,
    EXIT,
    INPUT,
    INPUT_BYTES,
    NONCE_BYTES,
    OUTPUT,
    PREAMBLE,
    RUN,
    Frames,
    frame,
)
from cutaway.problem import Problem

Sink = Callable[[bytes], object]


class Silent(TimeoutError):
    """The guest had not ended the command when the time was over."""


class Gone(ConnectionError):
    """The machine ended in the middle."""


# --- A command ---------------------------------------------------------------


def converse(
    line: socket.socket,
    request: dict[str, Any],
    stdin: int | None = None,
    output: Sink = bytes,
    errors: Sink = bytes,
    deadline: float | None = None,
) -> str:
    """Have the guest do what `request` says; the word with which it ends.

    `stdin` is a descriptor whose bytes are passed on, None for no input. `Silent` at the deadline, `Gone` when the
    machine ends; who leaves early takes the command along.
    """
    nonce = os.urandom(NONCE_BYTES)
    frames = Frames(nonce)
    sending = bytearray(PREAMBLE + frame(RUN, json.dumps({**request, "nonce": nonce.hex()}).encode()))
    if stdin is None:
        sending += frame(END_OF_INPUT)
    while True:
        poll = select.poll()
        poll.register(line, select.POLLIN | (select.POLLOUT if sending else 0))
        if stdin is not None and len(sending) < CHUNK_BYTES:
            poll.register(stdin, select.POLLIN)
        ready = dict(poll.poll(_left_ms(deadline)))
        if stdin in ready and stdin is not None:
            data = os.read(stdin, INPUT_BYTES)
            sending += frame(INPUT, data) if data else frame(END_OF_INPUT)
            stdin = stdin if data else None
        if ready.get(line.fileno(), 0) & select.POLLOUT:
            with suppress(BlockingIOError):
                del sending[: _sent(line, sending)]
        if ready.get(line.fileno(), 0) & (select.POLLIN | select.POLLHUP):
            for kind, payload in frames.feed(_received(line)):
                if kind == EXIT:
                    return payload.decode()
                {OUTPUT: output, ERRORS: errors}[kind](payload)
        if deadline is not None and time.monotonic() > deadline:
            raise Silent("the time was over")


def _left_ms(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000


def _sent(line: socket.socket, data: bytearray) -> int:
    try:
        return line.send(data[: CHUNK_BYTES * 2], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Gone("the machine ended") from error


def _received(line: socket.socket) -> bytes:
    try:
        data = line.recv(CHUNK_BYTES * 2)
    except ConnectionResetError:
        data = b""
    if not data:
        raise Gone("the machine ended")
    return data


# --- Ports ---------------------------------------------------------------------


def connect(folder: Path, name: str) -> socket.socket:
    """A connection to the socket `name` of a machine's folder, however long the folder's path is."""
    line = socket.socket(socket.AF_UNIX)
    at = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        line.connect(f"/proc/self/fd/{at}/{name}")
    except OSError:
        line.close()
        raise
    finally:
        os.close(at)
    return line


@contextmanager
def a_free_port(folder: Path) -> Iterator[socket.socket]:
    """A connection to a port of the machine that nobody uses now."""
    for number in inside.PORTS:
        with (folder / f"port{number}.lock").open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            with connect(folder, f"port{number}") as line:
                yield line
                return
    raise Problem(f"running a command: {len(inside.PORTS)} run in this machine already; wait until one has ended")
