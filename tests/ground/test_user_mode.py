"""User-mode Linux, really booted."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from cutaway.ground import programs, user_mode
from cutaway.ground.user_mode import BEGUN
from cutaway.linux import CommandFailed, commands, processes
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


FULL = (
    "echo '<6>Linux version'; echo '<3>Bus error - out of space'; echo '<0>Kernel panic - mode signal 7'; kill -ABRT $$"
)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (FULL, f"echo {BEGUN}; echo said", "said"),
        (FULL, FULL, "status 134: Bus error - out of space / Kernel panic - mode signal 7"),
        (f"echo {BEGUN}; {FULL}", f"echo {BEGUN}; echo again", "status 134: Bus error"),
        ("echo ptrace is not allowed >&2; exit 1", f"echo {BEGUN}; echo again", "status 1: ptrace is not allowed"),
    ],
    ids=["a panic once", "a panic twice", "a panic in the script", "no panic"],
)
def test_only_a_kernel_that_panics_before_the_script_begins_is_booted_again(
    first: str, second: str, told: str, tmp_path: Path, state_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    stand_in = tmp_path / "bin" / "linux.uml"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\nif mkdir {tmp_path}/tried 2>/dev/null; then {first}; else {second}; fi\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(user_mode, "obstacle", lambda: "")
    if told == "said":
        assert user_mode.run("true") == told
    else:
        with pytest.raises(CommandFailed, match=re.escape(told)):
            user_mode.run("true")
    assert [path.name for path in state_folder.iterdir()] == ["ledger"]


BOOT = "from cutaway.ground import user_mode; print(user_mode.run('echo up'))"


@needs_it
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a /dev/shm of its own")
def test_a_full_shared_memory_is_no_matter(state_folder: Path):
    full = 'mount -t tmpfs -o size=64k none /dev/shm && exec "$@"'
    assert commands.run(["unshare", "--mount", "sh", "-c", full, "sh", sys.executable, "-c", BOOT], 60) == "up"


def test_where_it_is_not_installed_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match=re.escape(programs.remedy("user-mode linux"))) as missing:
        user_mode.run("true")
    assert str(missing.value).startswith("starting User-mode Linux: linux.uml is not here; ")
    assert "user-mode-linux" in str(missing.value)
