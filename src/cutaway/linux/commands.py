"""Run a command to its end, with a deadline, and hand back what it said."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from cutaway.linux.processes import descendants

SHOWN_LENGTH = 200  # characters of a command in a message
ENDED_S = 10  # for what was killed

Command = str | Sequence[str]  # a line for the shell, or a program and its arguments


class CommandFailed(RuntimeError):
    """A command ended badly or not in time: `command`, `status` (None: out of time), `stdout` and `stderr` say how."""

    def __init__(self, command: Command, status: int | None, stdout: str, stderr: str, why: str) -> None:
        self.command, self.status, self.stdout, self.stderr, self.why = command, status, stdout, stderr, why
        super().__init__(f"{shown(command)}: {why}" + (f": {stderr.strip()}" if stderr.strip() else ""))


def shown(command: Command) -> str:
    """The command as one would type it; of a long one the beginning."""
    typed = command if isinstance(command, str) else shlex.join(command)
    return typed if len(typed) <= SHOWN_LENGTH else f"{typed[:SHOWN_LENGTH]}..."


def words(command: Command) -> list[str]:
    """The command as execve(2) wants it."""
    return ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)


def start(
    argv: Sequence[str], env: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that one signal reaches all of it and no Ctrl-C of ours does."""
    return subprocess.Popen(
        argv,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
        start_new_session=True,
    )


def run(command: Command, timeout_s: float = 10, env: Mapping[str, str] | None = None) -> str:
    """What the command wrote to its standard output, stripped; `CommandFailed` when it fails or takes too long."""
    return finish(start(words(command), env), command, timeout_s)


def finish(process: subprocess.Popen[bytes], command: Command, timeout_s: float) -> str:
    """What `process` wrote until it ended; what it left running in the background is not waited for."""
    try:
        stdout, stderr, in_time = _listen(process, timeout_s)
    finally:
        end(process)
    if not in_time:
        raise CommandFailed(command, None, stdout, stderr, f"still running after {timeout_s:g} s; killed")
    if status := shell_status(process.returncode):
        raise CommandFailed(command, status, stdout, stderr, f"status {status}")
    return stdout.strip()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, its group and its descendants, if it still runs; wait for them, and close its pipes."""
    if process.poll() is None:
        below = descendants(process.pid)
        with suppress(PermissionError):  # not one of the group is ours any more
            os.killpg(process.pid, signal.SIGKILL)
        for each in below:
            each.kill()
        deadline = time.monotonic() + ENDED_S
        for each in below:
            each.wait(max(0.0, deadline - time.monotonic()))
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def shell_status(returncode: int) -> int:
    """The status as a shell tells it: 128 more than the signal, if one ended the process."""
    return returncode if returncode >= 0 else 128 - returncode


def _listen(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[str, str, bool]:
    """Both outputs up to the end of the process (True) or of the time (False).

    Its end, not the end of the pipes: a background child may hold them open for ever.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    heard = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    end = os.pidfd_open(process.pid)
    in_time = listen(heard, end, timeout_s)
    os.close(end)
    stdout, stderr = (bytes(text).decode(errors="replace") for text in heard.values())
    return stdout, stderr, in_time


def listen(heard: Mapping[int, bytearray], end: int, timeout_s: float) -> bool:
    """Add to `heard` what its descriptors say, until `end` can be read and they are silent; False: out of time."""
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for fd in (*heard, end):
            selector.register(fd, selectors.EVENT_READ)
        over = in_time = False
        while not over:
            ready = [key.fd for key, _ in selector.select(max(0, deadline - time.monotonic()))]
            in_time = end in ready
            over = ready in ([], [end]) or time.monotonic() > deadline
            for fd in ready:
                if fd in heard:
                    text = os.read(fd, 65536)
                    heard[fd] += text
                    if not text:
                        selector.unregister(fd)
    return in_time
