"""A process in namespaces of its own, into which one can put commands.

The work inside is done by stage.py, a small fresh process; here is its other half, which any program may call,
also one with many threads. Taught in notebook 06.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from cutaway.linux import commands, namespaces
from cutaway.linux.calls import Refused
from cutaway.linux.commands import Command
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process, ended, processes

STAGE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("stage.py")))

DEADLINE_S = 10  # for processes that are told to go

Env = Mapping[str, str]  # what is added to the environment


class Enclosed:
    """A process that stays in new namespaces of `kinds` until it is closed or its maker ends, however that ends.

    Who may not make them gets a user namespace as well, which brings the right; in one, the maker is user 0.
    PID and MNT together get a /proc of their own. `boot_offset_s` makes the machine seem to be up that much longer.
    `within` is another, whose namespaces it is in but for those of `kinds`. `pid` is its number outside.
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
        env: Env | None = None,
        within: Enclosed | None = None,
    ) -> None:
        self.kinds = frozenset(kinds) | (set() if within or namespaces.may_make_any() else {Kind.USER})
        self._entered: frozenset[Kind] = self.kinds | (within._entered if within else set())  # all but the maker's
        self._require(Kind.UTS, hostname, "rename this machine")
        self._require(Kind.NET, network_up, "switch on this machine's own loopback")
        self._require(Kind.TIME, boot_offset_s, "shift this machine's own clock")
        self._env = env or {}
        wishes = [*(["proc"] if mount_proc else []), *(["network"] if network_up else [])]
        door = f"{within._pidfd} {_names(within._entered)}" if within else ""
        arguments = (hostname or "", str(boot_offset_s or ""), door, *wishes)
        fds = [within._pidfd] if within else []
        self._keeper, channel = _stage("enclose", self.kinds, arguments, fds, self._env)
        self.pid = self._settle(channel)
        self._pidfd: int = os.pidfd_open(self.pid)
        weakref.finalize(self, os.close, self._pidfd)

    def run(self, command: Command, timeout_s: float = 10) -> str:
        """What `command` says in all of the namespaces, stripped; `CommandFailed` when it fails."""
        return _enter(str(self._pidfd), self._entered, [self._pidfd], command, timeout_s, self._env)

    def identities(self) -> dict[Kind, int]:
        """The number of every namespace that it is in; ProcessLookupError when it is in none any more."""
        if ended(self._pidfd, timeout_s=0):
            why = f"reading the namespaces of process {self.pid}: it has ended, and they with it; enclose a new one"
            raise ProcessLookupError(errno.ESRCH, why)
        return namespaces.identities(self.pid)

    def members(self) -> list[Process]:
        """Every living process that is in one of the new namespaces; one of them has `pid` and keeps them."""
        ours = {kind: number for kind, number in self.identities().items() if kind in self.kinds}
        return [each for each in processes() if each.pid != self._keeper.pid and _is_in(each, ours)]

    def close(self) -> None:
        """End every process inside, and with them the namespaces; closing twice does nothing."""
        deadline = time.monotonic() + DEADLINE_S
        while (others := self._others()) and time.monotonic() < deadline:
            for member in others:
                member.kill()
                member.wait(timeout_s=0.1)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self._keeper.wait()
        commands.end(self._keeper)

    def _others(self) -> list[Process]:
        """The members but for the keeper of the namespaces; as long as that lives, their numbers mean nothing else."""
        if ended(self._pidfd, timeout_s=0):
            return []
        return [member for member in self.members() if member.pid != self.pid]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require(self, kind: Kind, wish: object, harm: str) -> None:
        if wish and kind not in self.kinds:
            raise ValueError(f"Enclosed without {kind}: that would {harm}; add {kind} to the kinds")

    def _settle(self, channel: socket.socket) -> int:
        """Answer the stage until it has settled; the number of the process that stays."""
        told: dict[str, str] = {}
        with _ended_on_error(self._keeper):
            for word, rest in _told(channel, self.kinds):
                told[word] = rest
                if word == "map":
                    namespaces.map_to_root(self._keeper.pid, os.geteuid(), os.getegid())
                    channel.sendall(b".")
            if "ready" not in told:
                raise RuntimeError(f"stage.py ended early: {self._keeper.communicate()[1].decode()}")
        return int(told["pid"])


def enter(pid: int, kinds: Iterable[Kind], command: Command, timeout_s: float = 10, env: Env | None = None) -> str:
    """What `command` says in the namespaces of `kinds` of process `pid`, and else where we are; as `Enclosed.run`."""
    pidfd = os.pidfd_open(pid)
    try:
        return _enter(str(pidfd), frozenset(kinds), [pidfd], command, timeout_s, env or {})
    finally:
        os.close(pidfd)


def enter_held(held: Mapping[Kind, int], command: Command, timeout_s: float = 10, env: Env | None = None) -> str:
    """What `command` says in the namespaces that `namespaces.hold` keeps; their processes may all have ended."""
    door = " ".join(f"{kind.called}={fd}" for kind, fd in held.items())
    return _enter(door, frozenset(held), list(held.values()), command, timeout_s, env or {})


# --- The conversation with stage.py ----------------------------------------


def _stage(
    verb: str, kinds: frozenset[Kind], arguments: Iterable[str], fds: Iterable[int], env: Env
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start stage.py; the process, and our end of the channel."""
    ours, theirs = socket.socketpair()
    maker = os.pidfd_open(os.getpid())
    try:
        argv = [*STAGE, verb, str(maker), str(theirs.fileno()), _names(kinds), *arguments]
        return commands.start(argv, {**os.environ, **env}, [maker, theirs.fileno(), *fds]), ours
    finally:
        os.close(maker)
        theirs.close()


def _names(kinds: Iterable[Kind]) -> str:
    """The kinds as stage.py reads them."""
    return ",".join(sorted(f"{kind.called}={kind.flag:#x}" for kind in kinds))


def _enter(door: str, kinds: frozenset[Kind], fds: list[int], command: Command, timeout_s: float, env: Env) -> str:
    process, channel = _stage("enter", kinds, (door, *commands.words(command)), fds, env)
    with _ended_on_error(process):
        for _ in _told(channel, kinds):  # nothing, when all goes well: the end of the channel is the command's start
            pass
    return commands.finish(process, command, timeout_s)


def _told(channel: socket.socket, kinds: frozenset[Kind]) -> Iterator[tuple[str, str]]:
    """Each line as its first word and the rest, to the end of the conversation; `Refused` is raised here."""
    with channel, channel.makefile() as lines:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "refused":
                number, call, why = rest.split("\t", 2)
                hindered = Kind.USER in kinds and int(number) in namespaces.REFUSALS and namespaces.obstacle()
                raise Refused(int(number), call, hindered or why)
            yield word, rest


@contextmanager
def _ended_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        commands.end(process)
        raise


def _is_in(process: Process, those: Mapping[Kind, int]) -> bool:
    try:
        return process.alive() and any(namespaces.identity(kind, process.pid) == those[kind] for kind in those)
    except OSError:  # gone, or another user's
        return False
