"""What two container runtimes ask of the kernel, side by side, step by step.

A runtime makes some hundred system calls, most of them for its own sake. Those that make the container are sorted
into the steps below; each runtime takes them in an order of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from cutaway.ground import programs, trace
from cutaway.ground.trace import SystemCall
from cutaway.linux import commands
from cutaway.linux.commands import Command
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

FIRST, PROGRAM = "new namespaces", "the program"
STEPS = {  # name -> how strace writes the calls of it; the first that fits, counts
    FIRST: r"^(?:clone3?|unshare)\(.*CLONE_NEW(?!CGROUP)",
    "control groups seen from within": r"^unshare\(CLONE_NEWCGROUP|^mount\(.*\"cgroup2?\",",
    "mounts do not spread": r"^mount\([^,]*, \"/\", .*MS_(?:SLAVE|PRIVATE)",
    "the folder becomes a mount": r"^mount\(\"(?P<folder>/[^\"]*rootfs)\", \"(?P=folder)\", .*MS_BIND",
    "places are hidden or made read-only": r"^mount\(.*(?:MS_REMOUNT|\"/dev/null\"|\"tmpfs\", MS_RDONLY|"
    r"(?P<place>\"/proc/[^\"]+\"), (?P=place))",
    "file systems of the kernel": r"^mount\(\"(?:proc|tmpfs|devpts|shm|mqueue|sysfs)\"",
    "the host's name": r"^sethostname\(",
    "another root": r"^pivot_root\(",
    "the old root goes": r"^umount2\(\"[./]+\", MNT_DETACH",
    "limits of the process": r"^(?:prlimit64\(.*RLIMIT_NOFILE, \{|setrlimit\()",
    "capabilities": r"^(?:prctl\(PR_CAPBSET_DROP|capset\()",
    "user and groups": r"^(?:set(?:res)?[ug]id|setgroups)\(",
    "no new privileges": r"^prctl\(PR_SET_NO_NEW_PRIVS",
    "a filter of system calls": r"^(?:prctl\(PR_SET_SECCOMP|seccomp\(SECCOMP_SET_MODE_FILTER, [^,]*, \{)",
}
PATIENCE_S = 60
ASKED = "clone,clone3,unshare,mount,umount2,pivot_root,sethostname,prlimit64,setrlimit,prctl,seccomp,capset,execve," + (
    "setuid,setgid,setresuid,setresgid,setgroups"
)


class Step(NamedTuple):
    """One step of a runtime: its name, and its calls in order."""

    name: str
    calls: tuple[SystemCall, ...]


class Row(NamedTuple):
    """One step of both: the place in each one's order, from 1, or None, and the calls."""

    name: str
    places: tuple[int | None, int | None]
    calls: tuple[tuple[SystemCall, ...], tuple[SystemCall, ...]]


def runc() -> str:
    """Where runc is; Problem with the way to get it when it is not here."""
    found = programs.path("runc")
    if found is None:
        raise Problem(f"looking for runc: it is not here; {programs.remedy('runc')}")
    return found


# --- One, and two side by side ------------------------------------------------


def steps(argv: Command, program: str, bundle: Path, run: Callable[[Command, float], str] = commands.run) -> list[Step]:
    """The steps that `argv` takes to make a container that runs `program`, in the order of their first calls.

    Places below `bundle` are written as BUNDLE/...
    """
    found: dict[str, list[SystemCall]] = {}
    for call in trace.calls(argv, ASKED, PATIENCE_S, run=run):
        name = None if call.result.startswith("-1") else step_of(call, program)
        if name and (found or name == FIRST):  # what comes before, a runtime does for itself
            short = call._replace(arguments=call.arguments.replace(str(bundle), "BUNDLE"))
            found.setdefault(name, []).append(short)
    return [Step(name, tuple(calls)) for name, calls in found.items()]


def step_of(call: SystemCall, program: str) -> str | None:
    """The step to which a call belongs, if it makes the container."""
    if call.name == "execve":
        return PROGRAM if call.arguments.partition('"')[2].partition('"')[0].endswith(f"/{program}") else None
    return next((name for name, looks in STEPS.items() if re.search(looks, str(call))), None)


def aligned(ours: Iterable[Step], theirs: Iterable[Step]) -> list[Row]:
    """Both in the order of the first, and what only the second does at the end."""
    sides = [{step.name: (place, step.calls) for place, step in enumerate(side, 1)} for side in (ours, theirs)]
    rows = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        (one, his), (two, its) = (side.get(name, (None, ())) for side in sides)
        rows.append(Row(name, (one, two), (his, its)))
    return rows
