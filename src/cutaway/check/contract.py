"""The check contract: what a lab asks for, as sentences that are looked at from outside.

A lab's `checks.py` is a page of functions, each the sentence that it is named for:

    @asks(task=2, points=2, needs=[own_processes_starts_a_process_1])
    def proc_shows_the_processes_inside_and_no_others(bench: Bench, call: Call) -> None:
        ...
        raise Missed("inside, /proc shows more processes than there are", hint="Which /proc does it see?")

A check looks at what the learner made, from a process of its own, and either returns its *finding*, which the
checks that need it are given after the bench, or raises `Missed` with what it observed instead and a hint.
It is written as one look, without waiting: `run` looks again until the check passes or patience runs out. So what a
look does to what it looks at, it does once (`Bench.kept`), or the next look would see what the last one has done.
A check whose needs were not met is not reached, rather than wrong.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import util
from pathlib import Path
from typing import Any

from cutaway.problem import printable

PATIENCE_S = 5.0  # for what a learner's function starts to be ready
PAUSE_S = 0.05  # between two looks

# --- Words -----------------------------------------------------------------

Clock = Callable[[], float]  # in seconds, from whatever beginning


class Status(StrEnum):
    """How a check ended. An ERROR is ours or the machine's, never the learner's."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    ERROR = "error"


@dataclass(frozen=True)
class Result:
    """What became of one check, as plain data."""

    name: str
    task: int
    points: float
    earned: float
    status: Status
    observed: str = ""
    hint: str = ""


class Missed(Exception):
    """What was asked for is not there: `observed` is there instead, and `hint` says where to look, never the answer.

    When it is `final`, looking again would change nothing; nor would it once a look has begun after `settled_s`, by
    the clock of the computer that is looked at. One that began sooner may have seen what was only coming.
    """

    def __init__(self, observed: str, hint: str, *, final: bool = False, settled_s: float = math.inf) -> None:
        self.observed, self.hint, self.final, self.settled_s = observed, hint, final, settled_s
        super().__init__(observed)


class CannotRun(Exception):
    """The check cannot be made on this machine; the message says what is missing. Nobody's points depend on it."""


@dataclass(frozen=True, eq=False)
class Check:
    """One sentence about the learner's work: `look` returns a finding or raises Missed."""

    name: str
    task: int
    points: float
    needs: tuple[Check, ...]
    look: Callable[..., Any] = field(repr=False)

    def result(self, status: Status, observed: str = "", hint: str = "") -> Result:
        earned = self.points if status is Status.PASSED else 0
        return Result(self.name, self.task, self.points, earned, status, printable(observed), hint)


def asks(
    task: int, points: float, needs: Sequence[Check] = (), name: str = ""
) -> Callable[[Callable[..., Any]], Check]:
    """Make a function the check that its name says, worth `points` of `task`, reached through `needs`.

    `name` is for the sentence that takes more than letters.
    """
    return lambda look: Check(name or look.__name__.replace("_", " "), task, points, tuple(needs), look)


# --- Looking ---------------------------------------------------------------


def run(
    checks: Sequence[Check],
    bench: object,
    patience_s: float = PATIENCE_S,
    tell: Callable[[str], None] = lambda _: None,
    now: Clock = time.monotonic,
) -> list[Result]:
    """The result of every check, in order; those that a check needs stand before it. `tell` hears which is made.

    Patience ends by the clock of the computer that is looked at.
    """
    findings: dict[Check, Any] = {}
    results = []
    for check in checks:
        unmet = [need for need in check.needs if need not in findings]
        if unmet:
            results.append(check.result(Status.NOT_REACHED, f"waits for “{unmet[0].name}” (task {unmet[0].task})"))
            continue
        tell(f"task {check.task}: {check.name}")
        try:
            findings[check] = _look_until(patience_s, now, check, bench, findings)
            results.append(check.result(Status.PASSED))
        except Missed as missed:
            results.append(check.result(Status.FAILED, missed.observed, missed.hint))
        except CannotRun as missing:
            results.append(check.result(Status.ERROR, f"cannot run here: {missing}"))
        except Exception as error:  # a defect of the check must cost nobody the others
            results.append(check.result(Status.ERROR, f"the check itself broke: {type(error).__name__}: {error}"))
    return results


def _look_until(patience_s: float, now: Clock, check: Check, bench: object, findings: dict[Check, Any]) -> Any:
    deadline = math.inf
    while True:
        began = now()
        try:
            return _look(check, bench, findings)
        except Missed as missed:
            if missed.final or began > min(deadline, missed.settled_s):
                raise
        deadline = min(deadline, now() + patience_s)  # after the first look, in which a function may have been called
        time.sleep(PAUSE_S)


def _look(check: Check, bench: object, findings: dict[Check, Any]) -> Any:
    try:
        return check.look(bench, *(findings[need] for need in check.needs))
    except ProcessLookupError:
        raise Missed("a process ended while it was looked at", "Does what you start stay until it is ended?") from None


# --- A lab's page of checks ------------------------------------------------


def load(path: Path) -> list[Check]:
    """The checks that stand in a file, from top to bottom."""
    spec = util.spec_from_file_location("lab_checks", path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [each for each in vars(module).values() if isinstance(each, Check)]


def of_task(checks: Iterable[Check], task: int | None) -> list[Check]:
    """The checks of one task and all that they need, in order; every check when no task is named."""
    everything = list(checks)
    wanted = {check for check in everything if task in (None, check.task)}
    for check in reversed(everything):
        if check in wanted:
            wanted.update(check.needs)
    return [check for check in everything if check in wanted]
