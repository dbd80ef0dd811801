"""What students are given: the master of a lab without its answers, and the files that lie beside it.

The work is done by nbgrader's own preprocessors, in the order of its `generate_assignment`, without a course
database: `nbgrader generate_assignment` makes the same notebook of the same master, but for the line that stands
where an answer was.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import preprocessors
from traitlets.config import Config

from cutaway.ground import course
from cutaway.ground.work import Handout
from cutaway.problem import Problem

# Where an answer was, this line stands; the master's own `raise NotImplementedError("Task N: ...")` follows it.
CONFIG = Config({"ClearSolutions": {"code_stub": {"python": "# Your answer goes here."}}})

STEPS = (
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,  # again: hidden tests counted in the first
    preprocessors.CheckCellMetadata,
)


def student_version(master: str | Path) -> NotebookNode:
    """The notebook that students are given: of the lab with this name, or of the master that lies there."""
    path = master if isinstance(master, Path) else course.unit(master).path
    try:
        return released(nbformat.read(path, as_version=4))
    except Exception as error:  # nbgrader raises what it finds wrong with a master
        raise Problem(f"releasing {path}: {error}; mend the master in nbgrader's Create Assignment view") from error


def released(master: NotebookNode) -> NotebookNode:
    """A master without its answers, hidden tests and mark scheme; nbgrader raises what it finds wrong with it."""
    notebook: Any = copy.deepcopy(master)
    resources: dict[str, Any] = {}
    for step in STEPS:
        notebook, resources = step(config=CONFIG).preprocess(notebook, resources)
    student: NotebookNode = notebook
    return student


def files(lab: str) -> list[Handout]:
    """Everything that a student of the lab is given, and nothing else: the notebook first, then what lies beside it."""
    unit = course.unit(lab)
    notebook = f"{nbformat.writes(student_version(lab))}\n"
    beside = sorted(path for path in unit.path.parent.rglob("*") if path.is_file() and path != unit.path)
    given = [Handout(_place(path), path.read_bytes()) for path in beside if _visible(path)]
    return [Handout(_place(unit.path), notebook.encode()), *given]


def _place(path: Path) -> str:
    return path.relative_to(course.root()).as_posix()


def _visible(path: Path) -> bool:
    """Whether nbgrader would hand it out too: what editors and Python leave behind is not released."""
    return not any(part.startswith((".", "__")) for part in Path(_place(path)).parts)
