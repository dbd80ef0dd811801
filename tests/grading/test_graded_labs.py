# ruff: noqa: E501  cells stand as they are
"""A lab of ours is graded for a class: by its own checks, each submission in a house of its own."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from click.testing import CliRunner, Result
from machines import skip_without_machines

from cutaway import cli
from cutaway.grading import labs, nbcourse, release
from cutaway.grading.nbcourse import Course
from cutaway.ground import course as ours
from cutaway.ground import programs
from cutaway.ground.guest import recipes
from cutaway.problem import Problem

pytestmark = [pytest.mark.xdist_group("class"), pytest.mark.slow]

LAB = "04-isolate"
HOSTILE = """
import os, signal, socket
from pathlib import Path
seen = [path for path in ('COURSE/gradebook.db', 'COURSE/submitted', 'BESIDE', 'MASTER') if Path(path).exists() and (Path(path).is_dir() or Path(path).read_bytes())]
def writable(folder):
    try:
        (Path(folder) / 'planted').touch()
    except OSError:
        return False
    return True
written = [folder for folder in ('/', 'CHECKS', 'PACKAGE') if writable(folder)]
alive = sorted(int(name) for name in os.listdir('/proc') if name.isdigit())
raise LookupError((seen, written, len(alive) < 12, os.listdir('/sys/class/net') if Path('/sys/class/net').exists() else 'no links'))
"""


class Class(NamedTuple):
    """A course with one lab, graded."""

    folder: Path
    graded: Result
    exported: Result

    def line(self, student: str) -> dict[str, Any]:
        (line,) = [each for each in map(json.loads, self.graded.stdout.splitlines()) if each["student"] == student]
        return line

    def page(self, student: str) -> str:
        return html.unescape((self.folder / "feedback" / student / LAB / f"{LAB}.html").read_text())


def cutaway(*words: str) -> Result:
    return CliRunner().invoke(cli.cutaway, words)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """ada has answered task 1, and looks round in a cell; eve's file has the name of a second download."""
    folder = tmp_path_factory.mktemp("class")
    shutil.copytree(ours.unit(LAB).path.parent, folder / "source" / LAB)
    (folder / "nbgrader_config.py").write_text(
        "from cutaway.grading.release import CONFIG\nget_config().merge(CONFIG)\n"
    )
    nbcourse.release(Course(folder), LAB)
    page = nbformat.read(ours.unit(LAB).path, as_version=4)
    given = {cell.id: cell for cell in release.student_version(LAB).cells}
    page.cells = [cell if cell.id in ("set-up", "task-1") else given[cell.id] for cell in page.cells]
    page.cells = [cell for cell in page.cells if "nbgrader" in cell.metadata or cell.id == "start"]
    (beside := folder.parent / "teachers-own").write_text("nobody else's")
    places = {
        "COURSE": folder,
        "BESIDE": beside,
        "MASTER": ours.unit(LAB).path,
        "CHECKS": ours.root() / "grading" / LAB,
        "PACKAGE": Path(cli.__file__).parents[1],
    }
    source = HOSTILE
    for name, place in places.items():
        source = source.replace(name, str(place))
    page.cells.append(nbformat.v4.new_code_cell(source))
    for student, name in {"ada": LAB, "eve": f"{LAB} (1)"}.items():
        place = folder / "submitted" / student / LAB
        place.mkdir(parents=True)
        nbformat.write(page, place / f"{name}.ipynb")
    done = cutaway("grade", LAB, "--course", str(folder), "--json")
    assert done.exit_code == 0, done.exception or done.stderr
    assert cutaway("feedback", LAB, "--course", str(folder)).exit_code == 0
    return Class(folder, done, cutaway("export", "--course", str(folder), "--format", "moodle"))


def test_a_labs_marks_are_those_of_its_checks(graded: Class) -> None:
    cells = {name: (cell["score"], cell["max"]) for name, cell in graded.line("ada")["cells"].items()}
    assert cells == {"check-1": (3, 3), "check-2": (0, 4), "check-3": (0, 4), "check-4": (0, 5), "check-5": (0, 4)}
    assert (graded.line("ada")["score"], graded.line("ada")["max"]) == (3, 20)
    assert "ada,,3\neve,,-\n" in graded.exported.stdout
    assert "checked in a house of its own" in graded.graded.stderr
    assert "without a mark, for a person to look at: eve\n" in graded.graded.stderr


def test_a_labs_feedback_has_what_the_checks_saw(graded: Class) -> None:
    page = graded.page("ada")
    assert "✓ own_name leaves a process running (1 of 1)" in page
    assert "own_processes raised NotImplementedError: Task 2" in page
    assert "there is 04-isolate (1).ipynb. So it was not marked" in graded.page("eve")


def test_a_labs_notebook_finds_no_course_no_master_and_nothing_to_write_to(graded: Class) -> None:
    assert "LookupError: ([], [], True, 'no links')" in graded.page("ada")


