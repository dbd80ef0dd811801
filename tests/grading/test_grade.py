# ruff: noqa: E501  cells stand as they are
"""A class is marked as nbgrader marks it; what is damaged is mended; what is done is not done twice."""

from __future__ import annotations

import dataclasses
import html
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest
import small_class
from click.testing import CliRunner, Result
from small_class import NUMBERS, hand_in, plain, released, right, solved, stored

from cutaway import cli
from cutaway.grading import batch, exports, nbcourse, stands, writer
from cutaway.grading import marks as marking
from cutaway.grading.execution import Shown
from cutaway.grading.executor import Executor
from cutaway.grading.nbcourse import Course, Source
from cutaway.grading.report import SECTIONS, Report
from cutaway.grading.restored import Cell
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


class Lent:
    """The warm parent of these tests, which outlives each command that is lent it."""

    def __init__(self, executor: Executor) -> None:
        self.sandbox, self.both, self.tracebacks = executor.sandbox, executor.both, executor.tracebacks

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True, scope="module")
def one_warm_parent(executor: Executor) -> Iterator[None]:
    """Starting one takes longer than grading; that a command starts its own is seen beside nbgrader, below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "Executor", lambda packages, hidden: Lent(executor))
        yield


def cutaway(*words: str, fails: bool = False) -> Result:
    """What the command says, in this process."""
    done = CliRunner().invoke(cli.cutaway, words)
    assert (done.exit_code != 0) == fails, done.stderr or done.exception
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


# --- One class, graded once ------------------------------------------------


class Graded(NamedTuple):
    """What became of a class: its lines, and what the other commands made of them."""

    course: Path
    lines: dict[str, dict[str, Any]]
    exported: dict[str, Result]
    written: Result

    def page(self, student: str) -> str:
        return html.unescape((self.course / "feedback" / student / "numbers" / "numbers.html").read_text())


@pytest.fixture(scope="module")
def graded(master: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    course = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(master, course)
    hand_in_everything(course)
    lines = grade(course, "--cell-time", "4")
    mark_by_hand(course)
    written = cutaway("feedback", "numbers", "--course", str(course))
    exported = {
        name: cutaway("export", "--course", str(course), "--format", name) for name in ("json", "canvas", "moodle")
    }
    return Graded(course, lines, exported, written)


def hand_in_everything(course: Path) -> None:
    """What is whole, what is damaged, and what is wrong."""

    def handed_in(student: str, cells: Any, name: str = "numbers") -> Path:
        return hand_in(course, student, "numbers", name, cells)

    cells = answered(course)
    tests = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == "test-square"]
    handed_in("as-it-was", cells)
    handed_in("older", of_another_version(cells))
    handed_in("deleted", [cell for cell in cells if cell not in tests])
    handed_in("twice", [*cells, *tests])
    handed_in("no-notebook", "this is no notebook")
    handed_in("renamed", cells, "numbers (1)")
    handed_in("nothing", cells).unlink()
    handed_in("loop", [*cells[:3], plain("while True: pass"), *cells[3:]])
    handed_in("ended", [*cells[:5], plain("import os; os._exit(0)"), *cells[5:]])
    handed_in("shell", [plain("!echo 42 > it; cat it"), *cells])
    handed_in("split", split(cells))
    handed_in("by-hand", answered(course, square="def square(x): return x + x", essay="Because."))
    handed_in("sees-one", answered(course, evens="def evens(most): return [0]"))
    beside = handed_in("beside", answered(course, mean="from helper import mean"))
    (beside.parent / "helper.py").write_text(right(NUMBERS)["mean"])
    handed_in("stops", answered(course, square="def square(x)\n    return x", mean="from nowhere import mean"))
    handed_in("writes", answered(course, square=ALOUD))
    handed_in("passes-on", answered(course, square=TELLS, evens=TELLS_BY_ERROR, sort=TELLS_BY_VALUE))
    handed_in("tells", answered(course, square=TELLS, mean="raise KeyError(heard)", sort="heard\nnames['secret']()"))


ALOUD = "import sys\ndef square(x):\n    print('hm', file=sys.stderr)\n    return x * x"
TELLS = "names, heard = {}, []\ndef square(x):\n    heard.append(x)\n    return x * x"

TELLS_BY_ERROR = "def evens(most):\n    raise KeyError(heard)"
TELLS_BY_VALUE = "def sort_in_place(values):\n    values[:] = [f'{heard}' for _ in range(4)]"


def of_another_version(cells: list[small_class.Cell]) -> list[small_class.Cell]:
    """With a test that was released otherwise then."""
    made: list[small_class.Cell] = json.loads(json.dumps(cells))
    (test,) = [each for each in made if each["metadata"].get("nbgrader", {}).get("grade_id") == "test-square"]
    test["source"], test["metadata"]["nbgrader"]["checksum"] = "assert square(1) == 1", "0" * 32
    return made


def split(cells: list[small_class.Cell]) -> list[small_class.Cell]:
    """An answer in two cells of one name."""
    made = []
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "mean":
            made.append({**cell, "source": "def total(values):\n    return sum(values)"})
            rest = "def mean(values):\n    if not values: raise ValueError\n    return total(values) / len(values)"
            made.append({**cell, "source": rest})
        else:
            made.append(cell)
    return made


def mark_by_hand(course: Path) -> None:
    """As formgrader does it."""
    with Course(course).gradebook() as book:
        essay = book.find_grade("essay", "numbers", "numbers", "by-hand")
        essay.manual_score, essay.extra_credit, essay.needs_manual_grade = 4.0, 0.5, False
        book.find_grade("test-square", "numbers", "numbers", "by-hand").manual_score = 1.0
        book.find_comment("essay", "numbers", "numbers", "by-hand").manual_comment = "A good reason & a short one."
        book.find_comment("square", "numbers", "numbers", "by-hand").manual_comment = "Nearly."
        book.db.commit()


def test_damaged_submissions_are_marked_for_what_is_there(graded: Graded) -> None:
    lines = graded.lines
    for student in ("as-it-was", "older", "deleted", "twice", "loop", "ended", "shell", "split", "beside"):
        assert marks(lines[student]) == FULL, lines[student]
    assert lines["no-notebook"]["cells"] == {}
    assert any("no notebook" in flag for flag in lines["no-notebook"]["flags"])
    assert "test-square: it was deleted, and is put back" in lines["deleted"]["flags"]
    assert "test-square: it was there more than once" in lines["twice"]["flags"]
    assert any("cut for time" in flag for flag in lines["loop"]["flags"])
    assert lines["older"]["flags"] == ["it was made from another version than is released now: test-square"]
    assert lines["as-it-was"]["flags"] == []
    assert lines["as-it-was"]["max"] == 17


def test_what_cannot_be_marked_is_no_zero_anywhere(graded: Graded) -> None:
    """A file with the browser's name for a second download, and one that is damaged; nothing at all is a zero."""
    assert graded.lines["renamed"]["flags"] == ["numbers.ipynb: it was not handed in; there is numbers (1).ipynb"]
    assert (graded.lines["nothing"]["score"], graded.lines["renamed"]["score"]) == (0, None)
    assert graded.lines["no-notebook"]["score"] is None
    assert "\nrenamed,,renamed,,\n" in graded.exported["canvas"].stdout
    assert "\nnothing,,nothing,,0\n" in graded.exported["canvas"].stdout
    assert "\nno-notebook,,-\n" in graded.exported["moodle"].stdout
    for said in (graded.exported["canvas"].stderr, graded.exported["moodle"].stderr):
        assert "no mark, so no number: no-notebook (numbers), renamed (numbers)\n" in said
    with sqlite3.connect(graded.course / "gradebook.db") as book:
        waits = book.execute("select count(*) from grade where needs_manual_grade").fetchone()[0]
    assert f"{waits} marks wait for a person" in graded.exported["canvas"].stderr
    assert "there is numbers (1).ipynb. So it was not marked" in graded.page("renamed")
    assert "no mark yet, of 17" in graded.page("no-notebook")
    assert f"{len(graded.lines)} pages" in graded.written.stdout


