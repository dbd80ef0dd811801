"""What was handed in beside what was released: who has changed what he may not, and what is no notebook."""

from __future__ import annotations

import json

import pytest
from nbformat.notebooknode import NotebookNode, from_dict

from cutaway.grading import assignment as assignments
from cutaway.grading import restored
from cutaway.grading.nbcourse import File, Notebook, Source

MARKED = "Draw it.\n### BEGIN MARK SCHEME\nTwo points for an axis.\n### END MARK SCHEME"


def page(source: str) -> NotebookNode:
    nbgrader = {"grade_id": "plot", "task": True, "locked": True, "points": 2}
    cell = {"cell_type": "markdown", "source": source, "metadata": {"nbgrader": nbgrader}}
    made: NotebookNode = from_dict({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})  # type: ignore[no-untyped-call]
    return made


@pytest.mark.parametrize(("source", "flags"), [("Draw it.", []), ("Draw nothing.", ["plot: a locked cell was edited"])])
def test_nobody_is_accused_of_not_having_what_only_the_teacher_has(source: str, flags: list[str]) -> None:
    """A mark scheme, whatever its delimiters are: what was released has none."""
    held = Source("plot", "markdown", MARKED, True, False, False, True, 2.0, None)
    notebook = Notebook("n", {"plot": held}, page(MARKED), page("Draw it."))
    (cell,), found = restored.restored(json.dumps(page(source)).encode(), notebook)
    assert found == flags
    assert cell.source == MARKED  # as whoever marks it by hand reads it


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([], ""),
        (["hw1.zip"], "it was not handed in; there is hw1.zip"),
        (["one.html"], "it was not handed in; there is one.html"),
        (["data.csv"], ""),
        ([".DS_Store", "plots/.DS_Store"], ""),
        (["one (1).ipynb", "hw1.zip"], "it was not handed in; there is one (1).ipynb"),
        (["two.ipynb", "helper.py"], ""),
        (["two.ipynb", "One.ipynb"], "it was not handed in; there is One.ipynb"),
    ],
)
def test_what_lies_there_instead_of_a_notebook_is_no_zero_by_silence(places: list[str], said: str) -> None:
    one, two = (Notebook(name, {}, None, None) for name in ("one", "two"))
    files = [File(place, b"", 0o644) for place in places]
    assert assignments.instead([one, two], one, files, [], {"data.csv"}) == said
