"""How far a reader is, is what their own copies show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import small_course

from cutaway.check.contract import Result, Status
from cutaway.check.results import Results
from cutaway.cli import check, contents, handouts
from cutaway.ground import course as courses
from cutaway.ground import work as works
from cutaway.ground.progress import Standing, State, standings
from cutaway.ground.work import Entry, Work

LESSON = "notebooks/06-namespaces.ipynb"


@pytest.fixture
def given(work: Work) -> Work:
    """The folder with both lessons and the lab in it."""
    with work.changing() as book:
        lessons = (handouts.lesson(courses.unit(name)) for name in ("00", "06"))
        for handout in [*handouts.pictures(), *lessons]:
            work.give(handout, book)
        book.given["labs/04-isolate/04-isolate.ipynb"] = Entry("handed out elsewhere", ["cell-1"])
    return work


def standing(work: Work, name: str) -> Standing:
    return next(each for each in standings(work) if each.unit.name.startswith(name))


def test_every_written_page_is_listed_in_reading_order_with_labs_after_their_lesson(given: Work) -> None:
    assert [each.unit.name for each in standings(given)] == ["00-start-here", "06-namespaces", "04-isolate"]
    assert [each.unit.part for each in standings(given)] == ["First part", "Second part", "Second part"]
    assert [each.short_track for each in standings(given)] == [True, False, False]


def test_a_fresh_page_is_not_yet_begun_and_takes_all_its_minutes(given: Work) -> None:
    assert {each.state for each in standings(given)} == {State.NOT_YET}
    assert contents.remaining(standings(given)) == "80 of 80 minutes remain (10 of 10 on the short track)"


def test_a_page_is_begun_when_a_cell_ran_and_its_minutes_shrink_with_each(given: Work) -> None:
    small_course.change(given.path / LESSON, execution_count=1)
    assert standing(given, "06").state is State.BEGUN
    assert standing(given, "06").minutes_left == 30


def test_a_page_is_done_when_all_its_cells_ran(given: Work) -> None:
    small_course.run_all(given.path / LESSON)
    assert standing(given, "06").state is State.DONE
    assert standing(given, "06").minutes_left == 0


def test_a_cell_that_failed_does_not_count_unless_the_error_is_the_lesson(given: Work) -> None:
    small_course.run_all(given.path / LESSON)
    error = [{"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}]
    small_course.change(given.path / LESSON, outputs=error)
    assert (standing(given, "06").state, standing(given, "06").done) == (State.BEGUN, 3)
    small_course.change(given.path / LESSON, metadata={"tags": ["raises-exception"]})
    assert standing(given, "06").state is State.DONE


def test_cells_that_the_reader_added_do_not_count(given: Work) -> None:
    small_course.run_all(given.path / LESSON)
    page = given.path / LESSON
    page.write_text(page.read_text().replace('"cell-2"', '"of-my-own"', 1))
    assert (standing(given, "06").done, standing(given, "06").parts) == (3, 4)


def test_clearing_the_outputs_makes_it_a_page_that_was_not_run(given: Work) -> None:
    small_course.run_all(given.path / LESSON)
    small_course.change(given.path / LESSON, execution_count=None)
    assert standing(given, "06").state is State.BEGUN


def test_a_lab_is_done_when_its_checks_give_every_point(given: Work) -> None:
    works.record_check("04-isolate", 3, 5)
    assert standing(given, "04").state is State.BEGUN
    assert standing(given, "04").minutes_left == 12
    works.record_check("04-isolate", 5, 5)
    assert standing(given, "04").state is State.DONE


def test_a_later_check_that_earns_less_takes_nothing_back(given: Work) -> None:
    works.record_check("04-isolate", 5, 5)
    works.record_check("04-isolate", 4, 5)
    assert standing(given, "04").state is State.DONE


def test_the_contents_say_at_once_what_a_check_found(given: Work) -> None:
    check.remember(Results("04-isolate", "ada", (Result("it runs", 1, 5, 5, Status.PASSED),)))
    row = next(line for line in given.read(contents.PLACE).decode().splitlines() if "Isolate" in line)
    assert row.startswith("| ● done")


def test_a_check_where_nothing_was_handed_out_leaves_nothing_behind(course: Path, home: Path) -> None:
    works.record_check("04-isolate", 3, 5)
    assert list(home.iterdir()) == []


def test_a_page_that_cannot_be_read_is_damaged_and_the_others_still_count(given: Work) -> None:
    (given.path / LESSON).write_text("{")
    assert [each.state for each in standings(given)] == [State.NOT_YET, State.DAMAGED, State.NOT_YET]
    assert "`cutaway reset 06-namespaces`" in standing(given, "06").trouble


def test_the_contents_page_leads_to_what_was_begun_else_to_what_comes_next(given: Work) -> None:
    assert 'href="00-start-here.ipynb">Begin with 00 Start here<' in contents.page(standings(given))
    small_course.change(given.path / LESSON, execution_count=1)
    assert 'href="06-namespaces.ipynb">Go on with 06 Namespaces<' in contents.page(standings(given))
    small_course.run_all(given.path / LESSON)
    small_course.run_all(given.path / "notebooks/00-start-here.ipynb")
    assert 'href="../labs/04-isolate/04-isolate.ipynb">Go on with Lab 04 Isolate<' in contents.page(standings(given))
    works.record_check("04-isolate", 5, 5)
    assert "You have done all of it." in contents.page(standings(given))


def test_every_link_of_the_contents_page_leads_somewhere(given: Work) -> None:
    links = re.findall(r"\]\(([^)]+)\)", contents.page(standings(given)))
    assert links == [
        "../diagrams/building.svg",
        "00-start-here.ipynb",
        "06-namespaces.ipynb",
        "../labs/04-isolate/04-isolate.ipynb",
    ]
    for link in links[:3]:
        assert (given.path / "notebooks" / link).exists()


def test_the_contents_page_follows_the_reader_and_keeps_their_notes_aside(given: Work) -> None:
    page = given.path / contents.PLACE
    contents.write(given)
    small_course.run_all(given.path / LESSON)
    contents.write(given)
    assert "● done" in page.read_text()
    assert [each.name for each in page.parent.glob("contents*")] == ["contents.md"]
    page.write_text(page.read_text() + "my own notes")
    contents.write(given)
    (kept,) = page.parent.glob("contents.kept-*.md")
    assert kept.read_text().endswith("my own notes")
    assert "my own notes" not in page.read_text()
