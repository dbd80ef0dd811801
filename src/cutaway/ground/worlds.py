"""A small world for networks: a host that stands for this machine, boxes on it, and a machine outside.

Everything is in one user namespace of our own: the host is a process with a network of its own, and so no link and no
rule of the real machine is touched, whoever runs this. A box has its own network, name and mounts, and one link, its
loopback. `world.wired()` lays what notebook 10 lays by hand; `world.break_down()` breaks it in one place.

Reading order: boxes, the world, what is laid, what may break. Taught in notebook 10; lab 08 begins in such a world.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import NamedTuple, Self

from cutaway import ledger
from cutaway.ground import greeter
from cutaway.linux import Enclosed, Kind

# --- Words -----------------------------------------------------------------

# RFC 5737 keeps this network for examples: nobody on the internet has its addresses.
HOST, OUTSIDE = "198.51.100.1", "198.51.100.2"
PORT = 80  # at which every service here waits

SYSTEM = "/usr/sbin:/sbin"  # where ip and iptables may lie, and where an ordinary user does not always look
GREETER = (sys.executable, "-I", "-S", greeter.__file__)

# What a network namespace may inherit from the machine that it is made on, and what most machines begin with.
FRESH = """
echo 0 > /proc/sys/net/ipv4/ip_forward
for each in /proc/sys/net/bridge/bridge-nf-call-iptables; do [ ! -e $each ] || echo 0 > $each; done
"""


# --- Boxes -----------------------------------------------------------------


class Box(Enclosed):
    """A process with a network of its own and a name, which can call and be called."""

    def __init__(self, name: str, kinds: Iterable[Kind] = (), **options: object) -> None:
        super().__init__({Kind.NET, Kind.UTS, Kind.MNT, *kinds}, hostname=name, network_up=True, **options)  # type: ignore[arg-type]
        self.name = name
        self.run("mount --bind /dev/null /etc/resolv.conf || true")  # nobody is asked for names

    def serve(self, port: int = PORT) -> None:
        """Start a service that says this box's name and who called."""
        self.run([*GREETER, "serve", str(port), self.name])

    def call(self, address: str, port: int = PORT) -> str:
        """What a service answers to a call from here, or in a word or two why nothing does."""
        return self.run([*GREETER, "call", address, str(port)])

    def __repr__(self) -> str:
        return f"{self.name}, process {self.pid}"


# --- The world -------------------------------------------------------------


class World:
    """A host and a machine outside, joined by a wire; boxes are added. All of it ends with this process, or `close`."""

    def __init__(self) -> None:
        self._entry = ledger.record("process", "a world of networks")
        self._env = {**self._entry.env, "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM}"}
        self.boxes: dict[str, Box] = {}
        self.host = Box("host", {Kind.USER}, env=self._env)
        self.outside = self._placed("outside")
        self.host.run(f"""{FRESH}
            ip link add uplink type veth peer name eth0 netns {self.outside.pid}
            ip address add {HOST}/24 dev uplink
            ip link set uplink up
        """)
        self.outside.run(f"ip address add {OUTSIDE}/24 dev eth0; ip link set eth0 up")
        self.outside.serve()

    def box(self, name: str) -> Box:
        """A new box on the host: no wire leads to it yet."""
        self.boxes[name] = self._placed(name)
        return self.boxes[name]

    @property
    def places(self) -> dict[str, int]:
        """Every network here: its name, and a process that is in it."""
        return {each.name: each.pid for each in (*self.boxes.values(), self.host, self.outside)}

    def close(self) -> None:
        """End everything in it."""
        for each in (*self.boxes.values(), self.outside, self.host):
            each.close()
        self._entry.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _placed(self, name: str) -> Box:
        return Box(name, within=self.host, env=self._env)


# --- What notebook 10 lays by hand -------------------------------------------

BRIDGE, WEB, DATABASE, NETWORK = "10.10.0.1", "10.10.0.2", "10.10.0.3", "10.10.0.0/24"
PUBLISHED = 8080

