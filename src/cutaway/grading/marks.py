"""From what a cell showed to its mark, as nbgrader has it, and what kept it from being more."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.utils import get_partial_grade

from cutaway.grading.execution import Shown
from cutaway.grading.restored import Cell
from cutaway.grading.stopped import said

SAID_CHARACTERS = 300
STDERR = "on standard error"
NUMPY = re.compile(r"^np\.\w+\((.*)\)$")  # as it shows a number


@dataclass
class Mark:
    """Of one cell. `score` is None until a person has given one.

    `status`: passed, failed, partial; manual (a person has to look), unanswered (as it was given); not run.
    """

    score: float | None
    max: float
    status: str
    mode: str = ""  # where a test ran: separated or inside
    why: str = ""  # of what is not passed: the error, in a line
    compared: dict[str, str] = field(default_factory=dict)
    line: int = 0  # of the test, in which it failed
    asked: str = ""  # what stands in that line
    said: list[str] = field(default_factory=list)  # by the checks of a lab, for the student to read

    def plain(self) -> dict[str, Any]:
        """As it crosses between processes and into files."""
        return {**vars(self)}


def mark(cell: Cell, shown: Shown, mode: str, counted: bool = False) -> Mark:
    """The mark of a cell that has one; a test that is `counted` ends with the points that it gives."""
    owned = cell.owned
    assert owned is not None
    if owned.solution or owned.task or owned.cell_type != "code":
        unanswered = owned.solution and cell.unanswered
        return Mark(0.0 if unanswered else None, owned.points, "unanswered" if unanswered else "manual")
    if not shown.ran:
        return Mark(0.0, owned.points, "not run", mode, "the notebook's time was over before this test")
    if (error := _error(shown)) is not None:
        asked = dict(enumerate(owned.source.splitlines(), 1)).get(shown.line, "").strip()
        return Mark(0.0, owned.points, "failed", mode, error, shown.compared, shown.line, asked)
    if not shown.passed:
        return Mark(0.0, owned.points, "failed", mode, "the test did not come to its end")
    return _points(owned.points, shown, mode) if counted else _whole_or_part(owned.points, shown, mode)


def is_counted(shown: Shown) -> bool:
    """Whether a test has a number for its result, by which nbgrader tells that it gives a part of its points."""
    try:
        return math.isfinite(float(_result(shown)))
    except ValueError:
        return False


def _result(shown: Shown) -> str:
    found = [each["data"].get("text/plain") for each in shown.outputs if each["output_type"] == "execute_result"]
    return str(found[0]) if found else ""


def _points(points: float, shown: Shown, mode: str) -> Mark:
    """Of a test that gives a number for a right answer: another answer may not make it something else, or less than 0,
    for which nbgrader gives all points.
    """
    number = NUMPY.sub(r"\1", _result(shown))
    try:
        score = float(number)
    except ValueError:
        score = math.nan
    if not 0 <= score <= points:
        return Mark(
            0.0,
            points,
            "failed",
            mode,
            f"the test's result is no number from 0 to {points:g}: {number}"[:SAID_CHARACTERS],
        )
    return Mark(score, points, "passed" if score == points else "partial", mode)


def _whole_or_part(points: float, shown: Shown, mode: str) -> Mark:
    for output in shown.outputs:
        if output["output_type"] == "execute_result":
            try:
                score = float(get_partial_grade(NotebookNode(output), points))
            except (ValueError, KeyError, TypeError, OverflowError) as error:
                return Mark(0.0, points, "failed", mode, f"the test's partial credit is none: {error}")
            return Mark(score, points, "passed" if score == points else "partial", mode)
    return Mark(points, points, "passed", mode)


def _error(shown: Shown) -> str | None:
    """What went wrong, in a line; None when nothing did. Whatever is written to standard error fails a test."""
    if shown.trouble:
        return said(shown.trouble)
    for output in shown.outputs:
        if output["output_type"] == "error":
            return f"{output['ename']}: {output['evalue']}".strip(": ")[:SAID_CHARACTERS]
        if output["output_type"] == "stream" and output["name"] == "stderr":
            return f"{STDERR}: {output['text'].strip()}"[:SAID_CHARACTERS]
    return None
