"""`cutaway release`: make what students are given, and enter the assignment into the gradebook."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
def command(assignment: str, folder: Path) -> None:
    """Release ASSIGNMENT of an nbgrader course, as `nbgrader generate_assignment` does."""
    from cutaway.grading import unstarted

    with unstarted.loading():
        from cutaway.grading.nbcourse import Course, release

    place = release(Course(folder), assignment)
    click.echo(f"released {assignment} to {place}")
