"""Networks seen and changed through netlink, beside `ip -j` run inside; and packets as they pass."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cutaway.linux import Enclosed, Kind, Network, Refused, Watch, links, rights
from cutaway.linux.networks import Link, changes
from cutaway.linux.packets import ACK, SYN, Packet, parse
from cutaway.linux.sockets import made_inside

GREETER = f"{sys.executable} -I -S {Path(links.__file__).parents[1] / 'ground' / 'greeter.py'}"


@pytest.fixture(scope="module")
def host() -> Iterator[Enclosed]:
    """A network with a bridge, a link that is off, and a route by a neighbour who is not there."""
    with Enclosed({Kind.USER, Kind.NET}, network_up=True) as made:
        made.run("ip link add bridge0 type bridge && ip link set bridge0 up && ip address add 10.9.0.1/24 dev bridge0")
        made.run("ip link add spare type veth peer name other && ip link set spare master bridge0")
        made.run("ip route add 10.99.0.0/16 via 10.9.0.77")
        yield made


@pytest.fixture(scope="module")
def box(host: Enclosed) -> Iterator[Enclosed]:
    """Another network, wired to the bridge by our own messages, in which a service waits."""
    with Enclosed({Kind.NET}, within=host, network_up=True) as made:
        with Network(host.pid) as network:
            network.add_veth("wire", "eth0", into=made.pid)
            network.plug("wire", "bridge0")
            network.switch("wire", on=True)
        with Network(made.pid) as network:
            network.switch("eth0", on=True)
            network.add_address("eth0", "10.9.0.2/24")
            network.add_route("default", via="10.9.0.1")
        made.run(f"{GREETER} serve 80 box")
        yield made


def ip(inside: Enclosed, words: str) -> list[dict[str, object]]:
    said: list[dict[str, object]] = json.loads(inside.run(f"ip -j {words}") or "[]")
    return said


def facts(link: Link) -> dict[str, object]:
    """A link in the words of `ip -j -d address`; what is not told is left out there."""
    told = {
        "ifindex": link.index,
        "ifname": link.name,
        "address": link.hardware_address,
        "master": link.bridge,
        "link_index": link.peer,
        "link_netnsid": link.peer_network,
    }
    return {word: value for word, value in told.items() if value is not None}


# --- Beside ip ----------------------------------------------------------------


@pytest.mark.parametrize("place", ["host", "box"])
def test_links_are_what_ip_says(place: str, host: Enclosed, box: Enclosed) -> None:
    inside = {"host": host, "box": box}[place]
    with Network(inside.pid) as network:
        ours = {link.name: link for link in network.links()}
    theirs = {str(each["ifname"]): each for each in ip(inside, "-d address")}
    assert ours.keys() == theirs.keys()
    for name, link in ours.items():
        said = theirs[name]
        assert facts(link).items() <= {**said, "link_index": said.get("link_index") or index(said, theirs)}.items()
        assert link.up == ("UP" in said["flags"])  # type: ignore[operator]
        assert link.kind == dict(said.get("linkinfo", {})).get("info_kind", "")  # type: ignore[call-overload]
        v4 = [each for each in said["addr_info"] if each["family"] == "inet"]  # type: ignore[attr-defined]
        assert list(link.addresses) == [f"{each['local']}/{each['prefixlen']}" for each in v4]


def index(said: dict[str, object], all_of_them: dict[str, dict[str, object]]) -> object:
    """The number of the other end, where `ip` tells its name instead because it is in the same network."""
    return all_of_them[str(said["link"])]["ifindex"] if "link" in said else None


@pytest.mark.parametrize("place", ["host", "box"])
def test_routes_are_what_ip_says(place: str, host: Enclosed, box: Enclosed) -> None:
    inside = {"host": host, "box": box}[place]
    with Network(inside.pid) as network:
        ours = {(route.to, route.via, route.link) for route in network.routes()}
    assert ours == {(each["dst"], each.get("gateway"), each["dev"]) for each in ip(inside, "-4 route")}


def test_neighbours_are_what_ip_says(host: Enclosed, box: Enclosed) -> None:
    assert host.run(f"{GREETER} call 10.9.0.2 80") == "box answers 10.9.0.1"
    with Network(host.pid) as network:
        ours = {(each.address, each.hardware_address, each.link) for each in network.neighbours()}
    theirs = {(each["dst"], each.get("lladdr"), each["dev"]) for each in ip(host, "-4 neighbour")}
    assert ("10.9.0.2", network_of(box)["eth0"].hardware_address, "bridge0") in ours
    assert ours == theirs


def network_of(inside: Enclosed) -> dict[str, Link]:
    with Network(inside.pid) as network:
        return {link.name: link for link in network.links()}


def test_each_end_of_a_wire_tells_where_the_other_is(host: Enclosed, box: Enclosed) -> None:
    here, there = network_of(box)["eth0"], network_of(host)["wire"]
    assert (here.peer, there.peer) == (there.index, here.index)
    with Network(box.pid) as network:
        assert network.number_of(host.pid) == here.peer_network
        assert network.number_of(box.pid) is None
    with Network(host.pid) as network:
        assert network.number_of(box.pid) == there.peer_network


# --- From outside -------------------------------------------------------------


def test_the_machines_own_links_are_as_before(host: Enclosed, box: Enclosed) -> None:
    assert not {"bridge0", "wire", "spare"} & set(links.links())
    before = set(links.links())
    with Network(os.getpid()) as network:
        seen = {link.name for link in network.links()}
    after = set(links.links())  # others may make and remove some meanwhile
    assert before & after <= seen <= before | after


def test_it_works_where_an_event_loop_runs(box: Enclosed) -> None:
    async def look() -> set[str]:
        return set(network_of(box))

    with ThreadPoolExecutor() as pool:  # another test's browser may have a loop in this thread
        assert pool.submit(asyncio.run, look()).result() >= {"lo", "eth0"}


def test_a_socket_speaks_where_it_was_made(box: Enclosed) -> None:
    with made_inside(box.pid, socket.AF_INET, socket.SOCK_STREAM) as line:
        line.settimeout(30)
        line.connect(("10.9.0.2", 80))
        assert line.recv(100) == b"box answers 10.9.0.2\n"


def test_a_network_in_which_nobody_is_any_more_cannot_be_entered() -> None:
    with Enclosed({Kind.NET}) as gone:
        pid = gone.pid
    with pytest.raises(ProcessLookupError):
        Network(pid)


def test_what_is_refused_inside_is_told_outside(box: Enclosed) -> None:
    with pytest.raises(Refused, match=rf"socket\(in the network of process {box.pid}\): EAFNOSUPPORT") as refused:
        made_inside(box.pid, 99, socket.SOCK_STREAM)
    assert refused.value.errno == errno.EAFNOSUPPORT


def test_a_change_that_is_refused_says_what_and_where(host: Enclosed) -> None:
    with Network(host.pid) as network:
        with pytest.raises(Refused, match=rf"add bridge bridge0, in the network of process {host.pid}.*EEXIST"):
            network.add_bridge("bridge0")
        with pytest.raises(LookupError, match=r"has no link 'nowhere'; `ip link` there lists"):
            network.switch("nowhere", on=True)


def test_the_kernel_tells_of_every_change(host: Enclosed) -> None:
    with changes(host.pid) as told:
        with pytest.raises(BlockingIOError):
            told.recv(65536)
        host.run("ip link set spare up")
        assert told.recv(65536)


def test_who_has_no_rights_over_a_network_is_not_let_in() -> None:
    """Root's rights are given up first, for good: in a child."""
    child = os.fork()
    if child == 0:
        rights.give_up()
        with Enclosed({Kind.USER, Kind.NET}) as own:
            ours_is_open = bool(network_of(own))
            try:
                made_inside(os.getpid(), socket.AF_PACKET, socket.SOCK_DGRAM)
            except Refused as refused:
                os._exit(0 if ours_is_open and refused.errno == errno.EPERM else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- Packets ------------------------------------------------------------------


def test_a_call_is_seen_at_both_ends_of_a_wire(host: Enclosed, box: Enclosed) -> None:
    with Watch({"wire": (host.pid, "wire"), "eth0": (box.pid, "eth0"), "spare": (host.pid, "spare")}) as watch:
        host.run(f"{GREETER} call 10.9.0.2 80")
    assert [(each.source, each.target, each.calls) for each in watch.seen["wire"]] == [
        ("10.9.0.1", "10.9.0.2", True),
        ("10.9.0.2", "10.9.0.1", False),
    ]
    assert watch.seen["eth0"] == watch.seen["wire"]
    assert watch.seen["spare"] == []
    assert repr(watch).splitlines()[1] == "wire   10.9.0.1 > 10.9.0.2:80  10.9.0.2:80 > 10.9.0.1"
    assert repr(watch).splitlines()[3] == "spare  -                       -"


def tcp(flags: int, options: bytes = b"") -> bytes:
    """A packet from 1.2.3.4 port 5 to 6.7.8.9 port 10, as RFC 791 and RFC 9293 write it."""
    words = 5 + len(options) // 4
    ends = socket.inet_aton("1.2.3.4") + socket.inet_aton("6.7.8.9")
    ip_header = struct.pack(">BBHHHBBH", 0x40 | words, 0, 40 + len(options), 0, 0, 64, 6, 0) + ends + options
    return ip_header + struct.pack(">HHIIBBHHH", 5, 10, 0, 0, 0x50, flags, 0, 0, 0)


def test_both_ends_are_read_also_after_options() -> None:
    assert parse(tcp(SYN)) == parse(tcp(SYN, options=b"\0" * 8)) == Packet("1.2.3.4", 5, "6.7.8.9", 10, SYN)
    assert str(parse(tcp(SYN))) == "1.2.3.4 > 6.7.8.9:10"
    assert str(parse(tcp(SYN | ACK))) == "1.2.3.4:5 > 6.7.8.9"


@pytest.mark.parametrize("length", [0, 1, 19, 20, 33, 39])
def test_what_is_too_short_is_no_packet(length: int) -> None:
    assert parse(tcp(SYN)[:length]) is None
    assert parse((b"\x4f" + tcp(SYN)[1:])[:40]) is None  # says that its own header is longer than all of it


def test_other_protocols_are_none_of_ours() -> None:
    assert parse(b"\x60" + tcp(SYN)[1:]) is None  # IPv6
    assert parse(tcp(SYN)[:9] + b"\x11" + tcp(SYN)[10:]) is None  # UDP
