"""The reader's work: their own copies of lessons and labs, and what is remembered about them.

    ~/cutaway/notebooks/06-namespaces.ipynb
    ~/cutaway/labs/04-isolate/04-isolate.ipynb
    ~/cutaway/.cutaway/book.json

The course hands out files; the reader runs and changes them. The book remembers the digest of what was handed out,
so that a copy which nobody touched follows the course, and one which somebody touched is never overwritten.
Read in this order: the folder, what counts as a change, the book, handing out, putting back.
"""

from __future__ import annotations

import datetime
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from enum import Enum
from itertools import chain, count
from pathlib import Path
from typing import Any

from cutaway.ground import course
from cutaway.problem import Problem

BOOK = Path(".cutaway") / "book.json"
LOCK = Path(".cutaway") / "lock"

# --- The folder ------------------------------------------------------------


def folder() -> Path:
    """The reader's folder: CUTAWAY_FOLDER, or ~/cutaway; where the course itself lies there, ~/my-cutaway."""
    named = os.environ.get("CUTAWAY_FOLDER")
    usual = Path.home() / "cutaway"
    chosen = Path(named).expanduser().absolute() if named else usual
    if not named and _within_course(usual):
        chosen = usual.with_name("my-cutaway")
    if _within_course(chosen):
        raise Problem(
            f"keeping your work in {chosen}: that is inside the course itself, where an update could overwrite it; "
            "choose a folder outside with --folder"
        )
    return chosen


def _within_course(path: Path) -> bool:
    return path.resolve().is_relative_to(course.root().resolve())


NEXT_STEP = {
    errno.ENOSPC: "the disk is full; free some space (`df -h` shows where) and say it again, nothing is lost",
    errno.EDQUOT: "your disk quota is used up; free some space and say it again, nothing is lost",
    errno.EROFS: "the filesystem is read-only; choose a folder that can be written with --folder",
    errno.EACCES: "you have no permission; make it yours with chown or chmod, or choose another folder with --folder",
    errno.EPERM: "it is not permitted; make it yours with chown, or choose another folder with --folder",
    errno.ENOTDIR: "a file stands where a folder is needed; move it away, or choose another folder with --folder",
    errno.EEXIST: "a file stands where a folder is needed; move it away, or choose another folder with --folder",
    errno.EISDIR: "a folder stands where a file is needed; move it away, or choose another folder with --folder",
}


@contextmanager
def told(operation: str, folder: Path | None = None) -> Iterator[None]:
    """Turn what the system refuses inside into one sentence that begins with `operation`, which is done to `folder`."""
    try:
        yield
    except OSError as error:
        cause = NEXT_STEP.get(error.errno or 0) or f"{os.strerror(error.errno or 0).lower()}; choose another --folder"
        if folder and not folder.is_symlink() and not os.path.lexists(folder) and isinstance(error, PermissionError):
            cause = "there is no such folder, and you may not make it; choose another with --folder"
        if folder and folder.is_symlink() and not folder.exists():
            cause = f"it is a link to {folder.readlink()}, which is not there; make that folder, or remove the link"
        raise Problem(f"{operation}: {cause}") from error


# --- What counts as a change -----------------------------------------------


class Damaged(Problem):
    """A file in the reader's folder that cannot be read as what it should be."""


def digest(place: str, content: bytes) -> str:
    """The identity of a copy: of a notebook its cells and their outputs, of any other file every byte.

    What JupyterLab writes when a page is merely opened, such as the kernel's version, does not count.
    """
    if place.endswith(".ipynb"):
        kept = ("cell_type", "source", "outputs", "attachments")
        content = json.dumps([[_joined(cell.get(key)) for key in kept] for cell in cells(place, content)]).encode()
    return hashlib.sha256(content).hexdigest()


