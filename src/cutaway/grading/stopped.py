"""Where answers stopped: the error that ended a cell, of which a later test only sees what is missing.

Teachers are told all of it. A student's page is told all of it up to the first test with hidden lines. After that a
submission may know what such a test gave it, and could write that into its error; so of a later one the page has the
kind, the line, and a name that stands in the cell itself, and of no more than a few cells.
"""

from __future__ import annotations

import builtins
import re
from typing import Any, NamedTuple

from cutaway.grading.execution import WHY_ENDED, Shown
from cutaway.grading.restored import Cell

SAID_CHARACTERS, FIRST_CHARACTERS = 300, 40
MOST_TOLD = 3
PLACE = re.compile(r" \(<[^<>]*>, line \d+\)$")  # which Python adds to a SyntaxError; the line is told anyway
NAMED = re.compile(r"No module named '(\w+)'|name '(\w+)' is not defined")


class Stopped(NamedTuple):
    """A cell that ended with an error: what a teacher is told of it, and what its page."""

    cell: str
    said: str
    told: str


def stopped(cells: list[Cell], shown: list[Shown]) -> list[Stopped]:
    """The cells that are no tests, were answered, and ended with an error, in order."""
    found, hidden, told = [], False, 0
    for cell, one in zip(cells, shown, strict=True):
        if cell.owned is not None and cell.owned.tests:
            hidden = hidden or "BEGIN HIDDEN TESTS" in cell.owned.source
        elif one.trouble:
            found.append(Stopped(_name(cell), said(one.trouble), said(one.trouble)))
        elif (error := _error(one)) and not cell.unanswered:
            told += hidden
            last = _last(one) or {}
            full = f"{error}{_line(cell, one)}"
            plain = f"{known(last['ename'], last['evalue'], cell.source)}{_line(cell, one)}"
            found.append(Stopped(_name(cell), full, "" if told > MOST_TOLD else plain if hidden else full))
    return found


def said(trouble: str) -> str:
    """How a cell ended that did not end by itself."""
    return "it was cut for time" if trouble == "time" else WHY_ENDED.get(trouble, trouble)


def _name(cell: Cell) -> str:
    first = (cell.source.strip().splitlines() or [""])[0]
    return cell.owned.name if cell.owned else f"the cell that begins “{first[:FIRST_CHARACTERS]}”"


def _last(shown: Shown) -> dict[str, Any] | None:
    return next((each for each in reversed(shown.outputs) if each["output_type"] == "error"), None)


def _error(shown: Shown) -> str:
    error = _last(shown)
    return f"{error['ename']}: {PLACE.sub('', error['evalue'])}".strip(": ")[:SAID_CHARACTERS] if error else ""


def _line(cell: Cell, shown: Shown) -> str:
    return f", line {shown.line}" if 0 < shown.line <= len(cell.source.splitlines()) else ""


def known(kind: str, value: str, source: str) -> str:
    """Of an error that may have been written with knowledge of a hidden test, what says nothing of it."""
    builtin = getattr(builtins, kind, None)
    if not (isinstance(builtin, type) and issubclass(builtin, BaseException)):
        return "an error"
    named = NAMED.fullmatch(value)
    name = named and (named[1] or named[2])
    return f"{kind}: {value}" if name and name in source else kind
