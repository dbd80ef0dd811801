"""Mounts: what is attached where in a mount namespace; attach.py attaches more.

See mount(2), mount_namespaces(7) and, for the fields of mountinfo, proc(5). Taught in notebooks 06 and 08.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from cutaway.linux.attach import Flag, bind, change_tree, make_private, overlay, proc, tmpfs, unmount

__all__ = [
    "Flag", "Mount", "bind", "make_private", "mounted", "mounts", "overlay", "parsed", "proc", "seal", "tmpfs",
    "unmount",
]  # fmt: skip

# --- Words -----------------------------------------------------------------


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


def seal(target: str, *, devices: bool = False) -> None:
    """Make the whole tree at `target` read-only and its setuid bits void, and unless `devices` its device files too.

    With every mount below it, which MS_REMOUNT would leave as they are. Needs Linux 5.12. mount_setattr(2)
    """
    wanted = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (0 if devices else MOUNT_ATTR_NODEV)
    change_tree(target, wanted)
