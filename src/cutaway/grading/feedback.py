"""What a student is told: for each part the mark, and of what failed the behaviour, and never a test that was hidden.

Marks, extra points and comments are the gradebook's, so what a person has given counts. What a cell showed while it
was graded is not on the page, because a submission may have printed what a hidden test gave it; stopped.py says what
is told of a cell that raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.grading import nbcourse, pages
from cutaway.grading.marks import STDERR
from cutaway.grading.nbcourse import Course, Notebook, Source
from cutaway.grading.pages import safe
from cutaway.grading.stands import BY_HAND
from cutaway.grading.stopped import MOST_TOLD, known
from cutaway.grading.writer import recorded
from cutaway.problem import Problem

SENTENCES = {
    "passed": "It does what was asked.",
    "partial": "It does some of what was asked.",
    "manual": "A person will look at it.",
    "unanswered": "It is as it was given: there is no answer.",
    "not judged": "This could not be judged; a person will look at it.",
    "missing": "It was not handed in.",
    "not run": "The notebook had used up its time before this part was reached.",
}
NONE_OF_IT = "It does nothing of what was asked yet."
FAILED = "The test failed."
HIDDEN = "A test failed that you were not given."
SOMEWHERE = "The test failed; in which of its lines is not known, so it may be one that you were not given."
WROTE = "While it was tested, something was written to standard error, and a test fails then."
TRY = "Try values that the visible tests leave out: nothing, one, negative, large."
SHORT_CHARACTERS, LONGER = 40, "something that is not shown here"
HINT = re.compile(r"^\s*# *feedback: *(.+)$", re.MULTILINE)  # in a test: the teacher's own sentence for whom it fails


class Given(NamedTuple):
    """What the gradebook says of a cell: its mark, whether a person has given it, and what they wrote."""

    score: float | None = None
    by_hand: bool = False
    extra: float = 0.0
    comment: str = ""


@dataclass(frozen=True)
class Standing:
    """What the gradebook says of a student's notebook."""

    score: float | None
    penalty: float
    cells: dict[str, Given]


def write(course: Course, assignment: str) -> tuple[list[Path], list[str]]:
    """Write a page for each notebook that was handed in, where nbgrader has its feedback.

    The pages, and the students who have none because nothing of theirs has been graded.
    """
    notebooks = nbcourse.notebooks(course, assignment)
    written, without = [], []
    with course.gradebook() as book:
        for student in course.students(assignment):
            found = recorded(course.step("autograded", student, assignment))
            if found is None:
                without.append(student)
                continue
            standing = standings(book, assignment, student)
            for notebook in notebooks:
                path = course.step("feedback", student, assignment) / f"{notebook.name}.html"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(page(student, assignment, notebook, found, standing[notebook.name]))
                written.append(path)
    if not written:
        raise Problem(
            f"writing feedback on {assignment!r}: nothing has been graded yet; run `cutaway grade {assignment}`"
        )
    return written, without


def standings(book: Any, assignment: str, student: str) -> dict[str, Standing]:
    """What the gradebook says of each notebook of a submission."""
    return {each.name: _standing(each) for each in book.find_submission(assignment, student).notebooks}


def _standing(notebook: Any) -> Standing:
    said = {each.name: each.manual_comment or "" for each in notebook.comments}
    cells = {name: Given(comment=comment) for name, comment in said.items() if comment}
    for grade in notebook.grades:
        score = grade.score if nbcourse.has_mark(grade) else None
        by_hand = grade.manual_score is not None
        cells[grade.name] = Given(score, by_hand, grade.extra_credit or 0.0, said.get(grade.name, ""))
    marked = not notebook.grades or any(map(nbcourse.has_mark, notebook.grades))
    return Standing(notebook.score if marked else None, notebook.late_submission_penalty or 0.0, cells)


# --- A page ----------------------------------------------------------------


def page(student: str, assignment: str, notebook: Notebook, found: dict[str, Any], standing: Standing) -> bytes:
    """The page of one notebook: the marks as the gradebook has them, and what grading has found."""
    marks, above = told(notebook, found["marks"].get(notebook.name, {})), headings(notebook)
    named = [name for name in notebook.cells if name in marks or name in standing.cells]
    parts = above if len({above[name] for name in named if name in above}) > 1 else {}  # one for all says nothing
    rows = "".join(
        _row(notebook.cells[name], parts.get(name, ""), marks.get(name), standing.cells.get(name, Given()))
        for name in (named if marks or standing.score is not None else ())
    )
    why = found.get("unreadable", {}).get(notebook.name, "")
    stopped = [f"{cell}: {told}" for cell, _, told in found.get("stopped", {}).get(notebook.name, ()) if told]
    flags = [
        each for each in found["line"]["flags"] if each not in (BY_HAND, f"{notebook.name}.ipynb: {why}", *stopped)
    ]
    head = "".join(f'<th scope="col">{word}</th>' for word in ("part", "mark", "what was seen"))
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return pages.page(
        f"{assignment}: {above.get('', notebook.name)}",
        f"{pages.paragraph(f'{student}: {_total(notebook, standing)}')}{_unread(notebook, why)}"
        f"{table if rows else ''}{pages.bullets('Where your cells stopped', stopped)}{pages.bullets('Noted', flags)}",
    )


