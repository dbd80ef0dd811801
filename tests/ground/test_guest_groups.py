"""Control groups of a lab machine: what is written is held by the guest's kernel, and read back."""

from __future__ import annotations

import pytest
from engines import until

from cutaway.ground.groups import Group
from cutaway.ground.machine import Machine
from cutaway.linux import CommandFailed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]


def test_a_group_within_a_group_has_its_limits_and_holds_what_runs_in_it(guest: Machine):
    group = Group(guest, "test/inner", {"memory.max": "32M", "pids.max": "5"})
    assert group.look(["memory.max", "pids.max"]) == {"memory.max": str(32 << 20), "pids.max": "5"}
    assert group.run("cut -d : -f 3 /proc/self/cgroup") == "/test/inner"
    assert group.run("dd if=/dev/zero of=/dev/null bs=60M count=1 2> /dev/null; echo $?") == "137"
    assert group.counts("memory.events")["oom_kill"] == 1


def test_what_is_started_stays_until_the_group_is_killed_also_while_it_is_frozen(guest: Machine):
    group = Group(guest, "test-started")
    group.start("exec sleep 1000")
    (pid,) = group.members()
    until(lambda: guest.run(f"cat /proc/{pid}/comm") == "sleep", "the shell has become it")
    group.write("cgroup.freeze", "1")
    group.until("cgroup.events", "frozen 1")
    group.kill()
    assert group.members() == []


def test_a_value_that_the_kernel_refuses_is_said(guest: Machine):
    with pytest.raises(CommandFailed, match=r"memory\.max"):
        Group(guest, "test-refused", {"memory.max": "much"})


def test_a_file_of_several_lines_is_read_whole(guest: Machine):
    said = Group(guest, "test-lines").look(["cpu.pressure", "cgroup.events"])
    assert [line.split()[0] for line in said["cpu.pressure"].splitlines()] == ["some", "full"]
    assert said["cgroup.events"].splitlines() == ["populated 0", "frozen 0"]
