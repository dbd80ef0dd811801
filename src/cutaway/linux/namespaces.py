"""The eight kinds of namespace: which ones a process is in, how to get new ones, how to join another's.

A namespace is an instance of what a kernel has once, that some processes share and others do not.
Its identity is a number behind a link, /proc/PID/ns/KIND: two processes share it when the numbers are equal.
See namespaces(7), user_namespaces(7); taught in notebook 06.
"""

from __future__ import annotations

import enum
import errno
import os
from collections.abc import Iterable

from cutaway.linux import calls, files

# --- Words -----------------------------------------------------------------


class Kind(enum.Enum):
    """One kind of namespace: `value` is its name under /proc/PID/ns, `flag` its CLONE_NEW... of linux/sched.h."""

    CGROUP = "cgroup", calls.CLONE_NEWCGROUP
    IPC = "ipc", calls.CLONE_NEWIPC
    MNT = "mnt", calls.CLONE_NEWNS
    NET = "net", calls.CLONE_NEWNET
    PID = "pid", calls.CLONE_NEWPID
    TIME = "time", calls.CLONE_NEWTIME
    USER = "user", calls.CLONE_NEWUSER
    UTS = "uts", calls.CLONE_NEWUTS

    flag: int

    def __new__(cls, name: str, flag: int = 0) -> Kind:
        kind = object.__new__(cls)
        kind._value_, kind.flag = name, flag
        return kind

    @property
    def called(self) -> str:
        """As the manual pages write it: `CLONE_NEWUTS`."""
        return f"CLONE_NEW{'NS' if self is Kind.MNT else self.name}"

    def __repr__(self) -> str:
        return f"Kind.{self.name}"


Pid = int | str  # a process number, or "self"

CAP_SYS_ADMIN = 21  # linux/capability.h: the right to make every kind but USER

# --- Seeing ----------------------------------------------------------------


def identity(kind: Kind, pid: Pid = "self") -> int:
    """The number of the namespace of this kind that the process is in."""
    return os.stat(f"/proc/{pid}/ns/{kind.value}").st_ino


def identities(pid: Pid = "self") -> dict[Kind, int]:
    """The number of every namespace that the process is in."""
    return {kind: identity(kind, pid) for kind in Kind}


def shared(one: Pid, other: Pid) -> set[Kind]:
    """The kinds of which both processes use the same namespace."""
    return {kind for kind in Kind if identity(kind, one) == identity(kind, other)}


def may_make_any() -> bool:
    """Whether this process may make namespaces of every kind; others must begin with USER."""
    status = files.read("/proc/self/status")
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return bool(effective >> CAP_SYS_ADMIN & 1)


# --- Leaving ---------------------------------------------------------------


def unshare(kinds: Iterable[Kind]) -> None:
    """Give this process new namespaces of `kinds`; of PID and TIME only its later children will be members."""
    calls.unshare(flags(kinds), names(kinds))


def map_to_root(pid: int, uid: int, gid: int) -> None:
    """Let user `uid` and group `gid` of outside be 0 inside the user namespace of process `pid`.

    Its maker writes the maps from outside; to map one's own numbers takes no privilege. But first the maker must
    deny everybody inside to change groups: who left a group could open a file that is closed to that group alone.
    """
    files.write(f"/proc/{pid}/setgroups", "deny")
    files.write(f"/proc/{pid}/uid_map", f"0 {uid} 1")
    files.write(f"/proc/{pid}/gid_map", f"0 {gid} 1")


def map_self(inside: int, uid: int, gid: int) -> None:
    """Be user and group `inside` in the user namespace that this process has just made, where it was `uid` and `gid`.

    The numbers must be this process's own outside. What it may do inside does not depend on the number.
    """
    files.write("/proc/self/setgroups", "deny")
    files.write("/proc/self/uid_map", f"{inside} {uid} 1")
    files.write("/proc/self/gid_map", f"{inside} {gid} 1")


# --- Joining and keeping ---------------------------------------------------


def join(pidfd: int, kinds: Iterable[Kind]) -> None:
    """Move this process into the namespaces of `kinds` of the process behind `pidfd`: into all of them, or none.

    In one call, because the kernel then takes the user namespace first, whose rights open the others.
    Of PID only later children become members. Needs Linux 5.8.
    """
    calls.setns(pidfd, flags(kinds), names(kinds))


def hold(pid: Pid, kinds: Iterable[Kind]) -> dict[Kind, int]:
    """Open files that keep these namespaces alive without any process in them, until the caller closes them."""
    return {kind: os.open(f"/proc/{pid}/ns/{kind.value}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds}


# --- As the system calls want them -----------------------------------------


def flags(kinds: Iterable[Kind]) -> int:
    """The kinds in one number."""
    return sum(kind.flag for kind in set(kinds))


def names(kinds: Iterable[Kind]) -> str:
    """The kinds as the manual pages write them: `CLONE_NEWUSER|CLONE_NEWUTS`."""
    return "|".join(sorted(kind.called for kind in set(kinds)))


# --- When user namespaces are refused --------------------------------------

SWITCHES = (
    ("/proc/sys/user/max_user_namespaces", "0",
     "no more user namespaces are allowed here; as root: sysctl user.max_user_namespaces=15000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0",
     "this machine keeps them for root; as root: sysctl kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "AppArmor takes a new user namespace its rights away, as Ubuntu has it since 23.10; "
     "as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
)  # fmt: skip

REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EUSERS)  # what a closed switch looks like from below


def obstacle() -> str | None:
    """Why user namespaces, or rights within them, are refused here, and how to enable them; None if nothing forbids."""
    for path, closed, sentence in SWITCHES:
        if os.path.exists(path) and files.read(path).strip() == closed:
            return sentence
    if "\nSeccomp:\t2" in files.read("/proc/self/status"):
        return "a seccomp filter, such as Docker's, may forbid them; start the container with seccomp=unconfined"
    return None
