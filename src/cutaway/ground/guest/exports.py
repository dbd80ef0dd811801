"""What of the host a guest may read: a list of folders, never the whole. Its root reads whatever is on the list.

Programs and libraries, the course's own Python and its pages, the reader's own folder, the guest kernel's modules.
All of it read-only: what is written inside stays in the guest's memory.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cutaway
from cutaway.ground import course
from cutaway.ground.guest.kernel import Kernel
from cutaway.problem import Problem

PROGRAMS = Path("/usr")
PACKAGE = Path(cutaway.__file__).parents[1]  # our own
FOR_ALL = stat.S_IROTH | stat.S_IXOTH  # what QEMU needs of a folder of root's
TOO_MUCH = [Path(path) for path in ("/", "/etc", "/root", "/home", "/proc", "/sys", "/dev", "/run", "/var", "/tmp")]


class Unlendable(Problem):
    """A folder that no guest is given."""


class Lent(NamedTuple):
    """A folder of the host's, and where it appears in the guest."""

    source: Path
    target: Path


def lent(kernel: Kernel, folders: Iterable[Path] = ()) -> list[Lent]:
    """Everything that is lent to a guest; `folders` are the reader's."""
    return _outermost(kernel, [course.root(), *map(_allowed, folders)])


def lent_to_a_submission(kernel: Kernel) -> list[Lent]:
    """The same for a guest in which somebody's work is marked: of the course its contents, no lab and no check."""
    return _outermost(kernel, [PACKAGE, course.root() / "notebooks", course.root() / "diagrams"])


def _outermost(kernel: Kernel, more: Iterable[Path]) -> list[Lent]:
    """Programs, this Python and `more`, without what lies within another of them."""
    wanted = [PROGRAMS, Path(sys.base_prefix), Path(sys.prefix), *more]
    places = sorted({path.resolve() for path in wanted}, key=lambda path: len(path.parts))
    outermost = [path for path in places if not any(path != other and path.is_relative_to(other) for other in places)]
    return [*(Lent(path, path) for path in outermost), Lent(kernel.modules, Path("/usr/lib/modules", kernel.release))]


def shared(folders: Iterable[Path]) -> list[Lent]:
    """Folders of the reader's to which the guest may write."""
    return [Lent(place, place) for place in dict.fromkeys(map(_allowed, folders))]


def _allowed(folder: Path) -> Path:
    whole = folder.resolve()
    if whole in TOO_MUCH or whole == Path.home():
        raise Unlendable(f"lending {folder} to a machine: it holds more than your own work; lend a folder below it")
    if not whole.is_dir():
        raise Unlendable(f"lending {folder} to a machine: there is no such folder; make it first, or lend another")
    if os.geteuid() == 0 and whole.stat().st_mode & FOR_ALL != FOR_ALL:
        raise Problem(
            f"lending {folder} to a machine: only its owner may read it, and QEMU gives root's rights up before it "
            f"reads anything; open it with `chmod o+rx {folder}`, or lend another"
        )
    return whole