def _joined(value: object) -> object:
    """Notebooks store text whole or as a list of lines; both mean the same."""
    return "".join(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value


def cells(place: str, content: bytes) -> list[dict[str, Any]]:
    """The cells of a notebook file. Damaged when it is none."""
    try:
        found = json.loads(content)["cells"]
        if any(cell["source"] is None or not cell["cell_type"] for cell in found):
            raise TypeError
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _damaged(place, f"it is not valid JSON{where}") from error
    except (KeyError, TypeError) as error:
        raise _damaged(place, "it is not a notebook") from error
    return list(found)


def _damaged(place: str, cause: str) -> Damaged:
    name = Path(place).stem
    return Damaged(f"reading your {place}: {cause}; `cutaway reset {name}` sets it aside and gives you a fresh one")


# --- The book --------------------------------------------------------------


NOT_OURS = ""  # the digest of nothing: this file was there before the course came


@dataclass
class Entry:
    """What the book says of one file: what was handed out, the code cells in it, and what the course offers since."""

    digest: str
    cells: list[str] = field(default_factory=list)
    newer: str | None = None


@dataclass
class Points:
    """The best result of a lab's checks."""

    earned: float
    possible: float
    at: str


@dataclass
class Book:
    """What is remembered about one folder."""

    given: dict[str, Entry] = field(default_factory=dict)
    checks: dict[str, Points] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Book:
        try:
            stored = json.loads(path.read_bytes())
            return cls(
                {place: Entry(**row) for place, row in stored["given"].items()},
                {name: Points(**row) for name, row in stored["checks"].items()},
            )
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Problem(
                f"reading {path}: this record of what you were given is damaged; "
                f"move it away with `mv {path} {path}.old`, your notebooks stay and count as changed by you"
            ) from error


# --- Handing out -----------------------------------------------------------


@dataclass(frozen=True)
class Handout:
    """One file that the course gives: its place in the reader's folder, and what it says."""

    place: str
    content: bytes


class Outcome(Enum):
    """What became of a handout."""

    GIVEN = "given"
    UPDATED = "updated"
    SAME = "the same"
    KEPT = "kept: you changed it"
    NEWER = "kept: you changed it, and the course has a newer one"


class Work:
    """One reader's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def here(cls) -> Work:
        """The reader's folder, which must exist."""
        work = cls(folder())
        if not work.begun:
            lost = "the record of what you were given is gone; `cutaway lab` begins a new one, and your notebooks stay"
            none = "nothing was handed out there yet; `cutaway lab` does that"
            raise Problem(f"opening your folder {work.path}: {lost if work.known else none}")
        return work

    @property
    def known(self) -> bool:
        """Whether the course has been here, also when its record was moved away."""
        return (self.path / BOOK).parent.is_dir()

    @property
    def begun(self) -> bool:
        """Whether the course has handed out anything here."""
        with told(f"opening your folder {self.path}", self.path), suppress(FileNotFoundError):
            return bool((self.path / BOOK).stat())
        return False

    @property
    def foreign(self) -> list[str]:
        """What lies in the folder when the course has never been there."""
        with told(f"opening your folder {self.path}", self.path):
            strange = self.path.exists() and not self.begun and not self.known
            return sorted(each.name for each in self.path.iterdir()) if strange else []

    def book(self) -> Book:
        """What is remembered, as it stands now."""
        with told(f"reading {self.path / BOOK}"):
            return Book.read(self.path / BOOK)

    @contextmanager
    def changing(self) -> Iterator[Book]:
        """The book, held against other processes; what is changed in it is written at the end."""
        with told(f"keeping your work in {self.path}", self.path):
            (self.path / BOOK).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / LOCK).open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            book = self.book()
            try:
                yield book
            finally:
                self.write(str(BOOK), json.dumps(asdict(book), indent=1).encode())

    def give(self, handout: Handout, book: Book) -> Outcome:
        """Put a handout in its place, unless the reader has changed what is there."""
        mine, offered = self.digest(handout.place), digest(handout.place, handout.content)
        entry = book.given.setdefault(handout.place, Entry(NOT_OURS))
        if mine not in (None, offered, entry.digest):
            entry.newer = offered if offered != entry.digest else None
            return Outcome.NEWER if entry.newer else Outcome.KEPT
        book.given[handout.place] = _entry(handout)
        if mine == offered:
            return Outcome.SAME
        self.write(handout.place, handout.content)
        return Outcome.GIVEN if mine is None else Outcome.UPDATED

    def digest(self, place: str) -> str | None:
        """The digest of the reader's copy; None when there is none. Damaged when it cannot be read."""
        return digest(place, self.read(place)) if self.has(place) else None

    def has(self, place: str) -> bool:
        """Whether anything stands at that place in the folder."""
        return os.path.lexists(self.path / place)

    def read(self, place: str) -> bytes:
        """The reader's copy. Damaged when a folder stands there."""
        if (self.path / place).is_dir():
            raise _damaged(place, "it is a folder")
        with told(f"reading {self.path / place}"):
            return (self.path / place).read_bytes()

    def write(self, place: str, content: bytes, mode: int = 0o666) -> None:
        """Replace a file in one step: a full disk or a power cut leaves the old one whole."""
        path = self.path / place
        new = path.with_name(f".{path.name}.{os.getpid()}")
        with told(f"writing {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if _within_course(path.parent):
                raise Problem(f"writing {path}: it leads back into the course itself; remove that link")
            try:
                with open(new, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)

    # --- Putting back ------------------------------------------------------

    def put_back(self, handout: Handout, book: Book) -> Path | None:
        """Give a handout whatever is there; the path under which the reader's version is kept, if it was theirs."""
        with suppress(Damaged):
            if self.give(handout, book) not in (Outcome.KEPT, Outcome.NEWER):
                return None
        kept = self.keep_aside(handout.place)
        self.give(handout, book)
        return kept

    def keep_aside(self, place: str) -> Path:
        """Rename the reader's copy to a dated name that nothing has yet; the new path."""
        path, day = self.path / place, datetime.date.today().isoformat()
        names = (path.with_name(f"{path.stem}.kept-{day}{again}{path.suffix}") for again in _again())
        kept = next(name for name in names if not os.path.lexists(name))
        with told(f"keeping your {place} aside"):
            path.rename(kept)
        return kept


def _again() -> Iterator[str]:
    return chain([""], (f"-{number}" for number in count(2)))


def _entry(handout: Handout) -> Entry:
    if not handout.place.endswith(".ipynb"):
        return Entry(digest(handout.place, handout.content))
    code = [c for c in cells(handout.place, handout.content) if c["cell_type"] == "code" and _joined(c["source"])]
    return Entry(digest(handout.place, handout.content), [cell["id"] for cell in code if "id" in cell])


# --- Checks ----------------------------------------------------------------


def record_check(name: str, earned: float, possible: float) -> None:
    """Remember the best result of a lab's checks in the reader's folder, for `cutaway progress`.

    Says nothing where no folder was handed out: a lab can be checked anywhere.
    """
    work = Work(folder())
    if not (work.path / BOOK).exists():
        return
    with work.changing() as book:
        best = book.checks.get(name)
        if best and best.possible == possible and best.earned > earned:
            return
        book.checks[name] = Points(earned, possible, datetime.datetime.now().astimezone().isoformat(timespec="seconds"))
