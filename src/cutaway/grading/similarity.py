"""Which submissions have code in common, by copydetect: what a teacher then reads side by side, and judges.

Compared is what students wrote: code cells whose text was not released, and Python files that were not given. It is
read as tokens, so other names, comments and spaces make no difference (Schleimer, Wilkerson and Aiken, "Winnowing",
SIGMOD 2003; here every run of tokens counts and not a sample, so the same class gives the same report). A run of
tokens that was released is not counted as copied, and neither is one that much of the class wrote.
Reading order: what was written, what is common, the report.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import get_token_coverage

from cutaway.draw.tables import Table, html_table
from cutaway.grading import assignment as assignments
from cutaway.grading import nbcourse, pages, restored
from cutaway.grading.nbcourse import Course, Notebook
from cutaway.problem import printable

RUN = 25  # tokens, as characters of copydetect's own reading: a shorter run says nothing
SHARE = 0.6  # of what one of two has written, from which on a pair is shown
LEAST = 100  # tokens in common that a pair has at least: some six lines
COMMON_SHARE, COMMON_LEAST = 0.25, 6  # a run that more of the class wrote than this share, and than so many, is common
CHARACTERS = 60_000  # of one submission that are compared
MOST = 50  # pairs that are shown side by side

# --- What was written ------------------------------------------------------


class Piece(NamedTuple):
    """One cell or file of a student's own."""

    name: str
    source: str


@dataclass
class Work:
    """What a student wrote, one piece after another, and what is compared of it."""

    student: str
    pieces: list[Piece]
    cut: bool = False

    def __post_init__(self) -> None:
        self.text, self.starts = "", list[int]()
        for piece in self.pieces:
            self.starts.append(len(self.text))
            self.text += f"{piece.source}\n\n"
        self.cut, self.text = len(self.text) > CHARACTERS, self.text[:CHARACTERS]
        self.print = fingerprint(self.text)

    @property
    def digest(self) -> str:
        """The same for the same code, whatever stands in comments and at the ends of lines."""
        return hashlib.sha256(self.print.filtered_code.encode(errors="replace") + self._words).hexdigest()

    @property
    def _words(self) -> bytes:
        lines = (line.partition("#")[0].rstrip() for line in self.text.splitlines())
        return "\n".join(filter(None, lines)).encode(errors="replace")


def fingerprint(text: str) -> Any:
    """Every run of tokens in the text, and where it is."""
    made = CodeFingerprint("work.py", RUN, 1, language="python", fp=io.StringIO(text))
    if len(made.offsets):  # copydetect counts the characters before a class's name wrongly
        made.offsets[:, 1] = np.maximum.accumulate(made.offsets[:, 1])
    return made


def without(made: Any, runs: set[int]) -> None:
    """Leave these runs out of account."""
    made.hashes -= runs
    made.hash_idx = {run: places for run, places in made.hash_idx.items() if run in made.hashes}
    made.token_coverage = get_token_coverage(made.hash_idx, RUN, len(made.filtered_code))


def written(course: Course, assignment: str, notebooks: list[Notebook], student: str) -> tuple[list[Piece], list[str]]:
    """The student's own pieces, and what could not be read."""
    files, left = nbcourse.files(course.step("submitted", student, assignment))
    troubles: list[str] = []
    given, _ = nbcourse.files(course.step("source", ".", assignment), without=(".ipynb",))
    released = {each.content for each in given}
    pieces: list[Piece] = []
    for notebook in notebooks:
        content = next((file.content for file in files if file.place == f"{notebook.name}.ipynb"), None)
        if content is None:
            why = assignments.instead(notebooks, notebook, files, left) or "it was not handed in"
            troubles.append(f"{notebook.name}.ipynb: {why}")
            continue
        try:
            cells, _ = restored.restored(content, notebook)
        except restored.NoNotebook as error:
            troubles.append(f"{notebook.name}.ipynb: no notebook: {error}")
            continue
        known = {cell.source.strip() for cell in notebook.released.cells} if notebook.released else set()
        pieces += _own(cells, known, f"{notebook.name}/" if len(notebooks) > 1 else "")
    pieces += [
        Piece(file.place, file.content.decode(errors="replace"))
        for file in files
        if file.place.endswith(".py") and file.content not in released
    ]
    return pieces, troubles


