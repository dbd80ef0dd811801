"""`cutaway grade`: mark what a class has handed in, each submission in a sandbox of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from cutaway.cli import rewritable
from cutaway.problem import Problem, printable


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path), default=".", help="The nbgrader course.  [default: .]"
)
@click.option("--workers", type=click.IntRange(1, 256), help="How many at once.  [default: one for each core]")
@click.option("--only", multiple=True, metavar="STUDENT", help="Grade just this student; may be given again.")
@click.option("--force", is_flag=True, help="Grade also what has been graded and has not changed.")
@click.option("--dry-run", is_flag=True, help="Grade, but write nothing.")
@click.option("--why", metavar="STUDENT", help="Say what stands behind each of this student's marks; writes nothing.")
@click.option("--scheduler", metavar="tcp://...", help="Grade on this Dask cluster.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a line for each submission, and nothing else.")
@click.option("--cell-time", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Seconds for a cell.")
@click.option(
    "--time",
    "notebook_time",
    type=click.FloatRange(0.1),
    default=300.0,
    show_default=True,
    help="Seconds for a notebook.",
)
@click.option("--memory", type=click.IntRange(64), default=1024, show_default=True, help="MiB for a submission.")
def command(
    assignment: str, folder: Path, workers: int | None, only: tuple[str, ...], force: bool, dry_run: bool,
    why: str | None, scheduler: str | None, as_json: bool, cell_time: float, notebook_time: float, memory: int,
) -> None:  # fmt: skip
    """Grade what was handed in for ASSIGNMENT: tests stay out of the submissions' reach, and nothing runs unsandboxed.

    What has been graded and has not changed is not graded again, so a run that was cut short goes on where it was.
    """
    from cutaway.grading import unstarted

    cores = len(os.sched_getaffinity(0))
    number = workers or cores
    with ExitStack() as stack:
        with unstarted.loading():
            from cutaway.grading.limits import MIB, Limits
            from cutaway.grading.nbcourse import Course
            from cutaway.ground import course as ours

            course = Course(folder)
            is_lab = ours.checks(assignment).exists()
            executor = None if is_lab else stack.enter_context(_begun(course))

            from cutaway.grading import batch, nbcourse
            from cutaway.grading.assignment import separated

            students = _students(course, assignment, (why,) if why else only)
        limits = Limits(cell_s=cell_time, notebook_s=notebook_time, memory_bytes=memory * MIB)
        crew: Any
        if executor is None:
            from cutaway.grading import labs  # with all that a lab machine takes

            if scheduler:
                raise Problem(f"grading {assignment!r}: labs of Cutaway are checked on this machine; no --scheduler")
            prepared = labs.prepared(course, assignment)
            if not workers and (number := labs.at_once(assignment)) < cores:
                click.echo(f"note: {number} at once, not {cores}: each holds a lab machine in memory", err=True)
            crew = labs.Houses(prepared, number, course.hidden)
            where = f"each was checked in {labs.where(assignment)}"
        else:
            prepared = batch.prepared(course, assignment, limits, executor)
            crew = _crew(prepared, executor, number, scheduler, course.hidden)
            number = number if workers else getattr(crew, "threads", number)
            modes = separated(prepared)
            inside = f"; inside the submission's process: {', '.join(modes['inside'])}" if modes["inside"] else ""
            where = f"tests out of reach: {modes['separated']}{inside}"
        stack.callback(crew.close)
        warnings = [*nbcourse.unreleased(course, assignment, prepared.notebooks), *prepared.warnings]
        notes = "".join(f"note: {each}\n" for each in warnings)
        click.echo(notes, err=True, nl=False)
        steps = batch.graded(
            course, prepared, crew, number, students, dry=dry_run or bool(why), force=force or bool(why)
        )
        try:
            _tell(steps, len(students), as_json, bool(why))
        except KeyboardInterrupt:
            onward = "nothing was written" if dry_run or why else "what is written stays, and the same command goes on"
            raise Problem(f"grading {assignment!r}: stopped; {onward}") from None
    click.echo(where, err=True)
    click.echo(notes, err=True, nl=False)  # again: whoever comes back to a graded class reads its end
    if dry_run or why:
        click.echo("nothing was written; what was graded now is without lateness and marks given by hand", err=True)


def _begun(course: Any) -> Any:
    """A warm parent, which loads what it needs while this process does, too."""
    from cutaway.grading.executor import Executor

    return Executor(None, course.hidden)


def _students(course: Any, assignment: str, only: tuple[str, ...]) -> list[str]:
    from cutaway.grading import nbcourse

    nbcourse.notebooks(course, assignment)  # says so when the gradebook does not know it
    students = [name for name in course.students(assignment) if _nameable(name)]
    for name in only:
        if name not in students:
            alike = get_close_matches(name, students, n=1)
            step = f"did you mean {alike[0]!r}?" if alike else "leave out the name to grade all who have"
            raise Problem(f"grading {assignment!r}: {name!r} has handed nothing in; {step}")
    if not students:
        place = course.step("submitted", "*", assignment)
        raise Problem(f"grading {assignment!r}: nobody has handed it in; collect it into {place}")
    return [name for name in students if not only or name in only]


def _nameable(student: str) -> bool:
    """Whether a gradebook can hold the name, which is that of a folder; else it is said that nobody grades it."""
    try:
        student.encode()
    except UnicodeEncodeError:
        name = student.encode(errors="backslashreplace").decode()
        click.echo(f"note: {name} is not graded: the folder's name is no UTF-8, so no gradebook takes it", err=True)
        return False
    return True


def _crew(assignment: Any, executor: Any, number: int, scheduler: str | None, hidden: list[Path]) -> Any:
    from cutaway.grading import batch

    if scheduler is None:
        return batch.Here(assignment, executor, number)
    from cutaway.grading.cluster import Cluster

    return Cluster(assignment, scheduler, hidden)


def _tell(steps: Any, total: int, as_json: bool, why: bool) -> None:
    began, fresh = time.monotonic(), 0
    without: list[str] = []
    for number, step in enumerate(steps, 1):
        fresh += step.fresh
        without += [printable(step.line["student"])] if step.line["score"] is None else []
        if as_json:
            click.echo(json.dumps(step.line, ensure_ascii=False))
        else:
            click.echo(_line(step.line))
        if why and step.graded:
            click.echo(_reasons(step.graded), err=as_json)
        if rewritable(sys.stderr):
            click.echo(f"\r{number} of {total}", err=True, nl=number == total)
    seconds = time.monotonic() - began
    click.echo(f"{total} submission{'s' * (total != 1)}, {fresh} graded now, {seconds:.1f} s", err=True)
    if without:
        click.echo(f"without a mark, for a person to look at: {', '.join(without)}", err=True)


def _line(line: dict[str, Any]) -> str:
    flags = "".join(f"\n    {printable(flag)}" for flag in line["flags"])
    score = "no mark" if line["score"] is None else f"{line['score']:g}"
    return f"{printable(line['student']):<24} {score} of {line['max']:g}{flags}"


def _reasons(graded: Any) -> str:
    from cutaway.grading import writer

    rows = []
    for name, mark in writer.why(graded).items():
        score = "-" if mark["score"] is None else f"{mark['score']:g}"
        rows.append(f"  {name:<24} {score:>6} of {mark['max']:g}  {mark['status']:<10} {mark['mode']:<9} {mark['why']}")
        rows += [f"  {'':<24} {each}" for each in mark["said"]]
        if mark["asked"]:
            rows.append(f"  {'':<24} line {mark['line']}: {mark['asked']}")
        if mark["compared"]:
            rows.append(f"  {'':<24} expected {mark['compared'].get('expected')}, got {mark['compared'].get('got')}")
    rows += [f"  {each.cell} stopped: {each.said}" for cells in graded.stopped.values() for each in cells]
    return "\n".join(printable(row).rstrip() for row in rows)
