"""A checkout in a closed folder, as in root's home, is readable to the ordinary users whose part the tests play."""

from __future__ import annotations

import os
from pathlib import Path

from cutaway.ground.guest import cache
from cutaway.linux import Kind, mounts, namespaces

OTHERS_MAY_ENTER = 0o001


def open_the_way(path: Path) -> None:
    """Let every user reach `path`, seen by this process and those that it starts, and by nobody else.

    Each closed folder above is shown again with its door open, in a mount namespace of our own: the folder itself is
    not touched. What is made beside its entries lies in memory; a cache that is not there yet would not fit, so that is
    made before. Only root can do this; without root there is one user, who owns the checkout.
    """
    closed = [each for each in reversed(path.parents) if not each.stat().st_mode & OTHERS_MAY_ENTER]
    if closed and os.geteuid() == 0:
        cache.folder()
        namespaces.unshare([Kind.MNT])
        mounts.make_private()
        for folder in closed:
            show_open(folder)


def show_open(folder: Path) -> None:
    """Mount over `folder` an empty one that others may enter, with all its entries bound into it."""
    entries = list(os.scandir(folder))
    held = os.open(folder, os.O_PATH)
    mounts.tmpfs(str(folder), 1 << 20)
    folder.chmod(0o755)
    for entry in entries:
        if entry.is_symlink():
            (folder / entry.name).symlink_to(os.readlink(entry.name, dir_fd=held))
            continue
        (folder / entry.name).mkdir() if entry.is_dir() else (folder / entry.name).touch()
        mounts.bind(f"/proc/self/fd/{held}/{entry.name}", str(folder / entry.name))
    os.close(held)
