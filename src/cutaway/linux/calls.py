"""System calls that Python does not have: each one works, or raises `Refused`, which says what to do next.

Every call goes through one funnel, `_call`, so that every refusal reads the same way: the call with its objects,
the kernel's word for the cause, what that word means here, and the next step.

The numbers are those of the kernel's headers, named beside them; a test asks a C compiler.
Read in this order: words, refusals, the funnel, then the calls.
"""

from __future__ import annotations

import errno
import os
import struct

from cutaway.linux import syscalls
from cutaway.linux.foreign import Int, Long, Text, buffer, function, get_errno, strings
from cutaway.linux.light import signal

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# --- Words -----------------------------------------------------------------

AT_FDCWD, AT_RECURSIVE = -100, 0x8000  # linux/fcntl.h
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8  # linux/fs.h, for umount2(2)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36  # linux/prctl.h
CLONE_NEWTIME, CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00000080, 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
CLONE_PARENT = 0x00008000  # linux/sched.h: the new process is a child of the caller's parent
CLOSE_RANGE_CLOEXEC = 4  # linux/close_range.h
RESOLVE_NO_MAGICLINKS, RESOLVE_IN_ROOT = 2, 16  # linux/openat2.h
RENAME_EXCHANGE = 2  # linux/fs.h
KEYCTL_JOIN_SESSION_KEYRING = 1  # linux/keyctl.h

