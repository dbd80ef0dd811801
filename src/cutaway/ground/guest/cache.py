"""What is made once and kept: guest kernels, what a machine boots from, and saved machines.

A folder of the cache is there wholly or not at all. While it is being made it is a draft, which the ledger knows.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from cutaway import ledger
from cutaway.ledger import state
from cutaway.problem import Problem

DRAFT = "cutaway-draft-"
KEY_LENGTH = 12  # hexadecimal digits of a fingerprint
IDLE_S = 3600
MOST = 4  # of a sort: what another kernel, another version of the course or another size of machine needs


def folder() -> Path:
    """Where the cache is: $CUTAWAY_CACHE, else `cutaway` in the XDG cache folder; made if it is missing."""
    named = os.environ.get("CUTAWAY_CACHE")
    place = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cutaway"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused("making", place, error) from error
    return place.resolve()


def kept(name: str, make: Callable[[Path], object], good: Callable[[Path], bool] = Path.exists) -> Path:
    """The folder `name` of the cache, filled by `make` when it is missing or no longer `good`; one maker at a time."""
    place = folder() / name
    if good(place):
        with suppress(OSError):  # in a house it is only lent
            os.utime(place)
        return place
    with state.one_at_a_time(folder()):
        if not good(place):
            _fill(place, make)
    return place


def fingerprint(files: Iterable[Path], *facts: object) -> str:
    """A short word that changes when one of the files is another one, or one of the facts."""
    seen = [(str(file), (now := file.stat()).st_size, now.st_mtime_ns) for file in files]
    return hashlib.sha256(repr((seen, facts)).encode()).hexdigest()[:KEY_LENGTH]


def _fill(place: Path, make: Callable[[Path], object]) -> None:
    draft = place.with_name(DRAFT + secrets.token_hex(4))
    with ledger.kept("folder", f"draft of {place.name}", path=draft):
        try:
            (draft / "new").mkdir(mode=0o700, parents=True)
            make(draft / "new")
            if place.exists():
                place.rename(draft / "old")
            (draft / "new").rename(place)
            for number, old in enumerate(_unused(place.name.partition("-")[0])):
                old.rename(draft / f"unused{number}")
        except OSError as error:
            raise _refused("filling", place, error) from error


def _unused(sort: str) -> list[Path]:
    """All but the last used few of one sort, and none that somebody may be about to use."""
    used = {path: path.stat().st_mtime for path in folder().glob(f"{sort}-*/")}
    return [
        path for path in sorted(used, key=used.__getitem__, reverse=True)[MOST:] if used[path] < time.time() - IDLE_S
    ]


def _refused(action: str, place: Path, error: OSError) -> Problem:
    room = "free some space there, or " if error.errno in state.FULL else ""
    cause = (error.strerror or str(error)).lower()
    return Problem(f"{action} {place}: {cause}; {room}set CUTAWAY_CACHE to a folder that you may write to")
