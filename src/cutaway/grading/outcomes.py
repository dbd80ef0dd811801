"""What an assignment's submissions came to, for whoever looks at the whole class: questions, students, causes.

Scores are the gradebook's, so marks that a person has given and points taken off for lateness count; what stands
behind them is what `cutaway grade` has recorded of each submission.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Any, NamedTuple

from cutaway.check.contract import Status
from cutaway.check.results import SIGN
from cutaway.grading import feedback, nbcourse
from cutaway.grading.marks import STDERR
from cutaway.grading.nbcourse import Course, Notebook
from cutaway.grading.writer import recorded
from cutaway.problem import Problem, printable

KINDS = {
    "not run": "the notebook's time was over",
    "missing": "it was not handed in",
    "unanswered": "no answer",
    "not judged": "it could not be judged",
}
FAILED = {SIGN[Status.FAILED], SIGN[Status.ERROR]}  # what was not reached is no cause
SAID_CHARACTERS = 160


@dataclass(frozen=True)
class Outcome:
    """What became of one submission; `score` is None without a mark."""

    student: str
    score: float | None
    marks: dict[str, float | None]  # of each question, as the gradebook has it
    seconds: float
    flags: tuple[str, ...]
    failed: tuple[Failure, ...]


class Failure(NamedTuple):
    """Why one question earned less than it could, or a cell stopped: the same for all who went wrong in one way."""

    question: str
    kind: str
    line: str  # of the test, or the sentence of a check
    example: str


@dataclass(frozen=True)
class Question:
    """One marked cell of the assignment."""

    name: str
    heading: str
    points: float
    earned: tuple[float, ...]  # by those who have a mark for it
    waiting: int  # marks that a person has yet to give

    @property
    def share(self) -> float | None:
        """Of its points, on average; None when nobody has a mark for it or it has no points."""
        return fmean(self.earned) / self.points if self.earned and self.points else None

    @property
    def whole(self) -> int:
        """How many have earned all of it."""
        return sum(each >= self.points for each in self.earned)

    @property
    def nothing(self) -> int:
        """How many have earned nothing."""
        return sum(each <= 0 for each in self.earned)


class Cause(NamedTuple):
    """A way to go wrong, and who did; `example` is what the first of them was told."""

    question: str
    kind: str
    line: str
    example: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Outcomes:
    """An assignment's, in the students' order."""

    assignment: str
    points: float
    questions: tuple[Question, ...]
    students: tuple[Outcome, ...]
    not_graded: tuple[str, ...]  # handed in and without a record
    not_handed_in: tuple[str, ...]  # of those whom the gradebook knows

    @property
    def scores(self) -> list[float]:
        return [each.score for each in self.students if each.score is not None]

    def causes(self) -> list[Cause]:
        """Every way to go wrong, the most frequent first."""
        found = [(failure, each.student) for each in self.students for failure in each.failed]
        order = {question.name: number for number, question in enumerate(self.questions)}
        found.sort(key=lambda pair: pair[0][:3])
        causes = []
        for (question, kind, line), group in groupby(found, key=lambda pair: pair[0][:3]):
            members = [*group]
            names = tuple(dict.fromkeys(student for _, student in members))
            causes.append(Cause(question, kind, line, members[0][0].example, names))
        return sorted(causes, key=lambda each: (-len(each.students), order.get(each.question, 0), each[:3]))


# --- Gathering -------------------------------------------------------------


def gathered(course: Course, assignment: str) -> Outcomes:
    """All that is known of the assignment's submissions. Problem when none has been graded."""
    notebooks = nbcourse.notebooks(course, assignment)
    found, cells, without = [], [], []
    with course.gradebook() as book:
        handed_in = course.students(assignment)
        for student in handed_in:
            record = recorded(course.step("autograded", student, assignment))
            if record is None:
                without.append(student)
                continue
            standings = feedback.standings(book, assignment, student)
            cells.append(_cells(standings))
            found.append(_outcome(student, record, standings, notebooks, cells[-1]))
        others = sorted({each.id for each in book.students} - {*handed_in})
    if not found:
        raise Problem(
            f"reporting on {assignment!r}: nothing has been graded yet; run `cutaway grade {assignment} "
            f"--course {course.folder}`"
        )
    questions = tuple(_questions(notebooks, cells))
    points = sum(each.points for each in questions)
    return Outcomes(assignment, points, questions, tuple(found), tuple(without), tuple(others))


