"""What a release hands to students: exactly this, with no answer, no check and no other learner's draw in it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from answers import LABS, master, without_views, wrong_answers

from cutaway.check.examination import checks_of
from cutaway.check.learner import Learner
from cutaway.grading import release
from cutaway.ground import course
from cutaway.problem import Problem

HANDED_OUT = {
    "01-trace-a-process": ["labs/01-trace-a-process/01-trace-a-process.ipynb"],
    "02-opcodes": ["labs/02-opcodes/02-opcodes.ipynb"],
    "03-device": ["labs/03-device/03-device.ipynb"],
    "04-isolate": ["labs/04-isolate/04-isolate.ipynb"],
    "05-limit": ["labs/05-limit/05-limit.ipynb"],
    "06-unpack": ["labs/06-unpack/06-unpack.ipynb"],
    "07-the-smallest-profile": ["labs/07-the-smallest-profile/07-the-smallest-profile.ipynb"],
    "08-join-two-containers": ["labs/08-join-two-containers/08-join-two-containers.ipynb"],
    "09-the-runtime": ["labs/09-the-runtime/09-the-runtime.ipynb"],
    "10-lifecycle": ["labs/10-lifecycle/10-lifecycle.ipynb"],
    "11-survive": ["labs/11-survive/11-survive.ipynb"],
}


@pytest.mark.parametrize("lab", LABS)
def test_a_release_hands_out_exactly_these_files(lab: str) -> None:
    assert [each.place for each in release.files(lab)] == HANDED_OUT[lab]


@pytest.mark.parametrize("lab", LABS)
def test_nbgrader_would_find_nothing_else_beside_the_master(lab: str) -> None:
    """It copies every file of the folder: also what somebody left there by mistake."""
    folder = course.unit(lab).path.parent
    tracked = subprocess.run(["git", "ls-files", "."], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert [f"labs/{lab}/{name}" for name in tracked.split()] == HANDED_OUT[lab]


def everything(lab: str) -> str:
    """All that is handed out, as one text, metadata included."""
    return "\n".join(each.content.decode() for each in release.files(lab))


def code_lines(source: str) -> set[str]:
    """The lines of a source that say something: long enough not to be found by chance."""
    return {line.strip() for line in source.splitlines() if len(line.strip()) > 25}


@pytest.mark.parametrize("lab", LABS)
def test_no_line_of_the_solution_is_handed_out(lab: str) -> None:
    given = "\n".join(cell.source for cell in release.student_version(lab).cells)
    answers = code_lines("\n".join(_solutions(lab)))
    assert answers
    assert [line for line in answers if line in given] == []
    assert "SOLUTION" not in everything(lab)


def _solutions(lab: str) -> list[str]:
    regions = []
    for cell in master(lab).cells:
        _, begun, rest = cell.source.partition("### BEGIN SOLUTION\n")
        regions += [rest.partition("### END SOLUTION")[0]] if begun else []
    return regions


@pytest.mark.parametrize("lab", LABS)
def test_no_line_of_the_checks_or_of_a_wrong_answer_is_handed_out(lab: str) -> None:
    given = everything(lab)
    checks = (course.root() / "grading" / lab / "checks.py").read_text()
    secrets = code_lines(checks) | {check.name.replace(" ", "_") for check in checks_of(lab)}
    signatures = code_lines("\n".join(cell.source for cell in master(lab).cells))
    wrong = code_lines("\n".join(each.source for each in wrong_answers(lab))) - signatures
    assert [line for line in secrets | wrong if line in given] == []


@pytest.mark.parametrize("lab", LABS)
def test_no_learners_draw_is_handed_out(lab: str) -> None:
    given = everything(lab)
    for name in ("ada", "bob", *(f"student-{number}" for number in range(100))):
        learner = Learner(lab, name)
        for drawn in (learner.hostname, learner.word, str(learner.port), str(learner.seed)):
            assert not re.search(rf"\b{re.escape(drawn)}\b", given)  # a checksum may hold the same digits


@pytest.mark.parametrize("lab", LABS)
def test_every_task_stands_there_as_a_stub_that_says_what_is_missing(lab: str) -> None:
    cells = {cell.id: cell.source for cell in release.student_version(lab).cells}
    tasks = [name for name in cells if name.startswith("task-")]
    assert tasks
    for name in tasks:
        number = name.removeprefix("task-")
        last = cells[name].splitlines()[-2:]
        assert last[0].strip() == "# Your answer goes here."
        assert last[1].strip().startswith(f'raise NotImplementedError("Task {number}: ')


@pytest.mark.parametrize("lab", LABS)
def test_what_students_may_not_change_is_locked(lab: str) -> None:
    cells = {cell.id: cell.metadata for cell in release.student_version(lab).cells}
    locked = [name for name, metadata in cells.items() if metadata.get("editable") is False]
    assert "set-up" in locked
    assert all(name in locked for name in cells if name.startswith("check-"))
    assert not any(name in locked for name in cells if name.startswith("task-"))


@pytest.mark.parametrize("lab", LABS)
def test_the_student_version_is_the_same_each_time(lab: str) -> None:
    assert release.files(lab) == release.files(lab)


def test_a_master_that_nbgrader_refuses_is_refused_in_one_sentence(tmp_path: Path) -> None:
    broken = master("04-isolate")
    broken.cells[-2].metadata.nbgrader.grade_id = "check-1"
    nbformat.write(broken, tmp_path / "broken.ipynb")
    with pytest.raises(Problem, match=r"releasing .*broken.ipynb: .*; mend the master"):
        release.student_version(tmp_path / "broken.ipynb")


# --- nbgrader itself -------------------------------------------------------


def nbgrader(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """nbgrader's own command, with its environment's programs on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    homes = {"HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "IPYTHONDIR": str(folder / "ipython")}
    env = {**os.environ, **homes, "PATH": path, "CUTAWAY_COURSE": str(course.root())}
    argv = [sys.executable, "-m", "nbgrader", *words]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=240)


