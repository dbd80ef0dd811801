"""Networks as notebook 10 lays them by hand, and what may break in them.

Reading order: what is laid, what may break, who notices.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import NamedTuple

from cutaway.ground.worlds import HOST, OUTSIDE, PORT, Box, World

# --- What is laid ------------------------------------------------------------

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
echo '{WEB} web\n{DATABASE} database' > /etc/hosts
"""


def wired() -> World:
    """A world with two boxes, web and database, joined as notebook 10 does it, each with a service."""
    world = World()
    world.host.run(ON_THE_HOST)
    for name, address in (("web", WEB), ("database", DATABASE)):
        box = world.box(name, says=name)
        world.host.run(TO_A_BOX.format(name=name, pid=box.pid))
        box.run(IN_A_BOX.format(address=address))
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
