"""A small world for networks: a host that stands for this machine, boxes on it, and a machine outside.

Everything is in one user namespace of our own: the host is a process with a network of its own, and so no link and no
rule of the real machine is touched, whoever runs this. A box has its own network, name and mounts, and one link, its
loopback. repair.py lays what notebook 10 lays by hand, and breaks it.

Reading order: boxes, the world. Taught in notebook 10; lab 08 begins in such a world.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from typing import Self

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


# Files of its own, as Docker gives them: who writes there as root must not write on the machine. Nobody resolves names.
OWN_FILES = """
mount -t tmpfs none /mnt; cp /etc/hosts /mnt/hosts; touch /mnt/resolv.conf
for each in hosts resolv.conf; do mount --bind /mnt/$each /etc/$each || true; done
"""

# --- Boxes -----------------------------------------------------------------


class Box(Enclosed):
    """A process with a network of its own and a name, which can call and be called."""

    def __init__(self, name: str, kinds: Iterable[Kind] = (), **options: object) -> None:
        super().__init__({Kind.NET, Kind.UTS, Kind.MNT, *kinds}, hostname=name, network_up=True, **options)  # type: ignore[arg-type]
        self.name = name

    def serve(self, port: int = PORT) -> None:
        """Start a service that says this box's name and who called."""
        self.run(serving(self.name, port))

    def call(self, address: str, port: int = PORT) -> str:
        """What a service answers to a call from here, or in a word or two why nothing does."""
        return self.run([*GREETER, "call", address, str(port)])

    def __repr__(self) -> str:
        return f"{self.name}, process {self.pid}"


def serving(says: str, port: int = PORT) -> str:
    """The line of shell that starts a service: it says a word, and who called."""
    return shlex.join([*GREETER, "serve", str(port), says])


# --- The world -------------------------------------------------------------


class World:
    """A host and a machine outside, joined by a wire; boxes are added. All of it ends with this process, or `close`."""

    def __init__(self) -> None:
        self._entry = ledger.record("process", "a world of networks")
        self._env = {**self._entry.env, "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM}"}
        self.boxes: dict[str, Box] = {}
        self.host = Box("host", {Kind.USER}, env=self._env)
        self.outside = Box("outside", within=self.host, env=self._env)
        self.host.run(f"""{OWN_FILES} {FRESH}
            ip link add uplink type veth peer name eth0 netns {self.outside.pid}
            ip address add {HOST}/24 dev uplink
            ip link set uplink up
        """)
        self.outside.run(f"""{OWN_FILES}
            ip address add {OUTSIDE}/24 dev eth0
            ip link set eth0 up
            {serving("outside")}
        """)

    def box(self, name: str, says: str = "") -> Box:
        """A new box on the host, to which no wire leads yet; with a service from the beginning, if it `says` a word."""
        self.boxes[name] = Box(name, within=self.host, env=self._env)
        self.boxes[name].run(OWN_FILES + (serving(says) if says else ""))
        return self.boxes[name]

    @classmethod
    def of(cls, *names: str) -> Self:
        """A world with boxes of these names, in each of which a service waits."""
        world = cls()
        for name in names:
            world.box(name, says=name)
        return world

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
