"""Removing files and folders that are ours, and never anything else.

Ours is what lies below the state folder, and a path one of whose parts begins with `cutaway-`. No symbolic link is
followed, neither on the way to the path nor below it, and a mount below it is detached, never emptied.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.ledger import state
from cutaway.linux import mounts
from cutaway.problem import Problem

OUR_PREFIX = "cutaway-"
FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def ours(path: str) -> Path:
    """The path, with no link on the way to it; Problem when it is not for us to remove."""
    full = Path(os.path.normpath(path)).parent.resolve() / Path(os.path.normpath(path)).name
    below_state = state.location() in full.parents
    if not below_state and not any(part.startswith(OUR_PREFIX) for part in full.parts):
        raise Problem(
            f"claiming {full}: it lies outside {state.location()} and no part of it begins with {OUR_PREFIX}; "
            "choose another path"
        )
    return full


def remove(path: str) -> None:
    """Make the file or folder gone, with all that is in it; what is not there is gone already."""
    full = ours(path)
    for mount in reversed(mounts.mounts()):
        if Path(mount.target).is_relative_to(full):
            mounts.unmount(mount.target, lazily=True)
    try:
        _remove(full)
    except PermissionError as refused:
        _remove_as_lender(full, refused)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        parent = _opened(path.parent)
        try:
            _remove_at(parent, path.name)
        finally:
            os.close(parent)


def _remove_as_lender(path: Path, refused: PermissionError) -> None:
    """Remove also what belongs to the users that were lent to us, as root of a namespace that has them."""
    from cutaway.linux import subordinate  # slow to import, and seldom needed

    if not subordinate.available():
        raise refused
    python = [sys.executable, "-I", "-S"]
    words = [*python, subordinate.__file__, *python, __file__, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(f"removing {path} with the users lent to us: {done.stderr.strip()}") from refused


def _opened(folder: Path) -> int:
    """A descriptor of `folder`, reached one part at a time, so that no part can have become a link."""
    fd = os.open("/", FOLDER)
    for part in folder.parts[1:]:
        upper = fd
        try:
            fd = os.open(part, FOLDER, dir_fd=upper)
        finally:
            os.close(upper)
    return fd


def _remove_at(parent: int, name: str) -> None:
    """Remove the entry `name` of the folder `parent`: by descriptors, so that nothing is ever reached by a path."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=parent)
        return
    folder = os.open(name, FOLDER, dir_fd=parent)
    try:
        with suppress(PermissionError):  # not our own file: whoever is root may go on all the same
            Path(f"/proc/self/fd/{folder}").chmod(stat.S_IRWXU)  # it may have been closed to its owner
        inside = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        for entry in os.listdir(inside):  # noqa: PTH208 - a Path cannot stand for a descriptor
            with suppress(FileNotFoundError):  # somebody else was faster; there are others
                _remove_at(inside, entry)
    finally:
        os.close(inside)
    os.rmdir(name, dir_fd=parent)


if __name__ == "__main__":
    _remove(ours(sys.argv[1]))
