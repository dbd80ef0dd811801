"""`cutaway similarity`: which submissions have code in common."""

from __future__ import annotations

from pathlib import Path

import click

from cutaway.cli import writing


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
@click.option(
    "--share",
    type=click.IntRange(1, 100),
    default=60,
    show_default=True,
    help="Percent of what one of two has written, from which on the pair is shown.",
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as one web page, side by side.")
@click.option("--json", "as_json", type=click.Path(path_type=Path), metavar="FILE", help="Write it as data.")
def command(assignment: str, folder: Path, share: int, html: Path | None, as_json: Path | None) -> None:
    """Compare the code of all who have handed in ASSIGNMENT; what was released is not counted as copied."""
    from cutaway.grading import unstarted

    with unstarted.loading():
        from cutaway.grading import similarity
        from cutaway.grading.nbcourse import Course

    found = similarity.compared(Course(folder), assignment, share / 100)
    if html:
        writing(html, similarity.page(found))
    if as_json:
        writing(as_json, similarity.as_json(found))
    if not html and not as_json:
        click.echo(similarity.as_text(found))
