"""The world of notebook 10: it works as the page says, breaks in one place at a time, and leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ground import repair
from cutaway.ground.repair import FAULTS
from cutaway.ground.worlds import World
from cutaway.linux import Kind, links, processes, shared

SOUND = {
    "web calls database": "database answers 10.10.0.2",
    "web calls outside": "outside answers 198.51.100.1",
    "outside calls the host's port": "web answers 198.51.100.2",
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with repair.wired() as made:
        yield made


def test_everybody_gets_through_and_is_known_by_the_address_that_the_page_says(world: World) -> None:
    assert repair.complaints(world) == SOUND


ALWAYS = {"a link that is off", "a host that does not forward", "a name with another's address"}


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.soak) for name in FAULTS]
)
def test_each_fault_is_noticed_and_its_mend_mends_all(name: str, world: World) -> None:
    fault = FAULTS[name]
    repair.place(world, fault.place).run(fault.breaks)
    assert repair.complaints(world) != SOUND
    repair.place(world, fault.place).run(fault.mends)
    assert repair.complaints(world) == SOUND


def test_a_seed_always_breaks_the_same_thing_and_every_fault_has_its_seed() -> None:
    drawn = {repair.fault_of(seed) for seed in range(200)}
    assert drawn == set(FAULTS)
    assert repair.fault_of("the first day") == "an address in another network"  # as the page tells it


def test_the_machines_own_network_is_not_touched(world: World) -> None:
    assert not {"bridge0", "uplink", "veth-web"} & set(links.links())
    for pid in world.places.values():
        assert not {Kind.NET, Kind.USER, Kind.MNT} & shared("self", pid)


def test_what_root_of_a_box_writes_into_its_hosts_stays_there(world: World) -> None:
    before = Path("/etc/hosts").read_text()
    world.boxes["database"].run(
        "echo 10.10.0.4 nobody-else >> /etc/hosts; echo nameserver 10.10.0.5 > /etc/resolv.conf"
    )
    assert "nobody-else" in world.boxes["database"].run("cat /etc/hosts")
    assert Path("/etc/hosts").read_text() == before
    assert "10.10.0.5" not in Path("/etc/resolv.conf").read_text()
    world.boxes["database"].run(": > /etc/resolv.conf")


def test_a_box_does_not_see_the_hosts_links(world: World) -> None:
    assert "uplink" not in world.boxes["web"].run("ip -o link")


def test_what_a_world_made_is_gone_when_it_is_closed(state_folder: Path) -> None:
    with World() as made:
        pids = list(made.places.values())
        assert [entry.name for entry in ledger.entries()] == ["a world of networks"]
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert ledger.entries() == []


KILLED = """
from cutaway.ground import repair
print(*repair.wired().places.values(), flush=True)
input()
"""


def test_what_a_killed_kernel_had_made_is_gone_soon(state_folder: Path) -> None:
    kernel = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert kernel.stdout is not None
    pids = [int(word) for word in kernel.stdout.readline().split()]
    (token,) = {processes.environment(pid)["CUTAWAY_TOKEN"] for pid in pids}
    kernel.send_signal(signal.SIGKILL)
    kernel.communicate()
    deadline = time.monotonic() + 30
    while processes.marked(token) or ledger.entries():
        assert time.monotonic() < deadline, "what a killed kernel had made is still there"
        time.sleep(0.05)
