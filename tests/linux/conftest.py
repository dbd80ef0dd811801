"""Every claim of this room holds for root and for an ordinary user."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []


@pytest.fixture
def as_ordinary_user() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run Python, with these arguments, as a user without rights, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ordinary-user-"))
    if DROP:
        os.chown(folder, NOBODY, NOBODY)
    env = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    yield lambda *argv: subprocess.run(
        [*DROP, sys.executable, *argv], env=env, capture_output=True, text=True, check=False
    )
    shutil.rmtree(folder)
