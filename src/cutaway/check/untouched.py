"""Whether the course's own files are as they were: what a student wrote and you run may write wherever you may.

The kernel notes when a file or folder was last changed in any way, and lets nobody choose that time: st_ctime in
inode(7). So a change that was put right again is seen, too. Python's compiled copies count like all else, because a
forged one would be run in place of its source; they are made before, so that nobody has a reason to write one.
"""

from __future__ import annotations

import compileall
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cutaway
from cutaway.ground import course
from cutaway.problem import Problem

Stamp = tuple[int, int]  # the file itself, and when it was last changed

PACKAGE = Path(cutaway.__file__).parent


@contextmanager
def untouched(lab: str) -> Iterator[None]:
    """At the end, Problem when a file that decides about the lab was changed inside the block."""
    compile_all(lab)
    before = _stamps(lab)
    yield
    if change := _change(before, _stamps(lab)):
        raise Problem(
            f"checking {lab}: {change} while the notebook ran, so no mark is given; see by `git status --ignored` "
            "what is there now, read the notebook, and check again"
        )


def compile_all(lab: str) -> None:
    """Have Python's compiled copies of our code and of the lab's checks up to date, where we may write them."""
    compileall.compile_dir(PACKAGE, quiet=2)
    compileall.compile_dir(_checks(lab), maxlevels=0, quiet=2)


def _change(before: dict[Path, Stamp], after: dict[Path, Stamp]) -> str:
    """The first thing that is not as it was, in words: what was made or removed before the folder that tells of it."""
    if made := sorted(after.keys() - before.keys()):
        return f"{made[0]} was made"
    if removed := sorted(before.keys() - after.keys()):
        return f"{removed[0]} was removed"
    changed = sorted((path for path, stamp in before.items() if after[path] != stamp), key=Path.is_dir)
    return f"{changed[0]} was changed" if changed else ""


def _stamps(lab: str) -> dict[Path, Stamp]:
    """Our code and the checks of the lab. Folders tell also of what was made in them and removed again."""
    found = {}
    for path in (PACKAGE.parent, PACKAGE, *PACKAGE.rglob("*"), _checks(lab), *_checks(lab).rglob("*")):
        with suppress(FileNotFoundError):  # it went while we looked
            stat = path.lstat()
            found[path] = stat.st_ino, stat.st_ctime_ns
    return found


def _checks(lab: str) -> Path:
    return course.root() / "grading" / lab
