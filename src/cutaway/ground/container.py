"""Containers for cells: `with Container(["sh", "ls"]) as c: print(c.run("ls /"))`.

A container here is what it is in the runtime: a process in namespaces of its own, with its own root, few rights and
limits. Its first process does nothing but keep it; commands are started in it one by one. Its image is never written
to: a layer in memory over it takes what is written, and is gone with it. What makes it is the course's own runtime,
`cutaway.runtime`, kept warm; `config` is the config.json that it was given. Taught in notebooks 08 and 11.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from cutaway import ledger
from cutaway.images import files
from cutaway.images.files import Image
from cutaway.ledger import paths
from cutaway.linux import capabilities as capability_sets
from cutaway.linux import namespaces, subordinate
from cutaway.linux.commands import Command, CommandFailed, words
from cutaway.linux.groups import Groups
from cutaway.problem import Problem
from cutaway.runtime import example
from cutaway.runtime.warm import Kept, Running, Warm

Config = dict[str, Any]  # what config.json holds

ROOM_BYTES = 256 << 20  # for what a container writes
PERIOD_US = 100_000  # over which the kernel counts processor time


class Container:
    """A container that lasts as long as its block, and no longer than this process, however that ends.

    `image` is a folder, an OCI layout, the names of programs of this machine, or nothing: then a busybox.
    `volumes` shows folders of this machine inside, `{"/home/ada/site": "/www:ro"}`; `network` is "none" (only its own
    loopback) or "host" (this machine's). `change` has the last word on config.json. `pid` is the number of its first
    process outside. Who is not root is root inside all the same, in a user namespace; limits then take control groups
    that he was lent, and where there are none a Problem says so.
    """

    def __init__(
        self,
        image: Image | None = None,
        *,
        hostname: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: int | tuple[int, int] = 0,
        network: str = "none",
        volumes: Mapping[str, str] | None = None,
        memory_bytes: int | None = None,
        cpus: float | None = None,
        pids: int | None = None,
        capabilities: Iterable[str] = example.USUAL,
        read_only: bool = False,
        room_bytes: int = ROOM_BYTES,
        change: Callable[[Config], object] | None = None,
    ) -> None:
        self._workshop = workshop()
        self.name = f"c-{secrets.token_hex(4)}"
        lower, said = self._workshop.files(image)
        self.config = example.protected("keeper", capabilities=_known(capabilities))
        self.config["hostname"] = hostname or self.name
        self.config["root"]["readonly"] = read_only
        self.config["linux"]["cgroupsPath"] = f"{self._workshop.group}/{self.name}"
        self._describe_process(said, env or {}, cwd, user)
        self._describe_network(network)
        self.config["mounts"] += [_bind(Path(source), target) for source, target in (volumes or {}).items()]
        if not namespaces.may_make_any():
            example.without_root(self.config)
            self._map_more_users()
        self.config["linux"]["resources"] |= _limits(memory_bytes, cpus, pids)
        if change:
            change(self.config)

        self._kept = Kept(
            self._workshop.warm, root=str(self._workshop.folder / "known"), name=self.name, config=self.config,
            bundle=str(self._workshop.folder), lower=str(lower), room_bytes=room_bytes,
        )  # fmt: skip
        self._open = True
        self.pid = self._kept.pid

    # --- What it is to be

    def _describe_process(
        self, said: Mapping[str, Any], env: Mapping[str, str], cwd: str | None, user: int | tuple[int, int]
    ) -> None:
        process = self.config["process"]
        settings = [*process["env"], *(said.get("Env") or ()), *(f"{name}={value}" for name, value in env.items())]
        process["env"] = [f"{name}={value}" for name, value in dict(each.split("=", 1) for each in settings).items()]
        process["cwd"] = cwd or said.get("WorkingDir") or "/"
        uid, gid = user if isinstance(user, tuple) else (user, user)
        process["user"] = {"uid": uid, "gid": gid}

    def _describe_network(self, network: str) -> None:
        if network not in ("none", "host"):
            raise Problem(f"making a container: network {network!r} is neither 'none' nor 'host'; see notebook 10")
        if network == "host":
            kinds = self.config["linux"]["namespaces"]
            self.config["linux"]["namespaces"] = [each for each in kinds if each["type"] != "network"]

    def _map_more_users(self) -> None:
        """With subordinate ids there are other users inside than root."""
        if not subordinate.available():
            return
        for key, file in (("uidMappings", "/etc/subuid"), ("gidMappings", "/etc/subgid")):
            inside = 1
            for first, length in subordinate.lent(file):
                self.config["linux"][key].append({"containerID": inside, "hostID": first, "size": length})
                inside += length

    # --- Commands in it

    def run(self, command: Command, timeout_s: float = 10, **options: Any) -> str:
        """What the command says, stripped; `CommandFailed` when it fails or takes too long. `options` as for start."""
        running = self.start(command, **options)
        try:
            in_time = running.wait(timeout_s)
        finally:
            running.kill()
            running.close()
        if not in_time:
            why = f"still running after {timeout_s:g} s; killed"
            raise CommandFailed(command, None, running.stdout, running.stderr, why)
        if running.status:
            raise CommandFailed(command, running.status, running.stdout, running.stderr, f"status {running.status}")
        return running.stdout.strip()

    def start(
        self,
        command: Command,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: int | tuple[int, int] | None = None,
    ) -> Running:
        """Start a command and go on: the answer has its `pid`, `stdout`, `stderr`, `status`, and can wait and kill."""
        task = dict(self.config["process"]) | {"args": words(command)}
        task["env"] = [*task["env"], *(f"{name}={value}" for name, value in (env or {}).items())]
        task["cwd"] = cwd or task["cwd"]
        if user is not None:
            uid, gid = user if isinstance(user, tuple) else (user, user)
            task["user"] = {"uid": uid, "gid": gid}
        return self._kept.start(task)

    @property
    def groups(self) -> Groups:
        """Its control groups, where it has some: `c.groups.get("memory", "memory.current")`."""
        return Groups.named(self.config["linux"]["cgroupsPath"])

    # --- Its end

    def close(self) -> None:
        """End every process inside, and all else of it; closing twice does nothing."""
        if self._open:
            self._open = False
            self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- What all containers of this process share -----------------------------


class Workshop:
    """A warm runtime, a folder and a group above all groups: written down once, before the first container is made."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.folder = ledger.state_folder() / f"containers-{secrets.token_hex(4)}"
        self.group = f"{'/' if namespaces.may_make_any() else ''}cutaway-{self.folder.name}"
        groups = sorted(set(Groups.named(self.group).folders.values()))
        self._entries = [
            ledger.record("cgroups", "control groups of containers", paths=groups),
            ledger.record("folder", "files of containers", path=self.folder),
            ledger.record("process", "a warm container runtime"),
        ]
        (self.folder / "rootfs").mkdir(parents=True)  # where each container, in mounts of its own, has its root
        self.warm = Warm(self._entries[-1].env | {"PATH": os.environ.get("PATH", os.defpath)})
        self._unpacked: dict[Hashable, tuple[Path, Config]] = {}

    def files(self, image: Image | None) -> tuple[Path, Config]:
        """Where the image's files are, unpacked once, and what it says of its programs."""
        key = None if image is None else files.key(image)
        if key not in self._unpacked:
            from cutaway.ground import base  # Docker's client comes with it, which is slow to load

            folder = self.folder / f"image{secrets.token_hex(4)}"
            try:
                self._unpacked[key] = files.unpack(base.contents() if image is None else image, folder)
            except BaseException:
                paths.remove(str(folder))
                raise
        return self._unpacked[key]

    def works(self) -> bool:
        """Whether it can be used by this process, still."""
        here = self.owner == os.getpid() and self.folder.parent == ledger.state_folder()
        return here and self.warm.process.poll() is None

    def close(self) -> None:
        """Undo all of it, and with it every container."""
        self.warm.close()
        for entry in reversed(self._entries):
            entry.undo()


_workshops: list[Workshop] = []


def workshop() -> Workshop:
    """This process's own; opened with the first container."""
    if not _workshops or not _workshops[-1].works():
        _workshops.append(Workshop())
    return _workshops[-1]


# --- Parts of config.json --------------------------------------------------


def _bind(source: Path, target: str) -> Config:
    """One volume: `/inside`, or `/inside:ro`."""
    destination, _, mode = target.partition(":")
    if not source.exists():
        raise Problem(f"making a container: the volume {source} is not there; make it first")
    return {
        "destination": destination, "type": "bind", "source": str(source.resolve()),
        "options": ["rbind", "nosuid", "nodev", mode or "rw"],
    }  # fmt: skip


def _known(names: Iterable[str]) -> list[str]:
    """The capabilities as the manual page writes them; the runtime would leave out what Linux does not have."""
    try:
        return capability_sets.names(capability_sets.mask(names))
    except ValueError as error:
        raise Problem(f"making a container: {error}") from None


def _limits(memory_bytes: int | None, cpus: float | None, pids: int | None) -> Config:
    limits: Config = {}
    if memory_bytes is not None:
        limits["memory"] = {"limit": memory_bytes, "swap": memory_bytes}  # of both together: no swap
    if cpus is not None:
        limits["cpu"] = {"quota": round(cpus * PERIOD_US), "period": PERIOD_US}
    if pids is not None:
        limits["pids"] = {"limit": pids}
    return limits
