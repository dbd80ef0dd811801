"""Which process is meant: a number that the kernel gives out again is no name.

A `Process` is known by boot, number and start time; it is signalled and waited for through a pidfd,
which stays with one process even when its number passes to another. See proc(5), pidfd_open(2).
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cutaway.linux import calls

# --- Words -----------------------------------------------------------------

TICKS = os.sysconf("SC_CLK_TCK")  # in a second
LOOKS = 10  # at what is born while one looks; it ends even where something forks for ever
BECOMES_S = 1  # in which a process becomes a program, also on a busy machine


class Stat(NamedTuple):
    """What /proc/PID/stat says: state, parent, start in clock ticks since boot (fields 3, 4 and 22 of proc(5)).

    And the processor time, in such ticks, that all its threads have had, in user and kernel mode (fields 14 and 15).
    """

    state: str
    parent: int
    start_time: int
    processor_time: int


class Process(NamedTuple):
    """One process of one boot."""

    pid: int
    start_time: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this number now; ProcessLookupError when there is none."""
        return cls(pid, stat(pid).start_time, boot_id())

    @classmethod
    def current(cls) -> Process:
        """The one that runs this line."""
        return cls.of(os.getpid())

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        try:
            now = stat(self.pid)
        except ProcessLookupError:
            return False
        return (now.start_time, boot_id()) == (self.start_time, self.boot_id) and now.state not in "ZX"

    def processor_s(self) -> float:
        """How long it has had a processor, in all its threads; 0 when it is gone."""
        with suppress(ProcessLookupError):
            return stat(self.pid).processor_time / TICKS
        return 0

    def pidfd(self) -> int:
        """A descriptor for exactly this process, for the caller to close; ProcessLookupError when it is gone."""
        fd = os.pidfd_open(self.pid)
        if self.alive():  # checked while the descriptor is held: if it is alive now, the descriptor is its own
            return fd
        os.close(fd)
        raise ProcessLookupError(f"process {self.pid} of start time {self.start_time} has ended")

    def kill(self, number: int = signal.SIGKILL) -> bool:
        """Send it a signal; False when it was gone already."""
        try:
            fd = self.pidfd()
        except ProcessLookupError:
            return False
        try:
            signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(fd)
        return True

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, at the latest when the time is over."""
        try:
            fd = self.pidfd()
        except ProcessLookupError:
            return True
        try:
            return ended(fd, timeout_s)
        finally:
            os.close(fd)


PR_SET_DUMPABLE = 4  # linux/prctl.h


def show_to_equals(shown: bool) -> None:
    """Open this process's memory and /proc entries to others of its user, or close them to all but root.

    They close by themselves when a process changes its user.
    """
    calls.prctl(PR_SET_DUMPABLE, int(shown))


# --- Seeing ----------------------------------------------------------------


@cache
def boot_id() -> str:
    """This boot's own name."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def stat(pid: int) -> Stat:
    """State, parent, start and processor time; ProcessLookupError when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError:
        raise ProcessLookupError(f"process {pid} does not exist") from None
    fields = text[text.rindex(")") + 2 :].split()  # the name in brackets may hold anything, also ") S 1"
    return Stat(fields[0], int(fields[1]), int(fields[19]), int(fields[11]) + int(fields[12]))


def processes() -> list[Process]:
    """Every process that /proc shows."""
    return [Process(pid, seen.start_time, boot_id()) for pid, seen in _stats()]


def descendants(pid: int, running: bool = False) -> list[Process]:
    """Children, their children and so on, parents before children; or those of them that were `running` when seen.

    So one of a row of processes that hand over to the next is always seen; who asks afterwards which of all are alive
    may find none.
    """
    children: dict[int, list[Process]] = {}
    over = set()
    for each, seen in _stats():
        process = Process(each, seen.start_time, boot_id())
        children.setdefault(seen.parent, []).append(process)
        if seen.state in "ZX":
            over.add(process)
    found = list(children.get(pid, ()))
    for process in found:  # grows while it is walked
        found.extend(children.get(process.pid, ()))
    return [process for process in found if not (running and process in over)]


def marked(token: str, variable: str = "CUTAWAY_TOKEN") -> list[Process]:
    """Every process that was started with `CUTAWAY_TOKEN=token` in its environment."""
    return [process for process in processes() if environment(process.pid).get(variable) == token]


def environment(pid: int) -> dict[str, str]:
    """The environment that the process was started with; empty when it is gone, or another user's."""
    return dict(setting.split("=", 1) for setting in _given(pid, "environ").split("\0") if "=" in setting)


def command(pid: int) -> str:
    """The command line of the process; empty when it is gone, or a thread of the kernel."""
    return _given(pid, "cmdline").replace("\0", " ").strip()


def ended(pidfd: int, timeout_s: float | None = None) -> bool:
    """Whether the process behind `pidfd` has ended, at the latest when the time is over."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))


def _stats() -> Iterator[tuple[int, Stat]]:
    """Every process once, those included that are born while we look: their parents may be gone before we are done."""
    seen: set[int] = set()
    for _ in range(LOOKS):
        born = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()} - seen
        for pid in sorted(born):
            with suppress(ProcessLookupError):
                yield pid, stat(pid)
        seen |= born
        if not born:
            return


def _given(pid: int, file: str) -> str:
    """What its program was given. While a process becomes another program it has nothing yet, so one looks again."""

    def look(file: str) -> str:
        return os.fsdecode(Path(f"/proc/{pid}/{file}").read_bytes())

    looks, deadline = LOOKS, time.monotonic() + BECOMES_S
    with suppress(OSError):  # it is gone, or another user's; or it has no program, as a thread of the kernel
        while not (text := look(file)) and looks and time.monotonic() < deadline:
            Path(f"/proc/{pid}/exe").readlink()
            if look("cmdline"):
                looks -= 1  # it was given words, and so perhaps no settings
            else:
                time.sleep(0.001)
        return text
    return ""
