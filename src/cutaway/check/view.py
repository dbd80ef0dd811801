"""What a learner sees of their own work: the machine as this notebook sees it, beside the machine inside."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from typing import TypeVar

from cutaway.check import looking
from cutaway.draw.views import Seen, View
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process, descendants
from cutaway.problem import Problem

Look = TypeVar("Look")

STILL_S = 0.2  # how long nothing changes before a view is shown
PATIENCE_S = 3.0
NOTHING = {errno.ECONNREFUSED: "nobody answers", errno.ENETUNREACH: "no way to 127.0.0.1", errno.ENOENT: "not there"}


def beside(pid: int, folder: str, port: int, other: int | None = None) -> View:
    """What we see, or what `other` does, beside what `pid` sees: the innermost processes that they started.

    Looked at once they hold still.
    """
    inside = _inside(pid, folder, port)
    if other is None:
        return View(_seen(Process.current(), folder, port), inside)
    return View(_inside(other, folder, port), inside, names=(f"process {other}", f"process {pid}"))


def _inside(pid: int, folder: str, port: int) -> Seen:
    return _still(pid, lambda: _seen(_innermost(pid), folder, port))


def innermost(pid: int) -> int:
    """The number of the process with the most namespaces of its own, of `pid` and all below, once that holds still."""
    return _still(pid, lambda: _innermost(pid)).pid


def _innermost(pid: int) -> Process:
    return looking.inmost([Process.of(pid), *(each for each in descendants(pid) if each.alive())])


def _still(pid: int, look: Callable[[], Look]) -> Look:
    """What is seen when two looks, a moment apart, see the same; Problem when the process has ended."""
    if type(pid) is not int:
        raise Problem(f"looking at process {pid!r}: that is no process number; what does your function return?")
    deadline, before = time.monotonic() + PATIENCE_S, None
    while True:
        try:
            now = look()
        except ProcessLookupError:
            if not _runs(pid) or time.monotonic() > deadline:
                raise Problem(
                    f"looking at process {pid}: it has ended; look at what it left running, or start it again and see "
                    "what it wrote"
                ) from None
        else:
            if now == before or time.monotonic() > deadline:
                return now
            before = now
        time.sleep(STILL_S)


def _runs(pid: int) -> bool:
    try:
        return Process.of(pid).alive()
    except ProcessLookupError:
        return False


def _seen(process: Process, folder: str, port: int) -> Seen:
    numbers = {kind.value: looking.identity(process, kind) for kind in (Kind.UTS, Kind.PID, Kind.MNT, Kind.NET)}
    return Seen(
        numbers,
        {
            "uts": _said(lambda: looking.host_name(process)),
            "pid": _said(lambda: f"{looking.program(process)} is number {looking.numbers(process)[-1]}"),
            "mnt": [
                _said(lambda: _crowd(looking.listed_processes(process))),
                _said(lambda: f"lab.folder holds {' '.join(looking.listed(process, folder)) or 'nothing'}"),
            ],
            "net": _said(lambda: f"port {port}: {_last_line(looking.fetch(process, port, '/word'))}", f"port {port}: "),
        },
    )


def _crowd(listed: set[int]) -> str:
    """Who is to be seen in /proc; counted only where it is not everybody, for everybody changes all the time."""
    if os.getpid() in listed:
        return "/proc shows this notebook"
    return f"/proc shows {len(listed)} process{'' if len(listed) == 1 else 'es'}"


def _said(look: Callable[[], str], prefix: str = "") -> str:
    try:
        return look()
    except ProcessLookupError:
        raise
    except OSError as refusal:
        return prefix + NOTHING.get(refusal.errno or 0, str(refusal.strerror))


def _last_line(text: str) -> str:
    return (text.splitlines() or [""])[-1][:80]