def test_feedback_and_exports_have_what_a_person_has_given(graded: Graded) -> None:
    page = graded.page("by-hand")
    assert "by-hand: 12.5 of 17" in page
    for said in ("4.5 of 5", "1 of 2", "0.5 of it is extra", "A good reason & a short one.", "Nearly."):
        assert said in page
    (row,) = [row for row in json.loads(graded.exported["json"].stdout) if row["student"] == "by-hand"]
    assert row["score"] == 12.5


def test_students_never_see_a_hidden_test_and_do_see_what_a_visible_one_wanted(graded: Graded) -> None:
    assert "A test failed that you were not given" in graded.page("by-hand")
    for hidden in ("square(-3)", "0.25", "an empty list has no mean"):
        assert hidden not in graded.page("by-hand")
    assert "expected [0, 2, 4, 6], got [0]" in graded.page("sees-one")


def test_a_test_that_fails_for_what_was_written_says_so_and_shows_it_where_the_whole_test_was_given(
    graded: Graded,
) -> None:
    square, parts = (graded.page("writes").partition(f'"row">test-{name}')[2].partition("</tr>")[0]
                     for name in ("square", "parts"))  # fmt: skip
    wrote = "something was written to standard error, and a test fails then."
    assert f"{wrote} Try values" in square
    assert f"{wrote}<br>on standard error: hm" in parts
    assert "not given" not in square + parts


