"""A place to try a container runtime in: a root file system, bundles, and a Docker that runs containers with it.

Everything is in namespaces of our own, where we are user 0 and nobody else is: what is run there may do whatever a
runtime does, and reaches nothing of the machine's, whoever runs this. Docker is in there, too, in its rootless mode.
It has no control groups and knows one user; so what takes more is left out of the config.json that it writes (FRONT).

Lab 09 is done in such a dock, and checked in another.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from docker import DockerClient
from docker.errors import APIError

from cutaway import ledger, runtime
from cutaway.ground import base, programs
from cutaway.images.closure import archive
from cutaway.ledger.engines import EngineError, request
from cutaway.linux import Enclosed, Kind
from cutaway.linux.commands import CommandFailed
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

FOLDER = "/run/dock"  # in the dock's own mounts; nobody outside has it
ROOTFS, ROOT, SOCKET = f"{FOLDER}/rootfs", f"{FOLDER}/containers", f"{FOLDER}/docker.sock"
KINDS = {Kind.USER, Kind.PID, Kind.MNT, Kind.NET, Kind.UTS, Kind.IPC}
RUNTIME = "yours"  # what Docker calls the runtime that is tried
REFUSED = 125  # the status of `docker run` when there is no container to ask for one
RUN_S, START_S = 10, 60  # for one command; for Docker to answer, on an emulated processor
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

FURNISHED = f"""
mount -t tmpfs -o mode=755 none /run
mkdir -p {ROOTFS} {ROOT} {FOLDER}/bin
ln -s /bin/true {FOLDER}/bin/rootlesskit-docker-proxy
for each in runc crun; do mount --bind /bin/false "$(PATH={PATH} command -v $each)" 2>/dev/null || true; done
mount -t tmpfs -o ro none {shlex.quote(str(Path(runtime.__file__).parent))}
"""  # no other runtime is to be had, nor ours; the program publishes ports, and without one Docker does not start

FRONT = """#!{python} -IS
import json
import os
import sys

with open("{folder}/asked", "a") as asked:
    print(*sys.argv[1:], file=asked)
if "create" in sys.argv:
    path = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    with open(path) as file:
        config = json.load(file)
    config["mounts"] = [each for each in config["mounts"] if each["type"] not in ("cgroup", "sysfs")]
    for each in config["mounts"]:
        each["options"] = [option for option in each["options"] if not option.startswith("gid=")]
    with open(path, "w") as file:
        json.dump(config, file)
