"""A lab machine for tests, started once: `from machines import guest` in a conftest makes the fixture known.

Tests that use it carry `@pytest.mark.xdist_group("machine")`, so that one worker has it. The cache is the user's own:
a guest kernel and a saved machine are made once for all sessions, and looked at before each use.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway.ground import machine, programs
from cutaway.ground.guest import cache, kernel
from cutaway.ground.machine import Machine
from cutaway.problem import Problem


@pytest.fixture(scope="session")
def guest() -> Iterator[Machine]:
    """A machine for tests that leave it as it was."""
    skip_without_machines()
    with machine.fresh() as started:
        yield started


def skip_without_machines() -> None:
    """Skip the test when no machine can be started here, and say what is missing."""
    for name in ("qemu", "busybox"):
        if not programs.named(name).found:
            pytest.skip(f"needs {name}")
    try:
        kernel.find()
    except Problem as problem:
        pytest.skip(str(problem))


def own_cache(folder: Path) -> Path:
    """A cache in `folder` that has the guest kernel and nothing else; its files are those of the user's own cache."""
    found = kernel.find()
    if found.image.is_relative_to(cache.folder()):
        place = found.image.relative_to(cache.folder()).parts[0]
        shutil.copytree(cache.folder() / place, folder / place, copy_function=_link)
    return folder


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
