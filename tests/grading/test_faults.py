"""Whatever is killed, locked or full while a class is graded: no mark is lost, doubled or changed; a run goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import small_class
from forked import DONE, TOLD, Cluster, cluster, forked
from small_class import autograded, stored

from cutaway import cli
from cutaway.grading import batch, execution
from cutaway.grading import cluster as clusters
from cutaway.grading.execution import Recipe
from cutaway.grading.executor import Executor
from cutaway.grading.limits import Limits
from cutaway.grading.nbcourse import Course
from cutaway.grading.restored import Cell
from cutaway.linux import mounts, processes
from cutaway.problem import Problem

pytestmark = [pytest.mark.xdist_group("class"), pytest.mark.slow]

ASSIGNMENT = "objects"
DONE_S = 120.0
DISK_BYTES, HELD_S = 256 << 20, 0.5
Lines = dict[str, dict[str, Any]]


# --- A grader, and what happens to it --------------------------------------


class Grader:
    """`cutaway grade` in a process of its own, here or on a cluster."""

    def __init__(self, course: Path, there: Cluster | None = None) -> None:
        self.said = course.with_name("said")
        where = ["--scheduler", there.address] if there else ["--workers", "2"]
        words = ["grade", ASSIGNMENT, "--course", str(course), "--json", *where]
        self.pid = forked(lambda: cli.cutaway(words, standalone_mode=False), self.said)
        self._pidfd = os.pidfd_open(self.pid)

    def lines(self) -> Lines:
        """What it has printed so far."""
        found = {}
        with suppress(FileNotFoundError):
            for text in self.said.read_text().splitlines(keepends=True):
                if text.startswith("{") and text.endswith("\n"):
                    line = json.loads(text)
                    found[line["student"]] = line
        return found

    def told(self) -> str:
        """What it has said beside them."""
        lines = self.said.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith("{"))

    def below(self) -> list[int]:
        """The warm parent, and the sandboxes that are there now."""
        return [each.pid for each in processes.descendants(self.pid)][1:]

    def comes_to(self, number: int) -> None:
        """Wait until it has printed so many lines, or has ended."""
        deadline = time.monotonic() + DONE_S
        while len(self.lines()) < number and not self.ended(0.005):
            assert time.monotonic() < deadline, self.told()

    def begins_a_sandbox(self) -> None:
        """Wait until it has one, or has ended."""
        deadline = time.monotonic() + DONE_S
        while len(self.below()) < 2 and not self.ended(0.001):
            assert time.monotonic() < deadline, self.told()

    def ended(self, timeout_s: float) -> bool:
        return processes.ended(self._pidfd, timeout_s)

    def status(self) -> int:
        assert self.ended(DONE_S), self.told()
        os.close(self._pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def killed(chosen: Callable[[Grader], list[int]], grader: Grader, _: Path) -> Iterator[None]:
    for pid in chosen(grader):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def locked(_: Grader, course: Path) -> Iterator[None]:
    """By somebody who writes to the gradebook."""
    book = sqlite3.connect(course / "gradebook.db", isolation_level=None, timeout=30)
    book.execute("begin exclusive")
    yield
    book.close()


@contextmanager
def full(_: Grader, course: Path) -> Iterator[None]:
    with (course / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(1 << 16))
    yield
    (course / "filler").unlink()


ON_A_CLUSTER: dict[str, Callable[[Cluster], list[int]]] = {
    "the scheduler": lambda there: [there.scheduler],
    "a worker": lambda there: there.workers[:1],
    "all workers": lambda there: there.workers,
}
FAULTS: dict[str, Callable[[Grader, Path], Any]] = {
    "sandboxes": lambda grader, course: killed(lambda each: each.below()[1:], grader, course),
    "the warm parent": lambda grader, course: killed(lambda each: each.below()[:1], grader, course),
    "the grader": lambda grader, course: killed(lambda each: [each.pid], grader, course),
    "the gradebook is locked": locked,
    "the disk is full": full,
}


def through_faults(course: Path, draw: random.Random, students: int, wanted: dict[Any, Any]) -> Lines:
    """Have each fault once, in drawn order and at drawn moments; after each, what is marked is marked right."""
    names = [name for name in FAULTS if name != "the disk is full" or course.is_mount()]
    for name in draw.sample(names, len(names)):
        grader, after = Grader(course), draw.randrange(students)
        grader.comes_to(after)
        if name == "sandboxes":
            grader.begins_a_sandbox()
        with FAULTS[name](grader, course):
            grader.ended(HELD_S)
        assert grader.status() in (DONE, TOLD, -signal.SIGKILL), (name, grader.told())
        assert wrong(course, wanted) == {}, name
    grader = Grader(course)
    assert grader.status() == DONE, grader.told()
    return grader.lines()


def wrong(course: Path, wanted: dict[Any, Any]) -> dict[Any, Any]:
    """Marks in the gradebook that are not as they should be."""
    return {key: value for key, value in stored(course).items() if wanted[key] != value}


def round_of_faults(given: Path, tmp_path: Path, seed: int) -> None:
    fine = Path(shutil.copytree(given, tmp_path / "fine"))
    undisturbed = Grader(fine)
    assert undisturbed.status() == DONE, undisturbed.told()
    wanted = stored(fine)
    course = tmp_path / "faulty" / "course"
    course.mkdir(parents=True)
    as_root = os.geteuid() == 0
    if as_root:
        mounts.tmpfs(str(course), DISK_BYTES)
    try:
        shutil.copytree(given, course, dirs_exist_ok=True)
        lines = through_faults(course, random.Random(seed), len(undisturbed.lines()), wanted)
        assert lines == undisturbed.lines()
        assert stored(course) == wanted
    finally:
        if as_root:
            mounts.unmount(str(course), lazily=True)


def test_a_class_comes_through_every_fault(eight: Path, tmp_path: Path) -> None:
    round_of_faults(eight, tmp_path, seed=0)


def round_of_faults_of_a_cluster(given: Path, folder: Path, seed: int) -> None:
    """Each in a fresh copy, at a drawn moment: what was not graded by then is graded elsewhere, or by the next run."""
    draw, fine = random.Random(seed), Path(shutil.copytree(given, folder / "fine" / "course"))
    undisturbed = Grader(fine)
    assert undisturbed.status() == DONE, undisturbed.told()
    for name in draw.sample([*ON_A_CLUSTER], len(ON_A_CLUSTER)):
        course = Path(shutil.copytree(given, folder / name / "course"))
        with cluster(folder / name / "dask") as there:
            grader = Grader(course, there)
            grader.comes_to(draw.randrange(1, len(undisturbed.lines())))
            for pid in ON_A_CLUSTER[name](there):
                os.kill(pid, signal.SIGKILL)
            ended = grader.status()
        assert ended == DONE or (name != "a worker" and ended == TOLD and lost(grader)), (name, grader.told())
        assert wrong(course, stored(fine)) == {}, name
        resumed = Grader(course)
        assert resumed.status() == DONE, resumed.told()
        assert resumed.lines() == undisturbed.lines(), name
        assert (stored(course), autograded(course)) == (stored(fine), autograded(fine)), name


def lost(grader: Grader) -> bool:
    """Whether it has said in one sentence, and nothing beside it, that the cluster is lost."""
    (sentence,) = grader.told().splitlines()
    return "the cluster is lost: its " in sentence and sentence.endswith("grade again to go on from here")


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10))
def test_a_class_of_two_hundred_comes_through_the_faults_of_a_cluster(
    two_hundred: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "EMPTY_S", 5.0)
    round_of_faults_of_a_cluster(two_hundred, tmp_path, seed)


@pytest.fixture(scope="module")
def two_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_class.one_assignment(tmp_path_factory.mktemp("many") / "course", ASSIGNMENT, 200)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10))
def test_a_class_of_two_hundred_comes_through_every_fault(two_hundred: Path, tmp_path: Path, seed: int) -> None:
    round_of_faults(two_hundred, tmp_path, seed)


# --- What they are told apart by -------------------------------------------


def test_a_sandbox_that_is_killed_from_outside_is_begun_again_and_costs_no_mark(executor: Executor) -> None:
    taken: list[int] = []

    class Hit:
        """Kills the first sandbox in the middle of its second cell."""

        tracebacks = executor.tracebacks

        def sandbox(self, *words: Any) -> Any:
            made = executor.sandbox(*words)
            if not taken:
                taken.append(1)
                send = made.line.send

                def sent(order: Any, deadline: float | None = None) -> None:
                    send(order, deadline)
                    if "here" in order.get("run", ""):
                        below = processes.descendants(executor._parent.pid)
                        newest = max(reversed(below), key=lambda each: each.start_time)  # numbers begin again
                        os.kill(newest.pid, signal.SIGKILL)

                made.line.send = sent
            return made

    cells = [Cell("code", source) for source in ("x = 1", "import time; time.sleep(0.2) # here", "print(x + 1)")]
    shown = execution.run(Hit(), Recipe([], [], [], [], {}), cells, Limits())  # type: ignore[arg-type]
    assert taken
    assert [each.passed for each in shown] == [True] * 3
    assert shown[2].outputs[0]["text"] == "2\n"


def test_when_the_warm_parent_is_killed_nothing_gets_a_mark_of_it() -> None:
    with Executor() as made:
        box = made.sandbox("student", Limits())
        os.kill(processes.descendants(made._parent.pid)[0].pid, signal.SIGKILL)
        with pytest.raises(Problem, match="the warm parent has ended; what ran in it has no mark"):
            box.close()


# --- The same every time ---------------------------------------------------


def in_some_order(course: Path, executor: Executor, seed: int) -> tuple[Lines, dict[str, Any], dict[Any, Any]]:
    """The lines, the autograded folder and the gradebook after grading in an order that is drawn."""
    opened = Course(course)
    with Executor(None, opened.hidden) as own:
        assignment = batch.prepared(opened, ASSIGNMENT, Limits(), own)
    students = opened.students(ASSIGNMENT)
    crew = batch.Here(assignment, executor, 1 + seed)
    order = random.Random(seed).sample(students, len(students))
    lines = {step.line["student"]: step.line for step in batch.graded(opened, assignment, crew, 1 + seed, order)}
    crew.close()
    return lines, autograded(course), stored(course)


def same_in_every_order(course: Path, tmp_path: Path, executor: Executor) -> None:
    copies = [Path(shutil.copytree(course, tmp_path / str(seed))) for seed in range(3)]
    first, *others = [in_some_order(copy, executor, seed) for seed, copy in enumerate(copies)]
    assert sorted(first[0]) == Course(course).students(ASSIGNMENT)
    assert others == [first, first]


def test_three_runs_in_drawn_orders_come_to_the_same_to_the_byte(
    eight: Path, tmp_path: Path, executor: Executor
) -> None:
    same_in_every_order(eight, tmp_path, executor)


@pytest.mark.soak
def test_two_hundred_in_three_drawn_orders_come_to_the_same_to_the_byte(
    two_hundred: Path, tmp_path: Path, executor: Executor
) -> None:
    same_in_every_order(two_hundred, tmp_path, executor)
