"""First submissions, entered into nbgrader's gradebook as rows: with their marks, in five statements for all.

nbgrader's `add_submission` makes an object of every grade and comment, to be looked up, filled in and written once
more; that takes ten times as long. The tables and their defaults are nbgrader's own, and a test compares the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook, new_uuid
from sqlalchemy import bindparam, insert, select

from cutaway.grading.assignment import Graded

NO_RESPONSE = "No response."  # as nbgrader's SaveAutoGrades says it
TABLES = (Student, SubmittedAssignment, SubmittedNotebook, Grade, Comment)  # each after those that it goes back to

_HELD = (
    select(Student.id, SubmittedAssignment.id)
    .outerjoin(SubmittedAssignment, (SubmittedAssignment.student_id == Student.id)
               & (SubmittedAssignment.assignment_id == bindparam("assignment")))
    .where(Student.id.in_(bindparam("students", expanding=True)))
)  # fmt: skip

First = tuple[str, Graded, datetime | None]  # whose, what it came to, and when it was handed in
Rows = dict[Any, list[dict[str, Any]]]  # by their table


def enter(session: Any, assignment: Any, submissions: Iterable[First]) -> set[str]:
    """Enter those that can be, and say whose; not whoever is in the book with one already, or whoever is late."""
    book, given = session.connection(), {each[0]: each for each in submissions}
    held = dict(iter(book.execute(_HELD, {"students": [*given], "assignment": assignment.id})))
    rows: Rows = {table: [] for table in TABLES}
    entered = set()
    for student, graded, timestamp in given.values():
        if held.get(student) or (timestamp and assignment.duedate and timestamp > assignment.duedate):
            continue
        if student not in held:
            rows[Student].append({"id": student})
        _add(rows, assignment, student, graded, timestamp)
        entered.add(student)
    for table, new in rows.items():
        if new:
            book.execute(insert(table.__table__), new)
    return entered


def _add(rows: Rows, assignment: Any, student: str, graded: Graded, timestamp: datetime | None) -> None:
    submission = {"id": new_uuid(), "assignment_id": assignment.id, "student_id": student, "timestamp": timestamp}
    rows[SubmittedAssignment].append(submission)
    for notebook in assignment.notebooks:
        own = {"id": new_uuid(), "notebook_id": notebook.id, "assignment_id": submission["id"]}
        rows[SubmittedNotebook].append(own)
        marks = graded.marks.get(notebook.name)
        for cell in (*notebook.grade_cells, *notebook.task_cells):
            score = marks[cell.name].score if marks is not None else None
            mark = {"auto_score": score, "needs_manual_grade": score is None}
            rows[Grade].append({"notebook_id": own["id"], "cell_id": cell.id, **mark})
        for cell in (*notebook.solution_cells, *notebook.task_cells):
            said = NO_RESPONSE if (notebook.name, cell.name) in graded.unanswered else None
            rows[Comment].append({"notebook_id": own["id"], "cell_id": cell.id, "auto_comment": said})
