"""An nbgrader course as it lies on disk, read through nbgrader's own library and left as it is.

The library for its gradebook is loaded when that is opened: it takes half of what a command takes to start.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from cutaway.problem import Problem

FILE_BYTES, FILES_BYTES, FILES, DEPTH, PLACE_BYTES = (
    32 << 20,
    64 << 20,
    1000,
    16,
    1024,
)  # of what comes with a submission; nbgrader sets no bound


class Course:
    """The course in `folder`: its settings, its steps (source, release, submitted ...) and its gradebook."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise Problem(f"opening the course {folder}: there is no such folder; --course names one")
        self.folder = folder.resolve()
        self.config = _config(self.folder)
        self._directory = CourseDirectory(config=self.config, root=str(self.folder))
        if not self.step("source", ".").exists() and not self._database().exists():
            raise Problem(
                f"opening the course {folder}: it has neither {self._directory.source_directory}/ nor a gradebook; "
                f"--course names the folder that holds them"
            )

    def step(self, name: str, student: str, assignment: str = "") -> Path:
        """The folder of an assignment at one of nbgrader's steps."""
        directory = getattr(self._directory, f"{name}_directory")
        return Path(self._directory.format_path(directory, student, assignment or "."))

    def students(self, assignment: str) -> list[str]:
        """Who has handed in, in order."""
        pattern = self.step("submitted", "*", assignment).relative_to(self.folder)
        place = pattern.parts.index("*")
        found = [path for path in self.folder.glob(str(pattern)) if path.is_dir() and not path.is_symlink()]
        return sorted(path.relative_to(self.folder).parts[place] for path in found)

    def assignments(self) -> list[str]:
        """Those that have a source."""
        folder = self.step("source", ".")
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    @contextmanager
    def gradebook(self) -> Iterator[Any]:
        """nbgrader's gradebook, open."""
        from nbgrader.api import Gradebook
        from sqlalchemy.exc import DatabaseError, SAWarning

        if shutil.which("alembic") is None:  # nbgrader calls it by name
            os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # about the order in which nbgrader adds rows
            try:
                with Gradebook(self._directory.db_url, self._directory.course_id) as book:
                    yield book
            except DatabaseError as error:
                raise Problem(
                    f"using the gradebook {self.database}: {error.orig}; it has to be nbgrader's, in a folder that you "
                    "may write to, on a disk that is not full"
                ) from error

    @property
    def database(self) -> str:
        """Where the gradebook is."""
        return str(self._directory.db_url)

    @property
    def hidden(self) -> list[Path]:
        """What no sandbox may see, wherever it lies: the course, and its gradebook."""
        file = self._database()
        return [self.folder, *([file] if file.is_absolute() else [])]

    def _database(self) -> Path:
        return Path(str(self._directory.db_url).removeprefix("sqlite:///"))


def _config(folder: Path) -> Config:
    """What the teacher has set in nbgrader_config.py."""
    if not (folder / "nbgrader_config.py").exists():
        return Config()
    try:
        found: Config = PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config()
    except Exception as error:  # the file is a program of the teacher's, and may fail in any way
        raise Problem(f"reading {folder}/nbgrader_config.py: {type(error).__name__}: {error}; mend the file") from error
    return found


def release(course: Course, assignment: str) -> Path:
    """Make the students' version of an assignment with nbgrader's own converter; where it is now."""
    from nbgrader.converters import GenerateAssignment  # takes a second to load

    config = Config({"CourseDirectory": {"root": str(course.folder), "assignment_id": assignment}})
    config.merge(course.config)
    if not course.step("source", ".", assignment).is_dir():
        known = ", ".join(course.assignments()) or "none"
        source = course.step("source", ".")
        raise Problem(
            f"releasing {assignment!r}: {source} has no such folder (it has {known}); "
            f"put the assignment's notebooks into {source / assignment}, or name another"
        )
    with course.gradebook() as book:
        book.update_or_create_assignment(assignment)
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True)
    converter.log.setLevel(logging.CRITICAL)
    try:
        converter.start()
    except Exception as error:  # nbgrader raises what it finds wrong with a master
        raise Problem(
            f"releasing {assignment!r}: {error}; `nbgrader generate_assignment {assignment}` says more"
        ) from error
    return course.step("release", ".", assignment)


