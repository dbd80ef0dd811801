"""`cutaway export`: the marks of a course, for a spreadsheet or a learning platform."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import click


@click.command()
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
@click.option(
    "--format", "kind", type=click.Choice(["csv", "json", "canvas", "moodle"]), default="csv", show_default=True
)
@click.option("--only", multiple=True, metavar="ASSIGNMENT", help="Export just this one; may be given again.")
@click.option(
    "--to", type=click.File("w", encoding="utf-8"), default="-", help="The file to write.  [default: standard output]"
)
def command(folder: Path, kind: str, only: tuple[str, ...], to: IO[str]) -> None:
    """Export the marks of the gradebook."""
    from cutaway.grading import unstarted

    with unstarted.loading():
        from cutaway.grading import exports
        from cutaway.grading.nbcourse import Course

    rows = exports.rows(Course(folder), only)
    to.write(exports.FORMATS[kind](rows))
    for said in exports.notes(rows):
        click.echo(f"note: {said}", err=True)
