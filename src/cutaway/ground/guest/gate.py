"""The gate of a machine with an engine in it: joins to the engine's socket whoever first says the word.

    python -I -S gate.py PORT WORD-FILE SOCKET

It runs in the guest. The word is read anew for every caller: each copy of a saved guest is given another one, and
while there is none, nobody is let in.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys

WORD_BYTES, WORD_S = 65, 30  # the last of them ends the line
CHUNK_BYTES = 1 << 16


def main(port: str, word_file: str, engine: str) -> None:
    """Serve every caller by a process of its own, for ever."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody need wait for them
    with socket.create_server(("", int(port)), backlog=64) as waiting:
        while True:
            caller, _ = waiting.accept()
            if not os.fork():
                try:
                    serve(caller, word_file, engine)
                finally:
                    os._exit(0)
            caller.close()


def serve(caller: socket.socket, word_file: str, engine: str) -> None:
    """Let the caller in if the word is its first line, and carry what the two say to one another."""
    caller.settimeout(WORD_S)
    said = b""
    while len(said) < WORD_BYTES and not said.endswith(b"\n"):
        said += caller.recv(WORD_BYTES - len(said)) or b"\n"
    if said != os.read(os.open(word_file, os.O_RDONLY), WORD_BYTES):
        return
    caller.settimeout(None)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(engine)
        carry(caller, line)


def carry(one: socket.socket, other: socket.socket) -> None:
    """Pour both ways, until both have ended."""
    to = {one: other, other: one}
    open_ones = {one, other}
    while open_ones:
        for source in select.select(list(open_ones), [], [])[0]:
            data = source.recv(CHUNK_BYTES)
            if data:
                to[source].sendall(data)
            else:
                open_ones.remove(source)
                to[source].shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(*sys.argv[1:])
