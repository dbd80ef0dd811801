"""The marks of a course for other systems: one row a student, from nbgrader's gradebook as it stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from cutaway.grading import nbcourse
from cutaway.grading.nbcourse import Course

Row = dict[str, Any]
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet begins a formula


def rows(course: Course) -> list[Row]:
    """One row for each student and assignment that was handed in, in order: what counts, after lateness."""
    with course.gradebook() as book:
        found = [_row(submission) for assignment in book.assignments for submission in assignment.submissions]
    return sorted(found, key=lambda row: (row["student"], row["assignment"]))


def _row(submission: Any) -> Row:
    penalty = sum(each.late_submission_penalty or 0.0 for each in submission.notebooks)
    person, score = submission.student, nbcourse.score(submission)
    return {
        "student": person.id,
        "first_name": person.first_name or "",
        "last_name": person.last_name or "",
        "email": person.email or "",
        "assignment": submission.assignment.name,
        "score": None if score is None else max(0.0, score - penalty),
        "max": float(submission.max_score),
        "late_penalty": penalty,
        "needs_manual_grade": bool(submission.needs_manual_grade),
        "marks_waiting": sum(bool(grade.needs_manual_grade) for each in submission.notebooks for grade in each.grades),
    }


def unfinished(found: list[Row]) -> list[str]:
    """What whoever exports should know: who has no mark at all, and how many marks wait for a person."""
    without = [f"{row['student']} ({row['assignment']})" for row in found if row["score"] is None]
    waiting = sum(row["marks_waiting"] for row in found)
    said = [f"no mark, so the field is empty: {', '.join(without)}"] if without else []
    return said + ([f"{waiting} marks wait for a person"] if waiting else [])


def as_csv(found: list[Row]) -> str:
    """Every column."""
    return _table(list(found[0]) if found else ["student"], found)


def as_json(found: list[Row]) -> str:
    """A list of objects."""
    return f"{json.dumps(found, indent=1, ensure_ascii=False)}\n"


def for_canvas(found: list[Row]) -> str:
    """As Canvas imports grades: a column for each assignment, its points possible in the second row."""
    names = sorted({row["assignment"] for row in found})
    possible = {row["assignment"]: f"{row['max']:g}" for row in found}
    people: dict[str, Row] = {}
    for row in found:
        name = f"{row['last_name']}, {row['first_name']}".strip(", ") or row["student"]
        person = people.setdefault(
            row["student"], {"Student": name, "ID": "", "SIS Login ID": row["student"], "Section": ""}
        )
        person[row["assignment"]] = _points(row)
    first = {"Student": "    Points Possible", **possible}
    return _table(["Student", "ID", "SIS Login ID", "Section", *names], [first, *people.values()])


def for_moodle(found: list[Row]) -> str:
    """As Moodle imports grades: people by their username."""
    names = sorted({row["assignment"] for row in found})
    people: dict[str, Row] = {}
    for row in found:
        person = people.setdefault(row["student"], {"username": row["student"], "email": row["email"]})
        person[row["assignment"]] = _points(row)
    return _table(["username", "email", *names], list(people.values()))


FORMATS: dict[str, Callable[[list[Row]], str]] = {
    "csv": as_csv, "json": as_json, "canvas": for_canvas, "moodle": for_moodle
}  # fmt: skip


def _points(row: Row) -> str:
    return "" if row["score"] is None else f"{row['score']:g}"


def _table(columns: list[str], found: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in found)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
