"""A teacher's notebook, in whatever format it lies in the course."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cutaway.grading import nbcourse
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
