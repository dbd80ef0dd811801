"""The eight kinds of namespace: which ones a process is in, how to get new ones, how to join another's.

A namespace is a table of the kernel that some processes share and others do not.
Its identity is a number behind a link, /proc/PID/ns/KIND: two processes share it when the numbers are equal.
See namespaces(7), user_namespaces(7); taught in notebook 06.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from pathlib import Path

from cutaway.linux import calls

# --- Words -----------------------------------------------------------------


class Kind(enum.Enum):
    """One kind of namespace: `value` is its name under /proc/PID/ns, `flag` its CLONE_NEW... (linux/sched.h)."""

    CGROUP = "cgroup", 0x02000000
    IPC = "ipc", 0x08000000
    MNT = "mnt", 0x00020000
    NET = "net", 0x40000000
    PID = "pid", 0x20000000
    TIME = "time", 0x00000080
    USER = "user", 0x10000000
    UTS = "uts", 0x04000000

    flag: int

    def __new__(cls, name: str, flag: int = 0) -> Kind:
        kind = object.__new__(cls)
        kind._value_, kind.flag = name, flag
        return kind

    def __repr__(self) -> str:
        return f"Kind.{self.name}"


Pid = int | str  # a process number, or "self"


# --- Seeing ----------------------------------------------------------------


def identity(kind: Kind, pid: Pid = "self") -> int:
    """The number of the namespace of this kind that the process is in."""
    return Path(f"/proc/{pid}/ns/{kind.value}").stat().st_ino


def identities(pid: Pid = "self") -> dict[Kind, int]:
    """The number of every namespace that the process is in."""
    return {kind: identity(kind, pid) for kind in Kind}


def shared(one: Pid, other: Pid) -> set[Kind]:
    """The kinds of which both processes use the same namespace."""
    mine, theirs = identities(one), identities(other)
    return {kind for kind in Kind if mine[kind] == theirs[kind]}


# --- Leaving and joining ---------------------------------------------------


def unshare(kinds: Iterable[Kind]) -> None:
    """Give this process new namespaces of `kinds`; of PID and TIME only its children will be members."""
    calls.unshare(flags(kinds), names(kinds))


def join(pidfd: int, kinds: Iterable[Kind]) -> None:
    """Move this process into the namespaces of `kinds` of the process behind `pidfd`; all of them, or none.

    One call does it: the kernel takes the user namespace first, because its rights open the others.
    Of PID only later children become members. Needs Linux 5.8.
    """
    calls.setns(pidfd, flags(kinds), names(kinds))


def flags(kinds: Iterable[Kind]) -> int:
    """The kinds as unshare(2) and setns(2) want them: their flags in one number."""
    return sum(kind.flag for kind in set(kinds))


def names(kinds: Iterable[Kind]) -> str:
    """The kinds as a manual page writes them: `CLONE_NEWUSER|CLONE_NEWUTS`."""
    return "|".join(sorted(f"CLONE_NEW{'NS' if kind is Kind.MNT else kind.name}" for kind in set(kinds)))


# --- Users -----------------------------------------------------------------


def map_to_root(pid: int, uid: int, gid: int) -> None:
    """Let user `uid` and group `gid` of outside be 0 inside the user namespace of process `pid`.

    Written from outside by the one who made it, which needs no privilege for one's own number.
    `setgroups` is closed first: otherwise dropping a group could open a file that the group was denied.
    """
    Path(f"/proc/{pid}/setgroups").write_text("deny")
    Path(f"/proc/{pid}/uid_map").write_text(f"0 {uid} 1")
    Path(f"/proc/{pid}/gid_map").write_text(f"0 {gid} 1")


# --- Clocks ----------------------------------------------------------------


def shift_boot_clock(offset_s: int) -> None:
    """Let the machine seem to have been up `offset_s` longer, in a TIME namespace that has no member yet."""
    Path("/proc/self/timens_offsets").write_text(f"boottime {offset_s} 0\nmonotonic {offset_s} 0\n")
