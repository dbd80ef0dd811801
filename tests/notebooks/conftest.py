from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cutaway.ground.guest import cache

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    """tools/notebooks.py."""
    spec = importlib.util.spec_from_file_location("cutaway_tools_notebooks", ROOT / "tools" / "notebooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for their module
    spec.loader.exec_module(module)
    return module


AS_ROOT = pytest.param("as root", marks=pytest.mark.soak)  # in the proof, root's run in the browser, some of them


@pytest.fixture(scope="session")
def theirs() -> Iterator[Path]:
    """Where the ordinary user keeps saved machines from one page to the next."""
    folder = Path(tempfile.mkdtemp(prefix="cutaway-pages-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=[AS_ROOT, "as an ordinary user"])
def python(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run Python from the checkout, in a home of its own: as who we are, or without any right."""
    drop: list[str] = []
    if request.param == "as root" and os.geteuid():
        pytest.skip("needs root")
    if request.param == "as an ordinary user" and os.geteuid() == 0:
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        if subprocess.run([*drop, sys.executable, "-c", ""], capture_output=True, check=False).returncode:
            pytest.skip(f"needs a checkout that an ordinary user can read: {sys.executable}")
    home = Path(tempfile.mkdtemp(prefix="cutaway-pages-"))
    if drop:
        os.chown(home, NOBODY, NOBODY)
    env = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "CUTAWAY_STATE": str(home / "state")}
    env["CUTAWAY_CACHE"] = str(request.getfixturevalue("theirs") if drop else cache.folder())
    yield lambda *words: subprocess.run(
        [*drop, sys.executable, *map(str, words)], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    shutil.rmtree(home)