@pytest.fixture
def classroom(tmp_path: Path) -> Path:
    """An nbgrader course whose source is the master's folder, as it is."""
    shutil.copytree(course.unit("04-isolate").path.parent, tmp_path / "source" / "04-isolate")
    (tmp_path / "nbgrader_config.py").write_text(
        "from cutaway.grading.release import CONFIG\nc = get_config()\nc.merge(CONFIG)\n"
    )
    return tmp_path


@pytest.mark.slow
def test_nbgrader_releases_the_same_notebook_from_the_same_master(classroom: Path) -> None:
    done = nbgrader("generate_assignment", "04-isolate", folder=classroom)
    assert done.returncode == 0, done.stderr
    (released,) = (classroom / "release" / "04-isolate").iterdir()
    theirs, ours = nbformat.read(released, as_version=4), release.student_version("04-isolate")
    assert [plain(cell) for cell in theirs.cells] == [plain(cell) for cell in ours.cells]


def plain(cell: Any) -> Any:
    return json.loads(json.dumps({key: cell[key] for key in ("id", "cell_type", "source", "metadata")}))


@pytest.mark.soak
def test_nbgraders_validation_accepts_the_solution_and_names_what_the_stub_lacks(classroom: Path) -> None:
    nbformat.write(without_views(release.student_version("04-isolate")), classroom / "stub.ipynb")
    nbformat.write(without_views(master("04-isolate")), classroom / "solved.ipynb")
    solved = nbgrader("validate", "solved.ipynb", folder=classroom)
    assert "Success! Your notebook passes all the tests." in solved.stdout, solved.stdout + solved.stderr
    stub = nbgrader("validate", "stub.ipynb", folder=classroom)
    assert "VALIDATION FAILED ON 5 CELL(S)" in stub.stdout, stub.stdout + stub.stderr
