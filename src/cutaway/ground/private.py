"""An engine of our own: nothing that it makes is outside its folder, its namespaces and its control groups.

Everything hangs on the engine's process, and that process on its owner: when the owner ends, the ledger's watcher
kills the engine; when the engine ends, however it ends, a watcher of its own undoes what it left.
Reading order: words, what there is, starting, configuration, stopping. launch.py is what the process does before it
is an engine, ports.py is how its published ports come to the host.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TextIO
from urllib.parse import urlsplit

from cutaway import ledger
from cutaway.ground import launch, ports, programs
from cutaway.ledger.engines import EngineError, request
from cutaway.ledger.state import one_at_a_time
from cutaway.linux import subordinate
from cutaway.linux.processes import Process
from cutaway.problem import Problem
from cutaway.runtime import launcher

# --- Words -----------------------------------------------------------------

Kind = Literal["docker", "podman"]
Owner = Process | Literal["itself"]  # an engine that owns itself stays until somebody stops it

PROGRAMS: dict[Kind, str] = {"docker": "dockerd", "podman": "podman"}
RUNTIME_WITHOUT_CGROUPS = "crun"  # the only one from which Podman takes containers that have no limits
OUR_RUNTIME = "cutaway"  # `docker run --runtime cutaway` takes our own
MIRROR = "CUTAWAY_MIRROR"  # http://HOST:PORT of a registry from which published images are pulled
SOCKET = "/run/engine.sock"  # where it listens, in its own mount namespace
SOCKET_BYTES = 107  # unix(7): the longest path of a socket, without the zero at its end
START_S, LAST_LINES = 120, 3  # a start takes a second; on an emulated processor, a minute
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Running(NamedTuple):
    """Our engine while its process lives, the socket by which others reach it, and with whom it ends."""

    kind: Kind
    process: Process
    socket: str
    owner: Process
    lasting: bool  # it owns itself, and so ends only when it is stopped


# --- What there is ----------------------------------------------------------


def folder() -> Path:
    """Where our engine keeps images, configuration and logs; it goes when the engine goes."""
    return ledger.state_folder() / "engine"


def running() -> Running | None:
    """Our engine, if its process lives."""
    return next(filter(None, map(_running, _entries())), None)


def _running(entry: ledger.Entry) -> Running | None:
    kind = next((kind for kind in PROGRAMS if (entry.kind, entry.name) == ("process", f"engine {kind}")), None)
    if kind is None or "pid" not in entry.facts:
        return None
    process = Process(entry.facts["pid"], entry.facts["start_time"], entry.owner.boot_id)
    lasting = entry.owner in [other.owner for other in _entries() if other.kind == "folder"]  # that is always its own
    return Running(kind, process, _socket(process), entry.owner, lasting) if process.alive() else None


def startable() -> list[Kind]:
    """The kinds that this user could start here, the better first."""
    here = [kind for kind in PROGRAMS if programs.path(PROGRAMS[kind])]
    if os.geteuid() == 0:
        return here if may_make_groups() else []
    without_root = programs.path(RUNTIME_WITHOUT_CGROUPS) and subordinate.available()
    return [kind for kind in here if kind == "podman" and without_root]


def may_make_groups() -> bool:
    """Whether this user may make control groups in every hierarchy, as root may unless it is root of a container."""
    return all(os.access(mount.target, os.W_OK) for mount in launch.cgroup_mounts())


def carried() -> dict[int, str]:
    """The published ports that come to this host: number -> why it does not come, empty where it does."""
    try:
        return {int(port): why for port, why in json.loads((folder() / ports.REPORT).read_text()).items()}
    except FileNotFoundError:
        return {}


def _entries() -> list[ledger.Entry]:
    return [entry for entry in ledger.entries() if entry.name.startswith("engine ")]


def _socket(process: Process) -> str:
    """The link in our folder, or, where that path is too long for a socket, what the link leads to."""
    link = os.fspath(folder() / "engine.sock")
    return link if len(os.fsencode(link)) <= SOCKET_BYTES else _behind_the_link(process)


def _behind_the_link(process: Process) -> str:
    return f"/proc/{process.pid}/root{SOCKET}"


# --- Starting ----------------------------------------------------------------


def start(kind: Kind, owner: Owner) -> Running:
    """Our engine, answering; started unless it runs already. A Problem with its last words when it will not start."""
    with one_at_a_time(ledger.state_folder()):
        if found := running():
            return found
        _undo()
        try:
            _start(kind, owner)
        except OSError as error:
            _undo()
            raise _cannot(kind, str(error)) from error
        except BaseException:
            _undo()
            raise
        if found := running():
            return found
        raise _cannot(kind, "it ended as soon as it had answered")


def _start(kind: Kind, owner: Owner) -> None:
    """All is written down while the launcher waits for the line that tells it to begin; undone newest first."""
    with _launcher() as (launcher, channel):
        ledger.record("folder", "engine folder", launcher, path=folder())
        folder().mkdir(mode=0o700)
        cgroups = _own_cgroups(launcher)
        entry = ledger.record("process", f"engine {kind}", launcher if owner == "itself" else owner)
        entry.update(pid=launcher.pid, start_time=launcher.start_time)
        plan = {"folder": str(folder()), "log": str(folder() / "log"), "cgroups": cgroups}
        command = {"command": _command(kind), "env": _env(kind) | entry.env}
        with (folder() / "log").open("x+", errors="replace") as log:  # held open: its folder goes with the engine
            channel.sendall(f"{json.dumps(plan | command)}\n".encode())
            process = _told(kind, channel) or launcher
            entry.update(pid=process.pid, start_time=process.start_time)
            _await_answer(kind, process, log)
    (folder() / "engine.sock").symlink_to(_behind_the_link(process))
    _carry_ports(process, launcher)


@contextmanager
def _launcher() -> Iterator[tuple[Process, socket.socket]]:
    """A process that will be the engine, when it is told so through the channel; else it ends with the channel."""
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-I", "-S", launch.__file__, str(theirs.fileno())]
    with ours:
        with theirs:
            launcher = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env={}, cwd="/", start_new_session=True
            )
        _children.append(launcher)
        yield Process.of(launcher.pid), ours


def _told(kind: Kind, channel: socket.socket) -> Process | None:
    """The process that the launcher names as the engine's, if it is not itself; what went wrong is a Problem."""
    said = dict(line.rstrip("\n").split(" ", 1) for line in channel.makefile())
    if "error" in said:
        raise _cannot(kind, said["error"])
    return Process.of(int(said["pid"])) if "pid" in said else None


