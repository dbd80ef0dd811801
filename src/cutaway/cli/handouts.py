"""What the course hands out: lessons without their outputs, the student versions of labs, and their pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cutaway.ground import course, progress
from cutaway.ground.course import Unit
from cutaway.ground.work import Handout

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
PICTURES = {".svg", ".png", ".jpg"}


def everything() -> list[Handout]:
    """All that a reader is given, pictures first, so that no page is ever there without them."""
    return [*pictures(), *(handout for unit in progress.units() for handout in of(unit))]


def of(unit: Unit) -> list[Handout]:
    """One lesson, or one lab with the files that lie beside it."""
    if not unit.after:
        return [lesson(unit)]
    from cutaway.grading import release  # brings nbgrader, for which a lesson need not wait

    return release.files(unit.name)


def lesson(unit: Unit) -> Handout:
    """A page to be run: nothing in it gives away what a cell will say, and it starts this environment's kernel."""
    page = json.loads(unit.path.read_bytes())
    for cell in page["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    page["metadata"]["kernelspec"] = KERNEL
    return Handout(progress.place(unit), f"{json.dumps(page, indent=1, ensure_ascii=False)}\n".encode())


def pictures() -> Iterator[Handout]:
    """Every picture beside the lessons or among the drawings."""
    for folder in ("diagrams", "notebooks"):
        for path in sorted((course.root() / folder).glob("*")):
            if path.suffix in PICTURES:
                yield Handout(f"{folder}/{path.name}", path.read_bytes())
