"""`cutaway reset NAME`: a lesson or lab as it was given, and the reader's version kept beside it."""

from __future__ import annotations

import click

from cutaway.cli import contents, handouts
from cutaway.ground import course
from cutaway.ground.work import Work


@click.command()
@click.argument("name")
def command(name: str) -> None:
    """Put the lesson or lab NAME back to how it was given; your version is kept under a dated name."""
    unit, work = course.unit(name), Work.here()
    with work.changing() as book:
        kept = [work.put_back(handout, book) for handout in handouts.of(unit)]
        book.checks.pop(unit.name, None)
    contents.write(work)
    aside = [path for path in kept if path]
    if not aside:
        click.echo(f"{unit.name} is as it was given.")
        return
    click.echo(f"{unit.name} is as it was given; what you had is kept:")
    for path in aside:
        click.echo(f"  {path}")
    click.echo("If the page is open in JupyterLab, choose File > Reload Notebook from Disk before you go on.")