def _cells(standings: dict[str, feedback.Standing]) -> dict[tuple[str, str], feedback.Given]:
    return {(notebook, name): given for notebook, each in standings.items() for name, given in each.cells.items()}


def _outcome(
    student: str,
    record: dict[str, Any],
    standings: dict[str, feedback.Standing],
    notebooks: list[Notebook],
    cells: dict[tuple[str, str], feedback.Given],
) -> Outcome:
    without = any(each.score is None for each in standings.values())
    total = sum((each.score or 0.0) - each.penalty for each in standings.values())
    named = _names(notebooks)
    marks = {name: cells[key].score for key, name in named.items() if key in cells}
    return Outcome(
        student,
        None if without else max(0.0, total),
        marks,
        float(record.get("seconds", 0.0)),
        tuple(record["line"]["flags"]),
        tuple(_failures(record, named)),
    )


def _names(notebooks: list[Notebook]) -> dict[tuple[str, str], str]:
    """What each marked cell is called: by its notebook, too, where two have cells of one name."""
    keys = [(each.name, cell.name) for each in notebooks for cell in each.cells.values() if cell.marked]
    names = [name for _, name in keys]
    return {key: key[1] if names.count(key[1]) == 1 else "/".join(key) for key in keys}


def _questions(notebooks: list[Notebook], cells: list[dict[tuple[str, str], feedback.Given]]) -> Iterator[Question]:
    headings = {each.name: feedback.headings(each) for each in notebooks}
    points = {(each.name, cell.name): cell.points for each in notebooks for cell in each.cells.values()}
    for key, name in _names(notebooks).items():
        given = [each[key].score for each in cells if key in each]
        earned = tuple(score for score in given if score is not None)
        yield Question(name, headings[key[0]].get(key[1], ""), points[key], earned, len(given) - len(earned))


# --- Causes ----------------------------------------------------------------


def _failures(record: dict[str, Any], named: dict[tuple[str, str], str]) -> Iterator[Failure]:
    for notebook, marks in record.get("marks", {}).items():
        if marks and all(mark["status"] == "missing" for mark in marks.values()):
            yield Failure(printable(notebook), KINDS["missing"], "", "")
            continue
        for name, mark in marks.items():
            yield from _failures_of(named.get((notebook, name), name), mark)
    for cells in record.get("stopped", {}).values():
        for cell, said, _ in cells:
            yield Failure(printable(cell), f"stopped: {_kind(said)}", "", _short(said))


def _failures_of(question: str, mark: dict[str, Any]) -> Iterator[Failure]:
    if mark.get("said"):  # a lab's checks: each that failed is a cause, and what it saw comes after it
        for line, saw in zip(mark["said"], [*mark["said"][1:], ""], strict=True):
            sign, _, sentence = line.partition(" ")
            if sign in FAILED:
                yield Failure(question, "check", printable(sentence), _short(saw))
    elif mark["status"] == "failed":
        yield Failure(question, _kind(mark["why"]), printable(mark.get("asked", "")), _example(mark))
    elif mark["status"] == "partial":
        yield Failure(question, "some of its points", "", "")
    elif mark["status"] in KINDS:
        yield Failure(question, KINDS[mark["status"]], "", "")


def _kind(why: str) -> str:
    """The sort of error in what was said of it; students choose the words after it."""
    kind = why.partition(":")[0]
    if kind == STDERR:
        return "it wrote to standard error"
    return kind if kind.replace(".", "").isidentifier() else _short(why)


def _example(mark: dict[str, Any]) -> str:
    compared = mark.get("compared")
    if compared:
        return _short(f"expected {compared.get('expected')}, got {compared.get('got')}")
    return _short(mark["why"])


def _short(text: str) -> str:
    line = printable(text)
    return line if len(line) <= SAID_CHARACTERS else f"{line[:SAID_CHARACTERS]} …"