WHY = {
    ("execve", errno.ENOENT): "no such program there; give its full path, or look at PATH",
    ("execve", errno.EACCES): "it, or a folder of PATH, is closed to this user; give its full path, or open it",
    ("unshare", errno.EPERM): "it takes CAP_SYS_ADMIN; ask for a USER namespace with it, which brings the right",
    ("unshare", errno.EINVAL): "a USER namespace takes a process with one thread; start a fresh one, as Enclosed does",
    ("unshare", errno.ENOSPC): "a limit in /proc/sys/user is reached; raise it with sysctl",
    ("setns", errno.EPERM): "it takes CAP_SYS_ADMIN there; join the USER namespace that owns it in the same call",
    ("setns", errno.EINVAL): "it is in that USER namespace already, or has several threads; join from a fresh process",
    ("setns", errno.ESRCH): "that process has ended; start it again",
    ("mount", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("mount", errno.ENOENT): "the source or the target is missing; create it first",
    ("mount", errno.ENODEV): "this kernel has no such filesystem; /proc/filesystems lists those it has",
    ("mount", errno.EINVAL): "an option is wrong, or the source holds no such filesystem; dmesg says more",
    ("umount2", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("umount2", errno.EINVAL): "it is no mount point, or one that came locked from outside; see /proc/self/mountinfo",
    ("umount2", errno.EBUSY): "a process still uses it; end that process, or unmount lazily",
    ("umount2", errno.ENOENT): "there is no such path; see /proc/self/mountinfo",
    ("mount_setattr", errno.ENOSYS): "this kernel is older than 5.12; a newer one seals whole trees",
    ("mount_setattr", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("pivot_root", errno.EBUSY): "both must lie on a mount other than the root's; bind the new root onto itself first",
    ("pivot_root", errno.EINVAL): "the new root must be a private mount point, with the old root's place in it",
    ("pivot_root", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("sethostname", errno.EPERM): "it takes CAP_SYS_ADMIN over this UTS namespace; unshare USER and UTS first",
    ("capset", errno.EPERM): "a thread gains nothing by it; name only what `permitted` already has",
    ("seccomp", errno.EACCES): "it takes CAP_SYS_ADMIN; give up new privileges first",
    ("sethostname", errno.EINVAL): "a host name has at most 64 bytes; choose a shorter one",
}  # fmt: skip

# --- Refusals --------------------------------------------------------------


class Refused(OSError):
    """The kernel refused `call`, a text such as `mount('/a', '/b')`; `errno` is its number, `why` means it here."""

    def __init__(self, number: int, call: str, why: str) -> None:
        super().__init__(number, f"{call}: {errno.errorcode.get(number, number)}: {why}")
        self.call, self.why = call, why

    def __str__(self) -> str:
        return str(self.strerror)


def refusal(operation: str, objects: str, number: int) -> Refused:
    """The exception for error `number` of `operation` on `objects`."""
    why = WHY.get((operation, number)) or os.strerror(number).lower()
    return Refused(number, f"{operation}({objects})", why)


# --- The funnel ------------------------------------------------------------

LIBRARY = {
    "unshare": function("unshare", Int),
    "setns": function("setns", Int, Int),
    "mount": function("mount", Text, Text, Text, Long, Text),
    "umount2": function("umount2", Text, Int),
    "pivot_root": function("pivot_root", Text, Text),
    "sethostname": function("sethostname", Text, Long),
    "setdomainname": function("setdomainname", Text, Long),
    "prctl": function("prctl", Int, Long, Long, Long, Long),
    "capset": function("capset", Text, Text),
    "capget": function("capget"),
    "execve": function("execve"),
    "socket": function("socket", Int, Int, Int),
}  # what the C library has functions for
_prctl, ZEROS = LIBRARY["prctl"], (0, 0, 0, 0)
_by_number = function("syscall", answers=Long)


def _call(operation: str, objects: str, *arguments: object) -> int:
    answer = LIBRARY[operation](*arguments)
    if answer == -1:
        raise refusal(operation, objects, get_errno())
    return answer


def by_number(operation: str, objects: str, *arguments: int | bytes) -> int:
    """A call for which the C library has no function, or not every C library."""
    number = syscalls.native().get(operation)
    if number is None:
        raise refusal(operation, objects, errno.ENOSYS)
    answer = _by_number(*(each if isinstance(each, bytes) else Long(each) for each in (number, *arguments)))
    if answer == -1:
        raise refusal(operation, objects, get_errno())
    return answer


# --- The calls -------------------------------------------------------------


def unshare(flags: int, names: str) -> None:
    """Leave the namespaces of `flags` for new ones; `names` is how a refusal speaks of them. unshare(2)"""
    _from_python("unshare", names, flags)


def setns(fd: int, flags: int, names: str) -> None:
    """Enter the namespaces of `flags` that `fd`, a namespace file or a pidfd, leads to. setns(2)"""
    _from_python("setns", names, fd, flags)


def mount(source: str, target: str, filesystem: str = "", flags: int = 0, options: str = "") -> None:
    """Attach something to the tree at `target`. mount(2)"""
    objects = ", ".join(repr(each) for each in (source, target, filesystem) if each)
    _call("mount", objects, *map(os.fsencode, (source, target, filesystem)), flags, os.fsencode(options))


def umount(target: str, flags: int = 0) -> None:
    """Detach the uppermost mount at `target`. umount2(2)"""
    _call("umount2", repr(target), os.fsencode(target), flags)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root of this mount namespace and move the old root to `put_old`. pivot_root(2)"""
    _call("pivot_root", f"{new_root!r}, {put_old!r}", os.fsencode(new_root), os.fsencode(put_old))


def sethostname(name: str) -> None:
    """Rename the machine for everybody in this UTS namespace. sethostname(2)"""
    _call("sethostname", repr(name), name.encode(), len(name.encode()))


def prctl(option: int, *arguments: int) -> int:
    """Change or ask one property of this process. prctl(2)"""
    answer = _prctl(option, *arguments, *ZEROS[len(arguments) :])
    if answer == -1:  # not by the funnel: who gives up all capabilities comes here eighty times
        raise refusal("prctl", ", ".join(map(str, (option, *arguments))), get_errno())
    return answer


def capset(header: bytes, data: bytes) -> None:
    """Change the capabilities of this thread. capset(2)"""
    _call("capset", data.hex(), header, data)


def capget(header: bytes, length: int) -> bytes:
    """The capabilities of this thread, `length` bytes of them. capget(2)"""
    data = buffer(bytes(length))
    _call("capget", "", header, data)
    return bytes(data.raw)


def seccomp(operation: int, flags: int, address: int) -> int:
    """Filter the calls of this thread; a descriptor with the flag NEW_LISTENER, else 0. seccomp(2)"""
    return by_number("seccomp", f"{operation}, {flags:#x}", operation, flags, address)


def mount_setattr(target: str, attributes: bytes) -> None:
    """Change attributes, a struct mount_attr, of the mount at `target` and of all below it. mount_setattr(2)"""
    path = os.fsencode(target) + b"\0"
    by_number("mount_setattr", repr(target), AT_FDCWD, path, AT_RECURSIVE, attributes, len(attributes))


def setdomainname(name: str) -> None:
    """Give the machine another NIS domain, for everybody in this UTS namespace. setdomainname(2)"""
    _call("setdomainname", repr(name), name.encode(), len(name.encode()))


def clone(flags: int) -> int:
    """A child in new namespaces from its first moment; in the child the answer is 0, as with fork(2). clone(2)

    For a process with one thread only: Python's own preparations for a fork are not made.
    """
    return by_number("clone", f"{flags:#x}", flags | signal.SIGCHLD, 0, 0, 0, 0)


def forking(flags: int) -> Callable[[], int]:
    """As os.fork, with the child in new namespaces from its first moment; it may start threads, and had them. clone(2)

    Laid ready here and done when it is called, because whoever forks copies what it then touches. The C library is
    not told, and goes on to take its one thread for the one that it was.
    """
    import ctypes  # all of it: a container runtime does not come this way

    python = ctypes.PyDLL(None, use_errno=True)  # whose functions keep Python's own lock
    arguments = [ctypes.c_long(each) for each in (syscalls.native()["clone"], flags | signal.SIGCHLD, 0, 0, 0, 0)]
    before, clone, in_child, in_parent = (
        getattr(python, name)
        for name in ("PyOS_BeforeFork", "syscall", "PyOS_AfterFork_Child", "PyOS_AfterFork_Parent")
    )

    def fork() -> int:
        before()
        pid = int(clone(*arguments))
        number = ctypes.get_errno()
        (in_parent if pid else in_child)()
        if pid == -1:
            raise refusal("clone", f"{flags:#x}", number)
        return pid

    return fork


def execve(path: str, argv: Sequence[str], env: Sequence[str]) -> Callable[[], int]:
    """What becomes another program when it is called: all is laid ready, and that is one system call. execve(2)"""
    vectors = [strings([os.fsencode(word) for word in each]) for each in (argv, env)]
    file = os.fsencode(path)
    return lambda: _call("execve", repr(path), file, *vectors)


def close_on_exec(first: int) -> None:
    """Let no descriptor from `first` up reach the next program. close_range(2)"""
    by_number("close_range", f"{first}", first, 0xFFFFFFFF, CLOSE_RANGE_CLOEXEC)


def close_from(first: int) -> None:
    """Close every descriptor from `first` up. close_range(2)"""
    by_number("close_range", f"{first}", first, 0xFFFFFFFF, 0)


def open_in_root(root: int, path: str, flags: int) -> int:
    """Open `path` as if the folder `root` were /: no link and no .. leads out of it. openat2(2)"""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    return by_number("openat2", f"root, {path!r}", root, os.fsencode(path) + b"\0", how, len(how))


def exchange(one: str, other: str) -> None:
    """Let two files take each other's name in one step, so that no name is without a file. renameat2(2)"""
    paths = [os.fsencode(each) + b"\0" for each in (one, other)]
    by_number("renameat2", f"{one!r}, {other!r}", AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE)


def socket(family: int, kind: int) -> int:
    """A socket's descriptor. socket(2)"""
    return _call("socket", f"{family}, {kind:#o}", family, kind, 0)


def new_session_keyring(name: str) -> None:
    """Leave the keys of whoever started us behind. keyctl(2)"""
    by_number("keyctl", repr(name), KEYCTL_JOIN_SESSION_KEYRING, os.fsencode(name) + b"\0")


def personality(persona: int) -> None:
    """Let uname(2) and the layout of memory be those of another kind of system. personality(2)"""
    by_number("personality", f"{persona:#x}", persona)


def bpf(command: int, attributes: bytes) -> int:
    """Load or attach a program of the kernel's other, younger filter language. bpf(2)"""
    return by_number("bpf", str(command), command, attributes, len(attributes))


def _from_python(operation: str, objects: str, *arguments: int) -> None:
    """Use Python's own function, which it has from 3.12 on, else the C library's."""
    ours = getattr(os, operation, None)
    if ours is None:
        _call(operation, objects, *arguments)
        return
    try:
        ours(*arguments)
    except OSError as error:
        raise refusal(operation, objects, error.errno or 0) from None
