"""What is made once and kept: guest kernels, what a machine boots from, and saved machines.

A folder of the cache is there wholly or not at all. While it is being made it is a draft, which the ledger knows.
It knows of what files it was made; when one of them is another one now, it is stale, and goes when a new one is made or
with `cutaway clean`, unless somebody runs on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cutaway import ledger
from cutaway.ledger import state
from cutaway.linux import processes
from cutaway.problem import Problem

DRAFT = "cutaway-draft-"
MADE_OF = "made-of"
KEY_LENGTH = 12  # hexadecimal digits of a fingerprint
IDLE_S = 3600
MOST = 4  # of a sort: what another kernel, another version of the course or another size of machine needs


class Sources(NamedTuple):
    """What a folder is made of: files, and other facts as one text."""

    files: list[str]
    facts: str

    @property
    def key(self) -> str:
        """A short word that changes when one of the files is another one, or one of the facts."""
        seen = [(file, (now := Path(file).stat()).st_size, now.st_mtime_ns) for file in self.files]
        return hashlib.sha256(f"({seen!r}, {self.facts})".encode()).hexdigest()[:KEY_LENGTH]


def sources(files: Iterable[Path], *facts: object) -> Sources:
    """These files and facts."""
    return Sources([str(file) for file in files], repr(facts))


def fingerprint(files: Iterable[Path], *facts: object) -> str:
    """Their key."""
    return sources(files, *facts).key


# --- What is kept -----------------------------------------------------------


def folder() -> Path:
    """Where the cache is: $CUTAWAY_CACHE, else `cutaway` in the XDG cache folder; made if it is missing."""
    named = os.environ.get("CUTAWAY_CACHE")
    place = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cutaway"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused("making", place, error) from error
    return place.resolve()


def made(sort: str, of: Sources, make: Callable[[Path], object], good: Callable[[Path], bool] = Path.exists) -> Path:
    """The folder that holds this `sort` of thing made `of` these, as `kept`."""

    def make_and_tell(draft: Path) -> None:
        make(draft)
        (draft / MADE_OF).write_text(json.dumps(of))

    return kept(f"{sort}-{of.key}", make_and_tell, good)


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


def _fill(place: Path, make: Callable[[Path], object]) -> None:
    try:
        with _draft(place.name) as draft:
            (draft / "new").mkdir(mode=0o700)
            make(draft / "new")
            if place.exists():
                place.rename(draft / "old")
            (draft / "new").rename(place)
            _drop([*_stale(), *_unused(place.name.partition("-")[0])], draft)
    except OSError as error:
        raise _refused("filling", place, error) from error


@contextmanager
def _draft(name: str) -> Iterator[Path]:
    """A folder that is gone with all that is in it at the end of the block, however that ends."""
    draft = folder() / f"{DRAFT}{secrets.token_hex(4)}"
    with ledger.kept("folder", f"draft of {name}", path=draft):
        draft.mkdir(parents=True)
        yield draft


# --- What goes --------------------------------------------------------------


def clean() -> list[Path]:
    """Remove what is stale; the folders that are gone."""
    if not (stale := _stale()):
        return []
    with _draft("nothing") as draft:
        return _drop(stale, draft)


def _drop(places: Iterable[Path], draft: Path) -> list[Path]:
    """Move to the draft, with which they go, all on which nobody runs: a machine's command line names its files."""
    running = "\n".join(processes.command(each.pid) for each in processes.processes())
    gone = []
    for place in dict.fromkeys(places):
        with suppress(FileNotFoundError):  # somebody else has removed it
            if str(place) not in running:
                place.rename(draft / place.name)
                gone.append(place)
    return gone


def _stale() -> list[Path]:
    """What is made of files that are others now, or of what is stale itself; and drafts that nobody will finish."""
    keyed = [path for path in folder().iterdir() if re.search(rf"-[0-9a-f]{{{KEY_LENGTH}}}$", path.name)]
    found: list[Path] = []
    while more := [path for path in keyed if path not in found and _is_stale(path, found)]:
        found += more
    return [*found, *(path for path in folder().glob(f"{DRAFT}*") if not _lately_used(path))]


def _is_stale(place: Path, stale: list[Path]) -> bool:
    try:
        of = Sources(*json.loads((place / MADE_OF).read_text()))
    except (OSError, ValueError, TypeError):  # of an earlier version of the course, which did not tell
        return not _lately_used(place)
    try:
        return not place.name.endswith(of.key) or any(Path(file).parent in stale for file in of.files)
    except OSError:  # one of its files is gone
        return True


def _unused(sort: str) -> list[Path]:
    """All but the last used few of one sort, and none that somebody may be about to use."""
    used = {path: path.stat().st_mtime for path in folder().glob(f"{sort}-*/")}
    return [path for path in sorted(used, key=used.__getitem__, reverse=True)[MOST:] if not _lately_used(path)]


def _lately_used(place: Path) -> bool:
    return place.stat().st_mtime > time.time() - IDLE_S


def _refused(action: str, place: Path, error: OSError) -> Problem:
    room = "free some space there, or " if error.errno in state.FULL else ""
    cause = (error.strerror or str(error)).lower()
    return Problem(f"{action} {place}: {cause}; {room}set CUTAWAY_CACHE to a folder that you may write to")
