# ruff: noqa: E501  cells stand as they are
"""A class is marked as nbgrader marks it; what is damaged is mended; what is done is not done twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import small_class
from small_class import NUMBERS, hand_in, plain, released, right, solved

from cutaway.grading import exports, nbcourse
from cutaway.problem import Problem

pytestmark = [pytest.mark.xdist_group("class"), pytest.mark.slow]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, released, with nothing handed in."""
    return small_class.make_course(tmp_path_factory.mktemp("course"), {"numbers": {"numbers": NUMBERS}})


@pytest.fixture
def course(master: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    shutil.copytree(master, folder)
    return folder


def cutaway(*words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "cutaway", *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done


def grade(course: Path, *words: str) -> dict[str, dict[str, Any]]:
    done = cutaway("grade", "numbers", "--course", str(course), "--json", *words)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["student"] for line in lines] == sorted(line["student"] for line in lines)
    return {line["student"]: line for line in lines}


def answered(course: Path, **more: str) -> list[small_class.Cell]:
    return solved(released(course, "numbers", "numbers"), right(NUMBERS) | more)


def marks(line: dict[str, Any]) -> dict[str, float | None]:
    return {name: cell["score"] for name, cell in line["cells"].items()}


FULL = {"test-square": 2, "test-mean": 3, "test-evens": 2, "test-parts": 4, "test-sort": 1, "essay": 0}


def test_damaged_submissions_are_marked_for_what_is_there(course: Path) -> None:
    cells = answered(course)
    graded = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == "test-square"]
    hand_in(course, "as-it-was", "numbers", "numbers", cells)
    hand_in(course, "deleted", "numbers", "numbers", [cell for cell in cells if cell not in graded])
    hand_in(course, "twice", "numbers", "numbers", [*cells, *graded])
    hand_in(course, "no-notebook", "numbers", "numbers", "this is no notebook")
    loop = [*cells[:3], plain("while True: pass"), *cells[3:]]
    hand_in(course, "loop", "numbers", "numbers", loop)
    hand_in(course, "ended", "numbers", "numbers", [*cells[:5], plain("import os; os._exit(0)"), *cells[5:]])
    hand_in(course, "shell", "numbers", "numbers", [plain("!echo 42 > it; cat it"), *cells])
    split = []
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "mean":
            half = {**cell, "source": "def total(values):\n    return sum(values)"}
            rest = {
                **cell,
                "source": "def mean(values):\n    if not values: raise ValueError\n    return total(values) / len(values)",
            }
            split += [half, rest]
        else:
            split.append(cell)
    hand_in(course, "split", "numbers", "numbers", split)
    lines = grade(course, "--cell-time", "3")
    for student in ("as-it-was", "deleted", "twice", "loop", "ended", "shell", "split"):
        assert marks(lines[student]) == FULL, lines[student]
    assert lines["no-notebook"]["cells"] == {}
    assert any("no notebook" in flag for flag in lines["no-notebook"]["flags"])
    assert "test-square: it was deleted, and is put back" in lines["deleted"]["flags"]
    assert "test-square: it was there more than once" in lines["twice"]["flags"]
    assert any("cut for time" in flag for flag in lines["loop"]["flags"])
    assert lines["as-it-was"]["flags"] == []
    assert lines["as-it-was"]["max"] == 17


def test_what_is_graded_is_not_graded_again_until_it_changes(course: Path) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course))
    hand_in(course, "bob", "numbers", "numbers", answered(course, square="def square(x): return 1"))
    first = cutaway("grade", "numbers", "--course", str(course), "--json")
    again = cutaway("grade", "numbers", "--course", str(course), "--json")
    assert "2 graded now" in first.stderr
    assert "0 graded now" in again.stderr
    assert first.stdout == again.stdout
    hand_in(course, "bob", "numbers", "numbers", answered(course))
    third = cutaway("grade", "numbers", "--course", str(course), "--json")
    assert "1 graded now" in third.stderr


def test_a_dry_run_writes_nothing_and_why_says_what_stands_behind_a_mark(course: Path) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course, square="def square(x): return x + x"))
    before = sorted(str(path) for path in course.rglob("*"))
    assert grade(course, "--dry-run")["ada"]["cells"]["test-square"]["score"] == 0
    said = cutaway("grade", "numbers", "--course", str(course), "--why", "ada").stdout
    assert "expected 0.25, got 1.0" in said or "expected 9, got -6" in said
    assert sorted(str(path) for path in course.rglob("*")) == before


def test_a_mark_that_a_person_has_given_stays(course: Path) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course, essay="Because."))
    assert marks(grade(course)["ada"])["essay"] is None
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("update grade set manual_score = 4 where auto_score is null")
    line = grade(course, "--force")["ada"]
    assert line["score"] == 12 + 4
    with sqlite3.connect(course / "gradebook.db") as book:
        assert book.execute("select count(*) from grade where manual_score = 4").fetchone() == (1,)