def test_a_lab_is_graded_once_and_validated_elsewhere(graded: Class) -> None:
    again = cutaway("grade", LAB, "--course", str(graded.folder), "--json")
    assert (again.stdout, "0 graded now" in again.stderr) == (graded.graded.stdout, True)
    refused = cutaway("validate", LAB, "--course", str(graded.folder))
    assert isinstance(refused.exception, Problem)
    assert f"`cutaway check {LAB} NOTEBOOK`" in str(refused.exception)


# --- Labs that need an engine -----------------------------------------------


@pytest.mark.parametrize(
    ("lab", "why"),
    [
        ("11-survive", "which cannot be started here: building a guest for labs with an engine: no mariadb here; "),
        ("10-lifecycle", "which cannot be started here: building a guest with an engine: no dockerd, "),
    ],
)
def test_a_lab_that_no_house_carries_has_no_mark_and_is_not_run(
    lab: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_machines()
    course = tmp_path / "class"
    shutil.copytree(ours.unit(lab).path.parent, course / "source" / lab)
    (course / "nbgrader_config.py").write_text(
        "from cutaway.grading.release import CONFIG\nget_config().merge(CONFIG)\n"
    )
    released = nbcourse.release(Course(course), lab)
    shutil.copytree(released, course / "submitted" / "ada" / lab)
    monkeypatch.setattr(labs, "_checked", None)
    if lab == "11-survive":
        monkeypatch.setattr(programs, "_is_here", lambda probe: probe != "mariadbd")
    else:
        monkeypatch.setattr(recipes, "_here", lambda *names: dict.fromkeys(names))
    monkeypatch.setattr(labs, "_available_bytes", lambda: 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    done = cutaway("grade", lab, "--course", str(course), "--json")
    assert done.exit_code == 0, done.exception or done.stderr
    assert ("note: 1 at once, not 2: " in done.stderr) is bool(labs.in_machine.bench_of(lab))
    line = json.loads(done.stdout)
    assert (line["score"], line["cells"]) == (None, {})
    (flag,) = line["flags"]
    assert f"it takes a container engine, and a house has one only in a lab machine, {why}" in flag
    assert f"`cutaway check {lab} NOTEBOOK --learner STUDENT` on a machine with an engine that you can throw" in flag


# --- Labs that start lab machines -------------------------------------------


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_lab_that_starts_lab_machines_is_graded_in_a_house_that_has_its_own(tmp_path: Path) -> None:
    """Lab 05: each function gets a machine that goes on from a saved one; the stub fails and is no missing mark."""
    skip_without_machines()
    lab = "05-limit"
    shutil.copytree(ours.unit(lab).path.parent, tmp_path / "source" / lab)
    (tmp_path / "nbgrader_config.py").write_text(
        "from cutaway.grading.release import CONFIG\nget_config().merge(CONFIG)\n"
    )
    released = nbcourse.release(Course(tmp_path), lab) / f"{lab}.ipynb"
    for student, page in {"ada": ours.unit(lab).path, "bob": released}.items():
        place = tmp_path / "submitted" / student / lab
        place.mkdir(parents=True)
        shutil.copy(page, place / f"{lab}.ipynb")
    done = cutaway("grade", lab, "--course", str(tmp_path), "--json")
    assert done.exit_code == 0, done.exception or done.stderr
    assert [(line["student"], line["score"]) for line in map(json.loads, done.stdout.splitlines())] == [
        ("ada", 20),
        ("bob", 0),
    ]


# --- How many at once, and till when -----------------------------------------


@pytest.mark.parametrize(("gibibytes", "number"), [(2, 1), (7, 2), (100, 8)])
def test_there_are_as_many_lab_machines_at_once_as_memory_holds(
    gibibytes: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < labs._available_bytes() < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(labs, "_available_bytes", lambda: gibibytes << 30)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    at_once = [labs.at_once(lab) for lab in ("10-lifecycle", "11-survive", LAB)]
    assert at_once == [number, max(1, min(8, gibibytes // 5)), 8]


def test_the_house_of_a_grader_that_has_ended_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended while the house's Python was starting, so whoever is the parent by now is somebody else."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    monkeypatch.setattr(os, "getpid", lambda: ended.pid)
    assert labs._checked(LAB, "ada", ours.unit(LAB).path.read_bytes(), []) == ("", [])


# --- Where a wall is denied ---------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        "from cutaway.grading.executor import Executor; Executor()",
        f"from cutaway.grading import labs; labs._checked({LAB!r}, 'ada', b'', [])",
    ],
    ids=["values", "a lab"],
)
def test_where_user_namespaces_are_denied_nothing_is_run(program: str) -> None:
    words = [sys.executable, str(Path(__file__).with_name("denied.py")), sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode
    assert "Problem: " in done.stderr
    assert "ENOSPC: a limit in /proc/sys/user is reached" in done.stderr
    assert "nothing is ever run outside one" in done.stderr