_children: list[subprocess.Popen[bytes]] = []  # asked for their status when an engine is stopped: no zombie stays


def _own_cgroups(process: Process) -> list[str]:
    """New control groups for the engine, one in every hierarchy; an ordinary user has none to give."""
    if os.geteuid():
        return []
    groups = sorted({f"{mount.target}/cutaway-{process.pid}-{process.start_time}" for mount in launch.cgroup_mounts()})
    for group in groups:
        ledger.record("cgroup", f"engine cgroup {group}", process, path=group)
        Path(group).mkdir()
    return groups


def _await_answer(kind: Kind, process: Process, log: TextIO) -> None:
    """Wait until the engine answers; a Problem with its last words when it ends or the time does."""
    began = time.monotonic()
    while not _answers(process):
        if process.wait(0.02):
            raise _cannot(kind, f"it ended after {time.monotonic() - began:.1f} s, {_last_words(log)}")
        if time.monotonic() > began + START_S:
            raise _cannot(kind, f"it did not answer within {START_S} s, {_last_words(log)}")


def _answers(process: Process) -> bool:
    try:
        return request(_behind_the_link(process), "GET", "/_ping")[0] == 200
    except EngineError:
        return False


def _carry_ports(process: Process, owner: Process) -> None:
    relay = ledger.record("process", "engine ports", owner)
    argv = [
        sys.executable,
        "-I",
        "-S",
        ports.__file__,
        str(process.pid),
        _behind_the_link(process),
        str(folder()),
        *mirror(),
    ]
    with (folder() / "ports.log").open("wb") as log:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=relay.env, cwd="/", start_new_session=True
        )
    _children.append(child)


def _last_words(log: TextIO) -> str:
    lines = log.read().strip().splitlines()
    return "and its log ends: " + " / ".join(lines[-LAST_LINES:]) if lines else "and its log is empty"


def _cannot(kind: Kind, cause: str) -> Problem:
    other = "set CUTAWAY_ENGINE to choose another engine, or see `cutaway doctor`"
    return Problem(f"starting our own {PROGRAMS[kind]}: {cause}; {other}")


# --- Configuration -----------------------------------------------------------


