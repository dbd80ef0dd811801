"""Mounts: what is attached where in a mount namespace, and how to attach more.

See mount(2), mount_namespaces(7) and, for the fields of mountinfo, proc(5). Taught in notebooks 06 and 08.
"""

from __future__ import annotations

import enum
import errno
import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

from cutaway.linux import calls

# --- Words -----------------------------------------------------------------


class Flag(enum.IntFlag):
    """What mount(2) calls MS_... (linux/mount.h)."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    REMOUNT = 32
    BIND = 4096
    MOVE = 8192
    REC = 16384
    UNBINDABLE = 1 << 17
    PRIVATE = 1 << 18
    SLAVE = 1 << 19
    SHARED = 1 << 20


MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4  # linux/mount.h, for mount_setattr(2)


class Mount(NamedTuple):
    """One line of mountinfo."""

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: frozenset[str]
    propagation: tuple[str, ...]
    filesystem: str
    source: str
    super_options: frozenset[str]


# --- Seeing ----------------------------------------------------------------


def mounts(pid: int | str = "self") -> list[Mount]:
    """What is mounted in the mount namespace of the process, in the order in which the kernel lists it."""
    return [parsed(line) for line in Path(f"/proc/{pid}/mountinfo").read_text(errors="surrogateescape").splitlines()]


def parsed(line: str) -> Mount:
    """A line of mountinfo; between the options and the dash stand any number of propagation fields."""
    before, after = line.split(" - ", 1)
    number, parent, device, root, target, options, *propagation = before.split(" ")
    filesystem, source, super_options = after.split(" ", 2)
    return Mount(
        int(number),
        int(parent),
        device,
        _plain(root),
        _plain(target),
        frozenset(options.split(",")),
        tuple(propagation),
        filesystem,
        _plain(source),
        frozenset(super_options.split(",")),
    )


def mounted(target: str) -> int:
    """How many mounts lie on top of one another at exactly this path."""
    return sum(mount.target == target for mount in mounts())


def _plain(text: str) -> str:
    r"""mountinfo writes space, tab, newline and backslash as \040 and the like."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


# --- Changing --------------------------------------------------------------


def make_private(target: str = "/") -> None:
    """Let no later mount below `target` travel to another mount namespace, nor arrive from one."""
    calls.mount("", target, flags=Flag.REC | Flag.PRIVATE)


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Show the tree at `source` at `target` as well."""
    calls.mount(source, target, flags=Flag.BIND | Flag.REC)
    if read_only:  # a bind mount takes its options only when it is remounted
        calls.mount("", target, flags=Flag.BIND | Flag.REMOUNT | Flag.RDONLY)


def proc(target: str = "/proc") -> None:
    """Mount a fresh /proc, which shows the processes of the mounting process's PID namespace."""
    try:
        calls.mount("proc", target, "proc", Flag.NOSUID | Flag.NODEV | Flag.NOEXEC)
    except calls.Refused as refused:
        if refused.errno == errno.EPERM and any(mount.target.startswith("/proc/") for mount in mounts()):
            why = (
                "parts of /proc are masked here, as in a container; start it with --security-opt systempaths=unconfined"
            )
            raise calls.Refused(errno.EPERM, refused.call, why) from None
        raise


def seal(target: str, *, devices: bool = False) -> None:
    """Make the whole tree at `target` read-only and its setuid bits void, and unless `devices` its device files too.

    With every mount below it, which MS_REMOUNT would leave as they are. Needs Linux 5.12. mount_setattr(2)
    """
    wanted = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (0 if devices else MOUNT_ATTR_NODEV)
    attributes = struct.pack("=QQQQ", wanted, 0, 0, 0)  # struct mount_attr: set, clear, propagation, user namespace
    calls.mount_setattr(target, attributes)


def tmpfs(target: str, size_bytes: int, entries: int = 0) -> None:
    """Mount an empty filesystem in memory, of at most `size_bytes`, and of at most `entries` files unless that is 0."""
    calls.mount("tmpfs", target, "tmpfs", Flag.NOSUID | Flag.NODEV, f"size={size_bytes},nr_inodes={entries}")


def overlay(target: str, lower: str, upper: str, work: str) -> None:
    """Mount `lower` with a writable layer `upper` over it; `work` is empty and lies beside `upper`."""
    calls.mount("overlay", target, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={work}")


def unmount(target: str, *, lazily: bool = False) -> None:
    """Detach the uppermost mount at `target`; lazily: now from the tree, and wholly when its last user has gone."""
    calls.umount(os.fspath(target), calls.UMOUNT_NOFOLLOW | (calls.MNT_DETACH if lazily else 0))
