"""Grade one class with nbgrader and with Cutaway on the same machine: submissions a minute and processor time of each.

python benchmarks/grading.py [STUDENTS]    prints one line a way; docs/performance.md has the result with the date.
"inside" runs every test in the submission's own process, as nbgrader does; "separated" keeps tests apart.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "grading"))

import small_class

from cutaway.grading import batch
from cutaway.grading.limits import Limits
from cutaway.grading.nbcourse import Course
from cutaway.linux import groups

ASSIGNMENT = "objects"


def main(students: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cutaway-benchmark-") as folder, Counted() as counted:
        course = small_class.make_course(Path(folder) / "course", {ASSIGNMENT: small_class.ASSIGNMENTS[ASSIGNMENT]})
        small_class.honest_class(course, students, assignments=(ASSIGNMENT,))
        make_different(course)
        for way, work in WAYS.items():
            copy = Path(folder) / way
            shutil.copytree(course, copy)
            used, began = counted.seconds(), time.monotonic()
            work(copy)
            seconds, cpu = time.monotonic() - began, counted.seconds() - used
            print(
                f"{way:<10} {60 * students / seconds:8.1f} a minute  {1000 * cpu / students:8.1f} ms CPU each",
                flush=True,
            )


def make_different(course: Path) -> None:
    """Identical submissions are graded once; here each is to be graded."""
    for number, path in enumerate(sorted(course.glob("submitted/*/*/*.ipynb"))):
        path.write_text(path.read_text().replace('"nbformat": 4', f'"number": {number}, "nbformat": 4'))


def nbgrader(course: Path) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    argv = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
    subprocess.run(argv, cwd=course, env=env, capture_output=True, check=True)


def ours(folder: Path, inside: bool) -> None:
    course = Course(folder)
    assignment, executor = batch.prepared(course, ASSIGNMENT, Limits())
    if inside:
        tests = {each.name: frozenset(c.name for c in each.cells.values() if c.tests) for each in assignment.notebooks}
        recipes = {name: replace(recipe, inside=tests[name]) for name, recipe in assignment.recipes.items()}
        assignment = replace(assignment, recipes=recipes)
    with executor:
        crew = batch.Here(assignment, executor, 2)
        for _ in batch.graded(course, assignment, crew, 2, course.students(ASSIGNMENT)):
            pass
        crew.close()


class Counted:
    """A control group of version 1 that counts the processor time of all that is started in it.

    What the kernel adds up for a parent leaves out sandboxes, whose keepers nobody waits for.
    """

    def __init__(self) -> None:
        self._folder = Path(f"/sys/fs/cgroup/cpuacct/cutaway-benchmark-{os.getpid()}")

    def __enter__(self) -> Counted:
        self._folder.mkdir()
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))
        return self

    def __exit__(self, *_: object) -> None:
        (self._folder.parent / "cgroup.procs").write_text(str(os.getpid()))
        groups.remove(str(self._folder))

    def seconds(self) -> float:
        return int((self._folder / "cpuacct.usage").read_text()) / 1e9


WAYS = {
    "separated": lambda course: ours(course, inside=False),
    "inside": lambda course: ours(course, inside=True),
    "nbgrader": nbgrader,
}

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