# --- What an assignment is -------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A cell that the release owns, as the gradebook holds it."""

    name: str
    cell_type: str
    source: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float
    checksum: str | None

    @property
    def tests(self) -> bool:
        """Whether it is graded by running it."""
        return self.grade and not self.solution and self.cell_type == "code"

    @property
    def marked(self) -> bool:
        """Whether it has a mark at all."""
        return self.grade or self.task

    def metadata(self) -> dict[str, Any]:
        """As nbgrader writes it into a notebook."""
        marked = {"points": self.points} if self.marked else {}
        return {
            "schema_version": 3,
            "grade_id": self.name,
            "grade": self.grade,
            "solution": self.solution,
            "locked": self.locked,
            "task": self.task,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
            **marked,
        }


@dataclass(frozen=True)
class Notebook:
    """One notebook of an assignment: the cells that the release owns, in the order of the source."""

    name: str
    cells: dict[str, Source]
    solved: NotebookNode | None  # the teacher's, with its answers
    released: NotebookNode | None  # what students were given

    @cached_property
    def given(self) -> dict[str, str]:
        """What students could read of each cell."""
        cells = self.released.cells if self.released else []
        return {name: cell.source for cell in cells if (name := _grade_id(cell))}


def notebooks(course: Course, assignment: str) -> list[Notebook]:
    """The notebooks of an assignment, by name. Problem when it was never released."""
    from nbgrader.api import MissingEntry

    with course.gradebook() as book:
        try:
            found = book.find_assignment(assignment).notebooks
        except MissingEntry:
            known = ", ".join(sorted(each.name for each in book.assignments)) or "none"
            raise Problem(
                f"looking for {assignment!r}: the gradebook does not know it (it knows {known}); release it first with "
                f"`cutaway release {assignment} --course {course.folder}` or nbgrader generate_assignment"
            ) from None
        return sorted((_notebook(course, assignment, each) for each in found), key=lambda each: each.name)


def _notebook(course: Course, assignment: str, found: Any) -> Notebook:
    points = {each.name: float(each.max_score) for each in [*found.grade_cells, *found.task_cells]}
    grades, tasks = {each.name for each in found.grade_cells}, {each.name for each in found.task_cells}
    solutions = {each.name for each in found.solution_cells}
    cells = {
        each.name: Source(
            each.name,
            each.cell_type,
            each.source or "",
            bool(each.locked),
            each.name in grades,
            each.name in solutions,
            each.name in tasks,
            points.get(each.name, 0.0),
            each.checksum,
        )
        for each in found.source_cells
    }
    solved, released = (_read(course.step(step, ".", assignment) / f"{found.name}.ipynb")
                        for step in ("source", "release"))  # fmt: skip
    order = [name for name in map(_grade_id, solved.cells if solved else ()) if name in cells]
    ordered = {name: cells[name] for name in [*order, *cells]}
    return Notebook(found.name, ordered, solved, released or (solved and _released(solved)))


MADE_BY_NBGRADER = ("AUTOTEST", "BEGIN SOLUTION")  # in a test that is in the gradebook other than in the source


def unreleased(course: Course, assignment: str, found: list[Notebook]) -> list[str]:
    """A note when tests in the source are not those of the gradebook, by which everything is marked."""
    changed = [each.name for each in found if each.solved and _is_outdated(each, each.solved)]
    if not changed:
        return []
    paths = ", ".join(str(course.step("source", ".", assignment) / f"{name}.ipynb") for name in changed)
    return [
        f"the tests in {paths} are not those that were released, by which marks are given; to grade by them, run "
        f"`cutaway release {assignment} --course {course.folder}` first"
    ]


def _is_outdated(notebook: Notebook, solved: NotebookNode) -> bool:
    """Whether a test or its points have changed since the release; what nbgrader writes itself is not compared."""
    held = {each.name: (each.source, each.points) for each in notebook.cells.values() if each.tests}
    cells = [(cell.source, cell.metadata.get("nbgrader", {})) for cell in solved.cells if cell.cell_type == "code"]
    tests = {
        meta.get("grade_id"): (source, meta.get("points", 0))
        for source, meta in cells
        if meta.get("grade") and not meta.get("solution")
    }
    made = {name for name, (source, _) in tests.items() if any(word in source for word in MADE_BY_NBGRADER)}
    return held.keys() != tests.keys() or any(tests[name] != held[name] for name in tests.keys() - made)


