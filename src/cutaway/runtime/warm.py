"""Asking a runtime that has started already for containers, and for commands in them: attend.py's other half."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.linux.commands import listen
from cutaway.linux.processes import Process, descendants
from cutaway.runtime.problems import ContainerError

ATTEND = Path(__file__).with_name("attend.py")


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

    def ask(self, word: str, streams: Iterable[int] = (), **request: Any) -> Answers:
        """Send a request; ContainerError when the first answer is that it cannot be."""
        ours, theirs = socket.socketpair()
        with theirs:
            message = json.dumps({"word": word, **request}).encode()
            socket.send_fds(self._requests, [message], [theirs.fileno(), *streams])
        return Answers(ours)

    def close(self) -> None:
        """Let it end."""
        self._requests.close()
        self.process.wait()


class Answers:
    """What comes back on one request, a fact at a time."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel, self._lines = channel, channel.makefile("rb", buffering=0)

    def expect(self, fact: str) -> Any:
        """The next fact, which must be this one; a ContainerError says why it is not."""
        told = json.loads(self._lines.readline() or b"{}")
        if fact not in told:
            raise ContainerError(told.get("problem") or "the runtime ended without a word; begin again")
        return told[fact]

    def finish(self, fact: str) -> Any:
        """Say that nothing more is wanted, and read to the last fact; None when it never came."""
        try:
            self.channel.shutdown(socket.SHUT_WR)
            facts = [json.loads(line) for line in self._lines]
        except OSError:
            facts = []
        self.close()
        return next((told[fact] for told in facts if fact in told), None)

    def close(self) -> None:
        """Listen no more."""
        self._lines.close()
        self.channel.close()


class Running:
    """A command in a container: `pid` is its number outside, `status` is None while it runs."""

    def __init__(self, warm: Warm, **request: Any) -> None:
        outputs = [os.pipe(), os.pipe()]
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.status: int | None = None
        self._process: Process | None = None
        self._heard = {reading: bytearray() for reading, _ in outputs}
        self._open = True
        try:
            self._answers = warm.ask("execute", [nothing, *(writing for _, writing in outputs)], **request)
        finally:
            for fd in (nothing, *(writing for _, writing in outputs)):
                os.close(fd)
        try:
            self.pid = int(self._answers.expect("pid"))
        except BaseException:
            self.close()
            raise
        with suppress(ProcessLookupError):  # it has ended already
            self._process = Process.of(self.pid)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, at the latest when the time is over."""
        if self._open and listen(self._heard, self._answers.channel.fileno(), timeout_s):
            self.status = int(self._answers.expect("status"))
            self.close()
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
            self._answers.close()
