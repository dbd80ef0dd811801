"""A small course, a reader's home, and the `cutaway` command as that reader types it."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_course
from typed import Cutaway, run_cutaway

from cutaway.ground.work import Work


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of two lessons and a lab."""
    folder = small_course.make(tmp_path / "course")
    monkeypatch.setenv("CUTAWAY_COURSE", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_folder: Path) -> Path:
    """A reader's empty home."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("CUTAWAY_FOLDER", raising=False)
    return folder


@pytest.fixture
def work(course: Path, home: Path) -> Work:
    """The reader's folder, not yet made."""
    return Work(home / "cutaway")


@pytest.fixture
def cutaway(course: Path, home: Path) -> Cutaway:
    """Run `cutaway ...` to its end."""
    return run_cutaway
