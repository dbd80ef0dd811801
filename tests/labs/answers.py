"""The answers that a lab is tried with: its solution, its stub, and the wrong ones that the teacher keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cutaway.ground import course

LABS = [unit.name for unit in course.labs() if unit.written]


def unit_of(lab: str | None) -> course.Unit | None:
    """What the contents say of a lab; nothing of what is none."""
    return course.unit(lab) if lab in LABS else None


def takes_long(lab: str) -> list[pytest.MarkDecorator]:
    """The mark of what is tried again and again, for a lab whose checks start machines, or build images."""
    return [pytest.mark.soak] if {"qemu", "engine"} & {*course.unit(lab).needs} else []


@dataclass(frozen=True)
class WrongAnswer:
    """One cell of a lab's notebook, answered wrongly, and the check that must say so."""

    lab: str
    name: str
    cell: str
    caught_by: str
    source: str

    @property
    def task(self) -> int:
        return int(self.cell.removeprefix("task-"))


def wrong_answers(lab: str) -> Iterator[WrongAnswer]:
    """Every file of `grading/LAB/wrong`: named CELL.WHAT.py, its first line says which check catches it.

    One named CELL.WHAT.diff changes lines of the solution: those after `-` to those after `+`.
    """
    for path in sorted((course.root() / "grading" / lab / "wrong").iterdir()):
        text, cell = path.read_text(), path.name.partition(".")[0]
        caught_by = re.match(r'(?:""")?Caught by: (.+)\.\n', text)
        assert caught_by, f"{path} does not say in its first line which check catches it"
        source = text if path.suffix == ".py" else changed(solution_of(lab, cell), text, path)
        yield WrongAnswer(lab, path.stem, cell, caught_by[1], source)


def solution_of(lab: str, cell: str) -> str:
    return next(str(each.source) for each in master(lab).cells if each.id == cell)


def changed(solution: str, diff: str, path: Path) -> str:
    """The solution with some of its lines changed."""
    changes = re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", diff, re.MULTILINE)
    assert changes, f"{path} changes nothing"
    for old, new in changes:
        before, after = (re.sub(r"^[-+]", "", lines, flags=re.MULTILINE) for lines in (old, new))
        assert before in solution, f"{path} changes what the solution has not:\n{before}"
        solution = solution.replace(before, after)
    return solution


def master(lab: str) -> Any:
    """The lab's notebook with its solution."""
    return nbformat.read(course.unit(lab).path, as_version=4)  # type: ignore[no-untyped-call]


def answered(notebook: Any, **cells: str) -> Any:
    """The notebook with other sources in the cells that are named, `task_1` meaning `task-1`."""
    for cell in notebook.cells:
        cell.source = cells.pop(cell.id.replace("-", "_"), cell.source)
    assert not cells, f"there is no cell {', '.join(cells)}"
    return notebook


def without_views(notebook: Any) -> Any:
    """The notebook without the cells that only show."""
    notebook.cells = [cell for cell in notebook.cells if not cell.id.startswith("look")]
    return notebook


def working_cells(notebook: Any) -> list[str]:
    """The cells that begin the lab and define what is asked for; not those that only show or check."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.source for cell in code if not cell.id.startswith(("look", "check"))]
