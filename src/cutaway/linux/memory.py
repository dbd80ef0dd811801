"""What a process has in its address space: /proc/PID/maps, see proc(5)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cutaway.linux.namespaces import Pid


class Mapping(NamedTuple):
    """One stretch of addresses: `permissions` are r, w, x and p (private) or s (shared); `path` names what it shows."""

    start: int
    end: int
    permissions: str
    path: str

    def __str__(self) -> str:
        return f"{self.permissions}  {(self.end - self.start) // 1024:>9,} KiB  {self.path or '(anonymous)'}"


def memory_map(pid: Pid = "self") -> list[Mapping]:
    """Every mapping of the process, from low addresses to high."""
    return [_parsed(line) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]


def _parsed(line: str) -> Mapping:
    addresses, permissions, _offset, _device, _inode, *path = line.split(maxsplit=5)
    start, end = (int(each, 16) for each in addresses.split("-"))
    return Mapping(start, end, permissions, path[0] if path else "")
