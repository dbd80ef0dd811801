"""What the test run itself keeps: the folder of a session, how far a soak got, which tests belong together."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sessions

from cutaway.ground import course
from cutaway.linux import Process


def test_the_folder_of_a_dead_session_goes_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    here = Process.current()
    living = Path(sessions.folder(here))
    dead = Path(sessions.folder(here._replace(start_time=here.start_time + 1)))  # whose number is in use again
    (dead / "ledger").mkdir()
    sessions.remove_dead()
    assert (living.exists(), dead.exists()) == (True, False)


SOAKS = """
import pytest

@pytest.mark.soak
@pytest.mark.parametrize("number", range(2))
def test_takes_long(number):
    assert number == 0
"""


@pytest.mark.slow
def test_a_soak_goes_on_where_it_stopped_and_a_failure_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "test_soaks.py").write_text(SOAKS)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "contents.toml").touch()
    plugin = ["-p", "soak", "--override-ini", "markers=soak: x", "-c", os.devnull, "--rootdir", str(tmp_path)]
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, str(tmp_path / "test_soaks.py")]
    env = {**os.environ, "PYTHONPATH": str(course.root() / "tests"), "CUTAWAY_COURSE": str(tmp_path)}
    ends = [subprocess.run(argv, capture_output=True, text=True, env=env).stdout.splitlines()[-1] for _ in range(2)]
    assert "1 failed, 1 passed" in ends[0]
    assert "1 failed, 1 skipped" in ends[1]
    env["CUTAWAY_SEED"] = "another"
    again = subprocess.run(argv, capture_output=True, text=True, env=env).stdout
    assert "1 failed, 1 passed" in again


TOGETHER = """
import os
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(4))
def test_shares_what_is_dear(number):
    print("worker", os.environ["PYTEST_XDIST_WORKER"])
    assert False
"""


@pytest.mark.slow
def test_tests_of_one_group_run_in_one_worker(tmp_path: Path) -> None:
    """Else each worker would start its own engine, browser and guest; pytest 9.2 with xdist 3.8 lets that happen."""
    (tmp_path / "test_together.py").write_text(TOGETHER)
    options = ["-p", "no:cacheprovider", "-c", os.devnull, "-n", "2", "--dist", "loadgroup"]
    argv = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    said = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path).stdout
    workers = [line for line in said.splitlines() if line.startswith("worker ")]
    assert len(workers) == 4, said
    assert len(set(workers)) == 1, said
