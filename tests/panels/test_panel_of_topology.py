"""The panel draws what is there, switches what it says, follows the kernel, and lets go when the networks end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cutaway.linux import Enclosed, Kind
from cutaway.panels import TopologyPanel

PATIENCE_S = 30.0


@pytest.fixture
def two() -> Iterator[dict[str, Enclosed]]:
    with Enclosed({Kind.USER, Kind.NET}) as host, Enclosed({Kind.NET}, within=host) as box:
        host.run(f"ip link add wire type veth peer name eth0 netns {box.pid}")
        yield {"host": host, "box": box}


def panel_of(two: dict[str, Enclosed], **options: object) -> TopologyPanel:
    return TopologyPanel({name: box.pid for name, box in two.items()}, **options)  # type: ignore[arg-type]


def test_a_switch_switches_the_link_and_nothing_else(two: dict[str, Enclosed]) -> None:
    panel = panel_of(two)
    assert {each.description: each.value for each in panel.switches.values()} == {
        "wire of host": False,
        "eth0 of box": False,
    }
    panel.switches["host", "wire"].value = True
    assert "UP" in two["host"].run("ip link show wire").split(">")[0].split("<")[1].split(",")
    assert "state DOWN" in two["box"].run("ip link show eth0")


def test_what_was_changed_elsewhere_is_seen_at_the_next_look(two: dict[str, Enclosed]) -> None:
    panel = panel_of(two)
    two["host"].run("ip link set wire up; ip link set wire name renamed; ip link add one type veth peer name other")
    panel.refresh()
    assert ("host", "renamed") in panel.switches
    assert ("host", "wire") not in panel.switches
    assert "one" in panel._said.value


def test_on_paper_it_is_the_drawing_of_when_it_was_made(two: dict[str, Enclosed]) -> None:
    panel = panel_of(two)
    two["host"].run("ip link del wire")
    panel.refresh()
    assert "namespace host -- namespace box: wire – eth0" in repr(panel)
    assert "No wire" in panel._said.value


def test_the_calls_are_made_when_the_button_is_pressed(two: dict[str, Enclosed]) -> None:
    panel = panel_of(two, calls=lambda: {"a calls b": "no <answer>"})
    assert panel._table.value == ""
    panel.call.click()
    assert "no &lt;answer&gt;" in panel._table.value


def test_it_follows_the_kernel_and_lets_go_when_the_networks_end(two: dict[str, Enclosed]) -> None:
    async def follow() -> None:
        panel = panel_of(two)
        panel._repr_mimebundle_()
        two["box"].run("ip link set eth0 name eth1")
        await until(lambda: ("box", "eth1") in panel.switches)
        two["host"].close()
        await until(lambda: "have ended" in panel._said.value)
        assert panel._heard == panel._ends == []

    with ThreadPoolExecutor() as pool:  # another test's browser may have a loop in this thread
        pool.submit(asyncio.run, follow()).result()


def test_networks_that_have_ended_are_said_to_have(two: dict[str, Enclosed]) -> None:
    panel = panel_of(two)
    two["box"].close()
    panel.refresh()
    assert "Nothing to see any more" in panel._said.value


async def until(true: object) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.02)
