"""What is known of each container between two commands: a folder with state.json, under the runtime's root.

The status is never stored: it is read from the process each time. Two fifos stand for a container that waits to be
started; whoever removes the first has the right to start it. OCI runtime specification, runtime.md, "State".
"""

from __future__ import annotations

import errno
import os
import time

from cutaway.linux.files import read, write
from cutaway.linux.groups import Groups
from cutaway.linux.light import dumps, loads, suppress
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from typing import Any

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")
LONGEST = 1024
VERSION = "1.0.2"  # of the specification that the state follows


def default_root() -> str:
    """Where containers are known when nobody says: for root below /run, else in the user's own runtime folder."""
    if os.geteuid() == 0 and not os.environ.get("ROOTLESS"):
        return "/run/cutaway-oci"
    return os.path.join(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/cutaway-oci-{os.getuid()}", "cutaway-oci")


class Container:
    """One container of one root; `facts` is what state.json says."""

    def __init__(self, root: str, name: str) -> None:
        if not name or len(name) > LONGEST or not LETTERS.issuperset(name) or name in (".", ".."):
            raise ContainerError(f"container id {name!r}: letters, digits and any of _ + - . make an id")
        self.root, self.name = root, name
        self.folder = os.path.join(root, name)
        self.fifo, self.outcome = f"{self.folder}/start", f"{self.folder}/outcome"
        self.facts: dict[str, Any] = {}
        self._config: Any = None

    @property
    def alone(self) -> str:
        """A name that no container of another root has: those of all but the usual root begin with a number."""
        return self.name if self.root == default_root() else f"{os.stat(self.root).st_ino}-{self.name}"

    @classmethod
    def known(cls, root: str, name: str) -> Container:
        """A container that exists; ContainerError for one that does not."""
        found = cls(root, name)
        try:
            found.facts = loads(read(f"{found.folder}/state.json"))
        except FileNotFoundError:
            raise ContainerError(f"container {name!r} does not exist in {root}") from None
        except ValueError:
            raise ContainerError(
                f"container {name!r}: {found.folder}/state.json is damaged; delete it with --force"
            ) from None
        return found

    def claim(self) -> None:
        """Make the folder: from now on the name is taken."""
        os.makedirs(self.root, mode=0o711, exist_ok=True)
        try:
            os.mkdir(self.folder, 0o711)
        except FileExistsError:
            raise ContainerError(f"container {self.name!r} exists already in {self.root}; delete it first") from None
        os.mkfifo(self.fifo, 0o600)
        os.mkfifo(self.outcome, 0o600)

    def describe(self, config: Any) -> None:
        """Write down what it was created from."""
        write(f"{self.folder}/config.json", dumps(config), new=True)
        self._config = config

    def save(self, **facts: Any) -> None:
        """Write down what is known, in one step."""
        self.facts |= facts
        with open(f"{self.folder}/state.new", "w") as file:
            file.write(dumps(self.facts))
        os.rename(f"{self.folder}/state.new", f"{self.folder}/state.json")

    def forget(self) -> None:
        """Make the folder gone."""
        for each in os.listdir(self.folder) if os.path.isdir(self.folder) else ():
            os.unlink(f"{self.folder}/{each}")
        with suppress(FileNotFoundError):
            os.rmdir(self.folder)

    # --- What is so now

    @property
    def pid(self) -> int:
        """The number of its first process; 0 when that has ended."""
        return self.facts.get("pid", 0) if self.alive() else 0

    def alive(self) -> bool:
        """Whether its first process still runs: the same, not another that was given its number."""
        started = start_time(self.facts.get("pid", 0))
        return started is not None and started == self.facts.get("start_time")

    @property
    def groups(self) -> Groups:
        """Its control groups."""
        return Groups(self.facts.get("groups", {}))

    def status(self) -> str:
        """created, running, paused or stopped."""
        if "pid" not in self.facts:
            return "creating" if self.facts else "stopped"
        if not self.alive():
            return "stopped"
        if os.path.exists(self.fifo):
            return "created"
        return "paused" if self.facts.get("groups") and self.groups.frozen() else "running"

    def state(self, status: str | None = None) -> dict[str, Any]:
        """What hooks and `state` are told."""
        now = status or self.status()
        told = {"ociVersion": VERSION, "id": self.name, "status": now}
        if now != "stopped":
            told["pid"] = self.facts.get("pid", 0)
        return told | {"bundle": self.facts.get("bundle", ""), "annotations": self.facts.get("annotations") or {}}

    def config(self) -> Any:
        """The config.json with which it was created."""
        if self._config is None:
            self._config = loads(read(f"{self.folder}/config.json"))
        return self._config


def start_time(pid: int) -> int | None:
    """When the process began, in ticks since boot (proc(5), field 22 of stat); None when it has ended."""
    try:
        fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return None
        raise
    return None if fields[0] in "ZX" else int(fields[19])


def now() -> str:
    """The time as state.json and `list` write it (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
