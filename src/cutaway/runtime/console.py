"""A terminal for the container: its half is the container's own /dev/console, the other goes to who asked for it.

OCI runtime specification, config.md, "process.terminal"; how an engine receives the other half is runc's
docs/terminals.md. See pty(7), unix(7) for passing descriptors. Loaded only where a terminal is asked for.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import sys
import termios
import tty

from cutaway.linux import calls
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cutaway.runtime.enter import Inside
    from cutaway.runtime.rootfs import View

TIOCSPTLCK, TIOCGPTN, TIOCGPTPEER = 0x40045431, 0x80045430, 0x5441  # asm-generic/ioctls.h


class Terminal:
    """A terminal for one process, whose outer side goes through `there`."""

    def __init__(self, there: socket.socket) -> None:
        self.there, self.inner = there, -1

    def open(self, view: View | Inside, process: Mapping[str, Any], *, console: View | None = None) -> None:
        """Make it, of the container's own devpts; in `console` it is /dev/console as well."""
        size, uid = process.get("consoleSize") or {}, (process.get("user") or {}).get("uid") or 0
        master = calls.open_in_root(view.root, "/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
        self.inner = fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        if size.get("height") and size.get("width"):
            fcntl.ioctl(self.inner, termios.TIOCSWINSZ, struct.pack("HHHH", size["height"], size["width"], 0, 0))
        os.fchown(self.inner, uid, -1)
        if console:
            (number,) = struct.unpack("I", fcntl.ioctl(master, TIOCGPTN, bytes(4)))
            console.put(f"/dev/pts/{number}", "/dev/console")
        socket.send_fds(self.there, [b"/dev/ptmx"], [master])
        self.there.close()
        os.close(master)

    def adopt(self) -> None:
        """Let it be this process's three streams, and control its session."""
        fcntl.ioctl(self.inner, termios.TIOCSCTTY, 0)
        for stream in range(3):
            os.dup2(self.inner, stream)


def conversation() -> tuple[Terminal, socket.socket]:
    """A terminal whose outer side comes to this very process, through the second."""
    ours, theirs = socket.socketpair()
    return Terminal(theirs), ours


def connected(socket_path: str) -> socket.socket:
    """A way to who listens there; opened before the container is entered, which cannot reach the path."""
    there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        there.connect(socket_path)
    except OSError as error:
        raise ContainerError(f"connecting to the console socket {socket_path}: {error.strerror}") from None
    return there


def received(there: socket.socket) -> int:
    """The outer side of a terminal, from who made it."""
    fds = socket.recv_fds(there, 100, 1)[1]
    there.close()
    return fds[0]


def attend(master: int, pidfd: int) -> None:
    """Be the terminal's other side: carry keys in and output out, until the process behind `pidfd` ends."""
    ours = sys.stdin.fileno()
    before = termios.tcgetattr(ours) if os.isatty(ours) else None
    if before:
        tty.setraw(ours)
        fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(ours, termios.TIOCGWINSZ, bytes(8)))
    poll = select.poll()
    for fd in (ours, master, pidfd):
        poll.register(fd, select.POLLIN)
    try:
        while True:
            ready = dict(poll.poll())
            if master in ready:
                if not _carried(master, sys.stdout.fileno()):
                    return
            elif pidfd in ready:
                return
            if ours in ready and not _carried(ours, master):
                poll.unregister(ours)
    finally:
        if before:
            termios.tcsetattr(ours, termios.TCSADRAIN, before)


def _carried(source: int, target: int) -> bool:
    """Carry one piece; False at the end."""
    try:
        piece = os.read(source, 65536)
    except OSError:  # EIO: nobody has the terminal's inner side open any more
        return False
    while piece:
        piece = piece[os.write(target, piece) :]
        if not piece:
            return True
    return False
