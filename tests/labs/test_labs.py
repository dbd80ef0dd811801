"""Every lab: its solution earns everything, its stub nothing, and each wrong answer fails the check named for it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answers import LABS, WrongAnswer, master, takes_long, wrong_answers
from verdicts import of_wrong, results, unmet

from cutaway.check.contract import Status
from cutaway.check.examination import checks_of
from cutaway.grading import release
from cutaway.ground import course

WRONG = [wrong for lab in LABS for wrong in wrong_answers(lab)]


def one_for_each_task() -> Iterator[Any]:
    """Every wrong answer; but of those to the same task, the proof tries one, and the soak all."""
    tried = set()
    for wrong in WRONG:
        again = (wrong.lab, wrong.task) in tried
        tried.add((wrong.lab, wrong.task))
        marks = [*takes_long(wrong.lab), *([pytest.mark.soak] if again else [])]
        yield pytest.param(wrong, marks=marks, id=f"{wrong.lab}-{wrong.name}")


# --- The three kinds of answer ---------------------------------------------


@pytest.mark.parametrize("lab", LABS)
def test_the_solution_earns_every_point(lab: str, tmp_path: Path) -> None:
    said = results(lab, master(lab), tmp_path)
    assert unmet(said) == []
    assert sum(each.earned for each in said) == sum(check.points for check in checks_of(lab))


@pytest.mark.parametrize("lab", LABS)
def test_the_stub_earns_nothing_and_is_told_so_at_once(lab: str, tmp_path: Path) -> None:
    said = results(lab, release.student_version(lab), tmp_path)
    assert sum(each.earned for each in said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}
    assert all("NotImplementedError: Task" in each.observed for each in said if each.status is Status.FAILED)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [*one_for_each_task()])
def test_a_wrong_answer_fails_exactly_the_check_that_is_named_for_it(wrong: WrongAnswer, tmp_path: Path) -> None:
    said = of_wrong(wrong, tmp_path)
    assert [each.name for each in said if each.status is Status.FAILED] == [wrong.caught_by]
    assert [each for each in said if each.status is Status.ERROR] == []
    (failed,) = [each for each in said if each.status is Status.FAILED]
    assert failed.observed
    assert words(failed.hint).isdisjoint(told_only_by_the_solution(wrong.lab)), failed.hint


# --- What holds the pieces together ----------------------------------------


def words(text: str) -> set[str]:
    """Options, and words of five letters or more."""
    return set(re.findall(r"--[a-z-]+|\b[a-z_]{5,}\b", text.lower()))


def told_only_by_the_solution(lab: str) -> set[str]:
    page = "\n".join(cell.source for cell in release.student_version(lab).cells)
    return words("\n".join(cell.source for cell in master(lab).cells)) - words(page)


@pytest.mark.parametrize("lab", LABS)
def test_there_are_words_that_a_hint_must_not_say(lab: str) -> None:
    assert told_only_by_the_solution(lab)


@pytest.mark.parametrize("lab", LABS)
def test_every_check_has_a_wrong_answer_that_only_it_catches(lab: str) -> None:
    assert {wrong.caught_by for wrong in wrong_answers(lab)} == {check.name for check in checks_of(lab)}


@pytest.mark.parametrize("lab", LABS)
def test_the_points_of_a_cell_are_those_of_its_tasks_checks(lab: str) -> None:
    graded = [cell for cell in master(lab).cells if cell.metadata.get("nbgrader", {}).get("grade")]
    stated = {cell.source: cell.metadata.nbgrader.points for cell in graded}
    asked: dict[str, float] = {}
    for check in checks_of(lab):
        asked[f"check(task={check.task})"] = asked.get(f"check(task={check.task})", 0) + check.points
    assert stated == asked


def test_the_course_sets_every_lab_for_the_points_of_its_checks() -> None:
    set_for = tomllib.loads((course.root() / "grading" / "course.toml").read_text())["assignment"]
    asked = {lab: sum(check.points for check in checks_of(lab)) for lab in LABS}
    assert {each["name"]: each["points"] for each in set_for} == asked


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_has_five_tasks_at_most_and_no_two_checks_of_one_name(lab: str) -> None:
    names = [check.name for check in checks_of(lab)]
    assert len(set(names)) == len(names)
    assert {check.task for check in checks_of(lab)} <= set(range(1, 6))


@pytest.mark.parametrize("lab", LABS)
def test_the_master_is_stored_clean(lab: str) -> None:
    for cell in master(lab).cells:
        assert not cell.get("outputs"), f"cell {cell.id} holds outputs"
        assert cell.get("execution_count") is None, f"cell {cell.id} holds a count"


@pytest.mark.parametrize("lab", LABS)
def test_the_page_says_as_many_minutes_as_the_contents(lab: str) -> None:
    assert f"**{course.unit(lab).minutes} minutes**" in master(lab).cells[0].source
