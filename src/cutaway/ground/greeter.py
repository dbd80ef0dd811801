"""The smallest service that tells who called, and the smallest caller: `python -I -S greeter.py VERB ...`.

    serve PORT NAME          answers every call with NAME and the address that it came from
    call HOST PORT           prints what was answered, or in a word or two why nothing was

Taught in notebook 10.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable

CONNECT_S = 1.5  # a dropped packet says nothing; one whose receiver was unknown waits for the next question, up to 1 s
ANSWER_S = 5.0  # once somebody has taken up the call
WHY = {errno.ENETUNREACH: "no route", errno.EHOSTUNREACH: "no answer", errno.ECONNREFUSED: "refused"}


def serve(port: str, name: str) -> None:
    """Return as soon as it listens, and leave a child that answers for ever."""
    with socket.create_server(("", int(port)), backlog=64) as waiting:
        if os.fork():
            return
        while True:
            line, (caller, _) = waiting.accept()
            with line:
                line.sendall(f"{name} answers {caller}\n".encode())


def call(host: str, port: str) -> None:
    """Print the answer, or why there is none."""
    try:
        with connected(host, int(port)) as line:
            line.settimeout(ANSWER_S)
            print(line.makefile().readline().strip())
    except socket.gaierror:
        print("unknown name")
    except TimeoutError:
        print("no answer")
    except OSError as error:
        print(WHY.get(error.errno or 0, error.strerror))


def connected(host: str, port: int) -> socket.socket:
    """A connection. Whoever could not be found is looked for anew: the search may have begun before he was there."""
    try:
        return socket.create_connection((host, port), CONNECT_S)
    except OSError as error:
        if error.errno != errno.EHOSTUNREACH:
            raise
        return socket.create_connection((host, port), CONNECT_S)


if __name__ == "__main__":
    verbs: dict[str, Callable[..., None]] = {"serve": serve, "call": call}
    verbs[sys.argv[1]](*sys.argv[2:])
