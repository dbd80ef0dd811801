"""What exists because of us, and how to undo it: one small file per thing, written *before* the thing is made.

An entry belongs to a process. While its owner lives, the owner undoes it; when the owner is dead, however it died,
its watcher does (watch.py), and failing that the next watcher or `cutaway clean`. What never came to be made, or is
gone already, is undone by doing nothing.

    with ledger.kept("folder", "scratch", path=folder):
        folder.mkdir()
        ...
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.ledger import state, watch
from cutaway.ledger.kinds import KINDS, Facts
from cutaway.linux import namespaces
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process, boot_id
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------


class Entry:
    """One thing: its kind and name, whose it is, and the facts by which it is undone."""

    def __init__(self, path: Path, kind: str, name: str, owner: Process, place: int, facts: Facts) -> None:
        self.path, self.kind, self.name, self.owner, self.facts = path, kind, name, owner, facts
        self.place = place  # the PID namespace in which the owner's number means the owner
        self.token = f"{state.mark()}.{path.stem}"

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def env(self) -> dict[str, str]:
        """The environment by which a process, and all that it starts, is known as part of this thing."""
        return {"CUTAWAY_TOKEN": self.token}

    @property
    def abandoned(self) -> bool:
        """Whether its owner is dead; from another PID namespace one cannot tell, so the answer there is no."""
        return self._of_another_boot or (self.place == namespaces.identity(Kind.PID) and not self.owner.alive())

    def update(self, **facts: Any) -> None:
        """Add what is known only once the thing exists, such as the number of a process."""
        self.facts = {**self.facts, **KINDS[self.kind].checked({**self.facts, **_plain(facts)})}
        self.save()

    def exists(self) -> bool:
        """Whether the thing is there."""
        return not self._gone_with_its_boot and KINDS[self.kind].exists({**self.facts, "token": self.token})

    def undo(self) -> None:
        """Make the thing gone and forget it; when it will not go, OSError or Problem, and the entry stays."""
        if not self._gone_with_its_boot:
            KINDS[self.kind].undo({**self.facts, "token": self.token})
        self.forget()

    def forget(self) -> None:
        """Strike the entry out and leave the thing."""
        self.path.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the entry to its file."""
        row = {name: getattr(self, name) for name in ("kind", "name", "place", "facts")}
        state.write(self.path, json.dumps({**row, "owner": self.owner._asdict()}))

    @property
    def _of_another_boot(self) -> bool:
        return self.owner.boot_id != boot_id()

    @property
    def _gone_with_its_boot(self) -> bool:
        return self._of_another_boot and KINDS[self.kind].dies_with_boot


class Outcome(NamedTuple):
    """What became of an entry that was to be undone: all is well when there is no `trouble`."""

    entry: Entry
    trouble: str


# --- Keeping ---------------------------------------------------------------


def record(kind: str, name: str, /, owner: Process | None = None, **facts: Any) -> Entry:
    """Write down a thing that is about to be made; from now on it is undone when its owner ends.

    The owner is this process unless another is named. What is there already is refused: it is not ours to undo.
    """
    owner = owner or Process.current()
    place, plain = namespaces.identity(Kind.PID), KINDS[kind].checked(_plain(facts))
    entry = Entry(_new_path(owner), kind, name, owner, place, plain)
    if facts and entry.exists():
        raise Problem(f"recording {entry!r}: it is there already, so it is not ours to undo; choose another name")
    watch.over(entry.owner)
    entry.save()
    return entry


@contextmanager
def kept(kind: str, name: str, /, owner: Process | None = None, **facts: Any) -> Iterator[Entry]:
    """Record a thing for the length of a block, and undo it at the end."""
    entry, recorder = record(kind, name, owner, **facts), os.getpid()
    try:
        yield entry
    finally:
        if os.getpid() == recorder:  # a forked child that leaves the block has no say
            entry.undo()


# --- Looking back ----------------------------------------------------------


def entries() -> list[Entry]:
    """All that is recorded, oldest first, but for what cannot be read (see `set_damaged_aside`)."""
    return [entry for path in _files() if (entry := _read(path))]


def sweep(which: Callable[[Entry], bool] = lambda entry: entry.abandoned) -> list[Outcome]:
    """Undo, newest first, what dead owners left, or `which` others; one sweeper at a time."""
    folder = state.location() / "ledger"
    with state.explained("reading", folder):
        if not folder.exists():
            return []
    with state.one_at_a_time(folder):
        state.drop_drafts(folder)
        return [_undone(entry) for entry in reversed(entries()) if which(entry)]


def set_damaged_aside() -> list[Path]:
    """Move what cannot be read out of the ledger, for somebody to look at, and say where to."""
    aside = state.location() / "damaged"
    with state.explained("keeping damaged entries in", aside):
        damaged = [path for path in _files() if not _read(path) and path.exists()]
        if damaged:
            aside.mkdir(exist_ok=True)
        return [path.rename(aside / path.name) for path in damaged]


def _undone(entry: Entry) -> Outcome:
    try:
        entry.undo()
    except Exception as trouble:  # a bad entry must not keep the others from being undone
        return Outcome(entry, str(trouble) or type(trouble).__name__)
    return Outcome(entry, "")


# --- Files -----------------------------------------------------------------


def _files() -> list[Path]:
    folder = state.location() / "ledger"
    with state.explained("reading", folder):
        return sorted(folder.glob("*.json"))


def _read(path: Path) -> Entry | None:
    try:
        row = json.loads(path.read_bytes())
        facts = KINDS[row["kind"]].checked(row["facts"])
        return Entry(path, row["kind"], row["name"], Process(**row["owner"]), row["place"], facts)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _new_path(owner: Process) -> Path:
    """A file name that no other entry has, and that sorts after the earlier ones: no thread is twice in one instant."""
    return state.ledger_folder() / f"{time.time_ns():020}-{threading.get_native_id()}-{watch.whose(owner)}.json"


def _plain(facts: Facts) -> Facts:
    """The facts as they can be written, and understood by a process with another working folder."""
    spelled: dict[str, Callable[[str], str]] = {
        "path": os.path.abspath,
        "target": os.path.realpath,
        "socket": os.path.abspath,
    }
    return {key: spelled[key](value) if key in spelled else value for key, value in facts.items()}
