"""The lab machine: a computer of one's own for an experiment, with another kernel, in which one is root.

    with machine.fresh() as guest:
        guest.run("uname -r")

A fresh machine is a copy of one that is up already (guest/saved.py), so it is there at once and costs little; it has
its own memory, sees this machine's programs read-only, and ends with its block, or with the process that made it.
Reading order: fresh and start, Machine, finding one again. The folder `guest` is how it is made.
"""

from __future__ import annotations

import calendar
import os
import secrets
import shlex
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from cutaway.ground.grounds import INSIDE
from cutaway.ground.guest import (
    accelerators,
    conversation,
    exports,
    initramfs,
    inside,
    kernel,
    qemu,
    qmp,
    running,
    saved,
    workbench,
)
from cutaway.ground.guest import engine as engines
from cutaway.ground.guest import notebook as notebooks
from cutaway.ground.guest.running import BEGIN_S, SEED_BYTES, Owner, Running
from cutaway.linux.commands import Command, CommandFailed, words
from cutaway.linux.processes import Process
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

Env = dict[str, str]

MEMORY_MIB = 512
CGroups = Literal["v2", "v1"]
Warm = Literal["notebook", "docker", "podman", "workbench", "counter"]
HOST_NAME_MAX = 64  # bytes; linux/utsname.h, __NEW_UTS_LEN
LOOPBACK = "127.0.0.1"
TRIES = 20  # for a port of the host that is free both when it is chosen and when it is taken
ANSWER_S = 20  # for a guest that is alive; a busy one by emulation answers within a second


# --- Starting ----------------------------------------------------------------


@contextmanager
def fresh(**options: Any) -> Iterator[Machine]:
    """A machine for one experiment, gone at the end of the block; `options` are those of `start`."""
    guest = start(**options)
    try:
        yield guest
    finally:
        guest.stop()


def start(
    name: str = "",
    *,
    owner: Owner | None = None,
    memory_mib: int = MEMORY_MIB,
    cpus: int = 1,
    cgroups: CGroups = "v2",
    folders: Iterable[Path] = (),
    disks: Sequence[Path] = (),
    cable: int | None = None,
    boot: bool = False,
    warm: Warm | None = None,
) -> Machine:
    """A machine that has begun. It ends with `owner`, else with this process; "itself" stays until it is stopped.

    It goes on from a saved one, which is made at the first use; with `boot`, its kernel is booted for it alone.
    `folders` of the reader's are shown to it, read-only, beside programs and the course. A machine with `disks`, files
    that hold raw ones, or with an end of a `cable` is booted.

    In a `warm` one something is up already: a notebook's kernel that waits for a word, or an engine of that kind. One
    with an engine has programs of its own, and shares `folders` with the host: what it writes to them is written here.
    A workbench has both a kernel and an engine, and is shown nothing by which a lab is checked; so has a
    counter, whose engine has the images of the page of that name.
    """
    name = name or f"machine-{secrets.token_hex(3)}"
    if any(each.name == name for each in running.all_of_them()):
        raise Problem(f"starting {name}: a machine of that name runs; stop it first, or choose another name")
    spec = replace(specify(memory_mib, cpus, folders, warm), disks=disks, cable=cable)
    if boot or disks or cable is not None:
        fds = () if cable is None else (cable,)
        started = running.start(name, qemu.command(spec, None), owner or Process.current(), fds)
    else:
        started = saved.go_on(spec, name, owner or Process.current())
    try:
        _begin(started, spec, cgroups)
    except BaseException:
        started.stop()
        raise
    return Machine(started)


