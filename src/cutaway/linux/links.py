"""Network links, as far as no other program is needed for them. See netdevice(7); taught in notebooks 06 and 10."""

from __future__ import annotations

import fcntl
import socket
import struct

# --- Words -----------------------------------------------------------------

SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914  # linux/sockios.h
IFF_UP = 1  # linux/if.h
IFREQ = struct.Struct("16sh22x")  # struct ifreq: the name, then here the flags

# --- Seeing ----------------------------------------------------------------


def links() -> list[str]:
    """The names of the links in this network namespace."""
    return [name for _, name in socket.if_nameindex()]


# --- Changing --------------------------------------------------------------


def bring_up(name: str) -> None:
    """Switch a link on; a new network namespace has only `lo`, and it is off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, IFREQ.pack(name.encode(), 0))
        flags = IFREQ.unpack(request)[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, IFREQ.pack(name.encode(), flags | IFF_UP))
