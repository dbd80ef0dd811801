"""The one writer of the gradebook and of the autograded folder: a transaction for a few, and for each a rename.

A submission counts as graded when its folder under `autograded/` and the record beside that folder hold one
fingerprint, of what was handed in and of how it was graded. The gradebook is written before that, so whoever is
killed in between writes the same marks again and nothing twice. The record quotes hidden tests, and nbgrader's own
feedback hands out a copy of the folder, so it does not lie in there. A mark that a person has given is never touched.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from nbgrader.api import InvalidEntry
from nbgrader.utils import parse_utc
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cutaway.grading.assignment import Assignment, Graded
from cutaway.grading.entered import NO_RESPONSE, enter
from cutaway.grading.marks import Mark
from cutaway.grading.nbcourse import Course, File
from cutaway.grading.stands import BEFORE, BY_HAND, Line, Stands, now, said_again
from cutaway.problem import Problem

MARK, RECORD = ".cutaway", ".{}.cutaway.json"  # in the folder, and beside it
LOCKED_S, PAUSE_S = 60.0, 0.1

T = TypeVar("T")


class Finished(NamedTuple):
    """A submission that was graded, and is to be written."""

    student: str
    fingerprint: str
    graded: Graded
    files: list[File]
    timestamp: str | None


class Writer:
    """Writes what submissions came to into a course."""

    def __init__(self, course: Course, assignment: Assignment, book: Any) -> None:
        self._course, self._assignment, self._book = course, assignment, book
        self._held = _held(book, assignment.name)
        if "AssignLatePenalties" in course.config:
            _ = self._late  # a plug-in that cannot be loaded is told before anything is graded

    # --- What is there already ---------------------------------------------

    def recorded(self, student: str, fingerprint: str) -> dict[str, Any] | None:
        """The record of a submission that has been graded just so before."""
        found = recorded(self._folder(student))
        return found if found and found["fingerprint"] == fingerprint else None

    def lines(self, records: Sequence[dict[str, Any]]) -> list[Line]:
        """Their lines, with what the gradebook has now."""
        stands = self._patiently(lambda: self._now([each["line"]["student"] for each in records])) if records else {}
        found = ((each, stands.get(each["line"]["student"])) for each in records)
        return [said_again(each, stood) if stood else each["line"] for each, stood in found]

    def _now(self, students: list[str]) -> dict[str, Stands]:
        with self._book.db().get_bind().connect() as book:  # its own: the session would forget the rows it holds
            return now(book, self._held[0].id, students)

    # --- Writing -----------------------------------------------------------

    def write(self, finished: Sequence[Finished]) -> list[Line]:
        """Write the marks of all at once, then their folders; the line of each."""
        stands = self._patiently(lambda: self._write_marks(finished))
        lines = [
            shown(each.student, self._assignment, each.graded, how) for each, how in zip(finished, stands, strict=True)
        ]
        for each, line in zip(finished, lines, strict=True):
            self._write_folder(each, line)
        return lines

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do `work`, again when somebody else has locked the gradebook; Problem when that lasts."""
        deadline = time.monotonic() + LOCKED_S
        while True:
            try:
                return work()
            except (OperationalError, InvalidEntry) as told:
                self._book.db.rollback()
                error = told if isinstance(told, OperationalError) else told.__context__  # nbgrader wraps some
                if not isinstance(error, OperationalError):
                    raise
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise Problem(
                        f"writing the gradebook {self._course.database}: {error.orig}; grade again to go on from here"
                    ) from error
                time.sleep(PAUSE_S)

    def _write_marks(self, finished: Sequence[Finished]) -> list[Stands]:
        """Everything of these submissions, committed at once; how each stands in the gradebook then."""
        with _one_transaction(self._book) as session:
            handed_in = ((each.student, each.graded, parse_utc(each.timestamp)) for each in finished)
            entered = enter(session, self._held[0], handed_in)
            late_s = {each.student: self._changed(each) for each in finished if each.student not in entered}
            session.flush()
            stands = now(session.connection(), self._held[0].id, late_s) if late_s else {}
            return [
                self._entered(each)
                if each.student in entered
                else stands.get(each.student, Stands(0.0))._replace(late_s=late_s[each.student])
                for each in finished
            ]

    def _entered(self, one: Finished) -> Stands:
        return Stands(_earned(one.graded) if _marked(self._held[0], one.graded) else None)

    def _changed(self, one: Finished) -> float:
        """Bring what the gradebook has of it to what it came to now; by how many seconds it is late."""
        book, name = self._book, self._assignment.name
        book.update_or_create_student(one.student)
        handed_in = {"timestamp": one.timestamp} if one.timestamp else {}
        submission = book.update_or_create_submission(name, one.student, **handed_in)
        for notebook in submission.notebooks:
            marks = one.graded.marks.get(notebook.name)
            for grade in notebook.grades:
                if marks is not None:
                    _set(grade, marks[grade.name])
                elif not grade.needs_manual_grade:
                    grade.needs_manual_grade = True
            for comment in notebook.comments:
                unanswered = (notebook.name, comment.name) in one.graded.unanswered
                comment.auto_comment = NO_RESPONSE if unanswered else None
        book.db.flush()
        for notebook in submission.notebooks:
            book.db.refresh(notebook, ["score"])
        self._penalize(submission, one.student)
        return float(submission.total_seconds_late)

    @cached_property
    def _late(self) -> Any:
        """What the course has settled for late submissions; it takes a second to load, and most classes have none."""
        from nbgrader.preprocessors import AssignLatePenalties

        try:
            with _first_on_the_path(self._course.folder):
                late = AssignLatePenalties(config=self._course.config)
                late.init_plugin()
        except Exception as error:  # the plug-in is a program of the teacher's, and may fail in any way
            cause = error.__cause__ or error  # which traitlets wraps
            raise Problem(
                f"loading {self._course.config.AssignLatePenalties.plugin_class!r} for late submissions, as "
                f"{self._course.folder}/nbgrader_config.py says: {type(cause).__name__}: {cause}; mend it, or that line"
            ) from error
        return late

    def _penalize(self, submission: Any, student: str) -> None:
        seconds = submission.total_seconds_late
        for notebook in submission.notebooks:
            penalty = None
            if seconds > 0:
                penalty = self._late.plugin_inst.late_submission_penalty(student, notebook.score, seconds)
            if penalty is not None:
                penalty = self._late._check_late_penalty(notebook, penalty)
            if penalty != notebook.late_submission_penalty:
                notebook.late_submission_penalty = penalty

    def _write_folder(self, one: Finished, line: Line) -> None:
        """Put the autograded folder in place, whole or not at all."""
        final = self._folder(one.student)
        fresh = final.with_name(f".{final.name}.new")
        try:
            _remove(fresh)
            fresh.mkdir(parents=True)
            for file in one.files:
                if not file.place.endswith(".ipynb") and file.place.partition("/")[0] != MARK:
                    _write(fresh / file.place, file.content)
            for name, page in one.graded.pages.items():
                _write(fresh / f"{name}.ipynb", json.dumps(page, ensure_ascii=False).encode(errors="replace"))
            record = {"fingerprint": one.fingerprint, "line": line, **_plain(one.graded)}
            _record(final).unlink(missing_ok=True)
            _write(_record(final), json.dumps(record).encode())
            _write(fresh / MARK, one.fingerprint.encode())
            old = final.with_name(f".{final.name}.old")
            _remove(old)
            with suppress(FileNotFoundError):
                final.rename(old)
            fresh.rename(final)
            _remove(old)
        except OSError as error:
            raise Problem(
                f"writing {final}: {error.strerror}; make room, and grade again to go on from here"
            ) from error

    def _folder(self, student: str) -> Path:
        return self._course.step("autograded", student, self._assignment.name)


