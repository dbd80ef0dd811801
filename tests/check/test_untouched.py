"""What Python keeps for itself is no change, what a notebook forges is one, and the sentence names the file."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.check import untouched
from cutaway.problem import Problem


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh checkout: sources, and nothing that Python has made of them."""
    package = tmp_path / "src" / "fresh"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/__init__.py", "inner/part.py"):
        (package / name).write_text("here = 1\n")
    (tmp_path / "grading" / "lab").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "contents.toml").touch()
    monkeypatch.setenv("CUTAWAY_COURSE", str(tmp_path))
    monkeypatch.setattr(untouched, "PACKAGE", package)
    return package


def test_importing_for_the_first_time_changes_nothing(package: Path) -> None:
    with untouched.untouched("lab"):
        subprocess.run([sys.executable, "-c", "import fresh.inner.part"], cwd=package.parent, check=True)
    assert (package / "inner" / "__pycache__").is_dir()


def test_a_forged_copy_of_pythons_is_a_change_and_is_named(package: Path) -> None:
    untouched.compile_all("lab")
    (copy,) = (package / "inner" / "__pycache__").glob("part.*.pyc")
    assert told(lambda: shutil.copy(package / "inner" / "part.py", copy)) == f"{copy} was changed"


def test_what_was_made_or_removed_is_named_and_what_is_gone_again_is_seen(package: Path) -> None:
    added = package / "inner" / "added.py"
    assert told(added.touch) == f"{added} was made"
    assert told(added.unlink) == f"{added} was removed"
    assert told(lambda: (added.touch(), added.unlink())) == f"{package / 'inner'} was changed"
    assert told(lambda: None) == ""


def told(change: Callable[[], object]) -> str:
    """What is said to have changed when the notebook does this."""
    try:
        with untouched.untouched("lab"):
            change()
    except Problem as problem:
        return str(problem).removeprefix("checking lab: ").partition(" while the notebook ran, so no mark is given")[0]
    return ""
