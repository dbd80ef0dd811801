"""What the course hands out: lessons without their outputs, the student versions of labs, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cutaway.ground import course, progress
from cutaway.ground.course import Unit
from cutaway.ground.work import Handout

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
PICTURES = {".svg", ".png", ".jpg"}


def everything() -> list[Handout]:
    """All that a reader is given, pictures first, so that no page is ever there without them."""
    return [*pictures(), *(handout for unit in progress.units() for handout in of(unit))]


def of(unit: Unit) -> list[Handout]:
    """One lesson or lab: its notebook, and for a lab the files that lie beside it."""
    if not unit.after:
        return [_page(unit.path, nbformat.read(unit.path, as_version=4))]  # type: ignore[no-untyped-call]
    from cutaway.grading import release  # brings nbgrader, for which a lesson need not wait

    beside = (path for path in sorted(unit.path.parent.rglob("*")) if path.is_file() and path != unit.path)
    return [_page(unit.path, release.student_version(unit.name)), *map(_file, filter(_visible, beside))]


def pictures() -> Iterator[Handout]:
    """Every picture beside the lessons or among the drawings."""
    for folder in ("diagrams", "notebooks"):
        yield from (_file(path) for path in sorted((course.root() / folder).glob("*")) if path.suffix in PICTURES)


def _page(path: Path, notebook: NotebookNode) -> Handout:
    """A notebook to be run: nothing in it gives away what a cell will say, and it starts this environment's kernel."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata["kernelspec"] = KERNEL
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return Handout(_place(path), f"{text}\n".encode())


def _file(path: Path) -> Handout:
    return Handout(_place(path), path.read_bytes())


def _place(path: Path) -> str:
    return path.relative_to(course.root()).as_posix()


def _visible(path: Path) -> bool:
    return not any(part.startswith((".", "__")) for part in path.relative_to(course.root()).parts)
