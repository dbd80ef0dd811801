"""A small Docker Desktop: an engine inside a lab machine, and outside, on this computer, all that one touches.

    with desktop(site) as d:
        d.docker(f"run --rm -v {site}:/site IMAGE ls /site")
        d.client.version()

The `docker` command and Docker's package for Python speak to a socket, and do not ask where the engine is. Ours is
carried, connection by connection, to a gate in the machine, and through it to the engine. Folders are shared with the
machine; ports that containers publish there are passed on to this computer's loopback when one asks for it.
The engine is Docker's where its programs are on this computer, else Podman's, which speaks the same language;
CUTAWAY_ENGINE=podman chooses that. All of it ends with the machine. Taught in notebook 15; guest/engine.py is how the
machine is made.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cutaway.ground import machine, programs
from cutaway.ground.engine import CHOICE
from cutaway.ground.guest import engine as guests
from cutaway.ground.guest.recipes import RECIPES
from cutaway.ground.machine import LOOPBACK, Machine
from cutaway.ground.private import SOCKET_BYTES, Kind
from cutaway.images.closure import Closure, archive
from cutaway.ledger.engines import ANSWER
from cutaway.linux.commands import Command, CommandFailed
from cutaway.problem import Problem

if TYPE_CHECKING:
    from docker import DockerClient

# --- Words -----------------------------------------------------------------

MEMORY_MIB = 1024
SOCKET = "docker.sock"
COMMAND_S = 300  # by emulation a container starts in a few seconds; on a busy machine, much later
ANSWER_S, AGAIN_S = 30, 0.1
CHUNK_BYTES = 1 << 16


@contextmanager
def desktop(*folders: Path) -> Iterator[Desktop]:
    """An engine in a machine of its own, which shares `folders` with this computer; gone at the end of the block."""
    with start(*folders) as begun:
        yield begun


def start(*folders: Path) -> Desktop:
    """The same until it is stopped, or until this process ends."""
    kind = chosen()
    guest = machine.start(memory_mib=MEMORY_MIB, folders=folders, warm=kind)
    try:
        return Desktop(guest, kind)
    except BaseException:
        guest.stop()
        raise


def chosen() -> Kind:
    """The kind of engine that a machine is given."""
    choice = os.environ.get(CHOICE)
    return next((kind for kind in RECIPES if kind == choice), next(iter(guests.startable()), "docker"))


# --- What one touches --------------------------------------------------------


class Desktop:
    """An engine that is used here and lives in `guest`: its socket, the command, the package, ports."""

    def __init__(self, guest: Machine, kind: Kind, word: bytes = b"") -> None:
        """`word` opens the gate, where the guest has been told one."""
        self.guest, self.kind = guest, kind
        self._folder = os.open(guest.running.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.gate = LOOPBACK, guest.publish(guests.PORT)
        self.word = word or guests.drawn_word()
        if not word:
            guest.put(guests.WORD, self.word)
        self._line = Line(self.socket, self.gate, self.word)

    @property
    def socket(self) -> str:
        """Where the engine listens, as it seems here; reached through this process where that path is too long."""
        path = str(self.guest.running.folder / SOCKET)
        return path if len(os.fsencode(path)) <= SOCKET_BYTES else f"/proc/{os.getpid()}/fd/{self._folder}/{SOCKET}"

    @property
    def url(self) -> str:
        """What DOCKER_HOST is set to for using it in a terminal."""
        return f"unix://{self.socket}"

    def __repr__(self) -> str:
        return f"Desktop({self.guest.name!r})"

    def docker(self, words: Command, stdin: bytes = b"", timeout_s: float = COMMAND_S) -> str:
        """What `docker` with these words wrote to its standard output, stripped; `CommandFailed` when it fails.

        The command runs on this computer, with no configuration but the socket.
        """
        argv = [command(), *(shlex.split(words) if isinstance(words, str) else words)]
        env = os.environ | {"DOCKER_HOST": self.url, "DOCKER_CONFIG": str(self.guest.running.folder)}
        try:
            done = subprocess.run(argv, input=stdin, env=env, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as late:
            raise CommandFailed(argv, None, "", "", f"still running after {timeout_s:g} s; killed") from late
        said, complained = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        if done.returncode:
            raise CommandFailed(argv, done.returncode, said, complained, f"status {done.returncode}")
        return said.strip()

    @cached_property
    def client(self) -> DockerClient:
        """Docker's package for Python, speaking to this engine."""
        from docker import DockerClient  # slow to import

        return DockerClient(base_url=self.url, timeout=COMMAND_S)

    def load(self, name: str, contents: Closure, command: list[str]) -> str:
        """Hand the engine an image of these files, which runs `command` unless told otherwise; its name."""
        self.docker(["import", "--change", f"CMD {json.dumps(command)}", "-", name], archive(contents))
        return name

    def publish(self, port: int, host_port: int = 0) -> int:
        """Pass a port of the guest's on to this computer's loopback; the number that it has here."""
        return self.guest.publish(port, host_port)

    @contextmanager
    def chosen(self, answer_s: int, **more: str) -> Iterator[None]:
        """Within the block this engine is the one that is found here, and waited for; `more` is told as well."""
        before = dict(os.environ)
        os.environ.update({CHOICE: self.url, ANSWER: str(answer_s), **more})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def stop(self) -> None:
        """End the engine with its machine, and with everything in it."""
        self.leave()
        self.guest.stop()

    def leave(self) -> None:
        """Let go of the engine, which goes on."""
        if "client" in self.__dict__:
            self.client.close()
        self._line.end()
        with suppress(OSError):  # it was stopped already
            os.close(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def visit(port: int) -> str:
    """What is served at this computer's port, as soon as anybody answers there; Problem when nobody does."""
    deadline = time.monotonic() + ANSWER_S
    nearby = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with nearby.open(f"http://{LOOPBACK}:{port}/", timeout=ANSWER_S) as answer:
                return str(answer.read().decode().strip())
        except OSError as error:
            if time.monotonic() > deadline:
                raise Problem(f"visiting port {port}: {error}; is it published, and does a server listen?") from error
            time.sleep(AGAIN_S)


def command() -> str:
    path = programs.path("docker")
    if path is None:
        raise Problem(f"running docker: the command is not here; {programs.remedy('docker client')}")
    return path


# --- The line between the two ------------------------------------------------


class Line(socketserver.ThreadingUnixStreamServer):
    """Listens at `near`, and joins each connection to one to the guest's gate.

    Anybody on this computer may connect to the gate. It lets pass who first says the word, which only this
    process and the guest know; to connect to the socket one must be allowed into the machine's folder.
    """

    daemon_threads = True

    def __init__(self, near: str, gate: tuple[str, int], word: bytes) -> None:
        super().__init__(near, socketserver.BaseRequestHandler)
        self._gate, self._word = gate, word
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": AGAIN_S}, daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Carry one connection to its end."""
        with suppress(OSError), socket.create_connection(self._gate) as far:
            far.sendall(self._word)
            back = threading.Thread(target=pour, args=(far, request), daemon=True)
            back.start()
            pour(request, far)
            back.join()

    def end(self) -> None:
        """Listen no more; what is being carried ends with the machine."""
        self.shutdown()
        self.server_close()


def pour(source: socket.socket, sink: socket.socket) -> None:
    """Pass everything on, then the end; the other direction may go on."""
    with suppress(OSError):  # one side is gone, and the other will hear of it
        while data := source.recv(CHUNK_BYTES):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
