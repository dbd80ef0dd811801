"""What Python keeps for itself is no change, what a notebook forges is one, and the sentence names the file."""

import shutil
import subprocess
import sys
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
    with pytest.raises(Problem, match=r"inner/__pycache__/part\.[^ ]*pyc was changed while the notebook ran"):
        with untouched.untouched("lab"):
            (copy,) = (package / "inner" / "__pycache__").glob("part.*.pyc")
            shutil.copy(package / "inner" / "part.py", copy)


def test_what_was_made_is_named_and_what_is_gone_again_is_seen(package: Path) -> None:
    with pytest.raises(Problem, match=r"src/json\.py was made|src was changed"), untouched.untouched("lab"):
        (package.parent / "json.py").touch()
    (package.parent / "json.py").unlink()
    with pytest.raises(Problem, match=r"fresh/inner was changed"), untouched.untouched("lab"):
        (package / "inner" / "fleeting.py").touch()
        (package / "inner" / "fleeting.py").unlink()