def recorded(folder: Path) -> dict[str, Any] | None:
    """What stands behind the submission that was written into this folder; None when that was not done to its end."""
    try:
        found: dict[str, Any] = json.loads(_record(folder).read_text())
        return found if found["fingerprint"] == (folder / MARK).read_text() else None
    except (OSError, ValueError, LookupError, TypeError):  # nobody else writes there, but who knows
        return None


def _record(folder: Path) -> Path:
    return folder.with_name(RECORD.format(folder.name))


def _held(book: Any, name: str) -> list[Any]:
    """The rows that all submissions of an assignment go back to: read once, for as long as somebody holds them."""
    book.db().expire_on_commit = False
    assignment = book.find_assignment(name)
    parts = ((each, *each.grade_cells, *each.solution_cells, *each.task_cells) for each in assignment.notebooks)
    return [assignment, *itertools.chain.from_iterable(parts)]


@contextmanager
def _first_on_the_path(folder: Path) -> Iterator[None]:
    """Have modules of the course's folder found, as nbgrader finds them that is started there."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _one_transaction(book: Any) -> Iterator[Any]:
    """Let nbgrader's library, which commits after each step, commit once, or nothing at all.

    The right to write is taken first: then no person's mark comes between what is read here and what is written.
    """
    session = book.db()
    session.rollback()
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("BEGIN IMMEDIATE"))
    book.db.commit = session.flush
    try:
        with session.no_autoflush:
            yield session
    finally:
        del book.db.commit
    session.commit()


def _set(grade: Any, mark: Mark) -> None:
    """As nbgrader's SaveAutoGrades: what a person has given stays, and is to be looked at again."""
    needs = grade.manual_score is not None or mark.score is None
    if (grade.auto_score, grade.needs_manual_grade) != (mark.score, needs):
        grade.auto_score, grade.needs_manual_grade = mark.score, needs


