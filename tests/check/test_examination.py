"""An examination that cannot be held says why, and is no mark."""

import os
from pathlib import Path

import pytest

from cutaway.check import calls
from cutaway.check.bench import LineHere
from cutaway.check.contract import Status
from cutaway.check.examination import examine
from cutaway.check.learner import Learner
from cutaway.check.results import Results
from cutaway.ground import grounds
from cutaway.linux.processes import Process
from cutaway.problem import Problem

ADA = Learner("04-isolate", "ada")


def examined(task: int | None = None) -> Results:
    listener, _ = calls.listening()
    with listener:
        return examine(ADA, lambda: LineHere(Process.of(os.getpid()), listener), task)


def test_on_a_machine_that_cannot_carry_the_lab_no_check_is_failed(
    monkeypatch: pytest.MonkeyPatch, state_folder: Path
) -> None:
    def refuse(lab: str) -> None:
        raise Problem(f"beginning {lab}: it needs user namespaces, and there are none")

    monkeypatch.setattr(grounds, "found_for", refuse)
    results = examined()
    assert {each.status for each in results.checks} == {Status.ERROR}
    assert results.checks[0].observed == (
        "cannot run here: beginning 04-isolate: it needs user namespaces, and there are none"
    )
    assert results.summary.endswith("0 of 20 points; 16 checks could not be made here, so this is no mark")


def test_a_task_that_the_lab_does_not_have_is_one_sentence(state_folder: Path) -> None:
    with pytest.raises(Problem, match="checking task 9 of 04-isolate: it has tasks 1 to 5; name one of them"):
        examined(task=9)


def test_a_kernel_that_never_answers_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, state_folder: Path
) -> None:
    monkeypatch.setattr("cutaway.check.bench.CONNECT_S", 0.2)
    results = examined(task=1)
    assert [each.status for each in results.checks] == [Status.NOT_REACHED] * 3
    assert results.checks[0].observed == "the notebook's kernel did not answer"
