"""A teacher's notebook, in whatever format it lies in the course."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import small_class

from cutaway.grading import nbcourse
from cutaway.grading.nbcourse import Course, Notebook, Source
from cutaway.problem import Problem

LINES = ["def one():\n", "    return 1"]
OLD = {"cell_type": "code", "collapsed": False, "input": LINES, "language": "python", "metadata": {}, "outputs": []}
NEW: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": LINES}
FORMATS: dict[int, dict[str, Any]] = {
    3: {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [OLD], "metadata": {}}]},
    4: {"nbformat": 4, "nbformat_minor": 4, "cells": [NEW]},
}


@pytest.mark.parametrize("version", FORMATS)
def test_its_cells_are_read_from_every_format_that_nbgrader_takes(version: int, tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({**FORMATS[version], "metadata": {}}))
    found = nbcourse._read(path)
    assert found is not None
    assert (found.nbformat, [cell.source for cell in found.cells]) == (4, ["def one():\n    return 1"])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"nbformat": 4}', '{"nbformat": 4, "cells": [3]}', "\udcff"])
def test_one_that_is_none_is_named_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(Problem, match=f"reading {re.escape(str(path))}: it is no notebook .*; mend or replace it"):
        nbcourse._read(path)


RELEASED = small_class.test("t", 1, "assert one() == 1", "assert one() > 0")


@pytest.mark.parametrize(
    ("cells", "is_noted"),
    [
        ([RELEASED], False),
        ([{**RELEASED, "source": "### AUTOTEST one()"}], False),
        ([small_class.test("t", 1, "assert one() == 2")], True),
        ([small_class.test("t", 2, "assert one() == 1", "assert one() > 0")], True),
        ([RELEASED, small_class.test("u", 1, "assert one()")], True),
        ([], True),
    ],
)
def test_a_source_whose_tests_are_not_those_of_the_release_is_noted(
    cells: list[Any], is_noted: bool, tmp_path: Path
) -> None:
    place = tmp_path / "source" / "a" / "x.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(small_class.notebook(cells)))
    held = Source("t", "code", RELEASED["source"], True, True, False, False, 1.0, None)
    found = nbcourse.unreleased(Course(tmp_path), "a", [Notebook("x", {"t": held}, nbcourse._read(place), None)])
    assert bool(found) == is_noted
    assert all(f"the tests in {place} are not those" in each and "`cutaway release a" in each for each in found)
