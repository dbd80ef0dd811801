"""The static diagrams: each a small Python source in the folder `diagrams`, its picture beside it."""

from __future__ import annotations

import runpy
from pathlib import Path

from cutaway.draw.enclosures import Drawing
from cutaway.ground import course
from cutaway.problem import Problem


def diagram(name: str) -> Drawing:
    """The drawing that `diagrams/NAME.py` calls `drawing`. Problem when there is none of that name."""
    source = folder() / f"{name}.py"
    if not source.exists():
        known = ", ".join(path.stem for path in sources())
        raise Problem(f"loading the diagram {name!r}: {folder().name} holds no {name}.py; there are {known}")
    drawing: Drawing = runpy.run_path(str(source))["drawing"]
    return drawing


def folder() -> Path:
    """Where the diagrams lie."""
    return course.root() / "diagrams"


def sources() -> list[Path]:
    """The source of every diagram, sorted by name."""
    return sorted(folder().glob("*.py"))
