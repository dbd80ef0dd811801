"""Network links, as far as no other program is needed for them.

See netdevice(7), rtnetlink(7); taught in notebooks 06 and 10.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

from cutaway.linux import calls
from cutaway.linux.loopback import bring_up

__all__ = ["bring_up", "delete", "links"]

# --- Words -----------------------------------------------------------------

RTM_DELLINK = 17  # linux/rtnetlink.h
NLM_F_REQUEST, NLM_F_ACK = 1, 4  # linux/netlink.h
NLMSGHDR = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
IFINFOMSG = struct.Struct("=BxHiII")  # family, type, index, flags, changed flags

CLONE_NEWNET = 0x40000000  # linux/sched.h

T = TypeVar("T")

# --- Seeing ----------------------------------------------------------------


def links(netns: str | None = None) -> list[str]:
    """The names of the links here, or in the network namespace that `ip netns` knows by this name."""
    return _within(netns, lambda: [name for _, name in socket.if_nameindex()])


# --- Changing --------------------------------------------------------------


def delete(name: str, netns: str | None = None) -> None:
    """Make a link gone; with one end of a veth pair goes the other."""
    _within(netns, lambda: _delete(name))


def _delete(name: str) -> None:
    body = IFINFOMSG.pack(socket.AF_UNSPEC, 0, socket.if_nametoindex(name), 0, 0)
    header = NLMSGHDR.pack(NLMSGHDR.size + len(body), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(header + body)
        (error,) = struct.unpack_from("=i", kernel.recv(4096), NLMSGHDR.size)
    if error:
        raise calls.refusal("RTM_DELLINK", repr(name), -error)


def _within(netns: str | None, work: Callable[[], T]) -> T:
    """Do `work` in the named network namespace: a thread may be in another one than the rest of its process."""
    if netns is None:
        return work()
    done: list[T] = []
    failed: list[BaseException] = []

    def visit() -> None:
        try:
            fd = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                calls.setns(fd, CLONE_NEWNET, f"/run/netns/{netns}")
            finally:
                os.close(fd)
            done.append(work())
        except BaseException as error:
            failed.append(error)

    visitor = threading.Thread(target=visit)
    visitor.start()
    visitor.join()
    if failed:
        raise failed[0]
    return done[0]
