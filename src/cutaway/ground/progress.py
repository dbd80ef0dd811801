"""How far the reader is, from what their own copies show.

A lesson is done when each of its code cells has run without an unannounced error, and a lab when its checks give
every point. Nothing watches the reader: clear a page's outputs, and it is a page that has not been run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from cutaway.ground import course
from cutaway.ground.course import Unit
from cutaway.ground.work import Book, Damaged, Work, cells

RAISES = "raises-exception"  # the tag of a cell whose error is the lesson


class State(Enum):
    """Where a reader stands with a lesson or lab."""

    NOT_YET = "not yet"
    BEGUN = "begun"
    DONE = "done"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Standing:
    """One lesson or lab, and where the reader stands with it: `done` of `parts` (cells that ran, or points)."""

    unit: Unit
    place: str
    state: State = State.NOT_YET
    done: float = 0
    parts: float = 0
    short_track: bool = False
    newer: bool = False
    trouble: str = ""

    @property
    def is_lab(self) -> bool:
        return bool(self.unit.after)

    @property
    def minutes_left(self) -> int:
        """The stated minutes, less the share that is done."""
        return math.ceil(self.unit.minutes * (1 - self.done / self.parts)) if self.parts else self.unit.minutes


def units() -> list[Unit]:
    """Every written lesson in reading order, each followed by its labs."""
    labs, ordered = course.labs(), []
    for lesson in course.lessons():
        ordered += [lesson, *(replace(lab, part=lesson.part) for lab in labs if lab.after == lesson.number)]
    return [each for each in ordered if each.written]


def place(unit: Unit) -> str:
    """Where a unit's notebook lies in the reader's folder: where it lies in the course."""
    return unit.path.relative_to(course.root()).as_posix()


def standings(work: Work) -> list[Standing]:
    """Where the reader stands with each written lesson and lab."""
    book, short = work.book(), {each.name for each in course.short_track()}
    return [_standing(work, book, unit, unit.name in short) for unit in units()]


def _standing(work: Work, book: Book, unit: Unit, short: bool) -> Standing:
    where, entry, points = place(unit), book.given.get(place(unit)), book.checks.get(unit.name)
    common: dict[str, Any] = {"short_track": short, "newer": bool(entry and entry.newer)}
    try:
        mine = cells(where, work.read(where)) if work.has(where) else []
    except Damaged as trouble:
        return Standing(unit, where, State.DAMAGED, trouble=str(trouble), **common)
    given = entry.cells if entry else []
    done: float = sum(1 for cell in mine if succeeded(cell) and cell.get("id") in given)
    parts: float = len(given)
    if unit.after:
        done, parts = (points.earned, points.possible) if points else (0, 0)
    begun = done or any(cell.get("execution_count") for cell in mine)
    state = State.DONE if parts and done >= parts else State.BEGUN if begun else State.NOT_YET
    return Standing(unit, where, state, done, parts, **common)


def succeeded(cell: dict[str, Any]) -> bool:
    """Whether a cell has run, and without an error unless the error is the lesson."""
    failed = any(output.get("output_type") == "error" for output in cell.get("outputs", []))
    announced = RAISES in cell.get("metadata", {}).get("tags", [])
    return bool(cell.get("execution_count")) and (announced or not failed)
