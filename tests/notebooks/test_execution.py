"""Every lesson runs from the top and prints what it stores: for root, and for an ordinary user."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cutaway.ground import course

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]

ONE_MACHINE = pytest.mark.xdist_group("machine of an ordinary user")  # which one worker saves, once
ONE_ENGINE = pytest.mark.xdist_group("engine")
AS_ROOT, ORDINARY, PODMAN = "as root", "as an ordinary user", "as root with Podman"
ENGINES = ("engine", "engine programs")  # what a page needs that is the same with Docker and with Podman
OTHERWISE = {  # cells that print something else with Podman; the page says why
    "13-images": ["key-experiment-2"],
    "15-docker-on-windows-and-macos": ["windows-experiment"],
}


def proved(unit: course.Unit, who: str) -> list[pytest.MarkDecorator]:
    """In the proof a page runs for an ordinary user, and for root in the soak.

    With an engine it is the other way round: root has a Docker, and the ordinary user a Podman, which is slow.
    """
    by_engine = "engine" in unit.needs
    marks = [ONE_ENGINE] if by_engine else [ONE_MACHINE] if "guest kernel" in unit.needs else []
    return marks if who == (AS_ROOT if by_engine else ORDINARY) else [*marks, pytest.mark.soak]


WRITTEN = [
    pytest.param(unit, who, marks=proved(unit, who), id=f"{unit.name}-{who}")
    for unit in course.lessons()
    for who in (ORDINARY, AS_ROOT)
    if unit.written
]
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--color=no")


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "python"), WRITTEN, indirect=["python"])
def test_a_lesson_prints_what_it_stores(unit: course.Unit, tool: ModuleType, python: Run) -> None:
    page = tool.Page.read(unit)
    different = tool.differences(page)
    if different:
        warnings.warn(f"{unit.name} runs, but its outputs are not compared here: {'; '.join(different)}", stacklevel=1)
    done = python("-m", "pytest", *QUIET, "--nbval-lax" if different else "--nbval", unit.path)
    assert re.search(rf"^{len(page.code)} passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.soak
@pytest.mark.xdist_group("engine")
@pytest.mark.parametrize("python", [PODMAN], indirect=True)
@pytest.mark.parametrize(
    "unit",
    [each for each in course.lessons() if each.written and {*ENGINES} & {*each.needs}],
    ids=lambda unit: unit.name,
)
def test_with_podman_a_lesson_prints_the_same_but_where_it_says_otherwise(
    unit: course.Unit, tool: ModuleType, python: Run
) -> None:
    page = tool.Page.read(unit)
    done = python("-m", "pytest", *QUIET, "--nbval", unit.path)
    failed = [page.code[int(number)].id for number in re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.MULTILINE)]
    assert failed == OTHERWISE.get(unit.name, []), done.stdout + done.stderr
    assert "Cell execution caused an exception" not in done.stdout, done.stdout


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Lesson 00, somewhere else, to be changed."""
    for name in ("conftest.py", "contents.toml", "00-start-here.ipynb"):
        shutil.copy(ROOT / "notebooks" / name, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    tmp_path.chmod(0o755)
    return tmp_path / "00-start-here.ipynb"


def change(path: Path, media: str, old: str, new: str) -> None:
    """Replace some text in the stored outputs of one media type."""
    page = json.loads(path.read_text())
    for cell in page["cells"]:
        for output in cell.get("outputs", []):
            place = output if media == "text" else output.get("data", {})
            if media in place:
                place[media] = "".join(place[media]).replace(old, new)
    path.write_text(json.dumps(page))


@pytest.mark.slow
@pytest.mark.parametrize("python", ["as ourselves"], indirect=True)
def test_a_wrong_output_fails_its_own_cell_and_a_picture_is_not_compared(changed: Path, python: Run) -> None:
    change(changed, "text", "the note is there: False", "the note is there: True")
    change(changed, "image/svg+xml", "<svg", "<svg drawn-by='another version'")
    done = python("-m", "pytest", *QUIET, "--nbval", "--rootdir", changed.parent, changed)
    assert re.search(r"^1 failed, 16 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_where_it_was_executed_otherwise_the_difference_is_named(tool: ModuleType) -> None:
    page = tool.pages(("06-namespaces",))[0]
    page.notebook.metadata["cutaway"]["cgroup"] = "v3"
    assert any(sentence.startswith("cgroup: executed with v3, here ") for sentence in tool.differences(page))
