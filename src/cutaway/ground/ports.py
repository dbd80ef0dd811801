"""Published ports of our own engine, carried to the host's loopback, and the room's mirror, brought to the engine's.

Run as `python -I -S ports.py PID SOCKET FOLDER [HOST PORT]`, the last two being where the mirror is.

The engine publishes a container's port in its own network namespace, where no browser of the host finds it. This
process listens on 127.0.0.1 of the host for each such port, and joins every connection to one that it opens inside.
A socket belongs for ever to the network namespace in which it was made; so a child process, the door, goes inside
and hands sockets out, and everything else stays outside.

Reading order: the door, what is published, carrying, keeping up with the engine.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import namespaces
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process

LOOPBACK = "127.0.0.1"
MIRROR_PORT = 5050  # of the engine's loopback: where the room's mirror answers, wherever it is
EVERYWHERE = ("", "0.0.0.0", "::")  # how engines write: on all addresses of the host
AGAIN_S, SETTLING_S = 0.5, 10  # how soon we look again, and for how long after an event
CHUNK_BYTES = 1 << 16
REPORT = "ports.json"


class Published(NamedTuple):
    """Where a published port answers inside."""

    address: str
    port: int


# --- The door -----------------------------------------------------------------


class Door:
    """A process inside the engine's network that makes sockets there for us, one at a time."""

    def __init__(self, engine: Process) -> None:
        self._ours, theirs = socket.socketpair()
        if os.fork() == 0:
            self._ours.close()
            stand_inside(engine, theirs)
            os._exit(0)
        theirs.close()

    def socket(self) -> socket.socket:
        """A new TCP socket that reaches what the engine's network reaches."""
        self._ours.sendall(b".")
        _, fds, _, _ = socket.recv_fds(self._ours, 1, 1)
        if not fds:
            raise ConnectionError("the process inside the engine's network has ended")
        made = socket.socket(fileno=fds[0])
        made.setblocking(False)
        return made


def stand_inside(engine: Process, asked: socket.socket) -> None:
    """Join the engine's network, and hand out a socket for every byte that comes, until no more can come."""
    kinds = {Kind.NET} if os.geteuid() == 0 else {Kind.USER, Kind.NET}
    namespaces.join(engine.pidfd(), kinds)
    while asked.recv(1):
        with socket.socket() as made:
            socket.send_fds(asked, [b"."], [made.fileno()])


# --- What is published ---------------------------------------------------------


class EngineConnection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, question: str) -> http.client.HTTPResponse:
        """The answer to a GET."""
        self.request("GET", question)
        return self.getresponse()


def published(engine: str) -> dict[int, Published]:
    """The host's ports that running containers ask for: number -> where it answers inside."""
    containers = json.loads(EngineConnection(engine).ask("/containers/json").read())
    rows = [row for container in containers for row in container.get("Ports") or []]
    return {row["PublicPort"]: inside(row) for row in rows if row.get("PublicPort") and row["Type"] == "tcp"}


def inside(row: dict[str, Any]) -> Published:
    """Where to connect for a port that the engine's row describes."""
    address = row.get("IP", "")
    return Published(LOOPBACK if address in EVERYWHERE else address, row["PublicPort"])


def listen_to_events(engine: str, tell: Callable[[], None]) -> None:
    """Call `tell` at once, and then whenever a container of the engine starts, stops or changes."""
    events = EngineConnection(engine).ask('/events?filters={"type":["container"]}')
    tell()
    for _ in events:
        tell()


# --- Carrying ------------------------------------------------------------------


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def carry(outside: asyncio.StreamReader, back: asyncio.StreamWriter, open_other: Awaitable[Streams]) -> None:
    """Join one connection to another that is opened for it, until both directions have ended."""
    there = None
    try:
        answers, there = await open_other
        await asyncio.gather(pour(outside, there), pour(answers, back))
    except OSError:  # one side is gone: the other must hear of that, not of an orderly end
        for each in (back, there):
            if each:
                each.transport.abort()
    finally:
        for each in (back, there):
            if each:
                each.close()


