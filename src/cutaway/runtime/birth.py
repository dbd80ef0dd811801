"""How a container's first process is born: a copy of the runtime, in groups and namespaces of its own.

It is in all of them from its first moment, so nothing of it is ever seen or counted elsewhere. While it furnishes them
the two talk over a pair of pipes. See clone(2), setns(2), user_namespaces(7).
"""

from __future__ import annotations

import os

from cutaway.linux import calls, capabilities
from cutaway.linux.files import write
from cutaway.linux.light import signal, suppress
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from cutaway.linux.groups import Groups
    from cutaway.runtime.config import Config

KINDS = {
    "user": calls.CLONE_NEWUSER, "pid": calls.CLONE_NEWPID, "mount": calls.CLONE_NEWNS, "network": calls.CLONE_NEWNET,
    "ipc": calls.CLONE_NEWIPC, "uts": calls.CLONE_NEWUTS, "cgroup": calls.CLONE_NEWCGROUP, "time": calls.CLONE_NEWTIME,
}  # a user namespace comes first, for its rights open the others  # fmt: skip
FELL_SILENT = "the container's first process ended before it could be heard; its standard error may say why"
LATER = ("cgroup", "time")  # made by the process itself, once it is where they are to begin

# --- Being born ------------------------------------------------------------


def born_in(groups: Groups, kinds: Mapping[str, str], life: Callable[[], NoReturn]) -> int:
    """A child in the groups, in new namespaces and in those that are joined by their paths; its number here."""
    new = sum(KINDS[kind] for kind, path in kinds.items() if not path and kind not in LATER)
    joined = sorted((kind for kind, path in kinds.items() if path), key=list(KINDS).index)

    def join() -> None:
        groups.enter()
        for kind in joined:
            _join(kind, kinds[kind])

    def life_in_groups() -> NoReturn:
        groups.enter()
        life()

    return born(new, life, join) if joined else born(new, life_in_groups)


def born(new: int, life: Callable[[], NoReturn], first: Callable[[], None] | None = None) -> int:
    """A child that lives `life` in `new` namespaces, flags of clone(2); its number here.

    One clone makes all new ones. To be born into namespaces that exist already, somebody must be in them before:
    a process between does `first`, has the child, and ends; the child counts as ours.
    """
    if first is None:
        return calls.clone(new) or _alone(life)
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        _between(new, life, first, writing)
    os.close(writing)
    said = os.read(reading, 4096).decode()
    os.close(reading)
    os.waitpid(between, 0)
    if not said.isdigit():
        raise ContainerError(said or "joining namespaces: the process between ended without a word")
    return int(said)


def _between(new: int, life: Callable[[], NoReturn], first: Callable[[], None], writing: int) -> NoReturn:
    try:
        calls.prctl(calls.PR_SET_DUMPABLE, 0)  # nobody inside may look into it
        first()
        pid = calls.clone(new | calls.CLONE_PARENT)
    except BaseException as error:
        os.write(writing, str(error).encode()[:4000])
        os._exit(1)
    if pid == 0:
        os.close(writing)
        _alone(life)
    os.write(writing, str(pid).encode())
    os._exit(0)


def _alone(life: Callable[[], NoReturn]) -> NoReturn:
    """Live; and whatever goes wrong, never go on as the runtime of which this process is a copy."""
    try:
        life()
    except BaseException as error:
        os.write(2, f"cutaway-oci: {error}\n".encode())
    os._exit(1)


def _join(kind: str, path: str) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ContainerError(f"joining the {kind} namespace at {path}: {error.strerror}") from None
    calls.setns(fd, KINDS[kind], path)
    os.close(fd)


def map_ids(pid: int, part: Config) -> None:
    """Say who is who inside; an ordinary user may map more than himself only through newuidmap(1)."""
    for which, key in (("uid", "uidMappings"), ("gid", "gidMappings")):
        lines = [f"{each['containerID']} {each['hostID']} {each['size']}" for each in part.get(key) or ()]
        if not lines:
            raise ContainerError(f"config.json: linux.{key} is missing; a user namespace needs to know who is who")
        try:
            if which == "gid" and len(lines) == 1 and not capabilities.privileged():
                write(f"/proc/{pid}/setgroups", "deny")  # else the kernel lets nobody map even himself
            write(f"/proc/{pid}/{which}_map", "\n".join(lines))
        except PermissionError:
            words = [str(pid), *" ".join(lines).split()]
            status = os.waitpid(os.posix_spawnp(f"new{which}map", [f"new{which}map", *words], os.environ), 0)[1]
            if status:
                raise ContainerError(f"new{which}map {' '.join(words)}: status {status >> 8}; see subuid(5)") from None


def reap(pid: int) -> None:
    """End a child, and let nothing be left of it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


# --- Talking ---------------------------------------------------------------


class Pipes:
    """Words between the runtime and the container's first process; each side reads one and writes the other."""

    def __init__(self) -> None:
        self.ends = os.pipe(), os.pipe()

    def take(self, side: int) -> None:
        """Be side 0, the runtime, or 1, the container."""
        (self.reading, theirs), (other, self.writing) = self.ends[side], self.ends[1 - side]
        os.close(theirs)
        os.close(other)

    def say(self, word: str) -> None:
        """Send one line."""
        os.write(self.writing, f"{word}\n".encode())

    def hear(self) -> str:
        """The next line; empty when the other side is gone."""
        heard = b""
        while not heard.endswith(b"\n"):
            piece = os.read(self.reading, 1)
            if not piece:
                return ""
            heard += piece
        return heard.decode().rstrip("\n")

    def expect(self, word: str) -> None:
        """Wait for one word; what the other side says instead is why it failed."""
        heard = self.hear()
        if heard != word:
            raise ContainerError(heard.replace("\x1f", "\n") or FELL_SILENT)

    def close(self) -> None:
        """Be done."""
        os.close(self.reading)
        os.close(self.writing)
