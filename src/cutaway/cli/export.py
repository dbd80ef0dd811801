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
@click.option("--to", type=click.File("w"), default="-", help="The file to write.  [default: standard output]")
def command(folder: Path, kind: str, to: IO[str]) -> None:
    """Export every mark of the gradebook."""
    from cutaway.grading import exports
    from cutaway.grading.nbcourse import Course

    rows = exports.rows(Course(folder))
    to.write(exports.FORMATS[kind](rows))
    for said in exports.unfinished(rows):
        click.echo(f"note: {said}", err=True)
