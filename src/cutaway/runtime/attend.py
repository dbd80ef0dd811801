"""A runtime that has started already: `python -I -S attend.py MAKER REQUESTS` makes containers for its maker.

Most of a short container's time is Python's own start. This process has that behind it, and answers each request with
a copy of itself, which attends to one container or one command until that ends. A copy of the maker would not do: a
notebook's kernel has several threads, and a copy has only one of them, while what the others held stays locked.

MAKER is a pidfd of the process that asked; when it ends, even by SIGKILL, its containers end. REQUESTS is a socket, on
which each message is one request, with a socket of its own to answer on; warm.py is the other half.
A container's first process is again a copy, the keeper: it does nothing but live as long as somebody attends to it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls
from cutaway.runtime import core
from cutaway.runtime.config import judged, linux
from cutaway.runtime.core import Wishes, compiled_filter
from cutaway.runtime.enter import enter
from cutaway.runtime.problems import ContainerError
from cutaway.runtime.sealed import run_sealed
from cutaway.runtime.state import Container

MOST_BYTES, MOST_FDS = 1 << 20, 8  # of one request

Request = dict[str, Any]


def serve(maker: int, requests: socket.socket) -> None:
    """Answer requests, each with a process of its own, as long as the maker lives."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps those who attend
    gc.disable()  # it would touch, and so copy, all memory that a copy shares with its original
    while maker not in select.select([maker, requests.fileno()], [], [])[0]:
        message, fds, _, _ = socket.recv_fds(requests, MOST_BYTES, MOST_FDS)
        if not message:
            return
        request = json.loads(message)
        if request["word"] == "keep":
            with suppress(ContainerError):  # told by who attends
                compiled_filter(linux(request["config"]))
        if os.fork() == 0:
            requests.close()
            attend(request, fds, maker)
        for fd in fds:
            os.close(fd)


def attend(request: Request, fds: list[int], maker: int) -> NoReturn:
    """Do what one request says, and end; what goes wrong is the answer."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answers, *streams = fds
    try:
        if request["word"] == "keep":
            keep(request, answers, maker)
        else:
            execute(request, answers, streams)
    except Exception as error:
        tell(answers, problem=str(error) or type(error).__name__)
    os._exit(0)


def keep(request: Request, answers: int, maker: int) -> None:
    """Make a container, and unmake it when nobody listens any more."""
    container = Container(request["root"], request["name"])
    life, ours = os.pipe()

    def stay() -> int:
        os.dup2(life, 3)
        calls.close_from(4)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans inside are the first process's: the kernel reaps them
        if request["open"]:
            calls.prctl(calls.PR_SET_DUMPABLE, 1)  # an ordinary user could not enter its namespaces otherwise
        return len(os.read(3, 1))  # nothing is ever written: this is the end of who attends

    wishes = Wishes(instead=stay, lower=request["lower"], room_bytes=request["room_bytes"])
    core.create(container, judged(request["config"]), request["bundle"], wishes)
    os.close(life)
    try:
        core.start(container)
        tell(answers, pid=container.pid)
        select.select([answers, maker, os.pidfd_open(container.pid)], [], [])
    finally:
        core.delete(container, force=True)
        os.close(ours)
    tell(answers, gone=True)


def execute(request: Request, answers: int, streams: list[int]) -> None:
    """Start a command in a container, and tell how it ends."""
    for at, stream in enumerate(streams):
        os.dup2(stream, at)
        os.close(stream)
    pid = enter(Container.known(request["root"], request["name"]), request["task"], Wishes())
    os.closerange(0, 3)
    tell(answers, pid=pid)
    tell(answers, status=core.wait(pid))


def tell(answers: int, **facts: Any) -> None:
    """Send one line, to whoever still listens."""
    try:
        os.write(answers, f"{json.dumps(facts)}\n".encode())
    except BrokenPipeError:
        os._exit(0)


def main(argv: list[str]) -> None:
    """Serve the maker that the command line names."""
    run_sealed()
    maker, requests = map(int, argv[1:])
    for fd in (maker, requests):
        os.set_inheritable(fd, False)
    with socket.socket(fileno=requests) as asked:
        serve(maker, asked)


if __name__ == "__main__":
    main(sys.argv)