def _released(solved: NotebookNode) -> NotebookNode | None:
    from cutaway.grading import release

    return release.released(solved)


def _grade_id(cell: NotebookNode) -> str | None:
    name: str | None = cell.metadata.get("nbgrader", {}).get("grade_id")
    return name


def _read(path: Path) -> NotebookNode | None:
    """A notebook of the teacher's, in the fourth format. Its release has looked at whether it is a valid one."""
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        found: NotebookNode = from_dict(json.loads(text))
        if found.nbformat != 4:
            import nbformat  # which starts here, with all that it converts by

            found = nbformat.reads(text, as_version=4)
        for cell in found.cells:
            cell.source = "".join(cell.source)  # of lines, as it lies in files
        return found
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Problem(
            f"reading {path}: it is no notebook ({type(error).__name__}: {error}); mend or replace it"
        ) from error


# --- What stands in the gradebook ------------------------------------------


def score(submission: Any) -> float | None:
    """The sum of a submission's marks, as the gradebook has it; None while a notebook of it has no mark at all."""
    marked = all(any(map(has_mark, each.grades)) for each in submission.notebooks if each.grades)
    return float(submission.score) if marked else None


def has_mark(grade: Any) -> bool:
    """Whether the cell has a mark, be it of a test or of a person."""
    return grade.auto_score is not None or grade.manual_score is not None


# --- What was handed in ----------------------------------------------------


class Unsafe(Exception):
    """A file that is not taken; the message names it and says why."""


@dataclass(frozen=True)
class File:
    """A plain file of a submission or a source, by its place in the folder."""

    place: str
    content: bytes
    mode: int


def files(folder: Path, without: tuple[str, ...] = ()) -> tuple[list[File], list[str]]:
    """Every plain file below `folder`, in order, and what was left out: links, devices, and more than is taken.

    Nothing is followed, neither on the way down nor at the end, and nothing is opened that could block.
    """
    taken: list[File] = []
    left: list[str] = []
    total = 0
    if not folder.is_dir() or folder.is_symlink():
        return [], []
    for place in _places(str(folder), left):
        if place.endswith(without) and without:
            continue
        try:
            file = _plain_file(str(folder), place)
        except (OSError, Unsafe) as error:
            left.append(f"{shown(place)}: {error if isinstance(error, Unsafe) else error.strerror}")
            continue
        total += len(file.content)
        if total > FILES_BYTES or len(taken) >= FILES:
            left.append(f"more than {FILES_BYTES >> 20} MiB or {FILES} files; the rest is not read")
            break
        taken.append(file)
    return taken, left


def shown(place: str) -> str:
    """A name as it may stand on a terminal."""
    return place.encode("utf-8", "backslashreplace").decode().encode("unicode_escape").decode()


def _places(folder: str, left: list[str]) -> Iterator[str]:
    seen = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != ".ipynb_checkpoints")
        if where.count("/") - folder.count("/") >= DEPTH and folders:
            left.append(f"folders that lie more than {DEPTH} deep")
            folders.clear()
        for each in [*folders]:
            if os.path.islink(os.path.join(where, each)):  # noqa: PTH114, PTH118
                left.append(f"{shown(each)}: a link")
        for name in sorted(names):
            seen += 1
            if seen > 10 * FILES:
                return
            yield os.path.relpath(os.path.join(where, name), folder)  # noqa: PTH118
        seen += len(folders)


def _plain_file(folder: str, place: str) -> File:
    import stat

    if len(os.fsencode(place)) > PLACE_BYTES:
        raise Unsafe(f"a path of more than {PLACE_BYTES} bytes")  # which might end where it is to be written
    path = os.path.join(folder, place)  # noqa: PTH118
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unsafe("no plain file")
        if status.st_nlink > 1:
            raise Unsafe("a file with several names, which may be somebody else's")
        if status.st_size > FILE_BYTES:
            raise Unsafe(f"larger than {FILE_BYTES >> 20} MiB")
        return File(place, file.read(FILE_BYTES), status.st_mode & 0o777)
