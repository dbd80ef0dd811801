"""The course as it lies on disk: where its content is, and what it offers."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutaway.problem import Problem

CONTENTS = Path("notebooks") / "contents.toml"


@dataclass(frozen=True)
class Unit:
    """A lesson or a lab, as the contents declare it."""

    number: str
    name: str
    title: str
    minutes: int
    needs: tuple[str, ...]
    path: Path
    part: str = ""
    after: str = ""
    hides: tuple[str, ...] = ()  # modules that hold a lab's answer

    @property
    def written(self) -> bool:
        """Whether its notebook is here."""
        return self.path.exists()


def root() -> Path:
    """The folder that holds `notebooks`, `labs` and `grading`: CUTAWAY_COURSE, or the checkout this package lies in."""
    named = os.environ.get("CUTAWAY_COURSE")
    folder = Path(named) if named else Path(__file__).resolve().parents[3]
    if not (folder / CONTENTS).exists():
        raise Problem(
            f"opening the course at {folder}: it has no {CONTENTS}; set CUTAWAY_COURSE to a checkout of Cutaway"
        )
    return folder


def lessons() -> list[Unit]:
    """Every lesson of the syllabus in reading order, written or not."""
    return [
        Unit(part=part["title"], path=root() / "notebooks" / f"{row['name']}.ipynb", **_frozen(row))
        for part in _contents()["part"]
        for row in part["lessons"]
    ]


def labs() -> list[Unit]:
    """Every lab in order, written or not."""
    folder = root() / "labs"
    return [Unit(path=folder / row["name"] / f"{row['name']}.ipynb", **_frozen(row)) for row in _contents()["lab"]]


def checks(lab: str) -> Path:
    """Where the checks of a lab are, if it is one of the course's."""
    return root() / "grading" / lab / "checks.py"


def unit(name: str) -> Unit:
    """The lesson or lab called `name`: its full name, or as much of it as is unambiguous among written units."""
    found = called(name)
    if not found:
        known = ", ".join(each.name for each in [*lessons(), *labs()] if each.written)
        raise Problem(f"looking for {name!r}: no lesson or lab has that name; choose among {known}")
    if len(found) > 1:
        which = " or ".join(f"{'lab' if each.after else 'lesson'} {each.name}" for each in found)
        raise Problem(f"looking for {name!r}: it could be {which}; say more of its name")
    return found[0]


def called(name: str) -> list[Unit]:
    """The written lessons and labs of this name, or else those whose names begin so."""
    written = [each for each in [*lessons(), *labs()] if each.written]
    return [each for each in written if each.name == name] or [each for each in written if each.name.startswith(name)]


def short_track() -> list[Unit]:
    """The lessons for those who have an afternoon."""
    return [each for each in lessons() if each.number in _contents()["short_track"]]


def _contents() -> dict[str, Any]:
    with (root() / CONTENTS).open("rb") as file:
        return tomllib.load(file)


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