def shown(student: str, assignment: Assignment, graded: Graded, stands: Stands | None = None) -> Line:
    """The line of a submission: what `--json` prints, and what reports are made of."""
    flags = list(graded.flags)
    stands = stands or Stands(None if graded.unreadable else _earned(graded))
    if stands.late_s > 0:
        taken = f": {stands.penalty:g} points are taken off" if stands.penalty else ""
        flags.append(f"late by {stands.late_s / 3600:.1f} hours{taken}")
    if stands.score is not None and graded.unreadable:
        flags.append(BEFORE)
    elif stands.given:
        flags.append(BY_HAND)
    marks = {} if len(graded.unreadable) == len(assignment.notebooks) else graded.marks
    keys = [(notebook, name) for notebook, each in marks.items() for name in each]
    cells = {
        name: {"score": stands.given.get(key, mark.score), "max": mark.max, "status": mark.status}
        for key, (name, mark) in zip(keys, _named(marks).items(), strict=True)
    }
    return {
        "student": student,
        "assignment": assignment.name,
        "cells": cells,
        "score": stands.counts,
        "max": sum(each.points for one in assignment.notebooks for each in one.cells.values() if each.marked),
        "flags": flags,
    }


def _earned(graded: Graded) -> float:
    return sum(mark.score or 0.0 for each in graded.marks.values() for mark in each.values())


def _marked(assignment: Any, graded: Graded) -> bool:
    """Whether every notebook with something to mark has a mark."""
    return all(
        any(mark.score is not None for mark in graded.marks.get(each.name, {}).values())
        for each in assignment.notebooks
        if each.grade_cells or each.task_cells
    )


def _named(marks: dict[str, dict[str, Mark]]) -> dict[str, Mark]:
    """Marks by the name of their cell; where notebooks share a name, with the notebook's before it."""
    names = [name for each in marks.values() for name in each]
    return {
        name if names.count(name) == 1 else f"{notebook}/{name}": mark
        for notebook, each in marks.items()
        for name, mark in each.items()
    }


def why(graded: Graded) -> dict[str, dict[str, Any]]:
    """What stands behind the marks, for reports and for `--why`."""
    return {name: mark.plain() for name, mark in _named(graded.marks).items()}


def _plain(graded: Graded) -> dict[str, Any]:
    """What reports and feedback are made of."""
    marks = {place: {name: each.plain() for name, each in found.items()} for place, found in graded.marks.items()}
    seconds = round(graded.seconds, 3)
    return {"marks": marks, "stopped": graded.stopped, "unreadable": graded.unreadable, "seconds": seconds}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)


def _remove(folder: Path) -> None:
    """Also when it is read-only, as nbgrader leaves it."""
    if not folder.exists():
        return
    for where, names, _ in os.walk(folder):
        for name in [".", *names]:
            path = Path(where) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder)