def test_why_an_answer_stopped_is_said_and_carries_nothing_out(graded: Graded) -> None:
    page = graded.page("stops")
    assert "square: SyntaxError: " in page
    assert "mean: ModuleNotFoundError: No module named 'nowhere', line 1" in page
    told = graded.page("tells").partition("Where your cells stopped")[2]
    assert "mean: KeyError, line 1" in told
    assert "sort: KeyError, line 2" in told
    assert "-3" not in told  # with which only a hidden test has called square
    said = cutaway("grade", "numbers", "--course", str(graded.course), "--why", "tells").stdout
    assert "mean stopped: KeyError: [2, 0, -3, 0.5], line 1" in said
    assert "line 1: assert close(mean([1, 2, 3]), 2)" in said


def test_what_a_later_test_got_carries_nothing_out(graded: Graded) -> None:
    """Of an error its kind is told, of a value only a short one; the teacher sees all of it."""
    page = graded.page("passes-on")
    evens, sort = (page.partition(f'"row">test-{name}')[2].partition("</tr>")[0] for name in ("evens", "sort"))
    assert "KeyError" in evens
    assert "expected [1, 2, 3], got something that is not shown here" in sort
    assert "-3" not in evens + sort  # with which only a hidden test has called square
    said = cutaway("grade", "numbers", "--course", str(graded.course), "--why", "passes-on").stdout
    assert "KeyError: [2, 0, -3, 0.5]" in said


def test_nothing_that_quotes_a_hidden_test_lies_where_nbgraders_own_feedback_copies_all_files(graded: Graded) -> None:
    place = graded.course / "autograded" / "by-hand" / "numbers"
    beside = [path for path in place.iterdir() if path.suffix != ".ipynb"]
    assert [path.name for path in beside] == [writer.MARK]
    assert not [path for path in beside if "square(" in path.read_text()]
    assert "square(-3)" in place.with_name(".numbers.cutaway.json").read_text()


def test_marks_are_exported(graded: Graded) -> None:
    rows = {row["student"]: row for row in json.loads(graded.exported["json"].stdout)}
    assert rows["as-it-was"]["score"] == 12
    assert "Points Possible" in graded.exported["canvas"].stdout
    assert graded.exported["moodle"].stdout.startswith("username,email,numbers\nas-it-was,,12\n")


# --- The teacher's report --------------------------------------------------


@pytest.fixture(scope="module")
def report(graded: Graded) -> Report:
    return Report.of(graded.course, "numbers")


def test_a_report_has_the_gradebooks_scores(graded: Graded, report: Report) -> None:
    rows = json.loads(graded.exported["json"].stdout)
    assert {each.student: each.score for each in report.found.students} == {
        row["student"]: row["score"] for row in rows
    }
    (square,) = [each for each in report.found.questions if each.name == "test-square"]
    assert square.waiting == len([row for row in rows if row["score"] is None])
    assert square.share == pytest.approx(sum(square.earned) / 2 / len(square.earned))
    assert sum(report.distribution.drawing.lengths) == len(report.found.scores)  # type: ignore[union-attr]


def test_a_report_groups_what_went_wrong_and_names_who(report: Report) -> None:
    causes = {(each.question, each.kind, each.line): each for each in report.found.causes()}
    assert causes["test-evens", "AssertionError", "assert list(evens(7)) == [0, 2, 4, 6]"].students == ("sees-one",)
    assert causes["mean", "stopped: ModuleNotFoundError", ""].students == ("stops",)
    missing = causes["test-mean", "NameError", "assert close(mean([1, 2, 3]), 2)"]
    assert {*missing.students} == {"stops", "tells"}
    assert causes["numbers", "it was not handed in", ""].students == ("nothing",)
    assert [each for each in causes if each[0] == "numbers"] == [("numbers", "it was not handed in", "")]
    assert "no-notebook" in repr(report.flagged)
    assert "test-square: it was deleted, and is put back" in repr(report.flagged)
    assert repr(report.slowest).count(" s\n") >= 5


def test_what_is_noticed_of_most_of_a_class_is_said_once(report: Report) -> None:
    all_alike = [dataclasses.replace(each, flags=(*each.flags, "alike")) for each in report.found.students]
    said = repr(Report(dataclasses.replace(report.found, students=tuple(all_alike))).flagged)
    assert f"Of {len(all_alike)} submissions, and not said again: alike." in said
    assert said.replace(f"Of {len(all_alike)} submissions, and not said again: alike. ", "") == repr(report.flagged)