ON_THE_HOST = f"""
ip link add bridge0 type bridge
ip address add {BRIDGE}/24 dev bridge0
ip link set bridge0 up
echo 1 > /proc/sys/net/ipv4/ip_forward
iptables -t nat -A POSTROUTING -s {NETWORK} ! -o bridge0 -j MASQUERADE
iptables -t nat -A PREROUTING -p tcp --dport {PUBLISHED} -j DNAT --to-destination {WEB}:{PORT}
"""
TO_A_BOX = """
ip link add veth-{name} type veth peer name eth0 netns {pid}
ip link set veth-{name} master bridge0
ip link set veth-{name} up
"""
IN_A_BOX = f"""
ip address add {{address}}/24 dev eth0
ip link set eth0 up
ip route add default via {BRIDGE}
mount -t tmpfs none /mnt
echo '{WEB} web\n{DATABASE} database' > /mnt/hosts
mount --bind /mnt/hosts /etc/hosts
"""


def wired() -> World:
    """A world with two boxes, web and database, joined as notebook 10 does it, each with a service."""
    world = World()
    world.host.run(ON_THE_HOST)
    for name, address in (("web", WEB), ("database", DATABASE)):
        box = world.box(name)
        world.host.run(TO_A_BOX.format(name=name, pid=box.pid))
        box.run(IN_A_BOX.format(address=address))
        box.serve()
    return world


# --- What may break --------------------------------------------------------


class Fault(NamedTuple):
    """One thing that is wrong: in which place, by which command, and which mends it."""

    place: str
    breaks: str
    mends: str


FAULTS = {
    "a link that is off": Fault("host", "ip link set veth-web down", "ip link set veth-web up"),
    "a link that is no port of the bridge": Fault(
        "host", "ip link set veth-database nomaster", "ip link set veth-database master bridge0"
    ),
    "an address in another network": Fault(
        "database",
        "ip address flush dev eth0; ip address add 10.11.0.3/24 dev eth0",
        f"ip address flush dev eth0; ip address add {DATABASE}/24 dev eth0; ip route add default via {BRIDGE}",
    ),
    "a route that is missing": Fault("web", "ip route del default", f"ip route add default via {BRIDGE}"),
    "a host that does not forward": Fault(
        "host", "echo 0 > /proc/sys/net/ipv4/ip_forward", "echo 1 > /proc/sys/net/ipv4/ip_forward"
    ),
    "an address that is not translated": Fault(
        "host",
        "iptables -t nat -F POSTROUTING",
        f"iptables -t nat -A POSTROUTING -s {NETWORK} ! -o bridge0 -j MASQUERADE",
    ),
    "a port that is published to nobody": Fault(
        "host",
        f"iptables -t nat -R PREROUTING 1 -p tcp --dport {PUBLISHED} -j DNAT --to-destination {WEB}:81",
        f"iptables -t nat -R PREROUTING 1 -p tcp --dport {PUBLISHED} -j DNAT --to-destination {WEB}:{PORT}",
    ),
    "a name with another's address": Fault(
        "web", "echo 10.10.0.9 database > /etc/hosts", f"echo {DATABASE} database > /etc/hosts"
    ),
}  # fmt: skip


def break_down(world: World, seed: object) -> str:
    """Break one thing in a wired world, which of them the seed says; its name in FAULTS, for who must check a mend.

    A night passes, too: nobody remembers who had which hardware address.
    """
    name = fault_of(seed)
    place(world, FAULTS[name].place).run(FAULTS[name].breaks)
    for each in (world.host, *world.boxes.values()):
        each.run("ip neighbour flush all")
    return name


def fault_of(seed: object) -> str:
    """Which fault a seed draws."""
    return Random(f"repair day {seed}").choice(sorted(FAULTS))


def place(world: World, name: str) -> Box:
    """The box of this name, or the host."""
    return world.host if name == world.host.name else world.boxes[name]


def complaints(world: World) -> dict[str, str]:
    """What the users of a wired world try, and what each of them is told."""
    web = world.boxes["web"]
    calls = {
        "web calls database": lambda: web.call("database"),
        "web calls outside": lambda: web.call(OUTSIDE),
        "outside calls the host's port": lambda: world.outside.call(HOST, PUBLISHED),
    }
    with ThreadPoolExecutor() as pool:
        return dict(zip(calls, pool.map(lambda call: call(), calls.values()), strict=True))
