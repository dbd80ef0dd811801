"""What a group uses and what it may use, read from its files: once, or again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from cutaway.ground.groups import Group
from cutaway.linux import CommandFailed
from cutaway.linux.groups import Groups
from cutaway.problem import Problem

FILES = ("memory.current", "memory.max", "pids.current", "pids.max", "cpu.stat", "cpu.max", "cgroup.freeze")
CLOCK = "/proc/uptime"  # the guest's own, read together with them
NO_LIMIT, NO_LIMIT_1 = "max", 1 << 62  # version 1 has a number for none, which differs with the size of a page
EVERY_S = 0.3


class Reading(NamedTuple):
    """One look at a group's files. A limit is None where the file says `max`."""

    at_s: float
    memory_bytes: int
    memory_max_bytes: int | None
    processes: int
    processes_max: int | None
    used_s: float
    processors_max: float | None
    frozen: bool

    @classmethod
    def of(cls, group: Group) -> Reading:
        said = group.look([*FILES, CLOCK])
        quota_us, period_us = said["cpu.max"].split()
        return cls(
            at_s=float(said[CLOCK].split()[0]),
            memory_bytes=int(said["memory.current"]),
            memory_max_bytes=_limit(said["memory.max"]),
            processes=int(said["pids.current"]),
            processes_max=_limit(said["pids.max"]),
            used_s=int(said["cpu.stat"].split()[1]) / 1e6,  # the first line is usage_usec
            processors_max=None if quota_us == NO_LIMIT else int(quota_us) / int(period_us),
            frozen=said["cgroup.freeze"] == "1",
        )

    @classmethod
    def here(cls, groups: Groups) -> Reading:
        """The same of a group of this machine's own kernel, whichever version has its controllers."""
        at_s, said = time.monotonic(), groups.get
        if groups.unified:
            quota_us, period_us = said("cpu", "cpu.max").split()
            used_s = int(said("cpu", "cpu.stat").split()[1]) / 1e6
            memory, memory_max = said("memory", "memory.current"), _limit(said("memory", "memory.max"))
        else:
            quota_us, period_us = said("cpu", "cpu.cfs_quota_us"), said("cpu", "cpu.cfs_period_us")
            used_s = int(said("cpuacct", "cpuacct.usage")) / 1e9
            memory, memory_max = said("memory", "memory.usage_in_bytes"), int(said("memory", "memory.limit_in_bytes"))
        return cls(
            at_s=at_s,
            memory_bytes=int(memory),
            memory_max_bytes=None if memory_max is None or memory_max > NO_LIMIT_1 else memory_max,
            processes=int(said("pids", "pids.current")),
            processes_max=_limit(said("pids", "pids.max")),
            used_s=used_s,
            processors_max=None if quota_us in (NO_LIMIT, "-1") else int(quota_us) / int(period_us),
            frozen=groups.frozen(),
        )

    def processors_since(self, earlier: Reading) -> float:
        """How many processors the group kept busy since an earlier look."""
        passed_s = self.at_s - earlier.at_s
        return (self.used_s - earlier.used_s) / passed_s if passed_s > 0 else 0.0


def _limit(text: str) -> int | None:
    return None if text == NO_LIMIT else int(text)


class Meter:
    """Looks for a while; `heard` is given each reading, and `troubled` the sentence when there are no more."""

    def __init__(
        self, look: Callable[[], Reading], heard: Callable[[Reading], None], troubled: Callable[[str], None]
    ) -> None:
        self._look, self._heard, self._troubled = look, heard, troubled
        self._until_s, self._thread = 0.0, threading.Thread()

    def read(self, for_s: float) -> None:
        """Look for so long from now on."""
        self._until_s = time.monotonic() + for_s
        self._read()

    def start(self, for_s: float) -> None:
        """The same meanwhile, by a thread that ends with this process; where it reads already, it goes on so long."""
        self._until_s = time.monotonic() + for_s
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._until_s = 0.0

    def _read(self) -> None:
        try:
            while time.monotonic() < self._until_s:
                self._heard(self._look())
                time.sleep(EVERY_S)
        except (CommandFailed, Problem) as trouble:
            if self._until_s:  # else it was stopped meanwhile, and nobody asks
                self._troubled(str(trouble))
