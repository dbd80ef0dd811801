"""What exists because of us, and how to undo it: one small file per thing, written *before* the thing is made.

An entry belongs to a process. While its owner lives, only the owner undoes it; when the owner is dead, however it
died, the watcher does, and failing that `cutaway clean`. Undoing what was never made, or is gone, does nothing.

    with ledger.kept("folder", "scratch", path=folder):
        folder.mkdir()
        ...
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.ledger import state, watch
from cutaway.ledger.kinds import KINDS, Facts
from cutaway.linux.processes import Process
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------


class Outcome(NamedTuple):
    """What became of one entry: undone when there is no `trouble`."""

    entry: Entry
    trouble: str


class Entry:
    """One thing: what it is, whose it is, and the facts by which it is undone."""

    def __init__(self, path: Path, kind: str, name: str, owner: Process, facts: Facts) -> None:
        self.path, self.kind, self.name, self.owner, self.facts = path, kind, name, owner, facts

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def token(self) -> str:
        """This entry's own word: what carries it is part of this thing."""
        return self.path.stem

    @property
    def env(self) -> dict[str, str]:
        """The environment by which a process, and all that it starts, is known as this thing."""
        return {"CUTAWAY_TOKEN": self.token}

    def update(self, **facts: Any) -> None:
        """Add what is known only once the thing exists, such as the number of a process."""
        self.facts = {**self.facts, **_plain(facts)}
        self.save()

    def exists(self) -> bool:
        """Whether the thing is there."""
        return KINDS[self.kind].exists(self._all_facts())

    def undo(self) -> None:
        """Make the thing gone, then forget it; an OSError or Problem when it would not go, and then the entry stays."""
        if not (self.made_in_another_boot and KINDS[self.kind].dies_with_boot):
            KINDS[self.kind].undo(self._all_facts())
        self.forget()

    def forget(self) -> None:
        """Strike the entry out and leave the thing."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    def save(self) -> None:
        """Write the entry to its file."""
        row = {"kind": self.kind, "name": self.name, "owner": self.owner._asdict(), "facts": self.facts}
        state.write(self.path, json.dumps(row))

    @property
    def made_in_another_boot(self) -> bool:
        return self.owner.boot_id != Process.current().boot_id

    def _all_facts(self) -> Facts:
        return {**self.facts, "token": self.token}


# --- Keeping ---------------------------------------------------------------


def record(kind: str, name: str, owner: Process | None = None, **facts: Any) -> Entry:
    """Write down a thing that is about to be made; from now on it is undone when its owner ends.

    The owner is this process unless another is named. What exists already is refused: it is not ours to undo.
    """
    owner = owner or Process.current()
    entry = Entry(_new_path(), kind, name, owner, KINDS[kind].checked(_plain(facts)))
    if entry.exists():
        raise Problem(f"recording {entry!r}: it is there already, so it is not ours to undo; choose another name")
    watch.over(owner)
    entry.save()
    return entry


@contextmanager
def kept(kind: str, name: str, owner: Process | None = None, **facts: Any) -> Iterator[Entry]:
    """Record a thing for the length of a block, and undo it at the end."""
    entry, recorder = record(kind, name, owner, **facts), os.getpid()
    try:
        yield entry
    finally:
        if os.getpid() == recorder:  # a forked child that leaves the block has no say
            entry.undo()


# --- Looking back ----------------------------------------------------------


def entries() -> list[Entry]:
    """All that is recorded, oldest first; files that cannot be read are left out (see `set_damaged_aside`)."""
    return [entry for path in _files() if (entry := _read(path))]


def set_damaged_aside() -> list[Path]:
    """Move what cannot be read out of the way, and say where to."""
    aside = state.ledger_folder() / "damaged"
    damaged = [path for path in _files() if path.exists() and not _read(path)]
    if damaged:
        aside.mkdir(exist_ok=True)
    return [path.rename(aside / path.name) for path in damaged]


def sweep(mine: Callable[[Entry], bool] = lambda entry: not entry.owner.alive()) -> list[Outcome]:
    """Undo, newest first, what dead owners left (or whatever `mine` says); one sweeper at a time."""
    with state.one_at_a_time(state.ledger_folder()):
        return [_undone(entry) for entry in reversed(entries()) if mine(entry)]


def _undone(entry: Entry) -> Outcome:
    try:
        entry.undo()
    except (OSError, Problem) as trouble:
        return Outcome(entry, str(trouble))
    return Outcome(entry, "")


# --- Files -----------------------------------------------------------------


def _files() -> list[Path]:
    return sorted(state.ledger_folder().glob("*.json"))


def _read(path: Path) -> Entry | None:
    try:
        row = json.loads(path.read_bytes())
        return Entry(path, row["kind"], row["name"], Process(**row["owner"]), KINDS[row["kind"]].checked(row["facts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


_latest = 0


def _new_path() -> Path:
    """A file name that no other entry has and that sorts after all earlier ones of this process."""
    global _latest
    _latest = max(_latest + 1, time.time_ns())
    return state.ledger_folder() / f"{_latest:020}-{os.getpid()}.json"


def _plain(facts: Facts) -> Facts:
    return {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in facts.items()}
