"""A socket that is used here and speaks there: in the network namespace of another process.

A socket belongs for ever to the network namespace in which it was made, whoever holds it. So a small program goes
inside, makes one, and hands it out; a notebook's kernel, which has several threads, may not go inside itself.
Run as a program, this file is the inside: `python -I -S sockets.py PIDFD CHANNEL KINDS FAMILY TYPE PROTOCOL`.

See network_namespaces(7), unix(7) "SCM_RIGHTS"; taught in notebook 10.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls, commands, namespaces
from cutaway.linux.namespaces import Kind

# --- Outside ---------------------------------------------------------------


def made_inside(pid: int, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A new socket in the network of process `pid`; `Refused` when the kernel will not let us in."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            pidfd = os.pidfd_open(pid)
            try:
                numbers = (pidfd, theirs.fileno(), doors(pid), family, kind, protocol)
                argv = [sys.executable, "-I", "-S", __file__, *map(str, numbers)]
                inside = commands.start(argv, pass_fds=[pidfd, theirs.fileno()])
            finally:
                os.close(pidfd)
        said, fds, _, _ = socket.recv_fds(ours, 100, 1)
    commands.end(inside)
    if not fds:
        number = int(said or b"0")
        raise calls.refusal("socket", f"in the network of process {pid}", number)
    return socket.socket(fileno=fds[0])


def doors(pid: int) -> str:
    """The kinds to join on the way: the network, and the user namespace that gives the right to it."""
    theirs = {kind for kind in (Kind.NET, Kind.USER) if namespaces.identity(kind, pid) != namespaces.identity(kind)}
    return ",".join(sorted(kind.value for kind in theirs))


# --- Inside ----------------------------------------------------------------


def main(pidfd: int, channel: int, kinds: str, family: int, kind: int, protocol: int) -> None:
    """Make one socket inside and hand it out, or the number of what the kernel said against it."""
    with socket.socket(fileno=channel) as asked:
        try:
            if kinds:
                namespaces.join(pidfd, {Kind(name) for name in kinds.split(",")})
            with socket.socket(family, kind, protocol) as made:
                socket.send_fds(asked, [b"."], [made.fileno()])
        except OSError as error:
            asked.sendall(str(error.errno).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
