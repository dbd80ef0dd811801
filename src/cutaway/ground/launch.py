"""The small program that turns into a private engine: run as `python -I -S launch.py CHANNEL`.

On CHANNEL, one end of a socket pair, comes one line that says what to become; if it never comes, nothing has
happened. In answer goes the line `pid N` if another process than this one is the engine's, and the line `error TEXT`
if something went wrong; the conversation ends when the engine's program starts.

As root the process joins its control group, takes network, mounts and control groups of its own, and becomes the
engine. An ordinary user's first becomes root of a user namespace, and takes processes of its own as well: their
first one keeps the engine as its child, and when it goes, the kernel ends all that the engine ever started.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls, links, mounts, namespaces, subordinate
from cutaway.linux.mounts import Flag, Mount
from cutaway.linux.namespaces import Kind

CGROUPS = "/sys/fs/cgroup"
OWN_BYTES = 1 << 28  # at most this much memory for what an engine writes in folders that it has for itself


def main(channel: socket.socket) -> NoReturn:
    """Become what the line says."""
    channel.set_inheritable(False)  # so that the conversation ends when a program starts
    line = channel.makefile().readline()
    if not line:
        sys.exit()
    plan = json.loads(line)
    log = os.open(plan["log"], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        if os.geteuid() == 0:
            become_system_engine(plan)
        become_users_engine(plan, channel)
    except (OSError, RuntimeError) as error:
        channel.sendall(f"error {error}\n".encode())
        sys.exit(1)


# --- Two ways --------------------------------------------------------------


def become_system_engine(plan: dict[str, Any]) -> NoReturn:
    """As root: in a control group that holds all that the engine will start, also when the engine is gone."""
    for group in plan["cgroups"]:
        join(Path(group))
    namespaces.unshare({Kind.MNT, Kind.NET, Kind.CGROUP})
    furnish(plan["folder"])
    own_etc()
    own_cgroups(plan["cgroups"])
    start(plan)


def become_users_engine(plan: dict[str, Any], channel: socket.socket) -> NoReturn:
    """As an ordinary user: the engine lives under process 1 of a PID namespace, whose end is the end of all in it."""
    subordinate.become_root()
    outside = os.pidfd_open(os.getpid())
    namespaces.unshare({Kind.MNT, Kind.NET, Kind.PID, Kind.IPC})
    first = os.fork()
    if first:
        channel.sendall(f"pid {first}\n".encode())
        channel.close()
        sys.exit(os.waitpid(first, 0)[1] != 0)
    furnish(plan["folder"])
    mounts.proc()
    if not pure_v2():
        mounts.tmpfs(CGROUPS, OWN_BYTES)  # runtimes would look for rights in version 1 that a user does not have
    engine = os.fork()
    if engine == 0:
        start(plan)
    channel.close()
    ends = outside, os.pidfd_open(engine)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # what containers leave to process 1 is reaped by the kernel
    select.select(ends, (), ())
    os._exit(1)


def start(plan: dict[str, Any]) -> NoReturn:
    """Become the engine's program."""
    os.execvpe(plan["command"][0], plan["command"], plan["env"])


# --- What both need ----------------------------------------------------------


def furnish(folder: str) -> None:
    """A mount namespace in which what an engine writes outside `folder` is its own, and a network with a loopback.

    Mounts that the host makes later still arrive; none of ours travels back.
    """
    calls.mount("", "/", flags=Flag.REC | Flag.SLAVE)
    kept = os.open(folder, os.O_PATH)
    for own in ("/run", "/var/lib", "/dev/shm"):  # sockets and locks of other engines are there, too
        mounts.tmpfs(own, OWN_BYTES)
    Path(folder).mkdir(parents=True, exist_ok=True)  # it may lie below one of those
    mounts.bind(f"/proc/self/fd/{kept}", folder)
    os.close(kept)
    links.bring_up("lo")


def own_etc() -> None:
    """What is written to /etc stays in memory: some versions of dockerd keep a key in /etc/docker."""
    upper, work = Path("/run/etc/upper"), Path("/run/etc/work")
    for folder in (upper, work):
        folder.mkdir(parents=True)
    mounts.overlay("/etc", "/etc", str(upper), str(work))


def own_cgroups(groups: Sequence[str]) -> None:
    """Show the engine its own groups as if there were no others, and of a hybrid machine only version 1.

    In version 2 a group with processes may not hand controllers to groups below it, so the engine moves into a leaf.
    """
    version_1 = [mount.target for mount in cgroup_mounts() if mount.filesystem == "cgroup"]
    for group in groups:
        mounts.bind(group, str(Path(group).parent))
    if not version_1:
        leaf = Path(CGROUPS) / "engine"
        leaf.mkdir()
        join(leaf)
    for mount in cgroup_mounts():
        if version_1 and mount.filesystem == "cgroup2":
            mounts.unmount(mount.target, lazily=True)


def join(group: Path) -> None:
    """Move this process into a control group; a new group of cpuset's version 1 must be given processors first."""
    for need in ("cpuset.cpus", "cpuset.mems"):
        if (group / need).exists() and (group.parent / need).exists() and not (group / need).read_text().strip():
            (group / need).write_text((group.parent / need).read_text())
    (group / "cgroup.procs").write_text("0")


def cgroup_mounts() -> list[Mount]:
    """Every hierarchy of control groups, mounted where hierarchies are: one in version 2, several in version 1."""
    here = [mount for mount in mounts.mounts() if mount.target.startswith(CGROUPS)]
    return [mount for mount in here if mount.filesystem in ("cgroup", "cgroup2")]


def pure_v2() -> bool:
    """Whether version 2 is the only one here."""
    return {mount.filesystem for mount in cgroup_mounts()} == {"cgroup2"}


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
