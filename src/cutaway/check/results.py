"""What a check of a lab came to: plain data, a page of text, and a table for a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from itertools import groupby
from typing import Any

from cutaway.check.contract import Result, Status

SIGN = {Status.PASSED: "✓", Status.FAILED: "✗", Status.NOT_REACHED: "–", Status.ERROR: "!"}
LEFT = 'style="text-align:left"'  # JupyterLab sets tables to the right


@dataclass(frozen=True)
class Results:
    """The results of a lab's checks for one learner, in the order in which they are asked."""

    lab: str
    learner: str
    checks: tuple[Result, ...]

    @property
    def earned(self) -> float:
        return sum(each.earned for each in self.checks)

    @property
    def points(self) -> float:
        return sum(each.points for each in self.checks)

    @property
    def passed(self) -> bool:
        return all(each.status is Status.PASSED for each in self.checks)

    def plain(self) -> dict[str, Any]:
        """The same as data that JSON can carry."""
        totals = {"lab": self.lab, "learner": self.learner, "earned": self.earned, "points": self.points}
        return {**totals, "checks": [asdict(each) for each in self.checks]}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Results:
        """The results that `plain` describes."""
        checks = (Result(**{**row, "status": Status(row["status"])}) for row in plain["checks"])
        return cls(plain["lab"], plain["learner"], tuple(checks))

    # --- For reading -------------------------------------------------------

    @property
    def summary(self) -> str:
        """One sentence, which also says what could not be judged."""
        unjudged = sum(each.status is Status.ERROR for each in self.checks)
        some = f"{unjudged} check{'s' if unjudged > 1 else ''}"
        note = f"; {some} could not be made here, so this is no mark" if unjudged else ""
        return f"{self.lab}, {self.learner}: {_number(self.earned)} of {_number(self.points)} points{note}"

    def __repr__(self) -> str:
        return "\n".join([self.summary, *(line for task, rows in self._tasks() for line in _text(task, rows))])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" {LEFT}>{word}</th>' for word in ("check", "result", "points"))
        body = "".join(_html_rows(task, rows) for task, rows in self._tasks())
        return f"<table><caption {LEFT}>{escape(self.summary)}</caption><thead><tr>{head}</tr></thead>{body}</table>"

    def _tasks(self) -> list[tuple[int, list[Result]]]:
        return [(task, list(rows)) for task, rows in groupby(self.checks, key=lambda each: each.task)]


def _text(task: int, rows: list[Result]) -> Iterable[str]:
    yield ""
    yield f"Task {task}: {_of(rows)}"
    for each in rows:
        yield f"  {SIGN[each.status]} {each.status:<11}  {each.name}  ({_of([each])})"
        yield from (f"      {said}" for said in _said(each))


def _html_rows(task: int, rows: list[Result]) -> str:
    head = f'<tr><th scope="rowgroup" colspan="2" {LEFT}>Task {task}</th><th {LEFT}>{_of(rows)}</th></tr>'
    return f"<tbody>{head}{''.join(map(_html_row, rows))}</tbody>"


def _html_row(each: Result) -> str:
    said = "".join(f"<br><small>{escape(text)}</small>" for text in _said(each))
    sign = f"{SIGN[each.status]} {each.status}".replace(" ", "&nbsp;")
    return f"<tr><td {LEFT}>{escape(each.name)}{said}</td><td {LEFT}>{sign}</td><td {LEFT}>{_of([each])}</td></tr>"


def _said(each: Result) -> list[str]:
    seen = f"seen: {each.observed}" if each.status is Status.FAILED else each.observed
    return [said for said in (seen, f"hint: {each.hint}" if each.hint else "") if said]


def _of(rows: list[Result]) -> str:
    return f"{_number(sum(each.earned for each in rows))} of {_number(sum(each.points for each in rows))}"


def _number(points: float) -> str:
    return f"{points:g}"
