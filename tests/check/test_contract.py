"""How checks are run: the graph, the patience, and what becomes of a check that breaks."""

from pathlib import Path

import pytest

from cutaway.check import contract
from cutaway.check.contract import CannotRun, Check, Missed, Status, asks


def outcomes(checks: list[Check], bench: object = None, patience_s: float = 0) -> dict[str, str]:
    return {each.name: str(each.status) for each in contract.run(checks, bench, patience_s)}


@asks(task=1, points=2)
def a_thing_is_there(bench: object) -> str:
    return "the thing"


@asks(task=1, points=1, needs=[a_thing_is_there])
def it_is_the_thing(bench: object, thing: str) -> None:
    assert thing == "the thing"


@asks(task=2, points=3)
def nothing_is_there(bench: object) -> None:
    raise Missed("nothing is there", "Look under the table.")


@asks(task=2, points=1, needs=[a_thing_is_there, nothing_is_there])
def both_are_there(bench: object, thing: str, nothing: None) -> None:
    raise AssertionError("never reached")


@asks(task=3, points=1, needs=[both_are_there])
def and_so_on(bench: object, both: None) -> None:
    raise AssertionError("never reached")


EVERYTHING = [a_thing_is_there, it_is_the_thing, nothing_is_there, both_are_there, and_so_on]


def test_a_check_is_given_the_findings_of_those_it_needs_and_is_not_reached_without_them() -> None:
    assert outcomes(EVERYTHING) == {
        "a thing is there": "passed",
        "it is the thing": "passed",
        "nothing is there": "failed",
        "both are there": "not reached",
        "and so on": "not reached",
    }


def test_a_result_says_what_was_observed_and_hints_and_only_a_pass_earns() -> None:
    passed, _, failed, not_reached, _ = contract.run(EVERYTHING, None, 0)
    assert (passed.earned, passed.points, passed.observed, passed.hint) == (2, 2, "", "")
    assert (failed.earned, failed.points) == (0, 3)
    assert (failed.observed, failed.hint) == ("nothing is there", "Look under the table.")
    assert (not_reached.earned, not_reached.observed) == (0, "waits for “nothing is there” (task 2)")


def test_a_check_is_looked_at_again_until_it_passes() -> None:
    looks = []

    @asks(task=1, points=1)
    def slow_in_coming(bench: object) -> None:
        looks.append(1)
        if len(looks) < 4:
            raise Missed("not yet", "Wait.")

    assert outcomes([slow_in_coming], patience_s=10) == {"slow in coming": "passed"}
    assert len(looks) == 4


def test_what_cannot_change_is_not_looked_at_again() -> None:
    looks = []

    @asks(task=1, points=1)
    def over(bench: object) -> None:
        looks.append(1)
        raise Missed("over", "Too late.", final=True)

    assert outcomes([over], patience_s=10) == {"over": "failed"}
    assert len(looks) == 1


class Slowly:
    """A clock for looks that take a while, as on a busy computer."""

    def __init__(self) -> None:
        self.time_s, self.looks = 0.0, 0

    def __call__(self) -> float:
        return self.time_s

    def look(self, takes_s: float) -> int:
        """Which look it is that has taken so long."""
        self.time_s += takes_s
        self.looks += 1
        return self.looks


def test_a_function_that_takes_its_time_uses_up_nobodys_patience() -> None:
    @asks(task=1, points=1)
    def called_and_then_looked_at(clock: Slowly) -> None:
        if clock.look(takes_s=1 if clock.looks else 9) < 4:
            raise Missed("not yet", "Wait.")

    (result,) = contract.run([called_and_then_looked_at], clock := Slowly(), patience_s=5, now=clock)
    assert (result.status, clock.looks) == (Status.PASSED, 4)


def test_only_what_a_look_has_missed_that_began_late_enough_will_not_come() -> None:
    @asks(task=1, points=1)
    def settles_soon(clock: Slowly) -> None:
        clock.look(takes_s=3)
        raise Missed("not yet", "Wait.", settled_s=2)

    (result,) = contract.run([settles_soon], clock := Slowly(), patience_s=60, now=clock)
    assert (result.status, clock.looks) == (Status.FAILED, 2)


def test_a_process_that_ends_under_the_look_is_the_learners_and_not_ours() -> None:
    @asks(task=1, points=1)
    def gone(bench: object) -> None:
        raise ProcessLookupError(3, "process 1 has ended")

    (result,) = contract.run([gone], None, 0)
    assert (result.status, result.observed) == (Status.FAILED, "a process ended while it was looked at")


def test_a_check_that_cannot_be_made_here_says_what_is_missing_and_is_no_failure() -> None:
    @asks(task=1, points=1)
    def needs_kvm(bench: object) -> None:
        raise CannotRun("there is no /dev/kvm")

    (result,) = contract.run([needs_kvm], None, 0)
    assert (result.status, result.observed) == (Status.ERROR, "cannot run here: there is no /dev/kvm")


def test_a_check_that_breaks_costs_nobody_the_others() -> None:
    @asks(task=1, points=1)
    def broken(bench: object) -> None:
        raise KeyError("typo")

    broke, passed = contract.run([broken, a_thing_is_there], None, 0)
    assert (broke.status, broke.observed) == (Status.ERROR, "the check itself broke: KeyError: 'typo'")
    assert passed.status is Status.PASSED


def test_what_a_learner_made_cannot_write_on_the_terminal() -> None:
    @asks(task=1, points=1)
    def painted(bench: object) -> None:
        raise Missed("\x1b[2J\x1b]0;owned\x07green \u202e" + "x" * 10_000, "")

    (result,) = contract.run([painted], None, 0)
    assert result.observed.isprintable()
    assert len(result.observed) < 1000


def test_one_task_brings_what_it_needs_from_others() -> None:
    assert contract.of_task(EVERYTHING, 1) == [a_thing_is_there, it_is_the_thing]
    assert contract.of_task(EVERYTHING, 3) == [a_thing_is_there, nothing_is_there, both_are_there, and_so_on]
    assert contract.of_task(EVERYTHING, None) == EVERYTHING


def test_checks_are_loaded_in_the_order_in_which_they_stand(tmp_path: Path) -> None:
    page = tmp_path / "checks.py"
    page.write_text(
        "from cutaway.check.contract import asks\n"
        "@asks(task=1, points=1)\ndef zebra(bench): ...\n"
        "def helper(): ...\n"
        "@asks(task=1, points=1, needs=[zebra])\ndef aardvark(bench, zebra): ...\n"
    )
    assert [check.name for check in contract.load(page)] == ["zebra", "aardvark"]


def test_a_page_of_checks_that_needs_what_stands_below_it_does_not_load(tmp_path: Path) -> None:
    page = tmp_path / "checks.py"
    page.write_text(
        "from cutaway.check.contract import asks\n"
        "@asks(task=1, points=1, needs=[later])\ndef sooner(bench, later): ...\n"
        "@asks(task=1, points=1)\ndef later(bench): ...\n"
    )
    with pytest.raises(NameError, match="later"):
        contract.load(page)