def test_what_was_cut_for_time_says_so_and_not_how() -> None:
    owned = Source("test-square", "code", "square(2)", True, True, False, False, 1.0, None)
    interrupted = {"output_type": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
    mark = marking.mark(Cell("code", owned.source, owned), Shown([interrupted], ran=True, trouble="time"), "separated")
    assert (mark.score, mark.status, mark.why) == (0, "failed", "it was cut for time")


def test_a_reports_page_needs_nothing_else_and_says_its_drawings_in_words(graded: Graded, tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        said = cutaway("report", "numbers", "--course", str(graded.course), "--html", str(tmp_path / name))
        assert f"wrote {tmp_path / name}" in said.stdout
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1]
    assert pages[0].count("<svg") == pages[0].count('role="img" aria-label="') == 2
    assert "color-scheme: light dark" in pages[0]
    assert not [word for word in ("<script", "<link", "src=", "url(http") if word in pages[0]]


def test_a_reports_notebook_has_been_run_and_says_the_same(graded: Graded, report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.ipynb"
    cutaway("report", "numbers", "--course", str(graded.course), "--notebook", str(path))
    page = json.loads(path.read_text())
    assert page["metadata"]["kernelspec"]["name"] == "python3"
    cells = {cell["id"]: cell for cell in page["cells"]}
    for name, section in zip(SECTIONS, report.sections(), strict=True):
        (output,) = cells[name]["outputs"]
        assert output["data"]["text/plain"] == repr(section)
        assert '<td style="text-align:left">' in "".join(output["data"]["text/html"])


# --- A run after another ---------------------------------------------------


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
    unchanged = grade(course)["ada"]
    line = grade(course, "--force")["ada"]
    assert line == unchanged
    assert (line["score"], marks(line)["essay"], line["flags"]) == (12 + 4, 4, [stands.BY_HAND])
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("update grade set manual_score = null")
    taken_back = grade(course)["ada"]
    assert (taken_back["score"], marks(taken_back)["essay"], taken_back["flags"]) == (12, None, [])
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("update grade set manual_score = 4 where auto_score is null")
    with sqlite3.connect(course / "gradebook.db") as book:
        assert book.execute("select count(*) from grade where manual_score = 4").fetchone() == (1,)


@pytest.mark.parametrize(
    ("word", "said"), [("--force", "the same command goes on"), ("--dry-run", "nothing was written")]
)
def test_whoever_stops_it_reads_what_that_leaves(
    course: Path, word: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> Any:
        yield from ()
        raise KeyboardInterrupt

    hand_in(course, "ada", "numbers", "numbers", answered(course))
    monkeypatch.setattr(batch, "graded", stopped)
    told = cutaway("grade", "numbers", "--course", str(course), word, fails=True).exception
    assert isinstance(told, Problem)
    assert str(told).startswith("grading 'numbers': stopped; ")
    assert str(told).endswith(said)


def test_what_a_teacher_should_know_stands_before_and_after_the_class(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "ada", "numbers", "numbers", answered(course))
    monkeypatch.setattr(nbcourse, "unreleased", lambda *_: ["so it is"])
    (first, *_, last, _) = cutaway("grade", "numbers", "--course", str(course), "--dry-run").stderr.splitlines()
    assert (first, last) == ("note: so it is", "note: so it is")


def test_late_work_pays_what_the_teachers_plugin_says(course: Path) -> None:
    (course / "late_here.py").write_text(
        "from nbgrader.plugins import BasePlugin\nclass Late(BasePlugin):\n    def late_submission_penalty(self, student, score, seconds): return 2.0\n"
    )
    config = course / "nbgrader_config.py"
    config.write_text("c = get_config()\nc.AssignLatePenalties.plugin_class = 'late_here.Late'\n")
    with sqlite3.connect(course / "gradebook.db") as book:
        book.execute("update assignment set duedate = '2026-01-01 00:00:00'")
    hand_in(course, "ada", "numbers", "numbers", answered(course), timestamp="2026-01-02 00:00:00 UTC")
    line = grade(course)["ada"]
    assert line["score"] == 12 - 2
    assert line["flags"] == ["late by 24.0 hours: 2 points are taken off"]
    assert str(course) not in sys.path
    config.write_text(config.read_text().replace("late_here", "late_nowhere"))
    refused = cutaway("grade", "numbers", "--course", str(course), "--force", fails=True)
    assert isinstance(refused.exception, Problem)
    assert "loading 'late_nowhere.Late' for late submissions" in str(refused.exception)
    assert "No module named 'late_nowhere'" in str(refused.exception)
    assert refused.stdout == ""


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
    assert isinstance(done.exception, Problem)
    assert said in str(done.exception)
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


def same_marks(folder: Path, students: int, assignments: tuple[str, ...]) -> None:
    ours, theirs = folder / "ours", folder / "theirs"
    small_class.make_course(ours, {name: small_class.ASSIGNMENTS[name] for name in assignments})
    small_class.honest_class(ours, students, assignments=assignments)
    shutil.copytree(ours, theirs)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in assignments:
        words = ["grade", name, "--course", str(ours), "--json"]
        subprocess.run([sys.executable, "-m", "cutaway", *words], capture_output=True, check=True)
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
