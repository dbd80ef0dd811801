"""One examination: a lab's checks, looked at through the kernel of one learner's notebook."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cutaway import ledger
from cutaway.check import contract
from cutaway.check.bench import Bench, Line, Unreachable
from cutaway.check.contract import Check, Result, Status
from cutaway.check.learner import Learner
from cutaway.check.results import Results
from cutaway.ground import course, grounds
from cutaway.problem import Problem


def checks_of(lab: str) -> list[Check]:
    """The checks of a lab, from the folder that only the teacher holds."""
    path = course.root() / "grading" / lab / "checks.py"
    if not path.exists():
        raise Problem(
            f"checking {lab}: its checks are not on this machine; hand your notebook in, and your teacher runs them"
        )
    return contract.load(path)


Tell = Callable[[str], None]  # what is being done, for whoever waits
Reach = Callable[[], Line]  # takes up the line to a notebook; Unreachable when nobody is at its other end


def examine(
    learner: Learner,
    reach: Reach,
    task: int | None = None,
    tell: Tell = lambda _: None,
    checks: Sequence[Check] = (),
) -> Results:
    """The results of the lab's checks (or of one task) for the notebook to which `reach` leads.

    Whoever lets the notebook run first brings the `checks` that were read before, and has seen that there is ground for
    it, which may be another computer's.
    """
    everything = checks or checks_of(learner.lab)
    tasks = {check.task for check in everything}
    if task not in (None, *tasks):
        raise Problem(
            f"checking task {task} of {learner.lab}: it has tasks {min(tasks)} to {max(tasks)}; name one of them"
        )
    wanted = contract.of_task(everything, task)
    found = _looked_at(wanted, learner, reach, tell, "" if checks else _lacking(learner.lab))
    return Results(learner.lab, learner.name, tuple(each for each in found if task in (None, each.task)))


def _lacking(lab: str) -> str:
    """Why the lab cannot be done on this computer; empty when it can."""
    try:
        grounds.found_for(lab)
    except Problem as missing:
        return str(missing)
    return ""


def _looked_at(checks: Sequence[Check], learner: Learner, reach: Reach, tell: Tell, lacking: str) -> list[Result]:
    if lacking:
        return [check.result(Status.ERROR, f"cannot run here: {lacking}") for check in checks]
    try:
        with scratch(learner.lab) as folder, Bench(learner, reach(), folder) as bench:
            return contract.run(checks, bench, tell=tell, now=bench.now)
    except Unreachable:
        return [check.result(Status.NOT_REACHED, "the notebook's kernel did not answer", BUSY) for check in checks]


BUSY = "Does a cell end the kernel, or go on for ever? Restart it and run all cells."


@contextmanager
def scratch(lab: str) -> Iterator[Path]:
    """An empty folder of ours that is gone afterwards."""
    path = ledger.state_folder() / "check" / f"{lab}-{secrets.token_hex(4)}"
    with ledger.kept("folder", path.name, path=str(path)):
        path.mkdir(parents=True)
        yield path
