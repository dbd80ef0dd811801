"""Root becomes an ordinary user, for what has to be the same for both."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache as once
from pathlib import Path

import pytest
from engines import until
from machines import own_cache

from cutaway.linux import processes
from cutaway.problem import Problem

NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def theirs() -> Iterator[Path]:
    """Where the ordinary user keeps saved machines, for all who carry `xdist_group("machine of an ordinary user")`."""
    yield _theirs()
    shutil.rmtree(_theirs(), ignore_errors=True)  # the first of the rooms that share it took it away


@once
def _theirs() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cutaway-pages-"))
    with suppress(Problem):  # where there is no guest kernel to begin with
        own_cache(folder)
    if DROP:
        for each in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            os.chown(each, NOBODY, NOBODY)
    return folder


@pytest.fixture
def as_ordinary_user() -> Iterator[Run]:
    """Run Python, with these arguments, as a user without rights, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ordinary-user-"))
    if DROP:
        os.chown(folder, NOBODY, NOBODY)
    own = {"HOME": folder, "TMPDIR": folder, "CUTAWAY_STATE": folder / "state"}
    env = {**os.environ, **{name: str(path) for name, path in own.items()}}
    yield lambda *argv: subprocess.run(
        [*DROP, sys.executable, *argv], env=env, capture_output=True, text=True, check=False
    )
    until(lambda: not processes.marked(str(folder), "TMPDIR"), "what its Python started has ended, and the watchers")
    shutil.rmtree(folder)
