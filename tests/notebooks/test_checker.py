"""The lessons are as the house wants them, and the checker sees each way in which a page can go wrong."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from cutaway.ground import course

ROOT = Path(__file__).resolve().parents[2]
Damage = Callable[[NotebookNode], object]

LONG = "\n".join(f"line_{number} = {number}" for number in range(25))
FAILED = nbformat.v4.new_output("error", ename="OSError", evalue="no", traceback=[])
WARNED = nbformat.v4.new_output("stream", name="stderr", text="deprecated")
WIDGET = nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})


def code(page: NotebookNode, number: int = 3) -> NotebookNode:
    """One of the code cells, by default one in the middle of the page."""
    return [cell for cell in page.cells if cell.cell_type == "code"][number]


def prose(page: NotebookNode, holding: str) -> NotebookNode:
    return next(cell for cell in page.cells if cell.cell_type == "markdown" and holding in cell.source)


def set_to(**values: Any) -> Damage:
    return lambda page: code(page).update(values)


def said(output: NotebookNode) -> Damage:
    return lambda page: code(page).outputs.append(output)


def printed(text: str) -> Damage:
    return said(nbformat.v4.new_output("stream", text=text))


def tagged(tag: str) -> Damage:
    return lambda page: code(page).metadata.update(tags=[tag])


def set_up_by(source: str) -> Damage:
    """`...` stands for what the set-up cell says now."""
    return lambda page: code(page, 0).update(source=source.replace("...", code(page, 0).source))


def replaced(old: str, new: str) -> Damage:
    def damage(page: NotebookNode) -> None:
        cell = prose(page, old)
        cell.source = cell.source.replace(old, new)

    return damage


def every(kind: str, source: str) -> Damage:
    """All cells of a kind, but for the first and the last of the page."""
    return lambda page: [cell.update(source=source) for cell in page.cells[4:-1] if cell.cell_type == kind]


def four_questions(page: NotebookNode) -> None:
    cell = prose(page, "## Questions")
    before, after = cell.source.split("5. ", 1)
    cell.source = before + "\n\n## Sources" + after.partition("## Sources")[2]


def three_in_a_row(page: NotebookNode) -> None:
    page.cells.insert(5, nbformat.v4.new_code_cell("1"))


def few_cells(page: NotebookNode) -> None:
    page.cells = [*page.cells[:6], *page.cells[-3:]]


def not_asserted(page: NotebookNode) -> None:
    tagged("nbval-ignore-output")(page)
    code(page, 4).source = "print(1)"


DAMAGES: list[tuple[str, str, Damage]] = [
    ("a cell that was not run", "execution counts are", set_to(execution_count=None)),
    ("a cell that was run again", "execution counts are", set_to(execution_count=99)),
    ("a stored error", "stores an error", said(FAILED)),
    ("an announced error that does not come", "raised nothing", tagged("raises-exception")),
    ("a warning", "standard error", said(WARNED)),
    ("a generated id", "give it an id of words", set_to(id="7f3a9c21")),
    ("another generated id", "give it an id of words", set_to(id="e3c1a2f0-4f6a-4c8e-9d57-0d9a1b2c3d4e")),
    ("two cells of one id", "another cell has this id", set_to(id="setup")),
    ("too few cells", "cells; a page has 25 to 50", few_cells),
    ("a long cell", "has 25 lines of code; at most 24", set_to(source=LONG)),
    ("a wide line", "has a line of more than 100 characters", set_to(source="x = " + "1" * 100)),
    ("many long cells", "half of the code cells have more than 6 lines", every("code", LONG[:120])),
    ("code without words", "words of prose for each line of code", every("markdown", "#")),
    ("three code cells in a row", "third code cell in a row", three_in_a_row),
    ("a long set-up", "sets up in 7 lines; at most 6", set_up_by("import os\n...")),
    ("a set-up without ground", "does not say begin(", set_up_by("import os")),
    ("an import further down", "imports; the set-up cell does that", set_to(source="import os")),
    ("an import of everything", "has plumbing: import *", set_up_by("from os import *")),
    ("an install", "has plumbing: %pip", set_to(source="%pip install x")),
    ("a swallowed output", "has plumbing: %%capture", set_to(source="%%capture\n1")),
    ("a path hack", "has plumbing: sys.path", set_to(source="sys.path.append('.')")),
    ("a class", "has plumbing: class", set_to(source="class Widget: pass")),
    ("a style sheet", "has a style sheet", replaced("## Recap", "<style>h2 {}</style>\n\n## Recap")),
    ("no title", "the first cell has no title", lambda p: p.cells[0].update(source="Namespaces")),
    ("no objectives", "does not say what you will be able to do", replaced("You will be able to", "You will")),
    ("no recap", "the page ends with", replaced("## Recap", "## Summary")),
    ("too few questions", "4 questions; between 5 and 8", four_questions),
    ("old navigation", "the navigation is not what contents.toml says", replaced("** · needs", "** · takes")),
    ("a volatile cell without an assertion", "no cell after it asserts anything", not_asserted),
    ("widget state", "the metadata holds widget state", lambda p: p.metadata.update(widgets={})),
    ("a widget's view", "a view of a widget that no longer exists", said(WIDGET)),
    ("a reader's prediction", "stores a reader's prediction", printed("You predicted: inner")),
    ("a home", "names a path of one machine: /home/ann", printed("in /home/ann/x")),
    ("this checkout", "names a path of one machine", set_to(source=f"x = '{ROOT}/notebooks'")),
    ("an environment", "names a path of one machine: site-packages", set_to(source="# in site-packages")),
    ("no record of where it was run", "does not record ground, cgroup, versions", lambda p: p.metadata.pop("cutaway")),
]


def faults(tool: ModuleType, change: Damage = lambda page: None) -> list[str]:
    page = tool.pages(("06-namespaces",))[0]
    damaged = copy.deepcopy(page.notebook)
    change(damaged)
    found: list[str] = tool.faults(tool.Page(page.unit, damaged))
    return found


@pytest.mark.parametrize("unit", [unit for unit in course.lessons() if unit.written], ids=lambda unit: unit.name)
def test_a_lesson_has_no_fault(tool: ModuleType, unit: course.Unit) -> None:
    assert tool.faults(tool.Page.read(unit)) == []


@pytest.mark.parametrize(("sentence", "damage"), [each[1:] for each in DAMAGES], ids=[each[0] for each in DAMAGES])
def test_damage_is_seen_and_named(tool: ModuleType, sentence: str, damage: Damage) -> None:
    found = faults(tool, damage)
    assert any(sentence in fault for fault in found), found


def test_every_rule_is_broken_by_some_damage(tool: ModuleType) -> None:
    page = tool.pages(("06-namespaces",))[0]
    silent = {rule.__name__ for rule in tool.RULES}
    for _, _, damage in DAMAGES:
        damaged = copy.deepcopy(page.notebook)
        damage(damaged)
        silent -= {rule.__name__ for rule in tool.RULES if list(rule(tool.Page(page.unit, damaged)))}
    assert not silent, "rules that no damage here breaks"


def test_links_that_are_the_same_on_every_machine_are_no_machine_paths(tool: ModuleType) -> None:
    assert faults(tool, set_to(source="x = f'/proc/1/root/mnt /proc/{pid}/root/mnt'")) == []


def test_the_navigation_leads_through_the_written_lessons(tool: ModuleType) -> None:
    first, *_, last = course.lessons()[0], *(unit for unit in course.lessons() if unit.written)
    assert "←" not in tool.navigation(first)
    assert "→" not in tool.navigation(last)
    assert "[← 00 Start here](00-start-here.ipynb)" in tool.navigation(course.unit("01-bare-metal"))
    assert "**80 minutes** · needs user namespaces" in tool.navigation(course.unit("06-namespaces"))


def test_the_command_says_which_page_and_exits_1(tmp_path: Path) -> None:
    small = tmp_path / "notebooks"
    small.mkdir()
    for name in ("contents.toml", "contents.md", "00-start-here.ipynb"):
        (small / name).write_bytes((ROOT / "notebooks" / name).read_bytes())
    page = json.loads((small / "00-start-here.ipynb").read_text())
    page["metadata"]["widgets"] = {}
    (small / "00-start-here.ipynb").write_text(json.dumps(page))
    (small / "contents.md").write_text("# Old contents")
    done = check(tmp_path)
    assert done.returncode == 1
    assert "00-start-here.ipynb: the metadata holds widget state" in done.stdout
    assert "contents.md is not what contents.toml says" in done.stdout


def test_the_contents_name_every_lesson_and_link_those_that_are_written(tool: ModuleType) -> None:
    text = tool.contents()
    assert text == tool.contents_path().read_text()
    assert all(unit.title in text for unit in [*course.lessons(), *course.labs()])
    assert "| 06 | [Namespaces](06-namespaces.ipynb) | 80 | user namespaces |" in text
    assert "| lab 04 | [Isolate](../labs/04-isolate/04-isolate.ipynb) | 50 | user namespaces |" in text


def check(course_root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "notebooks.py", "check", "00"],
        env={"PATH": "/usr/bin", "CUTAWAY_COURSE": str(course_root)},
        capture_output=True,
        text=True,
        check=False,
    )
