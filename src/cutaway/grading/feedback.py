"""What a student is told: for each part the mark, and of what failed the behaviour, and never a test that was hidden.

The page shows the answers as they were handed in. What a cell showed while it was graded is not on it, because a
submission may have printed what a hidden test gave it.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from cutaway.grading import nbcourse
from cutaway.grading.nbcourse import Course, Notebook, Source
from cutaway.grading.writer import RECORD
from cutaway.problem import Problem

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow-x: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent) }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .5rem; vertical-align: top }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent) }
td.n { text-align: right; white-space: nowrap }
"""
SENTENCES = {
    "passed": "It does what was asked.",
    "partial": "It does some of what was asked.",
    "manual": "A person will look at it.",
    "unanswered": "It is as it was given: there is no answer.",
    "missing": "It was not handed in.",
    "not run": "The notebook had used up its time before this part was reached.",
}
HIDDEN = (
    "A test failed that you were not given. Try values that the visible tests leave out: nothing, one, negative, large."
)


def write(course: Course, assignment: str) -> list[Path]:
    """Write a page for each notebook that has been graded, where nbgrader has its feedback; the pages."""
    notebooks = {each.name: each for each in nbcourse.notebooks(course, assignment)}
    written = []
    for student in course.students(assignment):
        record = course.step("autograded", student, assignment) / RECORD
        if not record.exists():
            continue
        found = json.loads(record.read_text())
        for name, marks in found["marks"].items():
            path = course.step("feedback", student, assignment) / f"{name}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page(student, assignment, notebooks[name], marks, found["line"]["flags"]))
            written.append(path)
    if not written:
        raise Problem(
            f"writing feedback on {assignment!r}: nothing has been graded yet; run `cutaway grade {assignment}`"
        )
    return written


def page(student: str, assignment: str, notebook: Notebook, marks: dict[str, Any], flags: list[str]) -> str:
    """The page of one notebook."""
    rows = "".join(_row(notebook.cells[name], mark) for name, mark in marks.items())
    noted = "".join(f"<li>{html.escape(flag)}</li>" for flag in flags)
    earned = sum(mark["score"] or 0 for mark in marks.values())
    most = sum(mark["max"] for mark in marks.values())
    title = html.escape(f"{assignment}: {notebook.name}")
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{html.escape(student)}: {earned:g} of {most:g}</p>"
        f"<table><thead><tr><th>part<th>mark<th>what was seen</thead><tbody>{rows}</tbody></table>"
        f"{f'<h2>Noted</h2><ul>{noted}</ul>' if noted else ''}</html>"
    )


def _row(cell: Source, mark: dict[str, Any]) -> str:
    score = "" if mark["score"] is None else f"{mark['score']:g}"
    return f"<tr><td>{html.escape(cell.name)}<td class=n>{score} of {mark['max']:g}<td>{_seen(cell, mark)}"


def _seen(cell: Source, mark: dict[str, Any]) -> str:
    """What failed, as far as the student could have read the test that failed."""
    if mark["status"] != "failed":
        return html.escape(SENTENCES.get(mark["status"], mark["status"]))
    lines = cell.source.splitlines()
    if mark["line"] not in visible(cell.source):
        return html.escape(HIDDEN)
    said = f"<code>{html.escape(lines[mark['line'] - 1].strip())}</code><br>{html.escape(mark['why'])}"
    if mark["compared"]:
        compared = mark["compared"]
        said += f"<br>expected {html.escape(compared['expected'])}, got {html.escape(compared['got'])}"
    return said


def visible(source: str) -> set[int]:
    """The numbers of the lines that students were given."""
    found, hidden = set(), False
    for number, line in enumerate(source.splitlines(), 1):
        hidden = hidden or "BEGIN HIDDEN TESTS" in line
        if not hidden:
            found.add(number)
        hidden = hidden and "END HIDDEN TESTS" not in line
    return found
