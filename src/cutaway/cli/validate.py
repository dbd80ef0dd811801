"""`cutaway validate`: run an assignment's own solution and its stub, before students do."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cutaway.problem import Problem


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
def command(assignment: str, folder: Path) -> None:
    """Say of each test of ASSIGNMENT where it runs, whether the solution passes it, and whether the stub fails it."""
    from cutaway.grading import unstarted

    with unstarted.loading():
        from cutaway.grading import batch, nbcourse
        from cutaway.grading.assignment import looked_over
        from cutaway.grading.executor import Executor
        from cutaway.grading.limits import Limits
        from cutaway.grading.nbcourse import Course
        from cutaway.ground import course as ours

    if ours.checks(assignment).exists():
        raise Problem(
            f"validating {assignment!r}: it is a lab of Cutaway, whose checks look at the system; "
            f"`cutaway check {assignment} NOTEBOOK` tries them, on its solution or on any other"
        )
    course = Course(folder)
    with Executor(None, course.hidden) as executor:
        prepared = batch.prepared(course, assignment, Limits(), executor)
        found = looked_over(prepared, executor)
    for note in nbcourse.unreleased(course, assignment, prepared.notebooks):
        click.echo(f"note: {note}", err=True)
    for test in found:
        click.echo(f"{test.name:<24} {test.mode:<10} {test.said}")
    sys.exit(0 if all(test.good for test in found) else 1)
