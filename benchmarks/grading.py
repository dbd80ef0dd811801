"""Grade one class with nbgrader and with Cutaway on the same machine: submissions a minute and processor time of each.

python benchmarks/grading.py [STUDENTS [FEWER [ROUNDS]]]    prints one line a way; docs/performance.md has the result.
With FEWER, nbgrader is given only so many of them, because a hundred take it long, and then one alone, which tells
what its start takes; from both, what it would take for all. In each round every way has its turn; medians are shown.
"inside" runs every test in the submission's own process, as nbgrader does; "separated" keeps tests apart. Each way is
a command of its own, from its start to its end, with everything that it loads and starts.
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
from statistics import median
from typing import Any

from cutaway import cli
from cutaway.grading import unstarted
from cutaway.linux import groups

ASSIGNMENT = "objects"
Taken = tuple[float, float]  # seconds of the clock, and of the processors


def main(students: int, fewer: int, rounds: int = 1) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "grading"))
    import small_class

    fewest = [] if fewer == students else [("nbgrader", 1)]
    turns = [("separated", students), ("inside", students), ("nbgrader", fewer), *fewest]
    found: dict[tuple[str, int], list[Taken]] = {turn: [] for turn in turns}
    with tempfile.TemporaryDirectory(prefix="cutaway-benchmark-") as folder, Counted() as counted:
        course = small_class.one_assignment(Path(folder) / "course", ASSIGNMENT, students)
        for number, (way, size) in enumerate(turns * rounds):
            copy = copied(course, Path(folder) / str(number), size)
            found[way, size].append(measured(counted, WAYS[way], copy))
    took = {way: middle(found[way, students]) for way in ("separated", "inside")}
    one, some = middle(found[turns[-1]]), middle(found["nbgrader", fewer])
    took["nbgrader"] = (all_of(one[0], some[0], fewer, students), all_of(one[1], some[1], fewer, students))
    print(f"{students} submissions, {rounds} rounds, load {os.getloadavg()[0]:.0f}, nbgrader was given {fewer}")
    each = {way: (seconds / students, cpu_s / students) for way, (seconds, cpu_s) in took.items()}
    for way, (seconds, cpu_s) in each.items():
        beside = f"{each['nbgrader'][0] / seconds:5.1f} times as many, {each['nbgrader'][1] / cpu_s:5.1f} times less"
        print(f"{way:<10} {60 / seconds:7.1f} a minute {1000 * cpu_s:7.1f} ms CPU each   {beside}")


def middle(taken: list[Taken]) -> Taken:
    """The median of the one, and of the other."""
    clock, cpu = zip(*taken, strict=True)
    return median(clock), median(cpu)


def all_of(one: float, some: float, size: int, students: int) -> float:
    """What all students take, from what one takes and what some of them take."""
    return some + (students - size) * (some - one) / max(1, size - 1)


def copied(course: Path, to: Path, students: int) -> Path:
    """The course with this many of its students."""
    shutil.copytree(course, to)
    for each in sorted(to.glob("submitted/*"))[students:]:
        shutil.rmtree(each)
    return to


def measured(counted: Counted, command: list[str], course: Path) -> Taken:
    """Seconds of the clock, and of the processors."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    used, began = counted.seconds(), time.monotonic()
    subprocess.run([sys.executable, *command], cwd=course, env=env, capture_output=True, check=True)
    return time.monotonic() - began, counted.seconds() - used


def inside() -> None:
    """`cutaway grade`, but that every test of the course here runs inside."""
    unstarted.leave_out()  # as the command does: before anything is loaded
    from cutaway.grading import assignment as assignments

    tried = assignments.tried

    def all_inside(assignment: Any, executor: Any) -> Any:
        tests = {each.name: frozenset(c.name for c in each.cells.values() if c.tests) for each in assignment.notebooks}
        settled = tried(assignment, executor).recipes
        recipes = {name: replace(recipe, inside=tests[name]) for name, recipe in settled.items()}
        return replace(assignment, recipes=recipes)

    assignments.tried = all_inside
    cli.cutaway(["grade", ASSIGNMENT, "--workers", "2", "--json"])


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
    "separated": ["-m", "cutaway", "grade", ASSIGNMENT, "--workers", "2", "--json"],
    "inside": [__file__, "inside"],
    "nbgrader": ["-m", "nbgrader", "autograde", ASSIGNMENT],
}

if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside()
    else:
        numbers = [int(word) for word in sys.argv[1:]] or [100]
        main(numbers[0], *(numbers[1:] or numbers))
