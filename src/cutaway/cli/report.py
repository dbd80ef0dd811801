"""`cutaway report`: how a class did, for its teacher."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cutaway.cli import writing


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as one web page.")
@click.option("--notebook", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a notebook, executed.")
def command(assignment: str, folder: Path, html: Path | None, notebook: Path | None) -> None:
    """Say how a class did in ASSIGNMENT: scores, questions, what went wrong, and what a person should look at."""
    from cutaway.grading import unstarted

    with unstarted.loading():
        from cutaway.grading import report

    found = report.Report.of(folder, assignment)
    if html:
        writing(html, report.page(found))
    if notebook:
        page = report.notebook(folder, assignment)
        writing(notebook, f"{json.dumps(page, indent=1, ensure_ascii=False)}\n".encode(errors="replace"))
    if not html and not notebook:
        click.echo(repr(found))
