"""The state folder, and how a small file gets into it wholly or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cutaway.linux.processes import Process
from cutaway.problem import Problem

DRAFT = ".draft"
FULL = (errno.ENOSPC, errno.EDQUOT)

# --- Where -----------------------------------------------------------------


def location() -> Path:
    """Where the state folder is or would be: $CUTAWAY_STATE, else `cutaway` in the XDG state folder."""
    if named := os.environ.get("CUTAWAY_STATE"):
        return Path(named).absolute().resolve()
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser().resolve() / "cutaway"
    except RuntimeError as error:
        raise Problem(
            f"looking for your home folder: {str(error).lower().rstrip('.')}; set HOME or CUTAWAY_STATE"
        ) from error


def state_folder() -> Path:
    """The state folder, made if it is missing; Problem when the disk refuses."""
    return _made(location())


def ledger_folder() -> Path:
    """Its part that holds the ledger, made if it is missing."""
    return _made(state_folder() / "ledger")


def mark() -> str:
    """A short word that is the same for all that is recorded in this state folder, and for no other."""
    return f"{zlib.crc32(os.fsencode(location())):08x}"


def _made(folder: Path) -> Path:
    with explained("making", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


# --- Writing ---------------------------------------------------------------


def write(path: Path, text: str) -> None:
    """Put `text` into `path` so that even a power cut leaves the old content or the new, never half of it."""
    draft = path.with_suffix(f".{os.getpid()}{DRAFT}")
    with explained("writing", path):
        try:
            _write_out(draft, text)
            draft.rename(path)
            _sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def drop_drafts(folder: Path) -> None:
    """Remove what processes were about to write when they were killed."""
    for draft in folder.glob(f"*{DRAFT}"):
        if not _writes(int(draft.suffixes[-2].removeprefix("."))):
            draft.unlink(missing_ok=True)


def _writes(number: int) -> bool:
    """Whether a process of that number runs; one that was killed is a zombie until its parent looks."""
    try:
        return Process.of(number).alive()
    except ProcessLookupError:
        return False


def _write_out(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Let the disk learn of the new name, too."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- Sharing ---------------------------------------------------------------


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold `folder` against every other process that asks for it; a killed holder lets go."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def explained(action: str, path: Path) -> Iterator[None]:
    """Turn a refusal of the disk into one sentence for the reader."""
    try:
        yield
    except OSError as error:
        room = "free some space there, or " if error.errno in FULL else ""
        raise Problem(
            f"{action} {path}: {(error.strerror or str(error)).lower()}; "
            f"{room}set CUTAWAY_STATE to a folder that you may write to"
        ) from error
