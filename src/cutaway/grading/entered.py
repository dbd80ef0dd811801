"""A first submission, entered into nbgrader's gradebook as rows: with its marks, in five statements.

nbgrader's `add_submission` makes an object of every grade and comment, to be looked up, filled in and written once
more; that takes ten times as long. The tables and their defaults are nbgrader's own, and a test compares the rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook, new_uuid
from sqlalchemy import bindparam, insert, select

from cutaway.grading.assignment import Graded

NO_RESPONSE = "No response."  # as nbgrader's SaveAutoGrades says it

_HELD = (
    select(Student.id, SubmittedAssignment.id)
    .outerjoin(SubmittedAssignment, (SubmittedAssignment.student_id == Student.id)
               & (SubmittedAssignment.assignment_id == bindparam("assignment")))
    .where(Student.id == bindparam("student"))
)  # fmt: skip


def enter(session: Any, assignment: Any, student: str, graded: Graded, timestamp: datetime | None) -> bool:
    """Enter it, or leave everything as it is: when the student has one already, or when it is late."""
    book = session.connection()
    known = book.execute(_HELD, {"student": student, "assignment": assignment.id}).first()
    if (known and known[1]) or (timestamp and assignment.duedate and timestamp > assignment.duedate):
        return False
    if known is None:
        book.execute(insert(Student.__table__), {"id": student})
    for table, rows in _rows(assignment, student, graded, timestamp):
        if rows:
            book.execute(insert(table.__table__), rows)
    return True


def _rows(assignment: Any, student: str, graded: Graded, timestamp: datetime | None) -> list[tuple[Any, list[Any]]]:
    submission = {"id": new_uuid(), "assignment_id": assignment.id, "student_id": student, "timestamp": timestamp}
    notebooks, grades, comments = [], [], []
    for notebook in assignment.notebooks:
        own = {"id": new_uuid(), "notebook_id": notebook.id, "assignment_id": submission["id"]}
        marks = graded.marks.get(notebook.name)
        notebooks.append(own)
        for cell in (*notebook.grade_cells, *notebook.task_cells):
            score = marks[cell.name].score if marks is not None else None
            mark = {"auto_score": score, "needs_manual_grade": score is None}
            grades.append({"notebook_id": own["id"], "cell_id": cell.id, **mark})
        for cell in (*notebook.solution_cells, *notebook.task_cells):
            said = NO_RESPONSE if (notebook.name, cell.name) in graded.unanswered else None
            comments.append({"notebook_id": own["id"], "cell_id": cell.id, "auto_comment": said})
    return [(SubmittedAssignment, [submission]), (SubmittedNotebook, notebooks), (Grade, grades), (Comment, comments)]