def wire() -> tuple[int, int]:
    """The two ends of a cable between two machines; each end is given to one."""
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def specify(
    memory_mib: int = MEMORY_MIB, cpus: int = 1, folders: Iterable[Path] = (), warm: Warm | None = None
) -> qemu.Spec:
    """The computer that a machine with these wishes gets on this host."""
    guest_kernel = kernel.find()
    lent, shared = exports.lent(guest_kernel, folders), []
    wake: qemu.Wake | None = None
    emulation = qemu.EMULATION
    match warm:
        case None:
            boots_from = initramfs.ready(guest_kernel)
        case "notebook":
            boots_from, wake = notebooks.ready(guest_kernel), notebooks.wake
        case "workbench" | "counter":
            boots_from, wake, emulation = workbench.ready(guest_kernel, warm), workbench.WAKE[warm], workbench.EMULATION
            lent = exports.lent_to_a_submission(guest_kernel)
        case kind:
            boots_from, wake = engines.ready(guest_kernel, kind), engines.wake
            lent, shared = [], exports.shared(folders)
    bare = kernel.bare(guest_kernel)
    spec = qemu.Spec(bare, boots_from, lent, "tcg", memory_mib, cpus, shared=shared, wake=wake, emulation=emulation)
    return replace(spec, accelerator=accelerators.choose(spec).name)


def _begin(started: Running, spec: qemu.Spec, cgroups: CGroups) -> None:
    """Tell the guest what makes it itself."""
    tags = [qemu.tag(number) for number in range(spec.slots)]
    request = {
        "do": "begin",
        "seed": os.urandom(SEED_BYTES).hex(),
        "time": time.time(),
        "hostname": started.name[:HOST_NAME_MAX],
        "cgroups": cgroups,
        "busybox": str(initramfs.busybox()),
        "lent": [(tag, str(each.target)) for tag, each in zip(tags, spec.lent, strict=False)],
        "shared": [(tag, str(each.target)) for tag, each in zip(tags[len(spec.lent) :], spec.shared, strict=False)],
    }
    if trouble := started.ask(request, BEGIN_S):
        raise Problem(f"starting {started.name}: the guest could not build its root: {trouble}; see `cutaway doctor`")


# --- A machine -----------------------------------------------------------------


