"""System calls that Python does not have: each one works, or raises `Refused` with what to do next.

Every call goes through one funnel, `_call`, so that every refusal reads the same way:
operation, objects, the kernel's word for the cause, and the next step.

The numbers are those of linux/sched.h, linux/mount.h and linux/prctl.h; tests/linux compares them with the headers.
Read in this order: Refused, the funnel, then the calls.
"""

from __future__ import annotations

import ctypes
import errno
import os

# --- Words -----------------------------------------------------------------

MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8  # umount2(2)
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36  # prctl(2)

WHY = {
    ("unshare", errno.EPERM): "it takes CAP_SYS_ADMIN; ask for a user namespace with it, which brings the right",
    ("unshare", errno.EINVAL): "a user namespace takes a process with one thread; start a fresh one, as Enclosed does",
    ("unshare", errno.ENOSPC): "a limit under /proc/sys/user is reached; raise it with sysctl",
    ("setns", errno.EPERM): "it takes CAP_SYS_ADMIN there; join the user namespace that owns it in the same call",
    ("setns", errno.EINVAL): "this process is in that user namespace already, or it has several threads",
    ("setns", errno.ESRCH): "that process has ended; start it again",
    ("mount", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("mount", errno.ENOENT): "the target or the source is missing; create it first",
    ("mount", errno.ENODEV): "this kernel does not know that filesystem; see /proc/filesystems",
    ("mount", errno.EINVAL): "an option is wrong, or the source holds no such filesystem; dmesg says more",
    ("umount2", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("umount2", errno.EINVAL): "it is no mount point here, or it came from a namespace with more rights",
    ("umount2", errno.EBUSY): "a process still uses it; end that process or unmount lazily",
    ("umount2", errno.ENOENT): "there is no such path",
    ("pivot_root", errno.EBUSY): "the new root must be a mount point; bind-mount it onto itself first",
    ("pivot_root", errno.EINVAL): "the new root must be a private mount, with the old root's new place below it",
    ("pivot_root", errno.EPERM): "it takes CAP_SYS_ADMIN over this mount namespace; unshare USER and MNT first",
    ("sethostname", errno.EPERM): "it takes CAP_SYS_ADMIN over this UTS namespace; unshare USER and UTS first",
    ("sethostname", errno.EINVAL): "a host name has at most 64 bytes; choose a shorter one",
}  # fmt: skip


class Refused(OSError):
    """The kernel refused a system call. `errno` is its number; the message names call, objects, cause and next step."""

    def __str__(self) -> str:
        return str(self.strerror)


def refused(operation: str, objects: str, number: int) -> Refused:
    """The exception for error `number` of `operation(objects)`; not raised here."""
    why = WHY.get((operation, number)) or os.strerror(number).lower()
    return Refused(number, f"{operation}({objects}): {errno.errorcode.get(number, number)}: {why}")


# --- The funnel ------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_text, _long, _int, _size = ctypes.c_char_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_size_t
_libc.unshare.argtypes = (_int,)
_libc.setns.argtypes = (_int, _int)
_libc.mount.argtypes = (_text, _text, _text, _long, _text)
_libc.umount2.argtypes = (_text, _int)
_libc.pivot_root.argtypes = (_text, _text)
_libc.sethostname.argtypes = (_text, _size)
_libc.prctl.argtypes = (_int, _long, _long, _long, _long)


def _call(operation: str, objects: str, *arguments: object) -> int:
    result: int = getattr(_libc, operation)(*arguments)
    if result == -1:
        raise refused(operation, objects, ctypes.get_errno())
    return result


# --- The calls -------------------------------------------------------------


def unshare(flags: int, names: str = "") -> None:
    """Leave the namespaces of `flags` for new ones; `names` is how an error speaks of them. unshare(2)"""
    _call("unshare", names or hex(flags), flags)


def setns(fd: int, flags: int, names: str = "") -> None:
    """Enter the namespaces of `flags` that `fd` (a namespace file, or a pidfd) leads to. setns(2)"""
    _call("setns", names or f"{fd}, {flags:#x}", fd, flags)


def mount(source: str, target: str, filesystem: str = "", flags: int = 0, options: str = "") -> None:
    """Attach something to the tree at `target`. mount(2)"""
    shown = ", ".join(repr(each) for each in (source, target, filesystem) if each)
    _call("mount", shown, *map(os.fsencode, (source, target, filesystem)), flags, os.fsencode(options))


def umount(target: str, flags: int = 0) -> None:
    """Detach the uppermost mount at `target`. umount2(2)"""
    _call("umount2", repr(target), os.fsencode(target), flags)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root of this mount namespace and move the old root to `put_old`. pivot_root(2)"""
    _call("pivot_root", repr(new_root), os.fsencode(new_root), os.fsencode(put_old))


def sethostname(name: str) -> None:
    """Rename the machine, for everybody in this UTS namespace. sethostname(2)"""
    encoded = name.encode()
    _call("sethostname", repr(name), encoded, len(encoded))


def prctl(option: int, argument: int) -> None:
    """Set one property of this process. prctl(2)"""
    _call("prctl", f"{option}, {argument}", option, argument, 0, 0, 0)
