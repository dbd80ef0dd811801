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
from engines import engine, our_engine, until
from ordinary import NOBODY, theirs

from cutaway.ground.engine import CHOICE, Engine
from cutaway.ground.guest import cache

__all__ = ["engine", "theirs"]

ROOT = Path(__file__).resolve().parents[2]

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


@pytest.fixture
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run Python from the checkout, in a home of its own: as who we are, or without any right.

    A page that needs an engine has for root the Docker of all tests, or a Podman; an ordinary user's page starts one.
    """
    drop: list[str] = []
    if request.param.startswith("as root") and os.geteuid():
        pytest.skip("needs root")
    if request.param == "as an ordinary user" and os.geteuid() == 0:
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        if subprocess.run([*drop, sys.executable, "-c", ""], capture_output=True, check=False).returncode:
            pytest.skip(f"needs a checkout that an ordinary user can read: {sys.executable}")
    home = Path(tempfile.mkdtemp(prefix="cutaway-pages-"))
    unit = request.node.callspec.params.get("unit")
    if request.param == "as root with Podman":
        monkeypatch.setenv(CHOICE, request.getfixturevalue("podman").url if "engine" in unit.needs else "podman")
    elif unit and "engine" in unit.needs:
        monkeypatch.setenv(CHOICE, "podman" if drop else f"unix://{request.getfixturevalue('engine').socket}")
        drop = [*lends_ids(home), *drop] if drop else []
    if drop:
        os.chown(home, NOBODY, NOBODY)
    env = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "CUTAWAY_STATE": str(home / "state")}
    env["CUTAWAY_CACHE"] = str(request.getfixturevalue("theirs") if drop else cache.folder())
    yield lambda *words: subprocess.run(
        [*drop, sys.executable, *map(str, words)], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    until(lambda: not [*home.glob("state/ledger/*.json")], "what the page made is undone")
    shutil.rmtree(home)


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Engine]:
    """A Podman of ours."""
    with our_engine("podman", tmp_path / "podman") as started:
        yield started


def lends_ids(home: Path) -> list[str]:
    """What lets a command run with ids for an ordinary user to borrow, in a mount namespace: /etc stays as it is."""
    (home / "lent").write_text("nobody:100000:65536\n")
    files = [f"mount --bind {home}/lent {file}" for file in ("/etc/subuid", "/etc/subgid")]
    return ["unshare", "--mount", "sh", "-c", " && ".join([*files, 'exec "$@"']), "sh"]
