"""`cutaway feedback`: write for each student what was seen of their work."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
def command(assignment: str, folder: Path) -> None:
    """Write feedback on ASSIGNMENT to the course's feedback folder; hidden tests are not in it."""
    from cutaway.grading import unstarted

    with unstarted.loading():
        from cutaway.grading import feedback
        from cutaway.grading.nbcourse import Course

    course = Course(folder)
    pages, without = feedback.write(course, assignment)
    click.echo(f"{len(pages)} pages in {course.step('feedback', '*', assignment)}")
    if without:
        click.echo(f"note: not graded yet, so without a page: {', '.join(without)}", err=True)
