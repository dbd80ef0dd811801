"""Attaching and detaching: what mount(2) does, one purpose a function.

Stands apart from mounts.py, which reads what is attached, because a container runtime starts often and loads only this.
See mount(2), mount_namespaces(7), shared subtrees; taught in notebooks 06 and 08.
"""

from __future__ import annotations

import errno
import os
import struct

from cutaway.linux import calls, files

# --- Words -----------------------------------------------------------------


class Flag:
    """What mount(2) calls MS_... (linux/mount.h): plain numbers, to be joined by |."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    SYNCHRONOUS = 16
    REMOUNT = 32
    MANDLOCK = 64
    DIRSYNC = 128
    NOSYMFOLLOW = 256
    NOATIME = 1024
    NODIRATIME = 2048
    BIND = 4096
    MOVE = 8192
    REC = 16384
    SILENT = 32768
    UNBINDABLE = 1 << 17
    PRIVATE = 1 << 18
    SLAVE = 1 << 19
    SHARED = 1 << 20
    RELATIME = 1 << 21
    I_VERSION = 1 << 23
    STRICTATIME = 1 << 24
    LAZYTIME = 1 << 25


# What a mount keeps of its options when it is remounted; a user namespace may not drop what came from outside.
LOCKED = {
    os.ST_RDONLY: Flag.RDONLY,
    os.ST_NOSUID: Flag.NOSUID,
    os.ST_NODEV: Flag.NODEV,
    os.ST_NOEXEC: Flag.NOEXEC,
    os.ST_NOATIME: Flag.NOATIME,
    os.ST_NODIRATIME: Flag.NODIRATIME,
    os.ST_RELATIME: Flag.RELATIME,
}

# --- Changing --------------------------------------------------------------


def make_private(target: str = "/") -> None:
    """Let no later mount below `target` travel to another mount namespace, nor arrive from one."""
    calls.mount("", target, flags=Flag.REC | Flag.PRIVATE)


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Show the tree at `source` at `target` as well."""
    calls.mount(source, target, flags=Flag.BIND | Flag.REC)
    if read_only:
        restrict(target, Flag.RDONLY)


def restrict(target: str, more: int) -> None:
    """Give a mount further options and keep those that it has; a bind mount takes options only when it is remounted."""
    calls.mount("", target, flags=Flag.BIND | Flag.REMOUNT | kept(target) | more)


def change_tree(target: str, on: int, off: int = 0) -> None:
    """Set and clear attributes, MOUNT_ATTR_... of linux/mount.h, of a mount and all below it. Needs Linux 5.12."""
    calls.mount_setattr(target, struct.pack("=QQQQ", on, off, 0, 0))  # struct mount_attr: propagation, user namespace


def kept(target: str) -> int:
    """The options that the mount at `target` has now."""
    now = os.statvfs(target).f_flag
    return sum(ours for theirs, ours in LOCKED.items() if now & theirs)


def mask(path: str) -> None:
    """Let nobody see what is at `path`: a file reads as empty, a folder is empty. Where nothing is, nothing is done."""
    try:
        calls.mount("/dev/null", path, flags=Flag.BIND)
    except calls.Refused as refused:
        if refused.errno == errno.ENOTDIR:  # a file cannot lie on a folder
            calls.mount("tmpfs", path, "tmpfs", Flag.RDONLY)
        elif refused.errno != errno.ENOENT:
            raise


def make_read_only(path: str) -> None:
    """Let nobody change what is at `path` by that way. Where nothing is, nothing is done."""
    try:
        calls.mount(path, path, flags=Flag.BIND | Flag.REC)
    except calls.Refused as refused:
        if refused.errno == errno.ENOENT:
            return
        raise
    restrict(path, Flag.RDONLY)


def tmpfs(target: str, size_bytes: int, entries: int = 0) -> None:
    """Mount an empty filesystem in memory, of at most `size_bytes`, and of at most `entries` files unless that is 0."""
    calls.mount("tmpfs", target, "tmpfs", Flag.NOSUID | Flag.NODEV, f"size={size_bytes},nr_inodes={entries}")


def proc(target: str = "/proc") -> None:
    """Mount a fresh /proc, which shows the processes of the mounting process's PID namespace."""
    try:
        calls.mount("proc", target, "proc", Flag.NOSUID | Flag.NODEV | Flag.NOEXEC)
    except calls.Refused as refused:
        targets = [line.split()[4] for line in files.read("/proc/self/mountinfo").splitlines()]
        if refused.errno == errno.EPERM and any(each.startswith("/proc/") for each in targets):
            why = (
                "parts of /proc are masked here, as in a container; start it with --security-opt systempaths=unconfined"
            )
            raise calls.Refused(errno.EPERM, refused.call, why) from None
        raise


def overlay(target: str, lower: str, upper: str, work: str, *, within_user: bool = False) -> None:
    """Mount `lower` with a writable layer `upper` over it; `work` is empty and lies beside `upper`.

    In a user namespace the layer keeps its notes in attributes that every user may write. Needs Linux 5.11 there.
    """
    lower, upper, work = (each.replace(",", "\\,").replace(":", "\\:") for each in (lower, upper, work))
    more = ",userxattr" if within_user else ""
    calls.mount("overlay", target, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={work}{more}")


def unmount(target: str, *, lazily: bool = False) -> None:
    """Detach the uppermost mount at `target`; lazily: now from the tree, and wholly when its last user has gone."""
    calls.umount(os.fspath(target), calls.UMOUNT_NOFOLLOW | (calls.MNT_DETACH if lazily else 0))
