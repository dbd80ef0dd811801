"""What a submission may use, at most. Whoever needs more than this is cut, and nobody else is slowed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Of one notebook in one sandbox; the defaults suit a course whose cells answer in seconds."""

    cell_s: float = 30.0  # wall time of a cell, as nbgrader's
    notebook_s: float = 300.0  # wall time of all cells together
    cpu_s: int = 120  # processor time of everything in the sandbox
    memory_bytes: int = 1024 * MIB  # above what the warm parent has already
    processes: int = 64  # and threads
    open_files: int = 256
    file_bytes: int = 64 * MIB
    disk_bytes: int = 128 * MIB
    disk_entries: int = 8192
    output_bytes: int = 1 * MIB  # shown by one cell; the rest is dropped, and said so
    grace_s: float = 2.0  # between being interrupted and being ended

    def plain(self) -> dict[str, Any]:
        """As it crosses to the warm parent."""
        return {**vars(self)}
