"""`cutaway progress`: what is done, and the minutes that remain."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import Any

import click

from cutaway.cli import as_typed, contents
from cutaway.ground.progress import Standing, State, standings
from cutaway.ground.work import Work


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(as_json: bool) -> None:
    """Show every lesson and lab: done, begun or not yet, its minutes, and the minutes that remain."""
    work = Work.here()
    units = standings(work)
    click.echo(json.dumps(plain(work, units), indent=2) if as_json else as_typed(table(units)))
    damaged = [each.trouble for each in units if each.state is State.DAMAGED]
    for trouble in damaged:
        click.echo(as_typed(f"cutaway: {trouble}"), err=True)
    sys.exit(1 if damaged else 0)


def table(units: list[Standing]) -> str:
    """One line for each lesson and lab, under the parts of the course."""
    lines = [f"{contents.remaining(units)}."]
    for part, rows in groupby(units, lambda each: each.unit.part):
        lines += ["", part, *map(_line, rows)]
    return "\n".join(lines)


def _line(standing: Standing) -> str:
    unit = standing.unit
    name = f"lab {unit.name}" if standing.is_lab else unit.name
    notes = [_share(standing), "short track" if standing.short_track else ""]
    if standing.newer:
        notes.append(f"newer one: `cutaway reset {unit.name}`")
    return f"  {standing.state.value:8}  {name:40} {unit.minutes:3} min  {', '.join(filter(None, notes))}".rstrip()


def _share(standing: Standing) -> str:
    if standing.state is not State.BEGUN or not standing.parts:
        return ""
    return f"{standing.done:g} of {standing.parts:g} {'points' if standing.is_lab else 'cells'}"


def plain(work: Work, units: list[Standing]) -> dict[str, Any]:
    """The same as data."""
    return {
        "folder": str(work.path),
        "minutes": sum(each.unit.minutes for each in units),
        "minutes_left": sum(each.minutes_left for each in units),
        "units": [
            {
                "name": each.unit.name,
                "title": each.unit.title,
                "kind": "lab" if each.is_lab else "lesson",
                "path": each.place,
                "state": each.state.value,
                "done": each.done,
                "of": each.parts,
                "minutes": each.unit.minutes,
                "minutes_left": each.minutes_left,
                "short_track": each.short_track,
                "newer": each.newer,
            }
            for each in units
        ],
    }
