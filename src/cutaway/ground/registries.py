"""A registry of ours in reach of every engine here: at one port of this machine's loopback, and of an engine's own.

An engine may have a network of its own, as ours has, in which 127.0.0.1 is another one. The registry stays where it
is and gets a second listening socket, made in the engine's network (linux/sockets.py); so `docker push
127.0.0.1:5000/NAME` means the same to every engine. Reading order: starting one, the second socket.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cutaway.ground import private
from cutaway.ground.engine import Engine
from cutaway.images.registry import Registry
from cutaway.linux import namespaces, sockets
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process

LOOPBACK = "127.0.0.1"
AGAIN_S = 0.5  # how soon it is seen that our own engine was started, or has ended
WAITING = 128  # connections that nobody has taken yet
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


def start(root: Path, engine: Engine, say: Callable[[str], object] = str) -> Registry:
    """A registry that keeps everything below `root` and serves this machine and `engine`, until `stop` or our end."""
    registry = Registry(root, host=LOOPBACK, say=say)
    Second(registry).look(engine.socket)
    threading.Thread(target=registry.run, daemon=True).start()
    return registry


def stop(registry: Registry) -> None:
    """Serve no longer; what was pushed stays in its folder."""
    registry.shutdown()
    registry.server_close()


def follow(registry: Registry) -> None:
    """From now on, serve our own engine as well, whenever one runs."""
    threading.Thread(target=Second(registry).keep_looking, daemon=True).start()


# --- The second socket -----------------------------------------------------


class Second:
    """The registry's socket in the network of an engine, while there is one that has a network of its own."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._engine: Process | None = None
        self._door: socket.socket | None = None

    def look(self, path: str | None) -> None:
        """Listen where the engine behind this socket is. What we hold goes with it, for it keeps that network alive."""
        process = apart(path) if path else None
        if process == self._engine:
            return
        self.close()
        if process:
            self._door = listening(process, self.registry.port)
            threading.Thread(target=self.registry.welcome, args=(self._door,), daemon=True).start()
        self._engine = process

    def keep_looking(self) -> None:
        """Look where our own engine is, until the registry has ended."""
        while self.registry.socket.fileno() != -1:
            running = private.running()
            with suppress(OSError):  # an engine that is just ending, or has something of its own at this port
                self.look(running.socket if running else None)
            time.sleep(AGAIN_S)

    def close(self) -> None:
        if self._door:
            self.registry.dismiss(self._door)
        self._door = self._engine = None


def apart(path: str) -> Process | None:
    """The process that listens at an engine's socket, if its network is not ours and we may see that."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(path)
            pid, _, _ = CREDENTIALS.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        theirs = namespaces.identity(Kind.NET, pid)
    except (PermissionError, FileNotFoundError, ConnectionRefusedError):
        return None
    return None if theirs == namespaces.identity(Kind.NET) else Process.of(pid)


def listening(engine: Process, port: int) -> socket.socket:
    """A socket that listens at this port of the engine's loopback."""
    made = sockets.made_inside(engine.pid, socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((LOOPBACK, port))
    made.listen(WAITING)
    return made
