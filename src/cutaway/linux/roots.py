"""Another root folder for this process: two ways, of which one can be climbed out of.

Every process has a root, at which its absolute names begin and above which `..` does not lead. See chroot(2) and
pivot_root(2), "NOTES"; taught in notebook 08.
"""

from __future__ import annotations

import os

from cutaway.linux import attach, calls


def change(root: str) -> None:
    """Let names begin at `root`, and stand there; the old root stays mounted above."""
    os.chroot(root)
    os.chdir("/")


def pivot(root: str) -> None:
    """Make `root` the whole of this mount namespace, which must be the process's own.

    Nothing is mounted above it then. What was open before stays open, and leads where it led.
    """
    attach.make_private()
    attach.bind(root, root)  # the new root must be a mount
    enter(root)


def enter(mount: str) -> None:
    """The same with a `mount` that is there already, where mounts are private."""
    os.chdir(mount)
    calls.pivot_root(".", ".")  # the old root is now stacked on the new one
    calls.umount(".", calls.MNT_DETACH)
    os.chdir("/")
