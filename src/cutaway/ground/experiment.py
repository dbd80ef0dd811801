"""What a cell of a lesson runs: a command here, or a process in namespaces of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cutaway import ledger
from cutaway.linux import Enclosed, Kind, commands
from cutaway.linux.commands import Command, CommandFailed


def sh(command: Command, timeout_s: float = 10) -> str:
    """What the command wrote to its standard output, stripped; `CommandFailed` with command, status and stderr else."""
    return commands.run(command, timeout_s)


def outcome(command: Command, timeout_s: float = 10) -> str:
    """What the command says, or, when it fails, its last line of complaint; without one, its status."""
    try:
        return sh(command, timeout_s)
    except CommandFailed as failed:
        return (failed.stderr.strip().splitlines() or [f"status {failed.status}, and not a word"])[-1]


def scratch() -> Path:
    """A new empty folder for this notebook's files; gone when its kernel ends."""
    folder = ledger.state_folder() / f"scratch-{secrets.token_hex(4)}"
    ledger.record("folder", "files of a notebook", path=folder)
    folder.mkdir()
    return folder


def runtime_root() -> Path:
    """A folder for a runtime's --root: the containers that it knows there are gone when this notebook's kernel ends."""
    folder = ledger.state_folder() / f"runtime-{secrets.token_hex(4)}"
    ledger.record("containers", "containers made by hand", path=folder)
    return folder


@contextmanager
def enclosed(kinds: Iterable[Kind], **options: Any) -> Iterator[Enclosed]:
    """An `Enclosed` that is gone at the end of the block, and also when this process is killed."""
    kinds = frozenset(kinds)
    name = "enclosed " + ",".join(sorted(kind.value for kind in kinds))
    with ledger.kept("process", name) as entry, Enclosed(kinds, env=entry.env, **options) as box:
        yield box