def _own(cells: Iterable[restored.Cell], known: set[str], before: str) -> Iterator[Piece]:
    for number, cell in enumerate(cells, 1):
        given = cell.owned and not cell.owned.solution
        if cell.kind == "code" and not given and cell.source.strip() and cell.source.strip() not in known:
            yield Piece(before + (cell.owned.name if cell.owned else f"cell {number}"), cell.source)


# --- What is common --------------------------------------------------------


class Row(NamedTuple):
    """Two pieces side by side, either of which may be missing: text, and which parts of it are common."""

    name: str
    left: list[tuple[str, bool]]
    right: list[tuple[str, bool]]


class Pair(NamedTuple):
    """Two students, the share of what each wrote that is common, and the pieces that are concerned."""

    students: tuple[str, str]
    shares: tuple[float, float]
    rows: list[Row]


@dataclass(frozen=True)
class Similarity:
    """What was found in an assignment."""

    assignment: str
    compared: int
    share: float
    identical: list[tuple[str, ...]]
    pairs: list[Pair]
    common: int  # of a class, above which a run is not counted
    aside: dict[str, list[str]]  # who was not compared, or not wholly, and why

    def plain(self) -> dict[str, Any]:
        """As JSON has it; students of one identical group are represented by the first."""
        pairs = [
            {"students": each.students, "shares": [round(share, 3) for share in each.shares],
             "cells": [row.name for row in each.rows]}
            for each in self.pairs
        ]  # fmt: skip
        return {
            "assignment": self.assignment,
            "compared": self.compared,
            "share": self.share,
            "identical": self.identical,
            "pairs": pairs,
            "not_compared": self.aside,
        }


def compared(course: Course, assignment: str, share: float = SHARE) -> Similarity:
    """Compare every submission with every other."""
    notebooks = nbcourse.notebooks(course, assignment)
    aside: dict[str, list[str]] = {}
    same: dict[str, list[Work]] = defaultdict(list)
    given = _given(notebooks)
    for student in course.students(assignment):
        pieces, troubles = written(course, assignment, notebooks, student)
        work = Work(student, pieces)
        if work.cut:
            troubles.append(f"more than {CHARACTERS} characters; the rest is not compared")
        if pieces:
            same[work.digest].append(work)
        elif not troubles:
            troubles.append("nothing of their own")
        if troubles:
            aside[student] = troubles
    groups = sorted(same.values(), key=lambda each: each[0].student)
    count = sum(map(len, groups))
    common = max(COMMON_LEAST, round(COMMON_SHARE * count))
    _set_aside(groups, given, common)
    identical = [tuple(work.student for work in group) for group in groups if len(group) > 1]
    pairs = sorted(_pairs([group[0] for group in groups], share), key=lambda each: (-max(each.shares), each.students))
    return Similarity(assignment, count, share, identical, pairs, common, aside)


def _given(notebooks: list[Notebook]) -> set[int]:
    runs: set[int] = set()
    for notebook in notebooks:
        cells = notebook.released.cells if notebook.released else []
        runs |= fingerprint("\n\n".join(cell.source for cell in cells if cell.cell_type == "code")).hashes
    return runs


def _set_aside(groups: list[list[Work]], given: set[int], common: int) -> None:
    """Leave out of each work what was released and what more than `common` different works have."""
    frequent = Counter(run for group in groups for run in group[0].print.hashes)
    usual = given | {run for run, count in frequent.items() if count > common}
    for group in groups:
        without(group[0].print, usual)


def _pairs(works: list[Work], share: float) -> Iterator[Pair]:
    for one, other in combinations(works, 2):
        if _at_most(one, other) < share:
            continue
        tokens, shares, slices = compare_files(one.print, other.print)
        if tokens >= LEAST and max(shares) >= share:
            yield Pair((one.student, other.student), (float(shares[0]), float(shares[1])), _rows(one, other, slices))


def _at_most(one: Work, other: Work) -> float:
    """More than which the larger of the shares cannot be: each run covers no more tokens than it has."""
    both = len(one.print.hashes & other.print.hashes)
    least = min(one.print.token_coverage, other.print.token_coverage)
    if not both or not least:
        return 0.0
    most = max(max(map(len, each.print.hash_idx.values())) for each in (one, other))
    return float(both * RUN * most / least)


