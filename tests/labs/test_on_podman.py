"""Labs that need an engine say on Podman what they say on Docker: of the solution, the stub and each wrong answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import LABS, WrongAnswer, master, wrong_answers
from engines import our_engine
from verdicts import of_wrong, results, unmet

from cutaway.check.contract import Status
from cutaway.grading import release
from cutaway.ground import course
from cutaway.ground.engine import CHOICE, Engine

THEIRS = [lab for lab in LABS if "engine" in course.unit(lab).needs]
WRONG = [wrong for lab in THEIRS for wrong in wrong_answers(lab)]

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("chosen")]


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with our_engine("podman", tmp_path_factory.mktemp("podman")) as started:
        yield started


@pytest.fixture
def chosen(podman: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab finds the Podman."""
    monkeypatch.setenv(CHOICE, podman.url)


@pytest.mark.parametrize("lab", THEIRS)
def test_the_solution_earns_every_point_on_podman(lab: str, tmp_path: Path) -> None:
    assert unmet(results(lab, master(lab), tmp_path)) == []


@pytest.mark.parametrize("lab", THEIRS)
def test_the_stub_earns_nothing_on_podman(lab: str, tmp_path: Path) -> None:
    assert sum(each.earned for each in results(lab, release.student_version(lab), tmp_path)) == 0


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.lab}-{wrong.name}")
def test_a_wrong_answer_fails_the_check_that_is_named_for_it_on_podman(wrong: WrongAnswer, tmp_path: Path) -> None:
    said = of_wrong(wrong, tmp_path)
    assert [each.name for each in said if each.status is Status.FAILED] == [wrong.caught_by]
