"""The network of a process, seen and changed through netlink: links, addresses, routes, neighbours.

Netlink is how every program speaks with the kernel about networks, `ip` and Docker too: it sends a message through
a socket of its own family, and reads the answer. The socket decides which network is meant, and sockets.py makes one
in any; so one process can look at many networks from where it is.

Reading order: words, a network, seeing, changing. See rtnetlink(7), veth(4); taught in notebook 10.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from cutaway.linux import calls
from cutaway.linux.sockets import made_inside

# --- Words -----------------------------------------------------------------

IFF_UP = 0x1  # linux/if.h
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE = 0x1, 0x10, 0x40  # linux/rtnetlink.h
MAIN = 254  # RT_TABLE_MAIN in linux/rtnetlink.h: the table of routes that people write
UNICAST = 1  # RTN_UNICAST: a route that leads somewhere
NOT_THERE = 0xFFFFFFFF  # NETNSA_NSID_NOT_ASSIGNED, as an unsigned number: linux/net_namespace.h
NEIGHBOUR = {  # linux/neighbour.h, NUD_...
    0x01: "asking",
    0x02: "reachable",
    0x04: "stale",
    0x08: "stale",  # and in use again
    0x10: "asking",  # again
    0x20: "failed",
    0x80: "permanent",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Link:
    """One link: `peer` is its other end's number, in the network that is known here as `peer_network`; None: this."""

    index: int
    name: str
    kind: str  # veth, bridge ...; empty for what is neither made nor virtual
    up: bool
    hardware_address: str
    addresses: tuple[str, ...]  # 10.10.0.2/24
    bridge: str | None  # of which it is a port
    peer: int | None
    peer_network: int | None


@dataclass(frozen=True)
class Route:
    """Where packets for `to` go: out by `link`, to the machine `via` or, without one, to whoever has the address."""

    to: str
    via: str | None
    link: str


@dataclass(frozen=True)
class Neighbour:
    """What was learnt of a machine on the same wire: which hardware address has its address."""

    address: str
    hardware_address: str | None
    link: str
    state: str


# --- A network -------------------------------------------------------------


