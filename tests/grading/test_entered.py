"""What is entered into the gradebook at once: when, and that nbgrader's own library enters the same one by one."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from nbgrader.utils import parse_utc
from sqlalchemy import text

from cutaway.grading import assignment as assignments
from cutaway.grading import batch, writer
from cutaway.grading.assignment import Graded
from cutaway.grading.limits import Limits
from cutaway.grading.marks import Mark
from cutaway.grading.nbcourse import Course
from cutaway.grading.writer import Finished, Writer
from cutaway.problem import Problem

pytestmark = pytest.mark.xdist_group("class")

TABLES = ("grade", "comment", "submitted_notebook", "submitted_assignment", "student")
COLUMNS = {
    "comment": "b.name, x.auto_comment, x.manual_comment",
    "grade": "b.name, x.auto_score, x.manual_score, x.extra_credit, x.needs_manual_grade",
}


def add_what_a_person_marks(course: Course) -> None:
    """And a second notebook, of which nothing is known here but that."""
    with course.gradebook() as book:
        book.add_notebook("essays", "objects")
        for name, notebook in (("task", "objects"), ("other-task", "essays")):
            book.add_task_cell(name, notebook, "objects", max_score=2.0, cell_type="markdown")
        book.add_grade_cell("essay", "essays", "objects", max_score=5.0, cell_type="markdown")
        book.add_solution_cell("essay", "essays", "objects")
        book.find_assignment("objects").duedate = parse_utc("2026-01-01 00:00:00 UTC")
        book.db.commit()


def rows(course: Course) -> list[list[Any]]:
    """Everything that is there of submissions, without the numbers that are drawn for it."""
    with sqlite3.connect(course.folder / "gradebook.db") as book:
        found = [
            book.execute(f"""select s.*, a.timestamp, a.extension, n.flagged, n.late_submission_penalty, {columns}
                from {table} x join submitted_notebook n on n.id = x.notebook_id join base_cell b on b.id = x.cell_id
                join submitted_assignment a on a.id = n.assignment_id join student s on s.id = a.student_id""")
            for table, columns in COLUMNS.items()
        ]  # fmt: skip
        return [sorted(each, key=repr) for each in found]


def finished(student: str, graded: Graded, timestamp: str | None) -> Finished:
    return Finished(student, "", graded, [], timestamp)


def test_a_first_submission_has_the_same_rows_either_way(
    eight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course(Path(shutil.copytree(eight, tmp_path / "course")))
    assignment = assignments.prepared(course, "objects", Limits())
    add_what_a_person_marks(course)
    cells = assignment.notebooks[0].cells.values()
    tests = {each.name: Mark(1.0, each.points, "passed") for each in cells if each.tests} | {
        "task": Mark(None, 2.0, "")
    }
    essays = {"essay": Mark(None, 5.0, ""), "other-task": Mark(0.0, 2.0, "")}
    unanswered = (("objects", "vector"), ("essays", "essay"))
    given = {
        "early": (Graded({"objects": tests, "essays": essays}, [], {}, unanswered=unanswered), "2025-12-31 23:00"),
        "unread": (Graded({"essays": essays}, [], {}, unreadable={"objects": "no notebook"}), None),
        "nothing": (Graded({}, [], {}), None),
    }
    either = []
    for ours in (True, False):
        if not ours:
            monkeypatch.setattr(writer, "enter", lambda *_: set())
        with course.gradebook() as book:
            pen = Writer(course, assignment, book)
            stands = pen._write_marks([finished(student, *found) for student, found in given.items()])
            first = rows(course)
            again = finished("early", given["unread"][0], "2026-01-02 00:00:00 UTC")
            late, new = pen._write_marks([again, finished("new", *given["early"])])
            either.append((stands, first, late, new, rows(course)))
            for table in TABLES:
                book.db.execute(text(f"delete from {table}"))
            book.db.commit()
    assert either[0] == either[1]
    assert [each.score for each in either[0][0]] == [len(tests) - 1, None, None]
    assert [len(each) for each in either[0][1]] == [3 * 8, 3 * 8]
    assert [len(each) for each in either[0][4]] == [4 * 8, 4 * 8]
    assert either[0][2].late_s == 24 * 3600
    assert either[0][3].score == len(tests) - 1


# --- When ------------------------------------------------------------------

NEVER = object()


def waiting(*ends: Any) -> deque[Any]:
    """Submissions that have come to this: a result, a Problem, nothing yet (NEVER), or a line from before (None)."""

    def one(end: Any) -> Any:
        future: Future[Any] = Future()
        if isinstance(end, Problem):
            future.set_exception(end)
        elif end is not NEVER:
            future.set_result(end)
        return batch._Waiting(None, None if end is None else future, None)  # type: ignore[arg-type]

    return deque(map(one, ends))


LOST = Problem("keeping a sandbox: the warm parent has ended")


@pytest.mark.parametrize(
    ("ends", "together"),
    [("rr", 2), ("r", 1), ("nrnr", 4), ("rrrrr", 4), ("r-r", 1), ("nr-", 2), ("rrL", 2), ("rL", 1)],
)
def test_those_that_are_graded_soon_after_the_first_are_written_with_it(ends: str, together: int) -> None:
    kinds = {"r": "result", "n": None, "-": NEVER, "L": LOST}
    before = waiting(*map(kinds.__getitem__, ends))
    left = deque(before)
    assert batch._ready(left, 4) == [*itertools.islice(before, together)]
    assert len(left) == len(ends) - together


def test_a_first_that_is_lost_says_so() -> None:
    with pytest.raises(Problem, match="the warm parent has ended"):
        batch._ready(waiting(LOST, "result"), 4)
