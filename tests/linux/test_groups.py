"""Control groups of either version, in the kernel; what only version 2 has is tried where its tree is mounted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway.linux import devices, groups, mounts
from cutaway.linux.groups import Groups

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: control groups belong to it")


@pytest.fixture
def group() -> Iterator[Groups]:
    """New groups, gone afterwards."""
    made = Groups.named(f"/cutaway-test-{os.getpid()}-{time.monotonic_ns()}/inner")
    made.make()
    yield made
    for folder in dict.fromkeys(made.folders.values()):
        Groups({"any": os.path.dirname(folder)}).remove()  # noqa: PTH120  as the room writes it


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_process_is_moved_seen_frozen_and_killed(group: Groups, sleeper: subprocess.Popen[bytes]) -> None:
    group.join(sleeper.pid)
    assert group.members() == [sleeper.pid]
    group.freeze(True)
    assert group.frozen()
    group.freeze(False)
    group.kill()
    assert sleeper.wait(10) == -9


def test_a_process_moves_itself(group: Groups) -> None:
    enter = f"from cutaway.linux.groups import Groups; Groups({group.folders!r}).enter()"
    said = subprocess.check_output(
        [sys.executable, "-c", f"{enter}; print(open('/proc/self/cgroup').read())"], text=True
    )
    assert said.count("/inner") >= len(set(group.folders.values()))


def test_removing_kills_also_what_is_frozen(group: Groups, sleeper: subprocess.Popen[bytes]) -> None:
    group.join(sleeper.pid)
    group.freeze(True)
    group.remove()
    assert not group.exist()
    assert sleeper.wait(10) == -9


def test_a_limit_is_written_and_read(group: Groups) -> None:
    group.set("pids", "pids.max", "7")
    assert group.get("pids", "pids.max") == "7"


@pytest.mark.skipif("cpuset" not in groups.hierarchies(), reason="no hierarchy of version 1 for cpuset")
def test_a_group_has_processors_though_the_one_above_it_was_made_a_moment_ago_by_somebody_else() -> None:
    made = Groups.named(f"/cutaway-test-{os.getpid()}-{time.monotonic_ns()}/inner")
    above = Groups({controller: os.path.dirname(folder) for controller, folder in made.folders.items()})  # noqa: PTH120
    os.mkdir(above.folders["cpuset"])  # noqa: PTH102  as the room does it
    try:
        made.make()
        assert made.get("cpuset", "cpuset.cpus").strip()
    finally:
        above.remove()


def test_the_hierarchies_of_either_version_are_told_apart(tmp_path: Path) -> None:
    only_2 = "30 24 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate"
    hybrid = f"{only_2.replace('/sys/fs/cgroup', '/sys/fs/cgroup/unified')}\n"
    hybrid += "31 24 0:27 /x /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    hybrid += "32 24 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd"
    for text, told in (
        (only_2, {"": ("/sys/fs/cgroup", "/")}),
        (
            hybrid,
            {
                "cpu": ("/sys/fs/cgroup/cpu,cpuacct", "/x"),
                "cpuacct": ("/sys/fs/cgroup/cpu,cpuacct", "/x"),
                "name=systemd": ("/sys/fs/cgroup/systemd", "/"),
            },
        ),
    ):
        (tmp_path / "mountinfo").write_text(text)
        assert groups.hierarchies(str(tmp_path / "mountinfo")) == told


# --- Version 2's way with devices ------------------------------------------

OPEN = """
import os, sys
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
for name in ("null", "zero", "full"):
    for mode in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.close(os.open(f"/dev/{name}", mode))
            print(1, end=" ")
        except PermissionError:
            print(0, end=" ")
"""


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([{"allow": True}], "1 1 1 1 1 1"),
        ([{"allow": False}], "0 0 0 0 0 0"),
        ([{"allow": False}, {"allow": True, "type": "c", "major": 1, "minor": 3}], "1 1 0 0 0 0"),
        ([{"allow": False}, {"allow": True, "type": "c", "major": 1, "access": "r"}], "1 0 1 0 1 0"),
        ([{"allow": True}, {"allow": False, "type": "c", "minor": 5, "access": "w"}], "1 1 1 0 1 1"),
        ([{"allow": True}, {"allow": False, "type": "c", "minor": 5}], "1 1 0 0 1 1"),
        ([{"allow": False}, {"allow": True, "type": "b"}], "0 0 0 0 0 0"),
    ],
)
def test_a_program_decides_about_devices_in_version_2(rules: list[dict[str, object]], says: str) -> None:
    top = next((each.target for each in mounts.mounts() if each.filesystem == "cgroup2"), None)
    if top is None:
        pytest.skip("needs a mounted hierarchy of version 2")
    folder = Path(f"{top}/cutaway-test-devices-{os.getpid()}")
    folder.mkdir()
    try:
        devices.attach(str(folder), devices.program(rules))
        assert subprocess.check_output([sys.executable, "-c", OPEN, str(folder)], text=True).strip() == says
    finally:
        folder.rmdir()
