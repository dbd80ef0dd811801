"""`cutaway check`: run the reader's copy of a lab in a fresh kernel, and check it from outside."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from cutaway.check.examination import Tell, checks_of, examine, scratch
from cutaway.check.learner import Learner
from cutaway.check.results import Results
from cutaway.check.untouched import untouched
from cutaway.cli import contents, rewritable
from cutaway.ground import course, grounds, work
from cutaway.linux.calls import PR_SET_DUMPABLE, prctl
from cutaway.problem import Problem, printable

TOLD = 20  # of the cells that went wrong


@click.command()
@click.argument("name")
@click.argument("notebook", required=False, type=click.Path(path_type=Path))
@click.option("--task", type=click.IntRange(1), help="Check one task only.")
@click.option("--learner", help="Whose work it is.  [default: yours]")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, and nothing else.")
@click.option("--in-machine", is_flag=True, help="Run the notebook in a lab machine that has an engine of its own.")
def command(
    name: str, notebook: Path | None, task: int | None, learner: str | None, as_json: bool, in_machine: bool
) -> None:
    """Check lab NAME from outside: your copy of it, or the NOTEBOOK that you name."""
    lab = _lab(name)
    path = notebook or work.folder() / "labs" / lab / f"{lab}.ipynb"
    _require(path)
    who = Learner(lab, learner) if learner else Learner.here(lab)
    results, troubles = checked(path, who, task, told, in_machine)
    told("")
    for trouble in troubles[:TOLD]:
        click.echo(f"while running {printable(path.name)}: {trouble}", err=True)
    if len(troubles) > TOLD:
        click.echo(f"and {len(troubles) - TOLD} more cells of {printable(path.name)} went wrong", err=True)
    click.echo(json.dumps(results.plain(), indent=1) if as_json else results)
    if task is None and notebook is None and learner is None:
        remember(results)
    sys.exit(0 if results.passed else 1)


def _lab(name: str) -> str:
    labs_called_so = [each for each in course.called(name) if each.after]
    unit = labs_called_so[0] if len(labs_called_so) == 1 else course.unit(name)  # only labs are checked, so 01 is one
    if not unit.after:
        labs = ", ".join(each.name for each in course.labs() if each.written)
        raise Problem(f"checking {unit.name}: it is a lesson, and only labs are checked; try {labs}")
    return unit.name


def _require(path: Path) -> None:
    """Problem when the notebook is not there, before anything is tried or imported to run it."""
    try:
        path.stat()
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Problem(f"reading {printable(str(path))}: {cause}; `cutaway lab` gives you one") from error


def remember(results: Results) -> None:
    """Keep the result for `cutaway progress`, and bring the contents page to the same."""
    work.record_check(results.lab, results.earned, results.points)
    if (mine := work.Work(work.folder())).begun:
        contents.write(mine)


def told(doing: str) -> None:
    """Show on a terminal what is being done, in place of what was done before."""
    if rewritable(sys.stderr):
        click.echo(f"\r\033[K{doing}", nl=False, err=True)  # \033[K empties the rest of the line: console_codes(4)


def checked(
    path: Path, learner: Learner, task: int | None = None, tell: Tell = lambda _: None, in_machine: bool = False
) -> tuple[Results, list[str]]:
    """The results of the checks of a notebook that is run for the purpose, and what went wrong while it ran."""
    if not in_machine:
        grounds.found_for(learner.lab)  # both say what is missing before anything is run
    checks = checks_of(learner.lab)
    hide_memory()
    tell(f"running the cells of {printable(path.name)}")
    if in_machine:
        from cutaway.check.in_machine import opened
    else:
        from cutaway.check.notebook import opened  # either brings Jupyter's client with it, which takes a second
    with untouched(learner.lab), scratch(learner.lab) as folder, opened(path, learner, folder) as (reach, troubles):
        return examine(learner, reach, task, tell, checks), troubles


def hide_memory() -> None:
    """Let nobody but root read or write the memory and the open files of this process, not even its own user."""
    prctl(PR_SET_DUMPABLE, 0)
