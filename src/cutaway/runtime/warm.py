"""Asking a runtime that has started already for containers, and commands in them: attend.py's other half."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.linux.commands import listen
from cutaway.linux.processes import Process, descendants
from cutaway.runtime.problems import ContainerError

ATTEND = Path(__file__).with_name("attend.py")
PATIENCE_S = 20  # for an answer to a request
SCM_CREDENTIALS, UCRED = 2, struct.Struct("=iii")  # linux/socket.h: number, user and group of who sent a message
MOST_BYTES = 1 << 16  # of an answer
KILLED = 137  # the status of a command that went with its container


class Warm:
    """A runtime that serves this process; it ends with it, and so does all that it has made."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        maker = os.pidfd_open(os.getpid())
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", ATTEND, str(maker), str(theirs.fileno())],
                env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[maker, theirs.fileno()], start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(maker)
            theirs.close()

    def close(self) -> None:
        """Let it end."""
        self._requests.close()
        self.process.wait()


class Kept:
    """A container that lasts until it is closed; `pid` is the number of its first process outside."""

    def __init__(self, warm: Warm, **request: Any) -> None:
        self._commands, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._answers = ask(warm._requests, request, [theirs.fileno()])
        try:
            self.pid = int(self._answers.expect("pid"))
        except BaseException:
            self.close()
            raise

    def start(self, task: Mapping[str, Any]) -> Running:
        """Start a command; ContainerError when it cannot be."""
        return Running(self._commands, task)

    def close(self) -> None:
        """End every process inside, and all else of it; back when it is gone."""
        self._commands.close()
        self._answers.finish()


class Running:
    """A command in a container: `pid` is its number outside; `status` is a shell's, None while it runs."""

    def __init__(self, commands: socket.socket, task: Mapping[str, Any]) -> None:
        outputs = [os.pipe(), os.pipe()]
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.status: int | None = None
        self._heard = {reading: bytearray() for reading, _ in outputs}
        self._process: Process | None = None
        self._open = True
        try:
            self._answers = ask(commands, task, [nothing, *(writing for _, writing in outputs)])
        finally:
            for fd in (nothing, *(writing for _, writing in outputs)):
                os.close(fd)
        try:
            self._answers.expect("begun")
        except BaseException:
            self.close()
            raise
        self.pid = self._answers.sender
        with suppress(ProcessLookupError):  # it has ended already
            self._process = Process.of(self.pid)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, at the latest when the time is over."""
        if self._open and listen(self._heard, self._answers.channel.fileno(), timeout_s):
            told = self._answers.hear()
            self.close()
            if "problem" in told:
                raise ContainerError(told["problem"])
            self.status = told.get("status", KILLED)
        return self.status is not None

    @property
    def stdout(self) -> str:
        """What it has written so far."""
        return self._said(0)

    @property
    def stderr(self) -> str:
        """What it has written so far to its other stream."""
        return self._said(1)

    def _said(self, stream: int) -> str:
        self.wait(timeout_s=0)
        return bytes(list(self._heard.values())[stream]).decode(errors="replace")

    def kill(self) -> None:
        """End it, with all that it has started and that still counts as below it."""
        if self._process and self._process.alive():
            for each in [*descendants(self.pid), self._process]:
                each.kill()

    def close(self) -> None:
        """Listen no more; what still runs ends with its container."""
        if self._open:
            self._open = False
            for fd in self._heard:
                os.close(fd)
            self._answers.channel.close()


class Answers:
    """What comes back on one request, a message at a time; `sender` is the number of who sent the last."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel, self.sender = channel, 0

    def hear(self) -> dict[str, Any]:
        """The next message; empty when there are no more."""
        try:
            message, notes, _, _ = self.channel.recvmsg(MOST_BYTES, socket.CMSG_SPACE(UCRED.size))
        except TimeoutError:
            raise ContainerError(f"waiting for a container: no answer in {PATIENCE_S} s; is it frozen?") from None
        if message:
            self.sender = next(UCRED.unpack(note)[0] for _, kind, note in notes if kind == SCM_CREDENTIALS)
        return dict(json.loads(message or b"{}"))

    def expect(self, fact: str) -> Any:
        """What the next message says of this; a ContainerError when it says why there is no such thing."""
        told = self.hear()
        if fact not in told:
            raise ContainerError(told.get("problem") or "the container's first process has ended; make a new one")
        return told[fact]

    def finish(self) -> None:
        """Say that nothing more is wanted, and wait for the end."""
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_WR)
            while self.hear():
                pass
        self.channel.close()


def ask(there: socket.socket, request: Mapping[str, Any], fds: Sequence[int]) -> Answers:
    """Send a request with what it is about, and with where to answer."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ours.settimeout(PATIENCE_S)
    with theirs:
        try:
            socket.send_fds(there, [json.dumps(request).encode()], [theirs.fileno(), *fds])
        except OSError as error:
            ours.close()
            raise ContainerError(f"asking for a container or a command: {error.strerror}; make a new one") from None
    return Answers(ours)
