"""Who has code in common: found under other names and with comments, and never for what was released."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_class
from click.testing import CliRunner, Result
from small_class import NUMBERS, hand_in, plain, released, right, solved

from cutaway import cli
from cutaway.grading import similarity
from cutaway.grading.nbcourse import Course
from cutaway.grading.similarity import Similarity
from cutaway.problem import Problem

pytestmark = [pytest.mark.xdist_group("class"), pytest.mark.slow]

OWN = """def mean(values):
    if len(values) == 0:
        raise ValueError('nothing to divide')
    total = 0.0
    for value in values:
        total = total + float(value)
    return total / max(1, len(values))

def spread(values):
    middle = mean(values)
    return [abs(value - middle) ** 2 for value in values if value is not None]
"""
RENAMED = f"# mine <b>alone</b>\n{OWN.replace('values', 'numbers').replace('total', 'acc').replace('middle', 'avg')}"
OTHER = """import statistics

def mean(given):
    try:
        return statistics.fmean(given)
    except statistics.StatisticsError as error:
        raise ValueError(*error.args)
    finally:
        print('asked for', sorted(given, reverse=True)[:3])
"""
ODD = "<script>alert(1)"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small_class.make_course(tmp_path_factory.mktemp("alike"), {"numbers": {"numbers": NUMBERS}})
    given = released(folder, "numbers", "numbers")
    for student, answers in {"ada": {"mean": OWN}, "eve": {"mean": RENAMED}, "bob": {"mean": OTHER}, "cyd": {}}.items():
        hand_in(folder, student, "numbers", "numbers", solved(given, answers))
    for student in (ODD, "zoë"):
        hand_in(folder, student, "numbers", "numbers", solved(given, right(NUMBERS)))
    hand_in(folder, "no-notebook", "numbers", "numbers", "{")
    hand_in(folder, "renamed", "numbers", "numbers (1)", solved(given, {"mean": OWN}))
    hand_in(folder, "nothing", "numbers", "numbers", "{}").unlink()
    hand_in(folder, "half", "numbers", "numbers", [plain("x = '\ud800'\n" + "def f(:\n" * 9)])
    return folder


@pytest.fixture(scope="module")
def found(course: Path) -> Similarity:
    return similarity.compared(Course(course), "numbers")


def test_a_copy_under_other_names_is_found_and_its_cells_are_shown_side_by_side(found: Similarity) -> None:
    (pair,) = found.pairs
    assert pair.students == ("ada", "eve")
    assert min(pair.shares) > 0.9
    (row,) = pair.rows
    assert row.name == "mean"
    assert "".join(text for text, _ in row.left) == OWN
    assert "total / max(1, len(values))" in "".join(text for text, common in row.left if common)
    assert "mine" not in "".join(text for text, common in row.right if common)


def test_identical_submissions_are_one_group_and_what_was_released_is_no_likeness(found: Similarity) -> None:
    assert found.identical == [(ODD, "zoë")]
    assert found.aside["cyd"] == ["nothing of their own"]


def test_what_cannot_be_compared_is_named(found: Similarity) -> None:
    assert any("no notebook" in why for why in found.aside["no-notebook"])
    assert found.aside["renamed"] == ["numbers.ipynb: it was not handed in; there is numbers (1).ipynb"]
    assert found.aside["nothing"] == ["numbers.ipynb: it was not handed in"]
    assert found.compared == 6


def test_the_page_and_the_data_hold_what_students_wrote_as_text(course: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "alike.html", tmp_path / "alike.json"
    done = said(course, "--html", str(page), "--json", str(data))
    assert done.exit_code == 0, done.exception
    text = page.read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<mark>def mean(values):" in text
    assert json.loads(data.read_text())["pairs"][0]["cells"] == ["mean"]


def test_a_terminal_shows_pairs_from_the_share_that_was_asked_for(course: Path) -> None:
    assert "ada and eve" in said(course).stdout
    refused = said(course, "--html", "/nowhere/alike.html").exception
    assert isinstance(refused, Problem)
    assert "name a file in a folder that is there" in str(refused)


def test_what_much_of_a_class_wrote_is_not_counted(course: Path) -> None:
    """Seven different works with one passage: with six of them it would be a copy still."""
    for number, alike in ((6, True), (7, False)):
        works = [
            [similarity.Work(f"{n}", [similarity.Piece("mean", f"{OWN}\n{'x' * (n + 1)} = {n}")])]
            for n in range(number)
        ]
        similarity._set_aside(works, set(), similarity.COMMON_LEAST)
        found = [*similarity._pairs([work for (work,) in works], 0.6)]
        assert bool(found) == alike


def said(course: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.cutaway, ["similarity", "numbers", "--course", str(course), *words])
