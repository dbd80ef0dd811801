"""A whole class: every submission once, in order, each different one run once, by as many workers as were asked for."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from cutaway.grading import assignment as assignments
from cutaway.grading import nbcourse, writer
from cutaway.grading.assignment import Assignment, Graded
from cutaway.grading.executor import Executor
from cutaway.grading.limits import Limits
from cutaway.grading.nbcourse import Course, File
from cutaway.grading.stands import Line
from cutaway.grading.writer import Finished, Writer
from cutaway.problem import Problem

AHEAD = 8  # submissions for each worker that may be finished or waiting before their turn to be written
SOON_S = 0.1  # that a finished one waits for others to be written with it
STAMP_CHARACTERS = 100  # of a time; to make sense of a million takes ten seconds
KEPT = 256  # results of earlier submissions that an identical one may take


@dataclass(frozen=True)
class HandedIn:
    """One submission as it was read."""

    student: str
    files: list[File]
    left: list[str]
    timestamp: str | None
    content: str  # the digest of its files: submissions with the same are the same

    def fingerprint(self, assignment: Assignment) -> str:
        """Changes when anything changes that its mark depends on."""
        return hashlib.sha256(f"{assignment.digest} {self.content} {self.timestamp}".encode()).hexdigest()


def handed_in(course: Course, assignment: str, student: str) -> HandedIn:
    """Read what a student has handed in."""
    files, left = nbcourse.files(course.step("submitted", student, assignment))
    stamp = next((file for file in files if file.place == "timestamp.txt"), None)
    text = stamp.content.decode(errors="replace").strip() if stamp else None
    work = [file for file in files if file is not stamp]
    digest = hashlib.sha256()
    for file in work:
        for part in (file.place.encode("utf-8", "surrogateescape"), file.content):
            digest.update(len(part).to_bytes(8, "big") + part)
    digest.update(json.dumps(left).encode())
    return HandedIn(student, work, left, _readable(text), digest.hexdigest())


def _readable(timestamp: str | None) -> str | None:
    """A time that nbgrader can read; students may write anything there."""
    from nbgrader.utils import parse_utc

    if timestamp is None or len(timestamp) > STAMP_CHARACTERS:
        return None
    try:
        parse_utc(timestamp)
    except (ValueError, OverflowError, TypeError):
        return None
    return timestamp


class Result(Protocol):
    """What a submission will come to."""

    def result(self, timeout: float | None = None) -> Graded:
        """Once it is there; TimeoutError when it is not by then."""


class Workers(Protocol):
    """Who grades: threads over one warm parent here, or a cluster."""

    def submit(self, one: HandedIn) -> Result: ...

    def same(self, one: HandedIn) -> str:
        """What the submissions have in common that come to the same, and are run once."""


class Here:
    """Workers of this machine, which share one warm parent."""

    def __init__(self, assignment: Assignment, executor: Executor, number: int) -> None:
        self._assignment, self._executor = assignment, executor
        self._pool = ThreadPoolExecutor(number)

    def submit(self, one: HandedIn) -> Future[Graded]:
        return self._pool.submit(timed, self._assignment, self._executor, one.files, one.left)

    def same(self, one: HandedIn) -> str:
        return one.content

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def timed(assignment: Assignment, executor: Executor, files: list[File], left: list[str]) -> Graded:
    """Grade one submission and note how long it took."""
    began = time.monotonic()
    graded = assignments.graded(assignment, executor, files, left)
    graded.seconds = time.monotonic() - began
    return graded


@dataclass(frozen=True)
class Step:
    """One submission done: its line, what stands behind it (unless it was graded before), and how long it took."""

    line: Line
    graded: Graded | None
    fresh: bool


@dataclass(frozen=True)
class _Waiting:
    """A submission before its turn to be written: what it will come to, or its record of having been graded just so."""

    one: HandedIn
    future: Result | None
    record: dict[str, Any] | None

    def result(self) -> None:
        """Wait for it."""
        if self.future:
            self.future.result()

    def settled(self, until: float) -> bool:
        """Whether it is there by then; what has gone wrong is told when it is the first."""
        try:
            if self.future:
                self.future.result(max(0.0, until - time.monotonic()))
        except (TimeoutError, Problem):
            return False
        return True


def graded(
    course: Course, assignment: Assignment, workers: Workers, number: int, students: Iterable[str],
    *, dry: bool = False, force: bool = False,
) -> Iterator[Step]:  # fmt: skip
    """Grade these students' submissions in order; what was graded just so before is only said again."""
    with ExitStack() as stack:
        pen = Writer(course, assignment, stack.enter_context(course.gradebook()))
        done: dict[str, Result] = {}
        waiting: deque[_Waiting] = deque()
        most = AHEAD * number // 2  # at once, so that the workers have the others to do meanwhile
        for student in students:
            one = handed_in(course, assignment.name, student)
            record = None if force else pen.recorded(student, one.fingerprint(assignment))
            waiting.append(_Waiting(one, None if record else _once(done, workers, one), record))
            if len(waiting) > AHEAD * number:
                yield from _written(pen, assignment, _ready(waiting, most), dry=dry)
        while waiting:
            yield from _written(pen, assignment, _ready(waiting, most), dry=dry)


def _once(done: dict[str, Result], workers: Workers, one: HandedIn) -> Result:
    """The result of the first submission that is the same, or a new one."""
    same = workers.same(one)
    if same not in done:
        if len(done) >= KEPT:
            del done[next(iter(done))]
        done[same] = workers.submit(one)
    return done[same]


def _ready(waiting: deque[_Waiting], most: int) -> list[_Waiting]:
    """The first, once it is graded, and those after it that soon are: to write a few at once takes little longer."""
    ready = [waiting.popleft()]
    ready[0].result()
    until = time.monotonic() + SOON_S
    while waiting and len(ready) < most and waiting[0].settled(until):
        ready.append(waiting.popleft())
    return ready


def _written(pen: Writer, assignment: Assignment, ready: list[_Waiting], *, dry: bool) -> list[Step]:
    """A step for each, in their order."""
    fresh = [(each.one, each.future.result()) for each in ready if each.future]
    if dry:
        lines = [writer.shown(one.student, assignment, result) for one, result in fresh]
    else:
        lines = pen.write([_finished(assignment, one, result) for one, result in fresh]) if fresh else []
    steps = iter([Step(line, result, True) for line, (_, result) in zip(lines, fresh, strict=True)])
    again = iter(pen.lines([each.record for each in ready if each.record]))
    return [next(steps) if each.future else Step(next(again), None, False) for each in ready]


def _finished(assignment: Assignment, one: HandedIn, result: Graded) -> Finished:
    return Finished(one.student, one.fingerprint(assignment), result, one.files, one.timestamp)


def prepared(course: Course, name: str, limits: Limits, executor: Executor) -> Assignment:
    """The assignment with its packages loaded, and its tests tried on the teacher's solution."""
    assignment = assignments.prepared(course, name, limits)
    executor.load(assignment.packages)
    return assignments.tried(assignment, executor)
