"""Packets as they pass: a socket at each of several links, in several networks, and who calls whom there.

What a program such as tcpdump does. Only TCP's first two packets are told: the one that calls (SYN) and the one that
answers (SYN and ACK). They are enough to see by which links a connection goes, and where its addresses change.

See packet(7); RFC 791, 3.1 (the IPv4 header); RFC 9293, 3.1 (the TCP header). Taught in notebook 10.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self

from cutaway.linux.sockets import made_inside

# --- Words -----------------------------------------------------------------

ETH_P_ALL = 0x0003  # linux/if_ether.h: packets of every protocol
TCP = socket.IPPROTO_TCP
SYN, ACK = 0x02, 0x10  # RFC 9293, 3.1, "Control bits"
LONGEST_BYTES = 65535

Place = tuple[int, str]  # a process in the network, and the link there


class Packet(NamedTuple):
    """The first packet of a connection one way: from where, to where."""

    source: str
    source_port: int
    target: str
    target_port: int
    flags: int

    @property
    def calls(self) -> bool:
        """Whether it calls; else it answers."""
        return not self.flags & ACK

    def __str__(self) -> str:
        """Both ends, and of their ports the one that was called: the other is any that was free."""
        if self.calls:
            return f"{self.source} > {self.target}:{self.target_port}"
        return f"{self.source}:{self.source_port} > {self.target}"


# --- Watching --------------------------------------------------------------


class Watch:
    """Watches links from now until the end of the block; as text, the call and the answer as each link saw them."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.seen: dict[str, list[Packet]] = {name: [] for name in places}
        self._taps = {name: tap(*place) for name, place in places.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name, listening in self._taps.items():
            with listening:
                self.seen[name] = list(dict.fromkeys(first_packets(listening)))  # a call that is repeated is one

    def __repr__(self) -> str:
        return table(self.seen)


def table(seen: Mapping[str, list[Packet]]) -> str:
    """A line for each link: where the call went there, and the answer."""
    rows = [["", "the call", "the answer"]]
    for name, packets in seen.items():
        ways = [[str(packet) for packet in packets if packet.calls is call] for call in (True, False)]
        rows.append([name, *(", ".join(way) or "-" for way in ways)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def tap(pid: int, link: str) -> socket.socket:
    """A socket that gets a copy of every packet at a link of the network of process `pid`, both ways."""
    listening = made_inside(pid, socket.AF_PACKET, socket.SOCK_DGRAM)
    listening.bind((link, ETH_P_ALL))
    listening.setblocking(False)
    return listening


def first_packets(listening: socket.socket) -> Iterator[Packet]:
    """The first packets of connections among those that are waiting at the tap."""
    for data in _waiting(listening):
        packet = parse(data)
        if packet and packet.flags & SYN:
            yield packet


def _waiting(listening: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield listening.recv(LONGEST_BYTES)
        except BlockingIOError:
            return
        except OSError as error:  # packet(7): told once, of a link that is off or was switched off
            if error.errno != errno.ENETDOWN:
                raise


def parse(data: bytes) -> Packet | None:
    """The ends of a TCP packet in IPv4; None for any other."""
    if len(data) < 20 or data[0] >> 4 != 4 or data[9] != TCP:
        return None
    source, target = (socket.inet_ntoa(data[start : start + 4]) for start in (12, 16))
    tcp = data[(data[0] & 15) * 4 :]  # the header tells its own length, in words
    if len(tcp) < 20:
        return None
    source_port, target_port = struct.unpack_from(">HH", tcp)
    return Packet(source, source_port, target, target_port, tcp[13])
