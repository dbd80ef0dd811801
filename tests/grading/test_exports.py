"""Marks for other systems: what Canvas and Moodle take, and what neither they nor a spreadsheet may be made to run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cutaway import cli
from cutaway.grading.nbcourse import Course
from cutaway.problem import Problem

pytestmark = pytest.mark.xdist_group("class")

STUDENTS = ["=cmd|' /C calc'!A0", "@sum", "müller-Ω漢", "new\nline", "zoë, x"]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two assignments, of which one has a name that a platform has for a column of its own; one student has no mark."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "source").mkdir()
    with Course(folder).gradebook() as book:
        for name in ("email", "numbers"):
            book.add_assignment(name)
            book.add_notebook("page", name)
            book.add_grade_cell("test", "page", name, max_score=4.5, cell_type="code")
        for number, student in enumerate(STUDENTS):
            book.add_student(student, first_name="-1+1" if number == 1 else "", last_name="+1" if number == 1 else "")
            book.add_submission("numbers", student)
            grade = book.find_grade("test", "page", "numbers", student)
            grade.auto_score, grade.needs_manual_grade = (None, True) if number == 2 else (number / 2, False)
        book.add_submission("email", STUDENTS[0])
        book.find_grade("test", "page", "email", STUDENTS[0]).auto_score = 4.5
        book.db.commit()
    return folder


def exported(course: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.cutaway, ["export", "--course", str(course), *words])


def table(course: Path, kind: str, *words: str) -> list[list[str]]:
    said = exported(course, "--format", kind, *words).stdout
    assert not said.startswith("\ufeff")
    return [*csv.reader(said.splitlines(keepends=True))]


def test_canvas_finds_its_columns(course: Path) -> None:
    """As canvas-lms reads them (lib/gradebook_importer.rb): by place, the login third when there is no SIS user ID."""
    head, possible, *people = table(course, "canvas")
    assert head == ["Student", "ID", "SIS Login ID", "Section", "email", "numbers"]
    assert "Points Possible" in possible[0]
    assert possible[4:] == ["4.5", "4.5"]
    assert {row[2]: row[4:] for row in people}["zoë, x"] == ["", "2"]
    assert {row[2]: row[4:] for row in people}["müller-Ω漢"] == ["", ""]


def test_moodle_finds_its_columns_and_a_dash_for_no_mark(course: Path) -> None:
    """As Moodle reads them (grade/import/csv): an empty field of a new column would become a grade, a dash does not."""
    head, *people = table(course, "moodle")
    assert head == ["username", "email", "email", "numbers"]
    assert {row[0]: row[1:] for row in people} == {
        f"'{STUDENTS[0]}": ["", "4.5", "0"],
        "'@sum": ["", "-", "0.5"],
        "müller-Ω漢": ["", "-", "-"],
        "new\nline": ["", "-", "1.5"],
        "zoë, x": ["", "-", "2"],
    }


@pytest.mark.parametrize("kind", ["csv", "canvas", "moodle"])
def test_no_field_is_a_formula(course: Path, kind: str) -> None:
    begins = {field.lstrip()[:1] for row in table(course, kind) for field in row if field != "-"}
    assert not begins & set("=+-@\t\r＝＋－＠")


def test_who_exports_is_told_which_names_were_changed_and_who_has_no_mark(course: Path) -> None:
    said = exported(course, "--format", "canvas").stderr
    assert "no mark, so no number: müller-Ω漢 (numbers)" in said
    assert "begins like a formula: @sum" in said


def test_one_assignment_is_exported_alone_and_an_unknown_one_refused(course: Path) -> None:
    rows = json.loads(exported(course, "--format", "json", "--only", "email").stdout)
    assert [(row["student"], row["score"]) for row in rows] == [(STUDENTS[0], 4.5)]
    refused = exported(course, "--only", "nowhere").exception
    assert isinstance(refused, Problem)
    assert "the gradebook does not know it (it knows email, numbers)" in str(refused)
