"""The marks of a course for other systems: one row a student, from nbgrader's gradebook as it stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

from cutaway.grading import nbcourse
from cutaway.grading.nbcourse import Course
from cutaway.problem import Problem

Row = dict[str, Any]
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # with these a spreadsheet begins a formula, wide ones in some
NO_MARK = "-"


def rows(course: Course, only: Collection[str] = ()) -> list[Row]:
    """One row for each student and assignment that was handed in, in order: what counts, after lateness."""
    with course.gradebook() as book:
        chosen = [each for each in book.assignments if each.name in only or not only]
        if unknown := sorted(set(only) - {each.name for each in chosen}):
            known = ", ".join(sorted(each.name for each in book.assignments)) or "none"
            raise Problem(
                f"exporting {unknown[0]!r}: the gradebook does not know it (it knows {known}); name one of them"
            )
        found = [_row(submission) for assignment in chosen for submission in assignment.submissions]
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


def notes(found: list[Row]) -> list[str]:
    """What whoever exports should know: who has no mark, how many marks wait for a person, whose name was changed."""
    without = [f"{row['student']} ({row['assignment']})" for row in found if row["score"] is None]
    waiting = sum(row["marks_waiting"] for row in found)
    changed = sorted({row["student"] for row in found if _harmless(row["student"]) != row["student"]})
    said = [f"no mark, so no number: {', '.join(without)}"] if without else []
    said += [f"{waiting} marks wait for a person"] if waiting else []
    return said + [f"written with ' before it, since it begins like a formula: {each}" for each in changed]


def as_csv(found: list[Row]) -> str:
    """Every column."""
    return _table(list(found[0]) if found else ["student"], [row.values() for row in found])


def as_json(found: list[Row]) -> str:
    """A list of objects."""
    return f"{json.dumps(found, indent=1, ensure_ascii=False)}\n"


def for_canvas(found: list[Row]) -> str:
    """As Canvas imports grades: a column for each assignment, its points possible in the second row.

    It takes the order of the first columns as it stands here, and knows a student by the login when there is no ID.
    """
    names, people = _by_person(found)
    possible = {row["assignment"]: f"{row['max']:g}" for row in found}
    body = [["    Points Possible", "", "", "", *(possible[name] for name in names)]]
    for student, of in people.items():
        row = next(iter(of.values()))
        person = f"{row['last_name']}, {row['first_name']}".strip(", ") or student
        body.append([person, "", student, "", *(_points(of.get(name), "") for name in names)])
    return _table(["Student", "ID", "SIS Login ID", "Section", *names], body)


def for_moodle(found: list[Row]) -> str:
    """As Moodle imports grades: people by their username; no mark is a dash, for an empty field may become a grade."""
    names, people = _by_person(found)
    body = [
        [student, next(iter(of.values()))["email"], *(_points(of.get(name), NO_MARK) for name in names)]
        for student, of in people.items()
    ]
    return _table(["username", "email", *names], body)


FORMATS: dict[str, Callable[[list[Row]], str]] = {
    "csv": as_csv, "json": as_json, "canvas": for_canvas, "moodle": for_moodle
}  # fmt: skip


def _by_person(found: list[Row]) -> tuple[list[str], dict[str, dict[str, Row]]]:
    """The assignments in order, and of each student the rows by assignment."""
    people: dict[str, dict[str, Row]] = {}
    for row in found:
        people.setdefault(row["student"], {})[row["assignment"]] = row
    return sorted({row["assignment"] for row in found}), people


def _points(row: Row | None, nothing: str) -> str:
    return nothing if row is None or row["score"] is None else f"{row['score']:g}"


def _table(columns: list[str], body: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_harmless, row) for row in [columns, *body])
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """The value, after an apostrophe where a spreadsheet would take it for a formula."""
    taken = isinstance(value, str) and value != NO_MARK and value.lstrip().startswith(FORMULA)
    return f"'{value}" if taken else value
