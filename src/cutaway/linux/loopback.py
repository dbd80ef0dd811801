"""The loopback of a new network namespace, by ioctl: so little that no other program or package is needed.

See netdevice(7); links.py has the rest.
"""

from __future__ import annotations

import fcntl
import os
import struct

from cutaway.linux import calls

AF_INET, SOCK_DGRAM, SOCK_CLOEXEC = 2, 2, 0o2000000  # linux/socket.h, linux/net.h; Python's socket is slow to load
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914  # linux/sockios.h
IFF_UP = 1  # linux/if.h
IFREQ = struct.Struct("16sh22x")  # struct ifreq: the name, then here the flags


def bring_up(name: str = "lo") -> None:
    """Switch a link on; a new network namespace has only `lo`, and it is off."""
    any_socket = calls.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC)
    try:
        flags = IFREQ.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, IFREQ.pack(name.encode(), 0)))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, IFREQ.pack(name.encode(), flags | IFF_UP))
    finally:
        os.close(any_socket)