def test_late_work_pays_what_the_teachers_plugin_says(course: Path) -> None:
    (course / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\nclass Late(BasePlugin):\n    def late_submission_penalty(self, student, score, seconds): return 2.0\n"
    )
    (course / "nbgrader_config.py").write_text(
        f"import sys; sys.path.insert(0, {str(course)!r})\nc = get_config()\nfrom late import Late\nc.AssignLatePenalties.plugin_class = Late\n"
    )
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("update assignment set duedate = '2026-01-01 00:00:00'")
    hand_in(course, "ada", "numbers", "numbers", answered(course), timestamp="2026-01-02 00:00:00 UTC")
    line = grade(course)["ada"]
    assert line["score"] == 12 - 2
    assert line["flags"] == ["late: 2 points are taken off"]


def test_students_never_see_a_hidden_test_and_do_see_what_a_visible_one_wanted(course: Path) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course, square="def square(x): return x + x"))
    hand_in(course, "bob", "numbers", "numbers", answered(course, evens="def evens(most): return [0]"))
    grade(course)
    cutaway("feedback", "numbers", "--course", str(course))
    ada, bob = ((course / "feedback" / name / "numbers" / "numbers.html").read_text() for name in ("ada", "bob"))
    assert "A test failed that you were not given" in ada
    for hidden in ("square(-3)", "0.25", "an empty list has no mean"):
        assert hidden not in ada
    assert "expected [0, 2, 4, 6], got [0]" in bob


def test_marks_are_exported(course: Path) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course))
    grade(course)
    assert json.loads(cutaway("export", "--course", str(course), "--format", "json").stdout)[0]["score"] == 12
    assert "Points Possible" in cutaway("export", "--course", str(course), "--format", "canvas").stdout
    assert cutaway("export", "--course", str(course), "--format", "moodle").stdout.startswith(
        "username,email,numbers\nada,,12"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grade", "nowhere"], "the gradebook does not know it"),
        (["grade", "numbers", "--only", "nobody"], "has handed nothing in"),
        (["release", "nowhere"], "has no such folder"),
        (["feedback", "numbers"], "nothing has been graded yet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence(course: Path, words: list[str], said: str) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course))
    done = cutaway(*words, "--course", str(course), fails=True)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_no_course_is_told_and_left_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="it has neither source/ nor a gradebook; --course names the folder"):
        nbcourse.Course(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_gradebook_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "gradebook.db").mkdir()
    with pytest.raises(Problem, match=r"gradebook\.db: unable to open database file; it has to be nbgrader's"):
        exports.rows(nbcourse.Course(tmp_path))


def test_validate_says_where_each_test_runs(course: Path) -> None:
    said = cutaway("validate", "numbers", "--course", str(course)).stdout
    assert said.count("the solution passes, the stub does not") == 5


# --- Beside nbgrader itself ------------------------------------------------


def stored(course: Path) -> dict[tuple[str, ...], tuple[Any, ...]]:
    query = """select s.student_id, a.name, n.name, b.name, g.auto_score, g.needs_manual_grade from grade g
        join submitted_notebook sn on g.notebook_id = sn.id join notebook n on sn.notebook_id = n.id
        join submitted_assignment s on sn.assignment_id = s.id join base_cell b on g.cell_id = b.id
        join assignment a on s.assignment_id = a.id"""
    with sqlite3.connect(course / "gradebook.db") as book:
        return {row[:4]: (row[4], bool(row[5])) for row in book.execute(query)}


def same_marks(folder: Path, students: int, assignments: tuple[str, ...]) -> None:
    ours, theirs = folder / "ours", folder / "theirs"
    small_class.make_course(ours, {name: small_class.ASSIGNMENTS[name] for name in assignments})
    small_class.honest_class(ours, students, assignments=assignments)
    shutil.copytree(ours, theirs)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in assignments:
        cutaway("grade", name, "--course", str(ours), "--json")
        subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", name], cwd=theirs, env=env, capture_output=True, check=True
        )
    assert stored(ours)
    assert stored(ours) == stored(theirs)


def test_a_few_honest_students_have_the_marks_that_nbgrader_gives_them(tmp_path: Path) -> None:
    same_marks(tmp_path, 3, ("objects",))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_honest_submissions_have_the_marks_that_nbgrader_gives_them(tmp_path: Path) -> None:
    same_marks(tmp_path, 34, ("numbers", "objects", "tables"))


@pytest.mark.soak
def test_three_runs_in_other_orders_say_the_same_to_the_byte(tmp_path: Path) -> None:
    small_class.make_course(tmp_path, {"numbers": {"numbers": NUMBERS}})
    small_class.honest_class(tmp_path, 30, assignments=("numbers",))
    said = {
        cutaway("grade", "numbers", "--course", str(tmp_path), "--json", "--dry-run", "--workers", str(workers)).stdout
        for workers in (1, 2, 5)
    }
    assert len(said) == 1
