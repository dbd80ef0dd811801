"""User-mode Linux, really booted."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cutaway.ground import programs, user_mode
from cutaway.linux import CommandFailed, processes
from cutaway.problem import Problem

needs_it = pytest.mark.skipif(bool(user_mode.obstacle()), reason=user_mode.obstacle())


@needs_it
def test_a_kernel_that_is_a_program_runs_on_ours(state_folder: Path):
    release, user, host = user_mode.run("uname -r; id -u; grep ^host /proc/cpuinfo").splitlines()
    assert release != os.uname().release
    assert user == "0"
    assert os.uname().release in host
    assert [path.name for path in state_folder.iterdir()] == ["ledger"]


@needs_it
@pytest.mark.slow
def test_one_that_does_not_end_is_killed_with_all_its_processes(state_folder: Path):
    with pytest.raises(CommandFailed, match="still running after 3 s; killed"):
        user_mode.run("sleep 4567 & sleep 4567", timeout_s=3)
    ours = [
        each for each in processes.processes() if "umid=it" in processes.command(each.pid) and is_in(each, state_folder)
    ]
    assert ours == []
    assert [path.name for path in state_folder.iterdir()] == ["ledger"]


def is_in(process: processes.Process, folder: Path) -> bool:
    try:
        return Path(f"/proc/{process.pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def test_where_it_is_not_installed_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match=re.escape(programs.remedy("user-mode linux"))) as missing:
        user_mode.run("true")
    assert str(missing.value).startswith("starting User-mode Linux: linux.uml is not here; ")
    assert "user-mode-linux" in str(missing.value)