async def opened_inside(door: Door, to: Published) -> Streams:
    """A connection inside to what is published there."""
    made = door.socket()
    await asyncio.get_running_loop().sock_connect(made, (to.address, to.port))
    return await asyncio.open_connection(sock=made)


async def bring_in(door: Door, host: str, port: int) -> asyncio.Server:
    """Listen inside at MIRROR_PORT, and join each connection to one that is opened outside."""
    made = door.socket()
    made.bind((LOOPBACK, MIRROR_PORT))
    return await asyncio.start_server(
        lambda reader, writer: carry(reader, writer, asyncio.open_connection(host, port)), sock=made
    )


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass everything on, then the end; the other direction may go on."""
    while data := await source.read(CHUNK_BYTES):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


# --- Keeping up ------------------------------------------------------------------


class Relay:
    """The ports that are carried now, the ones that could not be and why, and the report of both."""

    def __init__(self, door: Door, report: Path) -> None:
        self.door, self.report = door, report
        self.servers: dict[int, asyncio.Server] = {}
        self.targets: dict[int, Published] = {}
        self.refused: dict[int, str] = {}
        self.mirror: asyncio.Server | None = None

    async def follow(self, wanted: dict[int, Published]) -> None:
        """Listen where `wanted` says and nowhere else."""
        self.targets = wanted
        for port in [port for port in self.servers if port not in wanted]:
            self.servers.pop(port).close()
        self.refused = {}
        for port in [port for port in wanted if port not in self.servers]:
            try:
                self.servers[port] = await asyncio.start_server(self._accept(port), LOOPBACK, port)
            except OSError as error:
                self.refused[port] = os.strerror(error.errno or 0).lower()
        self._write_report()

    def _accept(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
        return lambda reader, writer: carry(reader, writer, opened_inside(self.door, self.targets[port]))

    def _write_report(self) -> None:
        rows = {str(port): "" for port in self.servers} | {str(port): why for port, why in self.refused.items()}
        text = json.dumps(rows, sort_keys=True)
        if not self.report.exists() or self.report.read_text() != text:
            draft = self.report.with_suffix(".draft")
            draft.write_text(text)
            draft.rename(self.report)
            print(text, flush=True)


async def keep_up(relay: Relay, engine: Process, path: str, *mirror: str) -> None:
    """Follow the engine until it ends: look after every event, go on looking for a while, and while a port is refused.

    For a while, because a busy engine tells of an event before its own lists know of it.
    """
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    ourselves = asyncio.current_task()
    assert ourselves is not None
    loop.add_reader(engine.pidfd(), ourselves.cancel)
    if mirror:
        host, port = mirror
        relay.mirror = await bring_in(relay.door, host, int(port))
    threading.Thread(target=heed, args=(path, lambda: loop.call_soon_threadsafe(changed.set)), daemon=True).start()
    settled_at = loop.time() + SETTLING_S
    while True:
        changed.clear()
        with suppress(OSError, http.client.HTTPException):  # the engine is busy, or about to end
            await relay.follow(await asyncio.to_thread(published, path))
        restless = relay.refused or loop.time() < settled_at
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), AGAIN_S if restless else None)
            settled_at = loop.time() + SETTLING_S


def heed(path: str, tell: Callable[[], None]) -> None:
    """Listen to the engine's events, and listen again if it breaks off."""
    while True:
        with suppress(OSError, http.client.HTTPException):
            listen_to_events(path, tell)
        time.sleep(AGAIN_S)


def main(pid: int, path: str, folder: Path, *mirror: str) -> None:
    """Carry the ports of the engine with this number until it ends."""
    engine = Process.of(pid)
    door = Door(engine)  # before there are threads, because it forks
    with suppress(asyncio.CancelledError):
        asyncio.run(keep_up(Relay(door, folder / REPORT), engine, path, *mirror))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