class Machine:
    """A guest that runs: commands, files and ports. Any process of the user that started it may use it."""

    def __init__(self, started: Running) -> None:
        self.running, self.name = started, started.name

    def __repr__(self) -> str:
        return f"Machine({self.name!r})"

    def run(
        self, command: Command, timeout_s: float = 30, stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> str:
        """What the command, run as root in the guest, wrote to its standard output, stripped.

        `CommandFailed` when it fails or takes too long (then it is killed), with its status and both outputs.
        """
        said, complained = bytearray(), bytearray()
        source = _as_pipe(stdin)
        try:
            status = self.converse(words(command), source, said.extend, complained.extend, timeout_s, env)
        finally:
            os.close(source)
        stdout, stderr = (bytes(text).decode(errors="replace") for text in (said, complained))
        if status is None:
            raise CommandFailed(command, None, stdout, stderr, f"still running after {timeout_s:g} s; killed")
        if status:
            raise CommandFailed(command, status, stdout, stderr, f"status {status}")
        return stdout.strip()

    def converse(
        self,
        argv: Sequence[str],
        stdin: int | None,
        output: conversation.Sink,
        errors: conversation.Sink,
        timeout_s: float | None = None,
        env: Env | None = None,
        terminal: tuple[int, int] | None = None,
    ) -> int | None:
        """Carry one command's streams as they come; its status, or None when the time was over and it was killed.

        `terminal` is the rows and columns of one to run it on. When the guest itself is silent, that is a Problem.
        """
        where = {"cwd": str(Path.cwd()), "env": self.environment() | (env or {})}
        request = {"do": "run", "argv": list(argv), "terminal": terminal, **where}
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            with self._port() as line:
                return int(conversation.converse(line, request, stdin, output, errors, deadline))
        except conversation.Silent:
            self.hear()
            return None
        except conversation.Gone as gone:
            raise self._ended() from gone

    def hear(self, timeout_s: float = ANSWER_S) -> None:
        """Problem when the guest does not answer: it hangs, or is gone."""
        try:
            with self._port() as line:
                conversation.converse(line, {"do": "hello"}, deadline=time.monotonic() + timeout_s)
        except conversation.Silent:
            raise Problem(
                f"asking {self.name}: the guest has not answered for {timeout_s:g} s, so it hangs; "
                f"`cutaway machine stop {self.name}` ends it"
            ) from None
        except conversation.Gone as gone:
            raise self._ended() from gone

    def put(self, path: str, content: bytes) -> None:
        """Write a file in the guest."""
        self.run(f"cat > {shlex.quote(path)}", stdin=content)

    def get(self, path: str) -> bytes:
        """A file of the guest's."""
        content, complained = bytearray(), bytearray()
        argv = ["cat", "--", path]
        if status := self.converse(argv, None, content.extend, complained.extend, ANSWER_S):
            raise CommandFailed(argv, status, "", complained.decode(errors="replace"), f"status {status}")
        return bytes(content)

    def clock(self) -> float:
        """Whole seconds on the clock in its hardware, by which one tells how long something took there; 0 for no date.

        The guest is not asked, and may be too busy to answer. But its root can set this clock, and stop it.
        """
        try:
            with qmp.Monitor(self.running.folder) as monitor:
                now = monitor.do("qom-get", path="/machine", property="rtc-time")
        except (OSError, qmp.Refused) as error:
            raise self._ended() from error
        year, month, *rest = (now[f"tm_{part}"] for part in ("year", "mon", "mday", "hour", "min", "sec"))
        try:
            return calendar.timegm((1900 + year, 1 + month, *rest))
        except ValueError:  # root has written a month 99
            return 0

    def console(self) -> str:
        """What its kernel has written to the serial port."""
        return self.running.console()

    def publish(self, port: int, host_port: int = 0) -> int:
        """Let the guest's TCP port be reached on the host's loopback; the host's port, chosen if none is named."""
        return self.publish_all({port: host_port})[0]

    def publish_all(self, ports: Mapping[int, int]) -> list[int]:
        """The same for several: the guest's ports, and the host's that are wanted for them or 0."""
        with qmp.Monitor(self.running.folder) as monitor:
            return [self._published(monitor, port, wanted) for port, wanted in ports.items()]

    def _published(self, monitor: qmp.Monitor, port: int, host_port: int) -> int:
        for _ in range(1 if host_port else TRIES):
            chosen = host_port or _free_port()
            line = f"hostfwd_add net tcp:{LOOPBACK}:{chosen}-:{port}"
            refusal = monitor.do("human-monitor-command", **{"command-line": line})
            if not refusal:
                return chosen
        raise Problem(
            f"publishing port {port} of {self.name} as {chosen}: {refusal.strip().lower()}; choose another port"
        )

    def stop(self) -> None:
        """End the machine with all that is in it; one that has ended is stopped already."""
        self.running.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def _port(self) -> Iterator[socket.socket]:
        try:
            with conversation.a_free_port(self.running.folder) as line:
                yield line
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise self._ended() from error

    def environment(self) -> Env:
        """What commands find: the course's own Python first, and of the host's environment only the terminal's name."""
        path = f"{Path(sys.prefix, 'bin')}:{inside.PATH}"
        own = {"PATH": path, "HOME": "/root", "USER": "root", "SHELL": "/bin/bash", "LANG": "C.UTF-8"}
        terminal = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
        return own | terminal | {INSIDE: self.name}

    def _ended(self) -> Problem:
        return Problem(f"asking {self.name}: the machine has ended, {self.running.last_words()}; start another")


def _as_pipe(content: bytes) -> int:
    """A descriptor from which `content` can be read."""
    fd = os.memfd_create("input")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


# --- Finding one again -----------------------------------------------------------


def named(name: str) -> Machine:
    """The machine of this name, which runs; Problem else."""
    for each in running.all_of_them():
        if each.name == name:
            return Machine(each)
    raise Problem(f"looking for {name}: no such machine runs; `cutaway machine status` lists those that do")


def all_of_them() -> list[Machine]:
    """Every machine of this user that runs now."""
    return [Machine(each) for each in running.all_of_them() if not each.name.startswith("saved ")]