def _rows(one: Work, other: Work, slices: Any) -> list[Row]:
    left, right = _marked(one, slices[0]), _marked(other, slices[1])
    names = [*dict.fromkeys([*left, *right])]
    chosen = [name for name in names if _is_marked(left.get(name)) or _is_marked(right.get(name))]
    return [Row(name, left.get(name, []), right.get(name, [])) for name in chosen]


def _is_marked(parts: list[tuple[str, bool]] | None) -> bool:
    return any(marked and text.strip() for text, marked in parts or ())


def _marked(work: Work, slices: Any) -> dict[str, list[tuple[str, bool]]]:
    """Each piece, cut where what is common begins and ends."""
    common = np.zeros(len(work.text) + 1, dtype=bool)
    for start, end in zip(*slices.astype(int), strict=True):
        common[start:end] = True
    found: dict[str, list[tuple[str, bool]]] = {}
    for piece, start in zip(work.pieces, work.starts, strict=True):
        end = min(start + len(piece.source), len(work.text))
        edges = [start, *(place for place in range(start + 1, end) if common[place] != common[place - 1]), end]
        parts = [(work.text[a:b], bool(common[a])) for a, b in pairwise(edges) if b > a]
        found.setdefault(piece.name, []).extend(parts)
    return found


# --- The report ------------------------------------------------------------


def page(found: Similarity) -> bytes:
    """As one HTML file."""
    shown = found.pairs[:MOST]
    said = (
        f"{found.compared} submissions were compared. What was released is not counted, and neither is what stands in "
        f"more than {found.common} different ones. Only code is compared, and names and comments make no difference. "
        "Likeness is no proof: short tasks have few good answers. Read both before you speak to anybody."
    )
    alike = pages.bullets("Identical", (", ".join(map(printable, group)) for group in found.identical))
    more = f" The first {MOST} are shown." if len(found.pairs) > MOST else ""
    count = f"{len(found.pairs)} with at least {found.share:.0%} of what one of them wrote in common.{more}"
    rows = tuple((_both(each), f"{each.shares[0]:.0%}", f"{each.shares[1]:.0%}") for each in shown)
    table = f'<div class="wide">{html_table(Table(("pair", "of the first", "of the second"), rows))}</div>'
    aside = (f"{printable(name)}: {', '.join(map(printable, why))}" for name, why in sorted(found.aside.items()))
    body = (
        pages.paragraph(said)
        + (alike or "<h2>Identical</h2><p>None.</p>")
        + f"<h2>Pairs</h2>{pages.paragraph(count)}{table if rows else ''}"
        + "".join(map(_side_by_side, shown))
        + pages.bullets("Not compared, or not wholly", aside)
    )
    return pages.page(f"{found.assignment}: what submissions have in common", body)


def _both(pair: Pair) -> str:
    return " and ".join(map(printable, pair.students))


def _side_by_side(pair: Pair) -> str:
    rows = "".join(
        f"<h3>{pages.safe(printable(row.name))}</h3>"
        f'<div class="pair">{_code(pair.students[0], row.left)}{_code(pair.students[1], row.right)}</div>'
        for row in pair.rows
    )
    return f"<details><summary>{pages.safe(_both(pair))}</summary>{rows}</details>"


def _code(student: str, parts: list[tuple[str, bool]]) -> str:
    text = "".join(f"<mark>{pages.safe(text)}</mark>" if common else pages.safe(text) for text, common in parts)
    return f'<div><small>{pages.safe(printable(student))}</small><pre tabindex="0">{text}</pre></div>'


def as_json(found: Similarity) -> bytes:
    """As data."""
    return f"{json.dumps(found.plain(), indent=1)}\n".encode()


def as_text(found: Similarity) -> str:
    """For a terminal."""
    lines = [f"{found.compared} submissions compared"]
    lines += [f"identical: {', '.join(map(printable, group))}" for group in found.identical]
    lines += [f"{each.shares[0]:4.0%} {each.shares[1]:4.0%}  {_both(each)}" for each in found.pairs]
    lines += [f"note: {printable(name)}: {', '.join(map(printable, why))}" for name, why in sorted(found.aside.items())]
    return "\n".join(lines)
