"""A process in namespaces of its own, into which one can put commands.

The work inside is done by stage.py, a fresh small process; here is its other half, which any program may call,
also one with many threads. Taught in notebook 06.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from cutaway.linux import commands, namespaces
from cutaway.linux.calls import Refused
from cutaway.linux.commands import Command
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process, processes

STAGE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("stage.py")))


class Enclosed:
    """A process that stays in new namespaces of `kinds` until it is closed or its maker ends, however that ends.

    Without root's rights a user namespace is added, because it brings the right to make the others;
    in a user namespace the maker is user 0. A PID and an MNT namespace together get a /proc of their own.
    `pid` is its number outside; `boot_offset_s` makes the machine seem that much longer up (TIME).
    Raises `Refused` when the kernel does.
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        *,
        hostname: str | None = None,
        network_up: bool = False,
        mount_proc: bool = True,
        boot_offset_s: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.kinds = frozenset(kinds) | ({Kind.USER} if os.geteuid() else set())
        self._env = {**os.environ, **(env or {})}
        wishes = [*(["proc"] if mount_proc else []), *(["network"] if network_up else [])]
        self._keeper, channel = self._stage("enclose", hostname or "", str(boot_offset_s or ""), *wishes)
        try:
            self.pid = self._settle(channel)
        except BaseException:
            _discard(self._keeper)
            raise
        self._member = os.pidfd_open(self.pid)

    def run(self, command: Command, timeout_s: float = 10) -> str:
        """What `command` says inside all of the namespaces, stripped; `CommandFailed` when it fails."""
        process, channel = self._stage("enter", str(self._member), *commands.words(command))
        try:
            for _ in _lines(channel):
                pass
        except BaseException:
            _discard(process)
            raise
        return commands.finish(process, command, timeout_s)

    def identities(self) -> dict[Kind, int]:
        """The number of every namespace that it is in."""
        return namespaces.identities(self.pid)

    def members(self) -> list[Process]:
        """Every living process that is in one of the new namespaces."""
        ours = {kind: number for kind, number in self.identities().items() if kind in self.kinds}
        return [process for process in processes() if process.alive() and _is_in(process.pid, ours)]

    def close(self) -> None:
        """End every process inside, and with them the namespaces; closing twice is no error."""
        if self._keeper.returncode is not None:
            return
        holder = Process.of(self.pid)
        ours = {holder, Process.of(self._keeper.pid)}  # the keeper must live to reap the holder
        while others := [process for process in self.members() if process not in ours]:
            for process in others:
                process.kill()
                process.wait(1)
        holder.kill()
        self._keeper.wait()
        os.close(self._member)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stage(self, verb: str, *arguments: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Start stage.py; the process, and our end of the conversation with it."""
        ours, theirs = socket.socketpair()
        maker = os.pidfd_open(os.getpid())
        kinds = ",".join(kind.value for kind in self.kinds)
        fds = [maker, theirs.fileno(), *([self._member] if verb == "enter" else [])]
        try:
            argv = [*STAGE, verb, str(maker), str(theirs.fileno()), kinds, *arguments]
            return commands.start(argv, self._env, fds), ours
        finally:
            os.close(maker)
            theirs.close()

    def _settle(self, channel: socket.socket) -> int:
        """Answer the stage's questions until it has settled; the number of the process that stays."""
        settled: dict[str, str] = {}
        for word, rest in _lines(channel):
            settled[word] = rest
            if word == "map":
                namespaces.map_to_root(self._keeper.pid, os.geteuid(), os.getegid())
                channel.sendall(b".")
        if "ready" not in settled:
            stderr = self._keeper.communicate()[1].decode(errors="replace")
            raise RuntimeError(f"stage.py ended before it was ready: {stderr}")
        return int(settled["pid"])


def _lines(channel: socket.socket) -> Iterable[tuple[str, str]]:
    """What the stage tells, as word and rest, to the end of the conversation; its errors are raised."""
    with channel, channel.makefile() as lines:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "error":
                number, _, message = rest.partition(" ")
                raise Refused(int(number), message)
            yield word, rest


def _discard(process: subprocess.Popen[bytes]) -> None:
    commands.kill_tree(process.pid)
    commands.close(process)


def _is_in(pid: int, those: Mapping[Kind, int]) -> bool:
    try:
        return any(namespaces.identity(kind, pid) == number for kind, number in those.items())
    except OSError:  # gone, or another user's
        return False
