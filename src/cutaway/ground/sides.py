"""One process, seen from both sides: from within its container, and from the machine that the engine runs on.

A container's first process is a process of that machine like any other. It is found there by the number that the
engine gives (an ordinary user's Podman has numbers of its own, which the machine translates), and is known to be the
same because both sides give it the same start time. Where the engine runs on another kernel, as Docker does under
Windows and macOS, it is not among this machine's processes, and that is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cutaway.ground.lifecycle import Mine
from cutaway.ground.meter import Reading
from cutaway.linux import Process, namespaces, processes
from cutaway.linux.groups import Groups
from cutaway.problem import Problem

KINDS = ("pid", "mnt", "net", "uts", "ipc", "cgroup", "user", "time")
PRIVATE = frozenset({"pid", "mnt", "net", "uts", "ipc"})  # with every engine; of the others that differs
ASKED = (
    "hostname; cat /proc/1/comm; cat /proc/1/stat; cat /proc/1/status | grep ^Uid; "
    f"for each in {' '.join(KINDS)}; do echo ns $(readlink /proc/1/ns/$each); done"
)
ELSEWHERE = "it is no process of this machine: the engine runs on another kernel; see lesson 15"
NAME_CHARACTERS = 20
CLOSED = "root alone may see"


class Side(NamedTuple):
    """What is known of a process from one side; what may not be seen there is empty."""

    number: int
    parent: int
    program: str
    user: int
    host_name: str
    start_time: int
    namespaces: dict[str, int]


class Sides(NamedTuple):
    """A container's first process from within and from outside; `missing` says why there is no outside."""

    inside: Side
    outside: Side | None
    own: frozenset[str]  # the kinds of namespace that it does not share with this page
    group: str  # where the machine counts it, if it has a control group of its own
    missing: str = ""

    @property
    def relations(self) -> str:
        """What is the same from both sides and what is not, in lines that are alike on every machine."""
        inside, outside = self.inside, self.outside
        if outside is None:
            return f"number inside: {inside.number}; {self.missing}"
        lines = [
            f"begun at the same tick: {inside.start_time == outside.start_time}",
            f"number inside: {inside.number} - the same outside: {inside.number == outside.number}",
        ]
        return "\n".join([*lines, f"namespaces of its own: {self.own >= PRIVATE if outside.namespaces else CLOSED}"])

    @property
    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """A question, and the answer of each side."""
        inside, outside = self.inside, self.outside
        if outside is None:
            return (("", str(inside.number), self.missing),)
        own = " ".join(sorted(self.own)) if outside.namespaces else CLOSED
        return (
            ("its number", str(inside.number), str(outside.number)),
            ("its parent", str(inside.parent or "none to be seen"), _parent(outside.parent)),
            ("its program", inside.program, outside.program),
            ("its user", str(inside.user), str(outside.user)),
            ("begun, in ticks since boot", str(inside.start_time), str(outside.start_time)),
            ("namespaces of its own", "cannot tell", own),
            ("its control group", "the top, /", shortened(self.group) or "none of its own"),
        )


def both(mine: Mine, name: str) -> Sides:
    """The first process of a running container; Problem when none runs in it, or nothing in it can be asked."""
    pid = mine.look(name).pid
    if not pid:
        raise Problem(f"looking at {name} from both sides: no program runs in it; start it first")
    inside = _from_within(mine, name)
    with _while_it_runs(f"looking at {name} from both sides"):
        number = _number_here(mine, name, pid, inside)
        if number is None:
            return Sides(inside, None, frozenset(), "", ELSEWHERE)
        outside, its_group = _from_outside(number), group(number)
    ours = {kind.value: number for kind, number in namespaces.identities().items()}
    own = frozenset(kind for kind, number in outside.namespaces.items() if ours[kind] != number)
    return Sides(inside, outside, own, its_group)


def kill(seen: Sides) -> bool:
    """Send SIGKILL to the process from this machine, past the engine; False where it is not here, or not ours."""
    if seen.outside is None:
        return False
    process = Process(seen.outside.number, seen.outside.start_time, processes.boot_id())
    try:
        return process.kill()
    except PermissionError:
        return False


def group(pid: int) -> str:
    """The control group of a process, as the machine names it; empty when this page is in the same one."""
    paths = {line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
    longest = max(paths, key=len)
    return "" if longest in Path("/proc/self/cgroup").read_text() else longest


def groups(mine: Mine, name: str) -> Groups:
    """The control groups of a running container on this machine; Problem when it has none of its own here."""
    pid = mine.look(name).pid
    if not pid:
        raise Problem(f"metering {name}: no program runs in it; start it first")
    inside = _from_within(mine, name)
    with _while_it_runs(f"metering {name}"):
        number = _number_here(mine, name, pid, inside)
        if number is None:
            raise Problem(f"metering {name}: {ELSEWHERE}")
        if not group(number):
            raise Problem(f"metering {name}: this engine gives containers no control group; Docker, as root, does")
        return Groups.of(number)


def used(name: str, its: Groups) -> Reading:
    """What a container uses and may use at most, from the files of its control groups; Problem when it has ended."""
    try:
        return Reading.here(its)
    except OSError:
        raise Problem(f"metering {name}: its control group went with its last process") from None


@contextmanager
def _while_it_runs(doing: str) -> Iterator[None]:
    """Problem when the program ends inside the block, and with it what the kernel tells of it."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError):
        raise Problem(f"{doing}: its program has just ended; start it again") from None


def _from_within(mine: Mine, name: str) -> Side:
    """What a program in the container is told of process 1."""
    said = mine.inside(name, ["sh", "-c", ASKED]).splitlines()
    try:
        host_name, program, stat, uid, *links = said
        numbers = {kind: int(link.strip("]").rpartition("[")[2] or 0) for kind, link in zip(KINDS, links, strict=True)}
        fields = stat[stat.rindex(")") + 2 :].split()
        return Side(1, int(fields[1]), program, int(uid.split()[1]), host_name, int(fields[19]), numbers)
    except ValueError:
        raise Problem(f"asking in {name}: it has no sh, cat, grep and readlink to ask with, or said {said}") from None


def _number_here(mine: Mine, name: str, pid: int, inside: Side) -> int | None:
    """The number on this machine of the process that the engine calls `pid`, begun when `inside` was.

    None when it runs on another; ProcessLookupError when it has ended.
    """
    for each in processes.processes():
        if each.start_time == inside.start_time:
            with suppress(OSError):  # it has ended
                numbers = _status(each.pid)["NSpid"].split()
                if int(numbers[-1]) == inside.number and str(pid) in numbers:
                    return each.pid
    if mine.look(name).pid != pid:
        raise ProcessLookupError(f"process {pid} of {name} has ended")
    return None


def _status(pid: int) -> dict[str, str]:
    return dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def _from_outside(pid: int) -> Side:
    """What this machine's own /proc says of the process of that number."""
    seen, status = processes.stat(pid), _status(pid)
    try:
        numbers = {kind.value: number for kind, number in namespaces.identities(pid).items()}
    except PermissionError:
        numbers = {}
    program, user = status["Name"].strip(), int(status["Uid"].split()[0])
    return Side(pid, seen.parent, program, user, os.uname().nodename, seen.start_time, numbers)


def shortened(path: str) -> str:
    """The end of a group's path, with so much of the container's number as Docker's own lists show."""
    return "/".join(["...", *(name[:NAME_CHARACTERS] for name in path.split("/")[-2:])]) if path else ""


def _parent(pid: int) -> str:
    try:
        return f"{pid}, {Path(f'/proc/{pid}/comm').read_text().strip()}"
    except OSError:
        return str(pid)
