"""A runtime that has started already: `python -I -S attend.py MAKER REQUESTS` makes containers for its maker.

Most of a short container's time is Python's own start; this process has that behind it. A copy of the maker would not
do: a notebook's kernel has several threads, and a copy has only one of them, while what the others held stays locked.

A container's first process is a copy of this one, the *keeper*: it becomes no program, but starts commands, each one
a copy of it again, which needs to join nothing. It keeps root's rights in the container and may not be looked into by
those who have fewer; like every process of ours, it loads nothing from there.

MAKER is a pidfd of the process that asked: when it ends, even by SIGKILL, its containers end. REQUESTS is a socket
whose messages are requests, each with the sockets that it is about. warm.py is the other half.
"""

from __future__ import annotations

import gc
import os
import select
import struct
import sys

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, __file__.rsplit("/", 3)[0])

from cutaway.linux import calls
from cutaway.linux.light import dumps, loads, signal, suppress
from cutaway.runtime import core, process
from cutaway.runtime.config import judged
from cutaway.runtime.core import Wishes
from cutaway.runtime.sealed import run_sealed
from cutaway.runtime.state import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, NoReturn

    from cutaway.runtime.config import Config
    from cutaway.runtime.judging import Judge

    Request = dict[str, Any]
else:
    import _socket as socket  # the part in C: what is loaded here, each of two copies for a command carries along

MOST_BYTES, MOST_FDS = 1 << 18, 4  # of one message
DESCRIPTOR = struct.Struct("i")

# --- The runtime -----------------------------------------------------------


class Remembered(Container):
    """A container that this process alone knows: it writes nothing down but what `delete` looks for in a file."""

    def describe(self, config: Config) -> None:
        """Remember what it was created from."""
        if config.get("hooks"):
            super().describe(config)
        self._config = config

    def save(self, **facts: Any) -> None:
        """Remember what is known."""
        self.facts |= facts


def serve(maker: int, requests: socket.socket) -> None:
    """Make containers, and unmake each when nobody listens to it any more, and all when the maker has ended."""
    kept: dict[int, Remembered] = {}  # by the socket on which one is told of it
    try:
        while maker not in (ready := select.select([maker, requests.fileno(), *kept], [], [])[0]):
            for answers in set(ready) & set(kept):
                unmake(kept.pop(answers), answers)
            if requests.fileno() in ready:
                message, fds = heard(requests)
                if not message:
                    return
                answers, commands = fds
                if container := made(loads(message.decode()), answers, commands):
                    kept[answers] = container
                os.close(commands)
    finally:
        for answers, container in kept.items():
            unmake(container, answers)


def made(request: Request, answers: int, commands: int) -> Remembered | None:
    """The container that is asked for; None when it cannot be, which is told."""
    try:
        container = Remembered(request["root"], request["name"])
        wishes = Wishes(
            instead=lambda judge: keep(commands, judge),
            lower=request["lower"],
            room_bytes=request["room_bytes"],
        )
        core.create(container, judged(request["config"]), request["bundle"], wishes)
        core.start(container)
        tell(answers, pid=container.pid)
    except Exception as error:
        tell(answers, problem=str(error) or type(error).__name__)
        os.close(answers)
        return None
    return container


def unmake(container: Remembered, answers: int) -> None:
    """Make it gone, and say so."""
    try:
        core.delete(container, force=True)
        os.waitpid(-1, os.WNOHANG)
        tell(answers, gone=True)
    except Exception as error:
        tell(answers, problem=str(error) or type(error).__name__)
    os.close(answers)


# --- The keeper, inside ----------------------------------------------------


def keep(commands: int, judge: Judge) -> int:
    """Start the commands that are asked for, and tell how each ended, until nobody asks any more."""
    calls.prctl(calls.PR_SET_DUMPABLE, 0)
    waking, woken = os.pipe()
    for at, fd in enumerate((os.dup(commands), os.dup(waking), os.dup(woken)), 3):
        os.dup2(fd, at, inheritable=False)
    calls.close_from(6)
    os.set_blocking(5, False)
    signal.set_wakeup_fd(5)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}  # number -> the socket on which one is told of it
    asked = socket.socket(fileno=3)
    while True:
        ready = select.select([3, 4], [], [])[0]
        if 4 in ready:
            os.read(4, 4096)
            reap(running)
        if 3 in ready:
            message, fds = heard(asked)
            if not message:
                return 0
            try:
                pid = os.fork()
            except OSError as error:  # a limit of the container's
                tell(fds[0], problem=f"starting a command: {error.strerror}; the container may have no more processes")
                pid = -1
            if pid == 0:
                begin(loads(message.decode()), fds, judge)
            if pid > 0:
                running[pid] = fds.pop(0)
            for fd in fds:
                os.close(fd)


def reap(running: dict[int, int]) -> None:
    """Tell of commands that have ended; what else has ended was an orphan, which are the first process's to reap."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            if pid in running:
                code = os.waitstatus_to_exitcode(status)
                tell(running[pid], status=code if code >= 0 else 128 - code)  # as a shell says it
                os.close(running.pop(pid))


def begin(task: Request, fds: list[int], judge: Judge) -> NoReturn:
    """Become a command: with its own streams, user and rights."""
    answers, *streams = fds
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for at, stream in enumerate(streams):
            os.dup2(stream, at)
        process.forget_python()
        os.setsid()
        process.own_streams(task)
        process.limit(task)
        process.enter_folder(task)
        become = process.becoming(task, judge)
        tell(answers, begun=True)
        become()
    except Exception as error:
        tell(answers, problem=str(error) or type(error).__name__)
    os._exit(127)


def tell(answers: int, **facts: Any) -> None:
    """Send one message, to whoever still listens; with it goes the sender's number, as the listener sees it."""
    with suppress(BrokenPipeError):
        os.write(answers, dumps(facts).encode())


def heard(there: socket.socket) -> tuple[bytes, list[int]]:
    """The next message, and the descriptors that came with it; both empty when there is nobody any more."""
    message, notes, _, _ = there.recvmsg(MOST_BYTES, socket.CMSG_LEN(MOST_FDS * DESCRIPTOR.size))
    return message, [fd for *_, note in notes for (fd,) in DESCRIPTOR.iter_unpack(note)]


def main(argv: list[str]) -> None:
    """Serve the maker that the command line names."""
    run_sealed()
    maker, requests = map(int, argv[1:])
    for fd in (maker, requests):
        os.set_inheritable(fd, False)
    gc.disable()  # it would touch, and so copy, memory that a copy shares with its original
    serve(maker, socket.socket(fileno=requests))


if __name__ == "__main__":
    main(sys.argv)
