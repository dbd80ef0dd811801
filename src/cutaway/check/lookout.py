"""The small program that goes in and looks: run as `python -I -S lookout.py PIDFD KINDS VERB ARGUMENT...`.

Why a program of its own: only a process with one thread may join a user namespace, and one that is stuck there,
in a file or a connection that never ends, can be killed. It runs nothing that it finds inside: it joins at most
the UTS and NET namespaces, keeps its own files, and tells what it saw as one line of JSON.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import namespaces
from cutaway.linux.namespaces import Kind

LIMIT_BYTES = 65536  # of what is read, wherever it comes from
TIMEOUT_S = 2.0


def host_name() -> str:
    """What the machine is called here."""
    return os.uname().nodename


def read(path: str) -> str:
    """The beginning of a regular file; what only looks like one (a pipe, a device, a link) is refused."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return file.read(LIMIT_BYTES).decode(errors="replace")


def listed(path: str) -> list[str]:
    """The names in a folder."""
    return sorted(each.name for each in Path(path).iterdir())


def fetch(port: str, path: str) -> str:
    """What a service on the loopback answers to an HTTP request for `path`."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_S) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = bytearray()
        while len(answer) < LIMIT_BYTES and (more := connection.recv(4096)):
            answer += more
    return answer.decode(errors="replace")


VERBS: dict[str, Callable[..., Any]] = {"host_name": host_name, "read": read, "listed": listed, "fetch": fetch}


def main(pidfd: str, kinds: str, verb: str, *arguments: str) -> None:
    """Join, look, tell: the answer, or the errno and message of why there is none."""
    try:
        if kinds:
            namespaces.join(int(pidfd), {Kind(name) for name in kinds.split(",")})
        told: dict[str, Any] = {"saw": VERBS[verb](*arguments)}
    except TimeoutError:
        told = {"errno": errno.ETIMEDOUT, "message": f"nothing came for {TIMEOUT_S:g} s"}
    except OSError as error:
        told = {"errno": error.errno, "message": error.strerror or str(error)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
