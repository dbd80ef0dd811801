"""`cutaway doctor`: what this machine can do, found by trying."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cutaway.cli import as_typed
from cutaway.ground import doctor
from cutaway.ground.doctor import Finding, Report, UnitHere


@click.command("doctor", help="Say what this machine can do, by trying it.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object on standard output.")
def command(as_json: bool) -> None:
    """Print the report; a machine that can do little is no error."""
    report = doctor.examine()
    if as_json:
        click.echo(json.dumps(report.as_data(), indent=2))
    else:
        show(report, Console(file=sys.stdout, highlight=False))


def show(report: Report, console: Console) -> None:
    """The report for people: words carry it, colour only helps."""
    heading(console, "What was tried here")
    for finding in report.findings:
        line(console, yes_or_no(finding.ok), finding.name, finding.evidence)
        if not finding.ok:
            details(console, finding)
    heading(console, "Where experiments can run")
    for ground in report.grounds:
        line(console, yes_or_no(ground.ok), ground.name, ground.why)
    heading(console, "Lessons and labs")
    for unit in report.lessons:
        if unit.written:
            line(console, unit.number, unit.title, on_what(unit))
    unwritten = sum(not unit.written for unit in report.lessons)
    if unwritten:
        console.print(f"\n{unwritten} more stand in the contents and are not written yet.")


def details(console: Console, finding: Finding) -> None:
    """What was tried, what it would open, and how to enable it; a command keeps to one line, to be copied."""
    indent = MARK if console.width < NARROW else MARK + NAME
    for word, text in (("tried", finding.tried), ("opens", finding.opens), ("enable", finding.remedy)):
        console.print(Text(f"{'':{indent}}{word + ':':8}", "dim") + Text(as_typed(text)), soft_wrap=True)


def on_what(unit: UnitHere) -> str:
    lacks = f", and it needs {' and '.join(unit.missing)}" if unit.missing else ""
    return f"{unit.kind} of {unit.minutes} minutes, ground: {unit.ground}{lacks}"


# --- Lines ------------------------------------------------------------------

MARK, NAME = 5, 20  # columns
NARROW = 60  # with fewer, the text stands below the name


def heading(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}\n", "bold"))


def line(console: Console, mark: str, name: str, text: str) -> None:
    """Three columns, of which only the last is folded; on a narrow terminal it stands below the others."""
    if console.width < NARROW:
        console.print(Text(f"{mark:{MARK}}", STYLES.get(mark, "")) + Text(name))
        console.print(Padding(Text(as_typed(text), overflow="fold"), (0, 0, 0, MARK)))
        return
    grid = Table.grid()
    grid.add_column(width=MARK)
    grid.add_column(width=NAME)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, STYLES.get(mark, "")), Text(name), Text(as_typed(text)))
    console.print(grid)


STYLES = {"yes": "green", "no": "bold red"}


def yes_or_no(ok: bool) -> str:
    return "yes" if ok else "no"
