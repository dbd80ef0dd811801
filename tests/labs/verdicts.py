"""What the checks say of an answer: `python verdicts.py LAB` says it of the solution and of every wrong one,
and `python verdicts.py LAB TASK` of one task of the solution.

The second is for whoever is somebody else than the test run: the verdict may not depend on that.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1])]

from answers import WrongAnswer, answered, master, working_cells, wrong_answers
from standin import bench_of

from cutaway.check import contract
from cutaway.check.contract import Check, Missed, Result, Status
from cutaway.check.examination import checks_of

PATIENCE_S = 10.0  # for a machine that has other things to do
SURELY_S = 1.5  # so long a wrong answer stays wrong before it counts as that
AT_ONCE = 6


def of_cells(
    lab: str,
    cells: list[str],
    folder: Path,
    task: int | None = None,
    patience_s: float = contract.PATIENCE_S,
    expected: str = "",
) -> list[Result]:
    """What the checks of the lab, or of one task, say of these cells; the one `expected` to fail is not waited for."""
    checks = contract.of_task(checks_of(lab), task)
    for check in checks:
        if check.name == expected:
            hasten(check)
    with bench_of(cells, folder, lab=lab) as bench:
        return [each for each in contract.run(checks, bench, patience_s) if task in (None, each.task)]


def results(lab: str, notebook: Any, folder: Path, task: int | None = None, expected: str = "") -> list[Result]:
    """What they say of a notebook, with more patience than a learner is asked for."""
    return of_cells(lab, working_cells(notebook), folder, task, PATIENCE_S, expected)


def unmet(said: list[Result]) -> list[Result]:
    """Those that did not pass."""
    return [each for each in said if each.status is not Status.PASSED]


def of_wrong(wrong: WrongAnswer, folder: Path) -> list[Result]:
    """What the checks of its task say of a wrong answer."""
    notebook = answered(master(wrong.lab), **{wrong.cell.replace("-", "_"): wrong.source})
    return results(wrong.lab, notebook, folder, wrong.task, wrong.caught_by)


def hasten(check: Check) -> None:
    """Let the check give up when it has missed for a while."""
    look, deadlines = check.look, []

    def hasty(*arguments: Any) -> Any:
        try:
            return look(*arguments)
        except Missed as missed:
            deadlines.append(time.monotonic() + SURELY_S)
            missed.final |= time.monotonic() > deadlines[0]
            raise

    object.__setattr__(check, "look", hasty)


def main(lab: str, task: str = "") -> None:
    """Print, for each answer, the checks that did not pass; for one task of the solution, that alone."""
    if task:
        with tempfile.TemporaryDirectory() as folder:
            said = results(lab, master(lab), Path(folder), int(task))
        print(json.dumps({"solution": [each.name for each in unmet(said)]}))
        return

    def failed(wrong: WrongAnswer | None) -> tuple[str, list[str]]:
        with tempfile.TemporaryDirectory() as folder:
            said = of_wrong(wrong, Path(folder)) if wrong else results(lab, master(lab), Path(folder))
        return wrong.name if wrong else "solution", [each.name for each in said if each.status is Status.FAILED]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        print(json.dumps(dict(pool.map(failed, [None, *wrong_answers(lab)]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
