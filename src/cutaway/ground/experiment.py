"""What a cell of a lesson runs: a command here, or a process in namespaces of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cutaway import linux
from cutaway.linux import Enclosed, Kind
from cutaway.linux.commands import Command


def sh(command: Command, timeout_s: float = 10) -> str:
    """What the command wrote to its standard output, stripped; `CommandFailed` with command, status and stderr else."""
    return linux.commands.run(command, timeout_s)


@contextmanager
def enclosed(kinds: Iterable[Kind], **options: Any) -> Iterator[Enclosed]:
    """An `Enclosed` that is gone at the end of the block, and also when this process is killed."""
    with Enclosed(kinds, **options) as box:
        yield box
