"""A drawing of networks says what the kernel says: nothing from names, nothing from memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cutaway.draw import topology
from cutaway.draw.enclosures import Drawing
from cutaway.draw.page import arrange
from cutaway.draw.topology import End, Seen, drawing, wires
from cutaway.linux import Enclosed, Kind
from cutaway.linux.networks import Link

NET = {Kind.NET}


@pytest.fixture
def three() -> Iterator[dict[str, Enclosed]]:
    """Three networks, the first with a wire to the second, plugged into a bridge."""
    with Enclosed({Kind.USER, Kind.NET}) as host, Enclosed(NET, within=host) as one, Enclosed(NET, within=host) as two:
        host.run(f"ip link add veth-x type veth peer name eth0 netns {one.pid}")
        host.run("ip link add bridge0 type bridge; ip link set veth-x master bridge0; ip link set veth-x up")
        yield {"host": host, "one": one, "two": two}


def drawn(boxes: dict[str, Enclosed]) -> Drawing:
    return topology({name: box.pid for name, box in boxes.items()})


def test_a_wire_is_drawn_between_the_networks_in_which_its_ends_are(three: dict[str, Enclosed]) -> None:
    assert "namespace host -- namespace one: veth-x – eth0" in drawn(three).edges
    assert "link bridge0 > link veth-x" in drawn(three).edges


def test_another_name_is_the_same_wire(three: dict[str, Enclosed]) -> None:
    three["host"].run("ip link set veth-x down; ip link set veth-x name eth0; ip link set eth0 up")
    assert "namespace host -- namespace one: eth0 – eth0" in drawn(three).edges


def test_what_changes_is_drawn_at_the_next_look(three: dict[str, Enclosed]) -> None:
    three["host"].run("ip link set veth-x nomaster")
    assert "namespace host > link veth-x" in drawn(three).edges
    three["host"].run(f"ip link add veth-y type veth peer name eth0 netns {three['two'].pid}")
    assert "namespace host -- namespace two: veth-y – eth0" in drawn(three).edges
    three["host"].run("ip link del veth-x")
    assert not any("veth-x" in edge for edge in drawn(three).edges)


def test_what_is_off_and_what_leads_elsewhere_is_said(three: dict[str, Enclosed]) -> None:
    one = drawn({name: three[name] for name in ("one", "two")})
    assert "leads to a network that is not drawn" in one.words
    assert "switched off" in one.words
    assert one.description == "No wire joins these networks."


def test_both_ends_in_one_network_are_a_wire_too() -> None:
    with Enclosed({Kind.USER, Kind.NET}) as alone:
        alone.run("ip link add one type veth peer name two")
        alone_drawn = drawn({"alone": alone})
        assert alone_drawn.description.startswith("Wires lead from")
        assert "leads to two" in alone_drawn.words
        assert alone_drawn.svg


def test_the_evidence_is_beside_it(three: dict[str, Enclosed]) -> None:
    rows = {row[0]: row for row in drawn(three).evidence.rows}
    assert rows["one eth0"][3] == "host"
    assert rows["host veth-x"][3] == "one"
    assert rows["one eth0"][2] == rows["host veth-x"][1]


def test_what_is_given_before_the_middle_stands_left_of_it(three: dict[str, Enclosed]) -> None:
    assert (
        "namespace one -- namespace host: eth0 – veth-x"
        in drawn({name: three[name] for name in ("one", "host", "two")}).edges
    )


def test_a_picture_of_it_can_be_painted(three: dict[str, Enclosed]) -> None:
    assert "veth-x" in drawn(three).svg


def link(name: str, index: int, peer: int, network: int | None) -> Link:
    return Link(index, name, "veth", True, "", (), None, peer, network)


def test_equal_numbers_in_different_networks_are_not_mistaken_for_one_another() -> None:
    """Each network counts its links and its neighbours for itself."""
    networks = {
        "a": Seen((link("x", 2, 2, 0),), (), {0: "b"}),
        "b": Seen((link("x", 2, 2, 7), link("y", 3, 2, 0)), (), {7: "a", 0: "c"}),
        "c": Seen((link("x", 2, 3, 0),), (), {0: "b"}),
    }
    assert wires(networks) == [(End("a", "x"), End("b", "x")), (End("b", "y"), End("c", "x"))]
    assert "namespace b -- namespace c: y – x" in drawing(networks).edges


def test_a_wire_ends_at_the_links_and_several_networks_stand_in_no_box() -> None:
    networks = {
        "one": Seen((link("eth0", 2, 4, 0),), (), {0: "host"}),
        "two": Seen((link("eth0", 2, 3, 0),), (), {0: "host"}),
        "host": Seen((link("to-two", 3, 2, 2), link("to-one", 4, 2, 1)), (), {1: "one", 2: "two"}),
    }
    page = arrange(drawing(networks))
    places = {box.enclosure.label: box for box in page.boxes if box.enclosure.label.startswith("to-")}
    ends = {wire.road.word.words: wire.end for wire in page.wires}
    assert ends == {f"eth0 – {name}": (box.x, box.middle[1]) for name, box in places.items()}
    crossing = sorted(wire.middle[1] for wire in page.wires)
    assert crossing[1] - crossing[0] >= page.wires[0].road.size[1], "their words lie on one another"
    assert "column" not in drawing(networks).words + repr(drawing(networks))
