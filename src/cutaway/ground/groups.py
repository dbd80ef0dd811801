"""A control group of a lab machine, of version 2: a folder in the guest, read and written by its files.

    tight = Group(guest, "tight", {"memory.max": "32M"})
    tight.run("dd if=/dev/zero of=/dev/null bs=60M count=1; echo $?")
    tight.counts("memory.events")["oom_kill"]

Every word here goes to the guest as a line of shell, so that a page can say what is written where.
`linux/groups.py` has the groups of this machine's own kernel. Taught in notebook 07; see cgroups(7).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from cutaway.ground.machine import Machine

TOP = "/sys/fs/cgroup"
HAND_DOWN = "+cpu +io +memory +pids"  # to the groups below
ENTER = 'echo 0 > "$0/cgroup.procs" && '  # 0 is whoever writes; its later children begin there
PAUSE_S = 0.02


class Group:
    """The group called `name`, such as "tight" or "house/room", with these limits; made if it is not there."""

    def __init__(self, guest: Machine, name: str, limits: Mapping[str, str] | None = None) -> None:
        self.guest, self.name, self.folder = guest, name, f"{TOP}/{name}"
        above = [f"{TOP}/{each}" for each in reversed(PurePosixPath(name).parents)]
        lines = [f"mkdir -p {self.folder}", *(_written(f"{each}/cgroup.subtree_control", HAND_DOWN) for each in above)]
        guest.run(" && ".join(lines + [_written(f"{self.folder}/{file}", to) for file, to in (limits or {}).items()]))

    def __repr__(self) -> str:
        return f"Group({self.name!r})"

    # --- Its files

    def write(self, file: str, value: str) -> None:
        """Write one file, such as `memory.max`; CommandFailed when the kernel refuses the value."""
        self.guest.run(_written(f"{self.folder}/{file}", value))

    def read(self, file: str) -> str:
        """One file."""
        return self.guest.run(["cat", f"{self.folder}/{file}"])

    def counts(self, file: str) -> dict[str, int]:
        """A file that has a name and a number in each line, such as `memory.events`."""
        return {name: int(number) for name, number in map(str.split, self.read(file).splitlines())}

    def look(self, files: Iterable[str]) -> dict[str, str]:
        """Several files, read one right after the other."""
        found: dict[str, str] = {}
        for line in self.guest.run(["sh", "-c", 'cd "$0" && grep "" "$@" /dev/null', self.folder, *files]).splitlines():
            file, _, text = line.partition(":")
            found[file] = f"{found[file]}\n{text}" if file in found else text
        return found

    def until(self, file: str, pattern: str) -> None:
        """Wait until a line of a file begins with `pattern`, as grep reads it; CommandFailed when none does."""
        matches = f"grep -q {shlex.quote('^' + pattern)} {self.folder}/{file}"
        self.guest.run(f"until {matches}; do sleep {PAUSE_S}; done")

    # --- What runs in it

    def run(self, command: str, timeout_s: float = 30) -> str:
        """What a line of shell wrote that ran in the group, with all that it started; CommandFailed when it fails."""
        return self.guest.run(["sh", "-c", f'{ENTER} exec sh -c "$1"', self.folder, command], timeout_s)

    def start(self, command: str) -> None:
        """Let a line of shell run in the group and go on; it is in it when this returns."""
        self.guest.run(["sh", "-c", f'{ENTER} {{ sh -c "$1" > /dev/null 2>&1 & }}', self.folder, command])

    def members(self) -> list[int]:
        """The numbers of the processes in it, not of those in groups below."""
        return [int(pid) for pid in self.read("cgroup.procs").split()]

    def kill(self) -> None:
        """Kill all that run in it and below, also what is born meanwhile or is frozen; back when they are gone."""
        self.write("cgroup.kill", "1")
        self.until("cgroup.events", "populated 0")


def _written(path: str, text: str) -> str:
    return f"echo {shlex.quote(text)} > {path}"
