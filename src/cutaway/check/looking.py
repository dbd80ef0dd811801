"""Looking at a learner's process from outside, through the kernel.

Nothing here asks the process itself, and nothing runs a program that it could have put in the way.
Every function raises ProcessLookupError when the process has ended, and an OSError with the kernel's own
errno when what was looked for is not there.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.linux import mounts, namespaces
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process

LOOKOUT = (sys.executable, "-I", "-S", str(Path(__file__).with_name("lookout.py")))
DEADLINE_S = 5.0  # for one look, joining included
LISTEN = "0A"  # TCP_LISTEN in linux/net/tcp_states.h, as /proc/net/tcp writes it

# --- Namespaces ------------------------------------------------------------


def identity(process: Process, kind: Kind) -> int:
    """The number of its namespace of this kind."""
    try:
        return namespaces.identity(kind, process.pid)
    except FileNotFoundError:
        raise _gone(process) from None


def own(process: Process, kind: Kind) -> bool:
    """Whether its namespace of this kind is another than the one that we, outside, are in."""
    return identity(process, kind) != namespaces.identity(kind)


def inmost(family: Sequence[Process]) -> Process:
    """The first of these processes that has as many namespaces of its own as any of them."""
    return max(family, key=lambda process: sum(own(process, kind) for kind in Kind))


def makes_for_its_children(process: Process) -> bool:
    """Whether it has made a PID namespace that only its children will be in."""
    try:
        promised = Path(f"/proc/{process.pid}/ns/pid_for_children").stat().st_ino
    except FileNotFoundError:  # gone, or nobody has been born into it yet, and then the kernel shows no number
        return process.alive()
    return promised != identity(process, Kind.PID)


def numbers(process: Process) -> list[int]:
    """Its process number in each PID namespace, from ours to its own; NSpid in proc(5)."""
    return [int(word) for word in _status(process, "NSpid").split()]


def catches(process: Process, number: int) -> bool:
    """Whether it has said what it will do when a signal of that number comes; SigCgt in proc(5)."""
    return bool(int(_status(process, "SigCgt"), 16) >> (number - 1) & 1)


def _status(process: Process, field: str) -> str:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise _gone(process) from None
    return next(line for line in status.splitlines() if line.startswith(f"{field}:")).partition(":")[2]


def program(process: Process) -> str:
    """The name of the program that it runs."""
    try:
        return Path(f"/proc/{process.pid}/comm").read_text(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        raise _gone(process) from None


def listening(family: Iterable[Process], port: int) -> Iterator[Process]:
    """Those of these processes that hold a socket which listens at the port of the network that we are in."""
    rows = [line.split() for table in Path("/proc/net").glob("tcp*") for line in table.read_text().splitlines()]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == LISTEN}
    for process in family:
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # it has ended, or is not ours to ask
            if sockets & {str(fd.readlink()) for fd in Path(f"/proc/{process.pid}/fd").iterdir()}:
                yield process


# --- Inside ----------------------------------------------------------------


def host_name(process: Process) -> str:
    """What the machine is called for it."""
    return str(_look({Kind.UTS}, process, "host_name"))


def read(process: Process, path: str) -> str:
    """The beginning of a file as it sees it."""
    return str(_look(set(), process, "read", f"/proc/{process.pid}/root{path}"))


def listed(process: Process, path: str) -> list[str]:
    """The names in a folder as it sees it."""
    return list(_look(set(), process, "listed", f"/proc/{process.pid}/root{path}"))


def listed_processes(process: Process) -> set[int]:
    """The process numbers that its /proc shows; empty when no proc filesystem is mounted there."""
    try:
        uppermost = [mount for mount in mounts.mounts(process.pid) if mount.target == "/proc"][-1:]
    except (FileNotFoundError, ProcessLookupError):
        raise _gone(process) from None
    if not uppermost or uppermost[0].filesystem != "proc":
        return set()
    return {int(name) for name in listed(process, "/proc") if name.isdigit()}


def fetch(process: Process, port: int, path: str) -> str:
    """What a service on its loopback answers to an HTTP request, head and body."""
    return str(_look({Kind.NET}, process, "fetch", str(port), path))


def call(process: Process, address: str, port: int) -> str:
    """The first line of what a service says to a call from its network; TimeoutError when nothing comes back."""
    return str(_look({Kind.NET}, process, "call", address, str(port)))


def resolve(process: Process, name: str) -> str | None:
    """The address that a name has for it: by its own hosts file, else by the name servers that it would ask.

    Both are read and asked from here, so that no library is loaded that it might have put in the way.
    """
    for line in read(process, "/etc/hosts").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name in names:
            return address
    for server in _name_servers(process):
        with suppress(OSError):  # nobody there, or the name is unknown to it: the next one
            return str(_look({Kind.NET}, process, "ask", server, name))
    return None


def _name_servers(process: Process) -> list[str]:
    try:
        settings = [line.split() for line in read(process, "/etc/resolv.conf").splitlines()]
    except ProcessLookupError:
        raise
    except OSError:  # a machine without one, or with a link to somewhere else
        return []
    return [words[1] for words in settings if words[:1] == ["nameserver"] and len(words) > 1]


def _look(kinds: set[Kind], process: Process, verb: str, *arguments: str) -> Any:
    """Send the lookout in, and hear what it tells."""
    others = {kind for kind in kinds if own(process, kind)}
    if others and own(process, Kind.USER):
        others.add(Kind.USER)
    pidfd = process.pidfd()
    try:
        argv = [*LOOKOUT, str(pidfd), ",".join(kind.value for kind in others), verb, *arguments]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, pass_fds=[pidfd], timeout=DEADLINE_S, check=True
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(errno.ETIMEDOUT, f"{verb} did not end within {DEADLINE_S:g} s") from None
    finally:
        os.close(pidfd)
    told = json.loads(done.stdout)
    if "saw" in told:
        return told["saw"]
    if not process.alive():
        raise _gone(process)
    raise OSError(told["errno"], told["message"])


def _gone(process: Process) -> ProcessLookupError:
    return ProcessLookupError(errno.ESRCH, f"process {process.pid} has ended")