def _command(kind: Kind) -> list[str]:
    """The engine's command line; its configuration files are written into our folder, so that it reads no others."""
    program = programs.path(PROGRAMS[kind])
    if program is None:
        raise _cannot(kind, "there is no such program on this machine")
    if kind == "docker":
        (folder() / "daemon.json").write_text(json.dumps(_docker_settings(), indent=1))
        return [program, "--config-file", str(folder() / "daemon.json")]
    (folder() / "containers.conf").write_text(_podman_settings())
    (folder() / "storage.conf").write_text(_podman_storage())
    (folder() / "registries.conf").write_text(_podman_registries())
    return [program, "system", "service", "--time", "0", f"unix://{SOCKET}"]


def _env(kind: Kind) -> dict[str, str]:
    """An environment without anything of the user's; HOME is where nothing is found and what is written is lost."""
    env = {"PATH": PATH, "HOME": "/run", "LANG": "C.UTF-8"}
    if kind == "docker":
        return env
    files = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf", "TMPDIR": ""}
    files["CONTAINERS_REGISTRIES_CONF"] = "registries.conf"
    return env | {name: str(folder() / file) for name, file in files.items()}


def mirror() -> list[str]:
    """Host and port of the room's mirror, if CUTAWAY_MIRROR names one; Problem when that is none that we can use."""
    said = os.environ.get(MIRROR)
    if not said:
        return []
    try:
        url = urlsplit(said)
        host, port = url.hostname, url.port or 80
    except ValueError:
        host = None
    if not host or url.scheme != "http":
        raise Problem(
            f"using the mirror {MIRROR}={said!r}: our own engine takes one by http alone, as http://room:5000"
        )
    return [host, str(port)]


def _docker_settings() -> dict[str, object]:
    return {
        "registry-mirrors": [f"http://{ports.LOOPBACK}:{ports.MIRROR_PORT}"] if mirror() else [],
        "hosts": [f"unix://{SOCKET}"],
        "data-root": str(folder() / "data"),
        "exec-opts": ["native.cgroupdriver=cgroupfs"],  # systemd does not know the engine's groups
        "log-level": "warn",
        "dns-opts": ["ndots:1"],  # a name without a dot is a container's or nobody's: no server outside is waited for
        "runtimes": {OUR_RUNTIME: {"path": str(launcher.install(folder()))}},
    }


def _podman_settings() -> str:
    """What containers.conf(5) says. Without root there are no limits: control groups belong to somebody else."""
    return f"""
[containers]
default_ulimits = {json.dumps([f"{name}={most}:{most}" for name, most in _limits().items()])}
log_driver = "k8s-file"
{'cgroups = "disabled"' if os.geteuid() else ""}
[engine]
{f'runtime = "{RUNTIME_WITHOUT_CGROUPS}"' if os.geteuid() else ""}
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
{OUR_RUNTIME} = ["{launcher.install(folder())}"]
[network]
network_config_dir = "/run/networks"
"""


def _limits() -> dict[str, int]:
    """What containers may have: what we have. Podman's own defaults are higher, and take CAP_SYS_RESOURCE."""
    most_pids = int(Path("/proc/sys/kernel/pid_max").read_text())  # Podman lowers its own limit to this
    return {"nofile": _hard(resource.RLIMIT_NOFILE, 1 << 20), "nproc": _hard(resource.RLIMIT_NPROC, most_pids)}


def _hard(number: int, most: int) -> int:
    limit = resource.getrlimit(number)[1]
    return most if limit == resource.RLIM_INFINITY else min(limit, most)


def _podman_storage() -> str:
    return f"""
[storage]
driver = "overlay"
graphroot = "{folder() / "data"}"
runroot = "/run/containers"
"""


def _podman_registries() -> str:
    """What containers-registries.conf(5) says: the loopback needs no encryption, which Docker takes for granted."""
    here = f'[[registry]]\nlocation = "{ports.LOOPBACK}"\ninsecure = true\n'
    if not mirror():
        return here
    where = f'[[registry.mirror]]\nlocation = "{ports.LOOPBACK}:{ports.MIRROR_PORT}"\ninsecure = true\n'
    return f'{here}[[registry]]\nlocation = "docker.io"\n{where}'


# --- Stopping ----------------------------------------------------------------


def stop() -> Running | None:
    """Undo our engine and all that it made; what it was, or None when there was none."""
    with one_at_a_time(ledger.state_folder()):
        was = running()
        _undo()
        return was


def _undo() -> None:
    ours = {entry.path for entry in _entries()}
    outcomes = ledger.sweep(lambda entry: entry.path in ours)
    if troubles := [f"{entry!r}: {trouble}" for entry, trouble in outcomes if trouble]:
        raise Problem(f"stopping our own engine: {', '.join(troubles)}; try `cutaway clean`")
    _children[:] = [child for child in _children if child.poll() is None]
