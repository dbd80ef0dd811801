"""Control groups, as far as undoing them goes. Version 2 first; version 1 has no kill file. See cgroups(7)."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def members(path: str) -> list[int]:
    """The processes in this group and in all groups below it."""
    return [int(pid) for group in groups(path) for pid in (group / "cgroup.procs").read_text().split()]


def groups(path: str) -> list[Path]:
    """This group and all below it, the deepest first."""
    return [Path(folder) for folder, _, _ in os.walk(path, topdown=False)]


def kill(path: str) -> None:
    """Kill every process in the group and below; in version 1 also the frozen ones, which must thaw to die."""
    if (Path(path) / "cgroup.kill").exists():
        (Path(path) / "cgroup.kill").write_text("1")
        return
    for pid in members(path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for group in groups(path):
        if (group / "freezer.state").exists():  # the other hierarchies of version 1 do not freeze
            (group / "freezer.state").write_text("THAWED")


def remove(path: str, timeout_s: float = 10) -> None:
    """Kill what is in the group and make it gone, with all groups below it; TimeoutError when processes stay."""
    if Path(path).exists() and not (Path(path) / "cgroup.procs").exists():
        raise OSError(
            errno.EINVAL, f"removing {path}: it is no control group; see /proc/self/mountinfo for where they are"
        )
    if os.getpid() in members(path):
        raise OSError(errno.EBUSY, f"removing {path}: this process itself is in it; move it out first")
    deadline = time.monotonic() + timeout_s
    while Path(path).exists():
        with suppress(FileNotFoundError):
            kill(path)
        for group in groups(path):
            with suppress(OSError):  # EBUSY: a process has not quite gone; asked again until the deadline
                group.rmdir()
        if time.monotonic() > deadline:
            raise TimeoutError(f"rmdir({path!r}): still in use after {timeout_s:g} s by processes {members(path)}")
