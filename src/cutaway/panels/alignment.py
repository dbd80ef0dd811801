"""Two runtimes side by side: the steps that they take, and, unfolded, their calls."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cutaway.ground.alignment import Row
from cutaway.ground.trace import SystemCall


class Alignment:
    """The rows that `ground.alignment.aligned` found; a click on a step unfolds both runtimes' calls."""

    def __init__(self, rows: Sequence[Row], names: tuple[str, str]) -> None:
        self.rows, self.names = rows, names

    def __repr__(self) -> str:
        width = max(len(row.name) for row in self.rows)
        lines = [f"{'step':{width}}  {self.names[0]:>12}  {self.names[1]:>12}"]
        lines += [f"{row.name:{width}}  {_place(row, 0):>12}  {_place(row, 1):>12}" for row in self.rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in ("step and its calls", *self.names))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(self._row, self.rows))}</tbody></table>"

    def _row(self, row: Row) -> str:
        calls = "".join(f"<p>{escape(name)}</p>{_listed(row.calls[at])}" for at, name in enumerate(self.names))
        step = f"<details><summary>{escape(row.name)}</summary>{calls}</details>"
        cells = "".join(f"<td>{_place(row, at)}</td>" for at in (0, 1))
        return f"<tr><th scope='row' style='text-align: left'>{step}</th>{cells}</tr>"


def _place(row: Row, at: int) -> str:
    """Where in its runtime's order the step stands, and how many calls it took."""
    place, number = row.places[at], len(row.calls[at])
    return f"{place}. ({number} call{'s' if number > 1 else ''})" if place else "-"


def _listed(calls: Sequence[SystemCall]) -> str:
    lines = "\n".join(f"{call.name}({call.arguments})" for call in calls)
    return f"<pre style='white-space: pre-wrap; font-weight: normal'>{escape(lines) or 'none'}</pre>"
