"""The state folder, and how a small file gets into it wholly or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cutaway.problem import Problem


def state_folder() -> Path:
    """Where Cutaway remembers: $CUTAWAY_STATE, else `cutaway` in the XDG state folder; made if missing."""
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = Path(os.environ.get("CUTAWAY_STATE") or Path(home).expanduser() / "cutaway").absolute()
    with explained("making the state folder", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.resolve()


def ledger_folder() -> Path:
    """The part of the state folder that holds the ledger's entries."""
    folder = state_folder() / "ledger"
    with explained("making the ledger", folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write(path: Path, text: str) -> None:
    """Put `text` into `path` so that even a power cut leaves either the old content or the new."""
    draft = path.with_suffix(".draft")
    with explained("writing", path):
        try:
            with draft.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        except BaseException:
            with suppress(FileNotFoundError):
                draft.unlink()
            raise
        _sync(path.parent)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold `folder` against every other process that asks; a killed holder lets go."""
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
        raise Problem(
            f"{action} {path}: {(error.strerror or str(error)).lower()}; "
            "free some space there, or set CUTAWAY_STATE to a folder that you may write to"
        ) from error


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
