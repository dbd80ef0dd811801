"""An assignment, ready to be graded: its notebooks, how each one's tests run, and what a submission comes to.

Where a test runs is decided by the teacher's own solution and never by a submission: a test that the solution passes
inside its own process, but not from the other side of the wall, runs inside.
"""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cutaway.grading import execution, marks, names, nbcourse
from cutaway.grading.execution import INSIDE, Recipe, Shown
from cutaway.grading.executor import Executor
from cutaway.grading.limits import Limits
from cutaway.grading.marks import Mark
from cutaway.grading.nbcourse import Course, File, Notebook
from cutaway.grading.restored import Cell, NoNotebook, restored
from cutaway.grading.stopped import Stopped, said, stopped

VERSION = 4  # of the way marks are found: another one grades everything anew

MOST_NAMED, MOST_NAMED_LEFT = 3, 20  # of the files that were handed in under other names, and that are not read

Plain = dict[str, Any]


@dataclass(frozen=True)
class Assignment:
    """What is the same for every submission. Plain enough to be sent to another machine."""

    name: str
    notebooks: list[Notebook]
    recipes: dict[str, Recipe]
    limits: Limits
    packages: list[str]
    warnings: tuple[str, ...] = ()
    checks: str = ""  # the digest of a lab's own

    @cached_property
    def digest(self) -> str:
        """Changes when anything changes that a mark depends on."""
        cells = {each.name: [vars(cell) for cell in each.cells.values()] for each in self.notebooks}
        recipes = {name: vars(recipe) for name, recipe in self.recipes.items()}
        parts = [VERSION, cells, recipes, self.limits.plain(), self.checks]
        text = json.dumps(parts, sort_keys=True, default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()


def prepared(course: Course, name: str, limits: Limits) -> Assignment:
    """The assignment as the gradebook, the source and the release have it; all tests separated so far."""
    notebooks = nbcourse.notebooks(course, name)
    given, _ = nbcourse.files(course.step("source", ".", name), without=(".ipynb",))
    recipes = {each.name: _recipe(each, given) for each in notebooks}
    sources = [cell.source for each in notebooks for cell in each.cells.values()]
    sources += [source for each in notebooks for source in [*_code(each.released), *_code(each.solved)]]
    return Assignment(name, notebooks, recipes, limits, names.packages(sources))


def _recipe(notebook: Notebook, given: list[File]) -> Recipe:
    tests = {each.name: each.source for each in notebook.cells.values() if each.tests}
    locked = [each.source for each in notebook.cells.values() if each.locked and not each.grade and not each.solution]
    shown = {name: notebook.given[name] for name in tests if name in notebook.given}
    released = [each for each in _code(notebook.released) if each not in shown.values()]
    solved = [each for each in _code(notebook.solved) if each not in tests.values()]
    answered = names.bound([*released, *solved])
    return Recipe(
        [],
        _packed(given),
        names.own(locked, released),
        names.classes([*released, *solved], () if solved else tests.values()),
        {name: names.imports([shown.get(name, "")]) for name in tests},
        given=names.given(locked, tests.values()),
        kept=sorted(names.bound(tests.values()) - answered) if solved else [],
        redefined=sorted(answered & set(vars(builtins))),
    )


def _code(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"] if notebook else []


def _packed(files: Iterable[File]) -> list[list[Any]]:
    return [[each.place, base64.b64encode(each.content).decode(), each.mode] for each in files]


# --- Where tests run -------------------------------------------------------


def tried(assignment: Assignment, executor: Executor) -> Assignment:
    """The same with each test where the teacher's solution passes it."""
    recipes, warnings = dict(assignment.recipes), list(assignment.warnings)
    for notebook in assignment.notebooks:
        if notebook.solved is None:
            warnings.append(f"{notebook.name}: there is no source, so nothing shows whether its tests can be separated")
            continue
        recipe = recipes[notebook.name]
        cells, _ = restored(json.dumps(notebook.solved).encode(), notebook)
        recipes[notebook.name], failing = _settled(executor, recipe, cells, assignment.limits)
        warnings += [f"{notebook.name}: the teacher's own solution fails {name}: {why}" for name, why in failing]
    return replace(assignment, recipes=recipes, warnings=tuple(warnings))


def _settled(
    executor: Executor, recipe: Recipe, cells: list[Cell], limits: Limits
) -> tuple[Recipe, list[tuple[str, str]]]:
    """Move tests inside until the solution passes all that it passes with every test inside."""
    recipe = replace(recipe, files=recipe.test_files)
    failing, counted = _failing(executor, recipe, cells, limits)
    if failing and recipe.given:  # it may be what students are to change
        asking = replace(recipe, given=[])
        others, points = _failing(executor, asking, cells, limits)
        recipe, failing, counted = (
            (asking, others, points) if len(others) < len(failing) else (recipe, failing, counted)
        )
    if failing:
        tests = frozenset(each.owned.name for each in cells if each.owned and each.owned.tests)
        hopeless, everywhere = _failing(executor, replace(recipe, inside=tests), cells, limits)
        while moved := set(failing) - set(hopeless) - recipe.inside:
            recipe = replace(recipe, inside=recipe.inside | moved)
            failing, counted = _failing(executor, recipe, cells, limits)
        if set(failing) - set(hopeless):  # some depend on others in ways that only one process has
            recipe, failing, counted = replace(recipe, inside=tests), hopeless, everywhere
    return replace(recipe, files=[], counted=counted), sorted(failing.items())


def _failing(
    executor: Executor, recipe: Recipe, cells: list[Cell], limits: Limits
) -> tuple[dict[str, str], frozenset[str]]:
    """The tests that do not give all their points, each with the reason; and those whose result is a number."""
    shown = execution.run(executor, recipe, cells, limits)
    found = _marks(cells, shown, recipe)
    failing = {
        name: each.why or f"{each.score:g} of {each.max:g}"
        for name, each in found.items()
        if each.mode and each.score != each.max
    }
    tests = [(cell.owned.name, one) for cell, one in zip(cells, shown, strict=True) if cell.owned and cell.owned.tests]
    return failing, frozenset(name for name, one in tests if marks.is_counted(one))


@dataclass(frozen=True)
class Test:
    """What `cutaway validate` says of one test."""

    name: str
    mode: str
    said: str
    good: bool


def looked_over(assignment: Assignment, executor: Executor) -> list[Test]:
    """Each test, tried on the solution and on the stub."""
    found = []
    for notebook in assignment.notebooks:
        recipe = replace(assignment.recipes[notebook.name], files=assignment.recipes[notebook.name].test_files)
        failing = [
            _tried_on(executor, recipe, page, notebook, assignment.limits)
            for page in (notebook.solved, notebook.released)
        ]
        for cell in (each for each in notebook.cells.values() if each.tests):
            solved = failing[0] is not None and cell.name not in failing[0]
            stub_fails = failing[1] is not None and cell.name in failing[1]
            verdict = (
                "the solution passes, the stub does not"
                if solved and stub_fails
                else _fault(cell.name, solved, failing[0])
            )
            found.append(Test(cell.name, recipe.mode(cell.name), verdict, solved and stub_fails))
    return found


def _tried_on(
    executor: Executor, recipe: Recipe, page: Any, notebook: Notebook, limits: Limits
) -> dict[str, str] | None:
    if page is None:
        return None
    cells, _ = restored(json.dumps(page).encode(), notebook)
    return _failing(executor, recipe, cells, limits)[0]


def _fault(name: str, solved: bool, failing: dict[str, str] | None) -> str:
    if solved:
        return "the stub passes it, so it earns points for no answer"
    return f"the solution fails: {failing[name]}" if failing else "there is no solution to try it on"


# --- One submission --------------------------------------------------------


@dataclass
class Graded:
    """What a submission came to: its marks, notebook by notebook, what was noticed, and the notebooks as they ran."""

    marks: dict[str, dict[str, Mark]]
    flags: list[str]
    pages: dict[str, Plain]
    seconds: float = 0.0
    missing: tuple[str, ...] = ()  # notebooks that were not handed in
    unreadable: dict[str, str] = field(default_factory=dict)  # notebooks that have no mark, and why
    stopped: dict[str, list[Stopped]] = field(default_factory=dict)  # of each notebook that was run
    unanswered: tuple[tuple[str, str], ...] = ()  # notebook and answer that is as it was given


def graded(assignment: Assignment, executor: Executor, files: list[File], left: list[str]) -> Graded:
    """Run and mark one submission. It never raises for anything that was handed in."""
    result = Graded({}, not_read(left), {})
    beside = [file for file in files if not file.place.endswith(".ipynb")]
    for notebook in assignment.notebooks:
        if (cells := opened(assignment, notebook, files, left, result)) is None:
            continue
        recipe = assignment.recipes[notebook.name]
        recipe = replace(recipe, files=_laid_over(_packed(beside), recipe.test_files))
        shown = execution.run(executor, recipe, cells, assignment.limits)
        result.flags += _troubles(cells, shown)
        result.marks[notebook.name] = _marks(cells, shown, recipe)
        result.stopped[notebook.name] = stopped(cells, shown)
        result.pages[notebook.name] = page(notebook, cells, shown)
    return result


def not_read(left: list[str]) -> list[str]:
    """What is said of files that are not read; of very many, of the first."""
    more = [f"{len(left) - MOST_NAMED_LEFT} more"] if len(left) > MOST_NAMED_LEFT else []
    return [f"not read: {each}" for each in [*left[:MOST_NAMED_LEFT], *more]]


def opened(
    assignment: Assignment, notebook: Notebook, files: list[File], left: list[str], result: Graded
) -> list[Cell] | None:
    """The cells of a notebook that was handed in, mended; None when there are none, and `result` then says why."""
    content = next((file.content for file in files if file.place == f"{notebook.name}.ipynb"), None)
    given = {each[0] for recipe in assignment.recipes.values() for each in recipe.test_files}
    if content is None and (why := instead(assignment.notebooks, notebook, files, left, given)):
        no_mark(notebook, why, result)
        return None
    if content is None:
        result.missing += (notebook.name,)
        result.flags.append(f"{notebook.name}.ipynb: it was not handed in")
        result.marks[notebook.name] = _nothing(notebook)
        return None
    try:
        cells, mended = restored(content, notebook)
    except NoNotebook as error:
        no_mark(notebook, f"no notebook: {error}", result)
        return None
    result.flags += mended
    result.unanswered += tuple(
        (notebook.name, each.owned.name) for each in cells if each.owned and each.owned.solution and each.unanswered
    )
    return cells


def no_mark(notebook: Notebook, why: str, result: Graded) -> None:
    """Leave the notebook to a person."""
    result.unreadable[notebook.name] = why
    result.flags.append(f"{notebook.name}.ipynb: {why}")


def instead(
    notebooks: list[Notebook], notebook: Notebook, files: list[File], left: list[str], given: Collection[str] = ()
) -> str:
    """What is there in place of a notebook that is not: then a person has to look before it is a zero.

    That is another notebook, or, where there is none of the assignment's, whatever else was not `given`.
    """
    if any(each.startswith(f"{notebook.name}.ipynb: ") for each in left):
        return "no notebook that can be read"
    expected = {f"{each.name}.ipynb" for each in notebooks}
    shown = [each.place for each in files if not any(part.startswith(".") for part in each.place.split("/"))]
    unknown = [place for place in shown if place not in expected | {*given}]
    others = [place for place in unknown if place.endswith(".ipynb")]
    if not expected & {each.place for each in files}:
        others = others or unknown
    named = ", ".join(map(nbcourse.shown, others[:MOST_NAMED]))
    return f"it was not handed in; there is {named}" if named else ""


def _laid_over(theirs: list[list[Any]], ours: list[list[Any]]) -> list[list[Any]]:
    """What the source gives takes the place of what was handed in under its name, as nbgrader has it."""
    return [*{each[0]: each for each in [*theirs, *ours]}.values()]


def _marks(cells: list[Cell], shown: list[Shown], recipe: Recipe) -> dict[str, Mark]:
    return {
        cell.owned.name: marks.mark(
            cell, one, recipe.mode(cell.owned.name) if cell.owned.tests else "", cell.owned.name in recipe.counted
        )
        for cell, one in zip(cells, shown, strict=True)
        if cell.owned is not None and cell.owned.marked
    }


def _nothing(notebook: Notebook) -> dict[str, Mark]:
    return {each.name: Mark(0.0, each.points, "missing") for each in notebook.cells.values() if each.marked}


def _troubles(cells: list[Cell], shown: list[Shown]) -> list[str]:
    found = []
    for place, (cell, one) in enumerate(zip(cells, shown, strict=True), 1):
        if one.trouble:
            name = cell.owned.name if cell.owned else f"cell {place}"
            found.append(f"{name}: {said(one.trouble)}")
    return found


def page(notebook: Notebook, cells: list[Cell], shown: list[Shown]) -> Plain:
    """The notebook as it was run, for nbgrader's formgrader."""
    released = notebook.released or notebook.solved
    kernel = released.metadata.get("kernelspec", {}) if released else {}
    return {
        "cells": [_page_cell(cell, one, number) for number, (cell, one) in enumerate(zip(cells, shown, strict=True))],
        "metadata": {"kernelspec": dict(kernel)} if kernel else {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _page_cell(cell: Cell, shown: Shown, number: int) -> Plain:
    metadata = {"nbgrader": cell.owned.metadata()} if cell.owned else {}
    made: Plain = {"cell_type": cell.kind, "id": f"cell-{number}", "metadata": metadata, "source": cell.source}
    if cell.kind == "code":
        made |= {"execution_count": None, "outputs": shown.outputs}
    elif cell.attachments:
        made["attachments"] = cell.attachments
    return made


def separated(assignment: Assignment) -> Plain:
    """How many tests run where, for the report."""
    tests = [(each.name, cell.name) for each in assignment.notebooks for cell in each.cells.values() if cell.tests]
    inside = [name for notebook, name in tests if assignment.recipes[notebook].mode(name) == INSIDE]
    return {"separated": len(tests) - len(inside), "inside": inside}


def submission(folder: Path) -> tuple[list[File], list[str]]:
    """What a student has handed in."""
    return nbcourse.files(folder)
