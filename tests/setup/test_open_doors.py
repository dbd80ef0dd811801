"""A checkout in root's own home is proved there, too: others may read it, and what is kept for later is on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LOOK = """
import os, subprocess, sys
from pathlib import Path
from open_doors import open_the_way
from cutaway.ground.guest import cache
checkout = Path.home() / "cutaway"
open_the_way(checkout)
read = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", checkout / "README.md"]
print(subprocess.run(read, capture_output=True, text=True).stdout)
print(os.stat(cache.folder()).st_dev == int(sys.argv[1]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that others may not enter and tests of others")
def test_a_closed_home_is_open_for_the_tests_and_its_cache_stays_on_the_disk(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "cutaway").mkdir(parents=True)
    (home / "cutaway" / "README.md").write_text("readable")
    home.chmod(0o700)
    env = {**os.environ, "HOME": str(home), "PYTHONPATH": str(TESTS)}
    env = {name: value for name, value in env.items() if name not in ("CUTAWAY_CACHE", "XDG_CACHE_HOME")}
    argv = [sys.executable, "-c", LOOK, str(home.stat().st_dev)]
    looked = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert looked.stdout.split() == ["readable", "True"], looked.stderr
    assert {each.name for each in home.iterdir()} == {".cache", "cutaway"}