def _total(notebook: Notebook, standing: Standing) -> str:
    most = sum(each.points for each in notebook.cells.values() if each.marked)
    if standing.score is None:
        return f"no mark yet, of {most:g}"
    late = f", after {standing.penalty:g} for being late" if standing.penalty else ""
    return f"{max(0.0, standing.score - standing.penalty):g} of {most:g}{late}"


def _unread(notebook: Notebook, why: str) -> str:
    said = f"{notebook.name}.ipynb: {why}. So it was not marked; hand it in again, or ask your teacher."
    return pages.paragraph(said if why else "")


def _row(cell: Source, heading: str, mark: dict[str, Any] | None, given: Given) -> str:
    part = safe(cell.name) + (f"<br><small>{safe(heading)}</small>" if heading else "")
    score = "no mark yet," if given.score is None else f"{given.score:g}"
    points = f"{score} of {cell.points:g}" if cell.marked else ""
    said = [_by_hand(given)] if given.by_hand or given.extra else []
    if mark and not (given.by_hand and mark["status"] in ("manual", "unanswered")):
        said.append(_seen(cell, mark))
    said += [safe(given.comment).replace("\n", "<br>")] if given.comment else []
    return f'<tr><th scope="row">{part}</th><td class="n">{points}</td><td>{"<br>".join(said)}</td></tr>'


def _by_hand(given: Given) -> str:
    extra = f" {given.extra:g} of it is extra." if given.extra else ""
    return f"A person has given this mark.{extra}"


def _seen(cell: Source, mark: dict[str, Any]) -> str:
    """What failed, as far as the student could have read the test that failed."""
    if mark.get("said"):
        return "<br>".join(map(safe, mark["said"]))
    if mark["status"] == "partial" and not mark["score"]:
        return safe(NONE_OF_IT)
    if mark["status"] != "failed":
        return safe(SENTENCES.get(mark["status"], mark["status"]))
    lines = cell.source.splitlines()
    hint = HINT.search(cell.source)
    shown = visible(cell.source)
    if len(shown) < len(lines) and mark["line"] not in shown:
        failed = WROTE if mark["why"].startswith(STDERR) else HIDDEN if mark["line"] else SOMEWHERE
        return safe(f"{failed} {hint[1] if hint else TRY}")
    wrote = mark["why"].startswith(STDERR)
    asked = f"<code>{safe(lines[mark['line'] - 1].strip())}</code>" if mark["line"] in shown else ""
    said = f"{asked or safe(WROTE if wrote else FAILED)}<br>{safe(mark['why'])}"
    if mark["compared"]:
        compared = mark["compared"]
        said += f"<br>expected {safe(compared['expected'])}, got {safe(compared['got'])}"
    return said + (f"<br>{safe(hint[1])}" if hint else "")


def told(notebook: Notebook, marks: dict[str, Any]) -> dict[str, Any]:
    """The marks with as much of what was seen as a student's page has.

    From the first test with hidden lines on, a submission may know what such a test has called it with, and could have
    it written here by another one that fails. So of errors the kind is told then, and of what it gave or wrote only
    what is short, and of no more than a few tests.
    """
    found, hidden, left = {}, False, MOST_TOLD
    for name, mark in marks.items():
        source = notebook.cells[name].source if name in notebook.cells else ""
        hidden = hidden or "BEGIN HIDDEN TESTS" in source
        found[name] = mark
        if hidden and mark["status"] == "failed":
            said = mark["why"] if mark["why"].startswith(STDERR) else str(mark["compared"].get("got", ""))
            short = left > 0 and len(said) <= SHORT_CHARACTERS
            left -= short and bool(said)
            compared = mark["compared"] if short or not mark["compared"] else {**mark["compared"], "got": LONGER}
            found[name] = {**mark, "why": _kind(mark["why"], source, short), "compared": compared}
    return found


def _kind(why: str, source: str, short: bool) -> str:
    kind, _, value = why.partition(": ")
    if kind == STDERR:
        return why if short else kind
    shown = "\n".join(line for number, line in enumerate(source.splitlines(), 1) if number in visible(source))
    return why if value and value in shown else known(kind, value, shown)


def headings(notebook: Notebook) -> dict[str, str]:
    """The heading under which each cell stands, by the cell's name; under no name, the first of all."""
    found: dict[str, str] = {}
    for cell in notebook.released.cells if notebook.released else ():
        if cell.cell_type == "markdown":
            for line in (line for line in cell.source.splitlines() if line.startswith("#")):
                last = line.lstrip("#").strip()
                found.setdefault("", last)
        elif found:
            found[cell.metadata.get("nbgrader", {}).get("grade_id", "-")] = last
    return found


def visible(source: str) -> set[int]:
    """The numbers of the lines that students were given."""
    found, hidden = set(), False
    for number, line in enumerate(source.splitlines(), 1):
        hidden = hidden or "BEGIN HIDDEN TESTS" in line
        if not hidden:
            found.add(number)
        hidden = hidden and "END HIDDEN TESTS" not in line
    return found