class Network:
    """The network that process `pid` is in, through a socket that was made there; it lasts until it is closed.

    `Refused` when the kernel will not let us in: it takes the rights over the user namespace that owns the network.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._socket = made_inside(pid, socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Seeing ------------------------------------------------------------

    def links(self) -> list[Link]:
        """Every link, with its IPv4 addresses."""
        return self._ask(lambda kernel: list(_links(kernel)))

    def routes(self) -> list[Route]:
        """The routes of the main table, as far as they lead somewhere."""
        return self._ask(lambda kernel: list(_routes(kernel)))

    def neighbours(self) -> list[Neighbour]:
        """What has been learnt of the machines on the same wires."""
        return self._ask(lambda kernel: list(_neighbours(kernel)))

    def number_of(self, pid: int) -> int | None:
        """By which number this network knows the one of process `pid`; None when it has no wire to it.

        Links tell by such a number in which network their other end is. Each network counts for itself, and gives a
        number when it first tells of a link; so ask for its links before.
        """
        with _opened(f"/proc/{pid}/ns/net") as there:
            number = self._ask(lambda kernel: int(kernel.get_netnsid(fd=there)["nsid"]))
        return None if number == NOT_THERE else number

    # --- Changing ----------------------------------------------------------

    def add_veth(self, name: str, peer: str, into: int) -> None:
        """Make a pair of links: `name` here, and its other end `peer` in the network of process `into`."""
        with _opened(f"/proc/{into}/ns/net") as there:
            ends = {"ifname": name, "kind": "veth", "peer": {"ifname": peer, "net_ns_fd": there}}
            self._change(f"add veth {name}", lambda kernel: kernel.link("add", **ends))

    def add_bridge(self, name: str) -> None:
        """Make a bridge without a port."""
        self._change(f"add bridge {name}", lambda kernel: kernel.link("add", ifname=name, kind="bridge"))

    def plug(self, name: str, bridge: str) -> None:
        """Make a link a port of the bridge."""
        ports = {"index": self._index(name), "master": self._index(bridge)}
        self._change(f"plug {name} into {bridge}", lambda kernel: kernel.link("set", **ports))

    def switch(self, name: str, *, on: bool) -> None:
        """Switch a link on or off."""
        wish = {"index": self._index(name), "state": "up" if on else "down"}
        self._change(f"switch {name} {'on' if on else 'off'}", lambda kernel: kernel.link("set", **wish))

    def add_address(self, name: str, address: str) -> None:
        """Give a link an address with the length of its network's: 10.10.0.2/24."""
        host, _, length = address.partition("/")
        wish = {"index": self._index(name), "address": host, "prefixlen": int(length)}
        self._change(f"add {address} to {name}", lambda kernel: kernel.addr("add", **wish))

    def add_route(self, to: str, via: str) -> None:
        """Let packets for `to`, a network or `default`, go by way of the machine `via`."""
        self._change(f"add a route to {to} via {via}", lambda kernel: kernel.route("add", dst=to, gateway=via))

    # --- The conversation --------------------------------------------------

    def _ask(self, question: Callable[[Any], T]) -> T:
        """In a thread of its own: pyroute2 runs an event loop, and a notebook's thread has one running already."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._answer, question).result()

    def _answer(self, question: Callable[[Any], T]) -> T:
        from pyroute2 import IPRoute  # slow to load, and imported by rooms that seldom need it

        with IPRoute(use_socket=self._socket.dup()) as kernel:
            return question(kernel)

    def _change(self, what: str, change: Callable[[Any], object]) -> None:
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            self._ask(change)
        except NetlinkError as error:
            raise calls.refusal("netlink", f"{what}, in the network of process {self.pid}", error.code) from None

    def _index(self, name: str) -> int:
        for link in self.links():
            if link.name == name:
                return link.index
        raise LookupError(f"the network of process {self.pid} has no link {name!r}; `ip link` there lists those it has")


def changes(pid: int) -> socket.socket:
    """A socket that can be read as soon as a link, an address or a route of the network of process `pid` has changed.

    What it says is not told here: who wants to know how things are looks. It keeps the network alive.
    """
    told = made_inside(pid, socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE)
    told.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE))
    told.setblocking(False)
    return told


# --- What netlink says -----------------------------------------------------


def _links(kernel: Any) -> Iterator[Link]:
    told = list(kernel.get_links())
    names = {each["index"]: each.get("ifname") for each in told}
    addresses: dict[int, list[str]] = {}
    for each in kernel.get_addr(family=socket.AF_INET):
        addresses.setdefault(each["index"], []).append(f"{each.get('local')}/{each['prefixlen']}")
    for each in told:
        info = each.get("linkinfo")
        yield Link(
            index=each["index"],
            name=each.get("ifname"),
            kind=(info.get("kind") if info else None) or "",
            up=bool(each["flags"] & IFF_UP),
            hardware_address=each.get("address") or "",
            addresses=tuple(addresses.get(each["index"], ())),
            bridge=names.get(each.get("master")),
            peer=each.get("link"),
            peer_network=each.get("link_netnsid"),
        )


def _routes(kernel: Any) -> Iterator[Route]:
    names = {each["index"]: each.get("ifname") for each in kernel.get_links()}
    for each in kernel.get_routes(family=socket.AF_INET, table=MAIN):
        if each["type"] == UNICAST and each.get("oif") in names:
            to = f"{each.get('dst')}/{each['dst_len']}" if each.get("dst") else "default"
            yield Route(to, each.get("gateway"), names[each.get("oif")])


def _neighbours(kernel: Any) -> Iterator[Neighbour]:
    names = {each["index"]: each.get("ifname") for each in kernel.get_links()}
    for each in kernel.get_neighbours(family=socket.AF_INET):
        if each["state"] in NEIGHBOUR:
            link, state = names.get(each["ifindex"], "?"), NEIGHBOUR[each["state"]]
            yield Neighbour(each.get("dst"), each.get("lladdr"), link, state)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
