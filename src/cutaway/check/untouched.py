"""Whether the course's own files are as they were: what a student wrote and you run may write wherever you may.

The kernel notes when a file or folder was last changed in any way, and lets nobody choose that time: st_ctime in
inode(7). So a change that was put right again is seen, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cutaway
from cutaway.ground import course
from cutaway.problem import Problem

Stamp = tuple[int, int]  # the file itself, and when it was last changed


@contextmanager
def untouched(lab: str) -> Iterator[None]:
    """At the end, Problem when a file that decides about the lab was changed inside the block."""
    before = _stamps(lab)
    yield
    after = _stamps(lab)
    for path, stamp in before.items():
        if after.get(path) != stamp:
            raise Problem(
                f"checking {lab}: {path} was changed while the notebook ran, so no mark is given; see by "
                "`git status` what it is now, read the notebook, and check again"
            )


def _stamps(lab: str) -> dict[Path, Stamp]:
    """Our code and the checks of the lab. Folders tell of new files, but for those in which Python keeps its own."""
    package = Path(cutaway.__file__).parent
    found = {}
    for folder in (package.parent, package, course.root() / "grading" / lab):
        for path in (folder, *(folder.rglob("*") if folder != package.parent else ())):
            if path.name != "__pycache__":
                stat = path.lstat()
                found[path] = stat.st_ino, stat.st_ctime_ns
    return found
