"""Removing files and folders, and never anything else.

Ours is what lies below the state folder, and a path one of whose parts begins with `cutaway-`.
A symbolic link is never followed: not on the way to a path, and not below it. A mount below it is detached first.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from cutaway.ledger import state
from cutaway.linux import mounts
from cutaway.problem import Problem

OUR_PREFIX = "cutaway-"


def ours(path: str) -> Path:
    """The path in full, its parent resolved; Problem when it is not for us to remove."""
    full = Path(path).parent.resolve() / Path(path).name
    below_state = full.is_relative_to(state.location()) and full != state.state_folder()
    if not below_state and not any(part.startswith(OUR_PREFIX) for part in full.parts):
        raise Problem(
            f"recording {full}: it lies outside {state.location()} and no part of it begins with {OUR_PREFIX}; "
            "choose another path"
        )
    return full


def remove(path: str) -> None:
    """Make the file or folder gone, with all that is in it."""
    full = ours(path)
    for mount in reversed(mounts.mounts()):
        if Path(mount.target).is_relative_to(full):
            mounts.unmount(mount.target, lazily=True)
    try:
        parent = _opened(full.parent)
    except FileNotFoundError:
        return
    try:
        _remove_at(parent, full.name)
    except PermissionError:
        if not _remove_as_their_root(full):
            raise
    finally:
        os.close(parent)


def _opened(folder: Path) -> int:
    """A descriptor of `folder`, reached one part at a time, so that no part can be a link."""
    fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in folder.parts[1:]:
        upper, fd = fd, os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        os.close(upper)
    return fd


def _remove_at(parent: int, name: str) -> None:
    import shutil  # slow to import, and seldom needed

    try:
        kind = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(kind.st_mode):
        shutil.rmtree(name, dir_fd=parent, onerror=_open_up)
    else:
        os.unlink(name, dir_fd=parent)


def _remove_as_their_root(full: Path) -> bool:
    """Remove what a user's containers left: their ids are lent to us, and some of their folders nobody may open."""
    import subprocess  # slow to import, and seldom needed

    from cutaway.linux import subordinate

    argv = [sys.executable, "-I", "-S", subordinate.__file__, "rm", "-rf", str(full)]
    return subordinate.available() and subprocess.run(argv, check=False).returncode == 0


def _open_up(function: Callable[..., object], path: str, error: object) -> None:
    raise error[1]  # type: ignore[index]
