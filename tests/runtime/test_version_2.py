"""Everything of the runtime that needs control groups of version 2, in a lab machine, where there is nothing else.

One machine, and one program in it (version_2.py), for all of it; with `make soak`, runc stands beside ours in every
trial that both can make, not only in the first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from machines import guest

from cutaway.ground import programs
from cutaway.ground.machine import Machine

__all__ = ["guest"]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

HERE = Path(__file__)
SOURCE = HERE.parents[2] / "src"
TRIALS = (
    "limits", "view", "memory", "pids", "cpu", "pause", "kill_all", "devices", "update", "events", "entering",
    "refused",
)  # fmt: skip
MIB = 1 << 20

Saw = dict[str, Any]


def tried(machine: Machine, trials: tuple[str, ...], beside: tuple[str, ...]) -> Saw:
    """Trial -> what it saw."""
    program = str(HERE.with_name("version_2.py"))
    argv = ["python", "-I", program, str(SOURCE), ",".join(beside), *trials]
    told = [json.loads(line) for line in machine.run(argv, timeout_s=300).splitlines()]
    return {each["trial"]: each["saw"] for each in told}


@pytest.fixture(scope="module")
def saw(guest: Machine) -> Saw:
    oracle = ("limits",) if _has_runc() else ()
    return tried(guest, TRIALS, oracle)


def _has_runc() -> bool:
    return bool(programs.named("runc").found)


def test_every_limit_is_written_as_runc_writes_it(saw: Saw) -> None:
    limits = saw["limits"]
    if "runc" not in limits:
        pytest.skip("needs runc")
    assert limits["ours"] == limits["runc"]
    assert limits["ours"]["memory.max"] == [str(64 * MIB)]
    assert limits["ours"]["memory.swap.max"] == [str(32 * MIB)]  # version 1 counts both together
    assert limits["ours"]["cpu.max"] == ["20000", "50000"]
    assert limits["ours"]["cpu.weight"] == ["20"]
    assert limits["ours"]["memory.high"] == [str(60 * MIB)], "from resources.unified"


def test_a_container_sees_its_own_group_as_the_top_and_cannot_write_there(saw: Saw) -> None:
    status, said = saw["view"]
    group, files, refused = said.splitlines()
    assert (group, files) == ("0::/", "2")
    assert "Read-only file system" in refused
    assert status == 1


def test_memory_max_ends_what_takes_more_and_the_group_counts_it(saw: Saw) -> None:
    assert saw["memory"] == {"killed": True, "alive": "running", "max": f"{16 * MIB}\n"}


def test_pids_max_stops_a_fork_bomb(saw: Saw) -> None:
    assert saw["pids"]["refused"]
    assert 5 < saw["pids"]["current"] <= 10


def test_cpu_max_throttles_to_its_quota(saw: Saw) -> None:
    assert saw["cpu"]["throttled"] > 1
    assert 0.02 < saw["cpu"]["used"] < 0.2  # a tenth was allowed


def test_pause_stops_all_and_resume_lets_them_go_on(saw: Saw) -> None:
    assert saw["pause"] == {
        "status": "paused", "frozen": 1, "twice": 1, "still": 0, "resumed": "running", "moves": True, "gone": True,
    }  # fmt: skip


def test_kill_all_reaches_every_process_of_the_group(saw: Saw) -> None:
    assert saw["kill_all"] == {"stopped": True}


def test_a_program_of_the_kernels_decides_which_devices_can_be_opened(saw: Saw) -> None:
    assert saw["devices"]["ours"] == ["disk <", "disk >", "lent >"]


def test_update_changes_the_limits_of_one_that_runs(saw: Saw) -> None:
    assert saw["update"] == {
        "memory.max": str(48 * MIB), "pids.max": "5", "cpu.max": "30000 100000", "memory.low": str(8 * MIB),
        "cpu.weight": "79",
    }  # fmt: skip


def test_events_say_what_it_uses(saw: Saw) -> None:
    assert saw["events"]["ours"] == {"limit": 64 * MIB, "used": True, "pids": {"current": 1, "limit": 9}, "cpu": True}


def test_exec_joins_the_group_which_is_gone_afterwards(saw: Saw) -> None:
    assert saw["entering"] == {"said": "0::/\n9\n", "listed": 2, "gone": True}


def test_what_version_2_does_not_have_is_refused_and_nothing_stays(saw: Saw) -> None:
    refused = saw["refused"]
    assert "memory.swappiness: cgroup version 2 has no such limit" in refused["swappiness"]
    assert "cpu.realtimeRuntime: cgroup version 2 has no such limit" in refused["realtime"]
    assert "is no name of a file in a group" in refused["unified"]
    assert "unified.memory.nonsense: No such file or directory" in refused["nonsense"]
    assert refused["left"] == []


@pytest.mark.soak
def test_runc_sees_the_same_in_every_trial_that_both_make(guest: Machine) -> None:
    if not _has_runc():
        pytest.skip("needs runc")
    both = ("limits", "devices", "events")
    for trial, seen in tried(guest, both, both).items():
        assert seen["ours"] == seen["runc"], trial
