"""A registry of ours in reach of every engine here: at one port of this machine's loopback, and of our own engine's.

Our own engine has a network of its own, in which 127.0.0.1 is another one. The registry stays where it is and gets a
second listening socket, made in the engine's network (linux/sockets.py); so `docker push 127.0.0.1:5000/NAME` means
the same to every engine. Reading order: starting one, the second socket.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cutaway.ground import private
from cutaway.images.registry import Registry
from cutaway.linux import sockets
from cutaway.linux.processes import Process

LOOPBACK = "127.0.0.1"
AGAIN_S = 0.5  # how soon it is seen that our own engine was started, or has ended
WAITING = 128  # connections that nobody has taken yet


def start(root: Path, port: int = 0, say: Callable[[str], object] = str) -> Registry:
    """A registry that keeps everything below `root` and serves until this process ends, or `stop`."""
    registry = Registry(root, port, LOOPBACK, say=say)
    follow(registry)
    threading.Thread(target=registry.run, daemon=True).start()
    return registry


def stop(registry: Registry) -> None:
    """Serve no longer; what was pushed stays in its folder."""
    registry.shutdown()
    registry.server_close()


# --- The second socket -----------------------------------------------------


def follow(registry: Registry) -> None:
    """From now on, serve our own engine as well, whenever one runs."""
    second = Second(registry)
    second.look_if_possible()
    threading.Thread(target=second.keep_looking, daemon=True).start()


class Second:
    """The registry's socket in the network of our own engine, while there is one."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._engine: Process | None = None
        self._door: socket.socket | None = None

    def look(self) -> None:
        """Listen where our engine is now. The socket goes with the engine, for it would keep that network alive."""
        running = private.running()
        process = running.process if running else None
        if process == self._engine:
            return
        self.close()
        if process:
            self._door = listening(process, self.registry.port)
            threading.Thread(target=self.registry.welcome, args=(self._door,), daemon=True).start()
        self._engine = process

    def keep_looking(self) -> None:
        """Go on until the registry has ended."""
        while self.registry.socket.fileno() != -1:
            self.look_if_possible()
            time.sleep(AGAIN_S)
        self.close()

    def look_if_possible(self) -> None:
        """The same; an engine that just ends, or has something of its own at this port, is only told of."""
        try:
            self.look()
        except OSError as error:
            self.registry.say(f"not in reach of our own engine yet: {error}")

    def close(self) -> None:
        if self._door:
            self.registry.dismiss(self._door)
        self._door = self._engine = None


def listening(engine: Process, port: int) -> socket.socket:
    """A socket that listens at this port of the engine's loopback."""
    made = sockets.made_inside(engine.pid, socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((LOOPBACK, port))
    made.listen(WAITING)
    return made