os.execv("{folder}/runtime", ["runtime", *sys.argv[1:]])
"""  # between Docker and the runtime: notes what Docker asks, and lets it ask for nothing that one user cannot have


class Said(NamedTuple):
    """What came of a command: its status, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last line of what it complained of."""
        return (self.err.strip().splitlines() or [f"status {self.status}, and not a word"])[-1]

    def __repr__(self) -> str:
        return "\n".join(part for part in (self.out.rstrip(), self.err.rstrip(), f"status {self.status}") if part)


def config(*args: str, **changes: Any) -> dict[str, Any]:
    """A small config.json: a shell's world in the dock's root file system. `changes` are made to its first level."""
    return {
        "ociVersion": "1.0.2",
        "root": {"path": ROOTFS},
        "hostname": "inside",
        "process": {
            "args": list(args),
            "env": ["PATH=/usr/bin:/bin"],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"]},
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "nodev"]}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
    } | changes


# --- The dock --------------------------------------------------------------


class DryDock:
    """Where a runtime is tried. All that is made in it ends with this process, or with `close`."""

    def __init__(self) -> None:
        self._entry = ledger.record("process", "a dry dock")
        self.box = Enclosed(KINDS, hostname="dock", network_up=True, env={**self._entry.env, "HOME": FOLDER})
        self.box.run(FURNISHED)
        with tarfile.open(fileobj=io.BytesIO(archive(base.contents()))) as files:
            files.extractall(self.path(ROOTFS))
        self._clients: list[DockerClient] = []

    def path(self, inside: str) -> Path:
        """Where a file of the dock's is to be found from outside."""
        return Path(f"/proc/{self.box.pid}/root{inside}")

    def write(self, name: str, text: str, mode: int = 0o644) -> str:
        """Write a file of the dock's folder, anew; its path inside."""
        path = self.path(f"{FOLDER}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(text)
        fresh.chmod(mode)
        fresh.rename(path)
        return f"{FOLDER}/{name}"

    def bundle(self, config: dict[str, Any], name: str = "bundle") -> str:
        """A folder with this config.json; its path inside."""
        return self.write(f"{name}/config.json", json.dumps(config, indent=1)).removesuffix("/config.json")

    def program(self, text: str, name: str = "runtime") -> str:
        """A program of Python's, which finds nothing but what Python brings; its path inside."""
        return self.write(name, f"#!{os.path.realpath(sys.executable)} -IS\n{text}", 0o755)

    def run(self, *words: str, timeout_s: float = RUN_S) -> Said:
        """Run a command to its end; what it leaves running stays. CommandFailed when it takes too long."""
        out, err = f"{FOLDER}/out", f"{FOLDER}/err"
        status = self.box.run(f"{shlex.join(words)} >{out} 2>{err} </dev/null; echo $?", timeout_s)
        return Said(int(status), *(self.path(each).read_text(errors="replace") for each in (out, err)))

    def close(self) -> None:
        """End everything in it."""
        for client in self._clients:
            client.close()
        self.box.close()
        self._entry.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Docker ------------------------------------------------------------

    def docker(self) -> DockerClient:
        """A Docker in here, whose runtime `yours` is the program named runtime. Problem when it does not start."""
        if not self._clients:
            self._start_docker()
            self._clients.append(DockerClient(base_url=f"unix://{self.path(SOCKET)}", timeout=START_S))
            settings = [*base.STARTS_A_SHELL, f"ENV PATH={base.PATH}"]
            self._clients[0].api.import_image_from_data(archive(base.contents()), base.NAME, "latest", settings)
        return self._clients[0]

    @contextmanager
    def container(self, *command: str, **options: Any) -> Iterator[Any]:
        """A container that Docker has been told to make with the runtime; gone at the end of the block."""
        made = self.docker().containers.create(base.NAME, list(command), runtime=RUNTIME, **options)
        try:
            yield made
        finally:
            made.remove(force=True)

    def docker_run(self, *command: str, **options: Any) -> Said:
        """What a container says until it ends, as `docker run --rm --runtime yours` does it."""
        with self.container(*command, **options) as made:
            try:
                made.start()
            except APIError as error:
                return Said(REFUSED, "", f"docker: {error.explanation}")
            status = int(made.wait(timeout=RUN_S)["StatusCode"])
            return Said(status, made.logs(stderr=False).decode(), made.logs(stdout=False).decode())

    def asked(self) -> list[str]:
        """What Docker has asked of the runtime so far, a line a call, with short names for long ones."""
        path = self.path(f"{FOLDER}/asked")
        return [_short(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _start_docker(self) -> None:
        if programs.path("dockerd") is None:
            raise Problem(f"starting Docker: it is not installed; to get it: {programs.remedy('docker')}")
        front = self.write("front", FRONT.format(python=os.path.realpath(sys.executable), folder=FOLDER), 0o755)
        settings = {"group": "root", "log-level": "warn", "runtimes": {RUNTIME: {"path": front}}}
        at = {"config-file": self.write("daemon.json", json.dumps(settings)), "host": f"unix://{SOCKET}"}
        at |= {"data-root": f"{FOLDER}/data", "exec-root": f"{FOLDER}/exec", "pidfile": f"{FOLDER}/docker.pid"}
        given = [f"--{name}={value}" for name, value in at.items()]
        given += ["--rootless", "--storage-driver=vfs", "--iptables=false", "--ip6tables=false"]
        given += ["--userland-proxy=false", "--bip=192.0.2.1/24"]
        env = f"PATH={FOLDER}/bin:{PATH} XDG_RUNTIME_DIR=/run ROOTLESSKIT_STATE_DIR={FOLDER}"
        hide_groups = "mount -t tmpfs none /sys/fs/cgroup"  # it would look there for rights that it does not have
        self.write("docker.log", "")  # the shell may not have opened it when it is first read
        self.box.run(f"{hide_groups}; {env} dockerd {shlex.join(given)} </dev/null >{FOLDER}/docker.log 2>&1 &")
        deadline = time.monotonic() + START_S
        while not self._answers():
            log = self.path(f"{FOLDER}/docker.log").read_text(errors="replace")
            if "failed to start daemon" in log or time.monotonic() > deadline:
                last = (log.strip().splitlines() or ["it says nothing"])[-1]
                raise Problem(f"starting Docker in a user namespace: {last}; `dockerd --version` says which it is")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return request(str(self.path(SOCKET)), "GET", "/_ping")[0] == 200
        except EngineError:
            return False


def _short(line: str) -> str:
    """A call as one reads it: paths by their last part, a container's number by its beginning."""
    return " ".join(word.rpartition("/")[2][:12] if "/" in word or len(word) > 32 else word for word in line.split())


__all__ = ["CommandFailed", "DryDock", "Said", "config"]
