"""A course of three short pages, so that a test of the reader's folder need not wait for the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTENTS = """
short_track = ["00"]

[[part]]
title = "First part"
lessons = [
  { number = "00", name = "00-start-here", title = "Start here", minutes = 10, needs = [] },
  { number = "01", name = "01-not-written", title = "Not written", minutes = 40, needs = [] },
]

[[part]]
title = "Second part"
lessons = [{ number = "06", name = "06-namespaces", title = "Namespaces", minutes = 40, needs = [] }]

[[lab]]
number = "04"
name = "04-isolate"
title = "Isolate"
after = "06"
minutes = 30
needs = []
"""


def notebook(title: str, *sources: str) -> dict[str, Any]:
    """A page with a title and one code cell for each source, executed as the course stores it."""
    prose = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {title}\n"}
    code = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": source,
            "execution_count": number,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": f"said by {number}\n"}],
        }
        for number, source in enumerate(sources, start=1)
    ]
    kernel = {"display_name": "Another", "language": "python", "name": "another"}
    return {"cells": [prose, *code], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def make(folder: Path) -> Path:
    """Write the course into `folder`."""
    pages = {
        "notebooks/00-start-here": notebook("Start here", "print('said by', 1)", "print('said by', 2)"),
        "notebooks/06-namespaces": notebook("Namespaces", "print(1)", "print(2)", "print(3)", "print(4)"),
        "labs/04-isolate/04-isolate": notebook("Isolate", "raise NotImplementedError('Task 1')"),
    }
    for place, page in pages.items():
        path = folder / f"{place}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(page))
    (folder / "notebooks" / "contents.toml").write_text(CONTENTS)
    (folder / "labs" / "04-isolate" / "given.txt").write_text("a file that comes with the lab\n")
    (folder / "diagrams").mkdir()
    (folder / "diagrams" / "building.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>\n")
    return folder


def change(path: Path, **changes: Any) -> None:
    """Edit the first code cell of a notebook file, as the reader or a new edition would."""
    page = json.loads(path.read_text())
    next(cell for cell in page["cells"] if cell["cell_type"] == "code").update(changes)
    path.write_text(json.dumps(page))


def run_all(path: Path) -> None:
    """Make a notebook file look as after running every cell and saving."""
    page = json.loads(path.read_text())
    for count, cell in enumerate((cell for cell in page["cells"] if cell["cell_type"] == "code"), start=1):
        cell["execution_count"] = count
    path.write_text(json.dumps(page))
