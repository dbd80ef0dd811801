"""How submissions stand in the gradebook now: their sums, what lateness takes off, and what a person has given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from math import isclose
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from nbgrader.api import BaseCell, Grade, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import bindparam, select

BY_HAND = "marks that a person has given count"
BEFORE = "the marks that it had before stand"

Line = dict[str, Any]  # what --json prints of a submission

_NOW = (
    select(SubmittedAssignment.student_id, Notebook.name, BaseCell.name, Grade.score, Grade.auto_score,
           Grade.manual_score, Grade.extra_credit, SubmittedNotebook.late_submission_penalty)
    .select_from(SubmittedAssignment)
    .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
    .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
    .join(BaseCell.__table__, BaseCell.__table__.c.id == Grade.cell_id)
    .where(SubmittedAssignment.assignment_id == bindparam("assignment"))
    .where(SubmittedAssignment.student_id.in_(bindparam("students", expanding=True)))
    .order_by(SubmittedAssignment.student_id)
)  # fmt: skip


class Stands(NamedTuple):
    """A submission's score (None when it has no mark), what comes of lateness, and the cells marked by hand."""

    score: float | None
    penalty: float = 0.0
    late_s: float = 0.0
    given: Mapping[tuple[str, str], float] = MappingProxyType({})  # by their notebook and name

    @property
    def counts(self) -> float | None:
        """The score that counts, after lateness."""
        return None if self.score is None else max(0.0, self.score - self.penalty)


def now(connection: Any, assignment: str, students: Iterable[str]) -> dict[str, Stands]:
    """How these students' submissions stand, in one statement; without those that have nothing to mark."""
    rows = connection.execute(_NOW, {"assignment": assignment, "students": [*students]})
    return {student: _stands([row[1:] for row in of]) for student, of in groupby(rows, itemgetter(0))}


def _stands(rows: list[Any]) -> Stands:
    total, given, penalties, marked = 0.0, {}, {}, set()
    for notebook, cell, score, auto, manual, extra, penalty in rows:
        total += score
        penalties[notebook] = penalty or 0.0
        if auto is not None or manual is not None:
            marked.add(notebook)
        if manual is not None or extra:
            given[notebook, cell] = score
    return Stands(total if len(marked) == len(penalties) else None, sum(penalties.values()), given=given)


def said_again(record: dict[str, Any], stands: Stands) -> Line:
    """The line of a recorded submission with what counts now; as it was written when no mark has changed since."""
    line: Line = record["line"]
    scores = [stands.given.get((notebook, name), mark["score"])
              for notebook, marks in record["marks"].items() for name, mark in marks.items()]  # fmt: skip
    cells = zip(line["cells"].items(), scores, strict=False)  # of a notebook that could not be read there are none
    flags = [each for each in line["flags"] if each != BY_HAND]
    return line | {
        "cells": {name: cell | {"score": score} for (name, cell), score in cells},
        "score": line["score"] if _same(line["score"], stands.counts) else stands.counts,
        "flags": [*flags, BY_HAND] if stands.given and BEFORE not in flags else flags,
    }


def _same(one: float | None, other: float | None) -> bool:
    """Whether they are one number, in whatever order its parts were added."""
    return one is other if one is None or other is None else isclose(one, other, abs_tol=1e-9)
