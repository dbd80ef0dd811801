"""What bears this ledger's mark and belongs to nobody alive: the proof that nothing was left, or the list of what was.

The ledger is not trusted here: processes are found by their environment, mounts by where they are, engine objects by
their labels. So a lost or damaged entry loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from cutaway.ledger import engines, state
from cutaway.ledger.entry import Entry
from cutaway.ledger.labels import owner_of
from cutaway.linux import mounts, namespaces, processes
from cutaway.linux.mounts import Mount
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process

ENDED_S = 10  # for a process that was killed


class Stray(NamedTuple):
    """One thing that nobody alive owns, and the call that ends it."""

    kind: str
    name: str
    undo: Callable[[], object]

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}"


def strays(living: Callable[[], list[Entry]], sockets: list[str]) -> list[Stray]:
    """Everything with our mark, except what belongs to the `living` entries.

    Those are asked for when processes and mounts have been seen: what begins in the meantime was written down before.
    An engine's objects say themselves whose they are.
    """
    marked, mounted = [*_marked()], mounts.mounts()
    recorded = living()
    places = [Path(entry.facts[fact]) for entry in recorded for fact in ("target", "path") if fact in entry.facts]
    named = {(entry.kind, entry.facts.get("name")) for entry in recorded}
    tokens = {entry.token for entry in recorded}
    ours = [process for process, token in marked if token not in tokens]
    objects = (_objects(socket, kind, named) for socket in sockets for kind in engines.PATHS)
    return [*map(_process, ours), *_mounts(mounted, places), *chain.from_iterable(objects)]


def end_unrecorded(owner: str) -> None:
    """End the processes of this dead owner that have no entry, as when somebody deleted the ledger while they ran.

    A process is written down before it bears the mark, so one that begins meanwhile has its entry. One in another PID
    namespace may be of an owner there.
    """
    here = namespaces.identity(Kind.PID)
    for process, token in _marked():
        entry = token.partition(".")[2]
        with suppress(OSError):  # it is gone
            if entry.endswith(f"-{owner}") and not _known(entry) and namespaces.identity(Kind.PID, process.pid) == here:
                _end(process)


def _known(entry: str) -> bool:
    """Whether the ledger has it, for all that can be read."""
    try:
        (state.location() / "ledger" / f"{entry}.json").stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _marked() -> Iterator[tuple[Process, str]]:
    """The processes with our mark, and their tokens."""
    for process in processes.processes():
        token = processes.environment(process.pid).get("CUTAWAY_TOKEN", "")
        if token.startswith(f"{state.mark()}."):
            yield process, token


def _process(process: Process) -> Stray:
    return Stray("process", f"{process.pid} ({processes.command(process.pid)})", partial(_end, process))


def _end(process: Process) -> None:
    process.kill()
    process.wait(ENDED_S)


def _mounts(mounted: list[Mount], living: list[Path]) -> Iterator[Stray]:
    for mount in reversed(mounted):
        target = Path(mount.target)
        if target.is_relative_to(state.location()) and not any(target.is_relative_to(path) for path in living):
            yield Stray("mount", mount.target, partial(mounts.unmount, mount.target, lazily=True))


def _objects(socket: str, kind: str, living: set[tuple[str, str | None]]) -> Iterator[Stray]:
    for name, labels in engines.labelled(socket, kind, f"cutaway.ledger={state.mark()}"):
        owner = owner_of(labels)
        if owner and not owner.alive() and (kind, name) not in living:
            yield Stray(kind, name, partial(engines.remove, socket, kind, name))
