"""What takes long goes on where it stopped: a soak test that has passed on this commit, with this seed, is not run
again. `.artefacts/soak` remembers; CUTAWAY_SEED chooses other moments and other programs, where a test has them.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cutaway.ground import course

SEED = os.environ.get("CUTAWAY_SEED", "")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("soak") and _proved(item).exists():
        pytest.skip(f"it passed on this commit before; remove {_proved(item)} to run it again")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if item.get_closest_marker("soak") and report.when == "call" and report.passed:  # type: ignore[attr-defined]
        _proved(item).parent.mkdir(parents=True, exist_ok=True)
        _proved(item).write_text(f"{item.nodeid}\n")
    return report


def _proved(item: pytest.Item) -> Path:
    """The file that says so; its name is that of the code, the seed and the test."""
    name = hashlib.sha256(f"{SEED} {item.nodeid}".encode()).hexdigest()[:16]
    return course.root() / ".artefacts" / "soak" / _commit() / name


@cache
def _commit() -> str:
    """What the checkout holds: its commit, and a word for what was changed since."""
    git = ["git", "-C", str(course.root())]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "diff", "HEAD"], capture_output=True).stdout
    return f"{commit or 'no-commit'}{f'-{hashlib.sha256(changed).hexdigest()[:8]}' if changed else ''}"
