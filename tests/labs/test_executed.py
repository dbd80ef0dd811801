"""A lab run as a whole, as papermill, nbval, a reader in a cell and a reader in a terminal run it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from answers import LABS, answered, master, without_views, wrong_answers
from nbgrader.utils import determine_grade

from cutaway.ground import course

pytestmark = pytest.mark.slow

SCRATCH_HOMES = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")


@pytest.fixture(autouse=True)
def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_folder: Path) -> None:
    """A learner of that name, with nothing of this user's in reach."""
    monkeypatch.setenv("CUTAWAY_LEARNER", "ada")
    monkeypatch.setenv("CUTAWAY_FOLDER", str(tmp_path / "cutaway"))
    for name in SCRATCH_HOMES:
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def builds_images(lab: str) -> list[pytest.MarkDecorator]:
    """The mark of a lab whose checks take the time of all others together."""
    return [pytest.mark.soak] if "engine" in course.unit(lab).needs else []


def executed(notebook: Any, folder: Path) -> Any:
    """The notebook as papermill leaves it, which stops at the first error."""
    nbformat.write(notebook, folder / "copy.ipynb")
    return papermill.execute_notebook(
        folder / "copy.ipynb", folder / "done.ipynb", cwd=folder, kernel_name="python3", progress_bar=False
    )


def marks(notebook: Any) -> dict[str, tuple[float, float]]:
    """What nbgrader itself reads from the outputs of the graded cells: score and maximum."""
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {cell.metadata.nbgrader.grade_id: determine_grade(cell) for cell in graded}


def terminal(notebook: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "cutaway", "check", "04-isolate", str(notebook), *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("lab", [pytest.param(lab, marks=builds_images(lab)) for lab in LABS])
def test_papermill_runs_the_solved_copy_and_every_cell_gives_its_full_mark(lab: str, tmp_path: Path) -> None:
    scores = marks(executed(master(lab), tmp_path))
    assert scores
    assert all(score == most for score, most in scores.values()), scores


@pytest.mark.parametrize("lab", [LABS[0], *(pytest.param(lab, marks=pytest.mark.soak) for lab in LABS[1:])])
def test_nbval_accepts_the_solved_copy(lab: str, tmp_path: Path) -> None:
    """Of each lab in the soak: it executes what papermill has just executed."""
    nbformat.write(master(lab), tmp_path / "solved.ipynb")
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--noconftest",
        "-q",
        "-p",
        "no:cacheprovider",
        "solved.ipynb",
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout


def test_a_cell_and_a_terminal_give_the_same_answer_and_nbgrader_reads_the_same_marks(tmp_path: Path) -> None:
    wrong = {each.name: each.source for each in wrong_answers("04-isolate")}
    mixed = answered(
        without_views(master("04-isolate")),
        task_2=wrong["task-2.old-proc"],  # one is enough: a check waits for what is wrong
        check_1="",
        check_3="",
        check_4="",
        check_5="",
    )
    mixed.cells.append(nbformat.v4.new_code_cell("check('04-isolate')"))
    done = executed(mixed, tmp_path)
    shown, value = done.cells[-1].outputs
    said = terminal(tmp_path / "copy.ipynb")
    assert said.stdout == shown.data["text/plain"] + "\n"
    assert value.data["text/plain"] == "18"
    assert marks(done)["check-2"] == (2, 4)
    assert said.returncode == 1
    assert list(Path(os.environ["CUTAWAY_STATE"], "ledger").iterdir()) == []
