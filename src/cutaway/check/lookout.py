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
import struct
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
CALL_S = 0.5  # for somebody on a wire of ours to take up a call
DNS_PORT, RECURSION_DESIRED, A_OF_THE_INTERNET = 53, 0x0100, (1, 1)  # RFC 1035, 4.2.1, 4.1.1, 3.2.2 and 3.2.4


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


def call(address: str, port: str) -> str:
    """The first line of what a service at an address says of its own accord."""
    with socket.create_connection((address, int(port)), timeout=CALL_S) as connection:
        connection.settimeout(TIMEOUT_S)
        return connection.makefile(errors="replace").readline(LIMIT_BYTES).strip()


def ask(server: str, name: str) -> str:
    """The address that a name server has for a name; OSError when it has none. RFC 1035, 4.1."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack(">HH", *A_OF_THE_INTERNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(TIMEOUT_S)
        line.connect((server, DNS_PORT))
        line.send(struct.pack(">HHHHHH", 1, RECURSION_DESIRED, 1, 0, 0, 0) + question)
        answer = line.recv(LIMIT_BYTES)
    records = answer[12 + len(question) :]  # one compressed name, type, class, time to live, length, address
    if len(records) < 16 or struct.unpack_from(">HH", records, 2) != A_OF_THE_INTERNET:
        raise OSError(errno.ENOENT, f"{server} knows no {name}")
    return socket.inet_ntoa(records[12:16])


VERBS: dict[str, Callable[..., Any]] = {
    "host_name": host_name,
    "read": read,
    "listed": listed,
    "fetch": fetch,
    "call": call,
    "ask": ask,
}


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
