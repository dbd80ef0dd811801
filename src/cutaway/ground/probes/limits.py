"""How far limits and user numbers can be shared out here: cgroups and subordinate ranges."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cutaway import ledger
from cutaway.ground import programs
from cutaway.ground.probes.finding import PATIENCE_S, Lacking, probe
from cutaway.linux import CommandFailed, commands, subordinate
from cutaway.linux.mounts import mounts

# --- Cgroups ----------------------------------------------------------------


def cgroup_mode() -> str:
    """`v2`, `v1`, `hybrid` (both are mounted) or `none`."""
    one, two = cgroup_mounts("cgroup"), cgroup_mounts("cgroup2")
    return "hybrid" if one and two else "v2" if two else "v1" if one else "none"


def cgroup_mounts(filesystem: str) -> list[Path]:
    """Where the hierarchies of version 1 (`cgroup`) or 2 (`cgroup2`) are mounted."""
    return [Path(mount.target) for mount in mounts() if mount.filesystem == filesystem]


@probe("cgroups", tried="look which versions are mounted and what each controls", opens="seeing limits")
def cgroups() -> str:
    mode = cgroup_mode()
    if mode == "none":
        raise Lacking("no hierarchy is mounted", programs.as_root("mount -t cgroup2 cgroup2 /sys/fs/cgroup"))
    held = [f"version 1 has {len(one)} hierarchies"] if (one := cgroup_mounts("cgroup")) else []
    held += [f"version 2 controls {controllers(two)}" for two in cgroup_mounts("cgroup2")[:1]]
    return f"{mode}: {'; '.join(held)}"


def controllers(group: Path) -> str:
    """What a version 2 group controls, in words."""
    return ", ".join(sorted(offered(group))) or "nothing"


def offered(group: Path) -> set[str]:
    """The controllers of a version 2 group."""
    return set((group / "cgroup.controllers").read_text().split())


@probe("cgroup delegation", tried="make a version 2 group below our own", opens="setting limits on this kernel")
def cgroup_delegation() -> str:
    home = own_cgroup()
    if home is None:
        raise Lacking(f"version 2 is not mounted ({cgroup_mode()})", by_systemd(V2_ALONE))
    group = home / f"cutaway-doctor-{os.getpid()}"
    try:
        if not offered(home) >= NEEDED:
            raise Lacking(f"version 2 controls {controllers(home)} here", by_systemd(V2_ALONE))
        with ledger.kept("cgroup", group.name, path=str(group)):
            group.mkdir()
            with (home / "cgroup.subtree_control").open("w"):  # opened, not written: that is for who sets limits
                return f"a group was made, and it is ours to choose from {controllers(home)}"
    except OSError as error:
        raise Lacking(error, by_systemd(BEGIN_IN_ONE_OF_YOUR_OWN)) from error


NEEDED = {"memory", "pids"}  # what the lessons limit
IN_A_MACHINE = "nothing to do: a lab machine has version 2 alone, and you are root there (`cutaway machine shell`)"


def by_systemd(remedy: str) -> str:
    """`remedy`, which takes systemd; where that does not run, what there is instead."""
    return remedy if Path("/run/systemd/system").exists() else IN_A_MACHINE  # sd_booted(3)


V2_ALONE = "boot with systemd.unified_cgroup_hierarchy=1, which leaves version 2 alone"
BEGIN_IN_ONE_OF_YOUR_OWN = "begin in a group of your own: systemd-run --user --scope -p Delegate=yes make lab"


def own_cgroup() -> Path | None:
    """The folder of the version 2 group that this process is in."""
    places = [line[len("0::") :] for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::"]
    roots = cgroup_mounts("cgroup2")
    return roots[0] / places[0].lstrip("/") if roots and places else None


# --- Subordinate ranges -----------------------------------------------------


@probe("subuid", tried="map the users that are lent to us into a user namespace", opens="several users per container")
def subordinate_users() -> str:
    if not os.geteuid():
        return _mapped_by_root()
    me = user_name()
    if not subordinate.lent("/etc/subuid"):
        some = free_range()
        grant = programs.as_root(f"usermod --add-subuids {some} --add-subgids {some} {me}")
        raise Lacking(f"/etc/subuid lends none to {me}", grant)
    try:
        seen = commands.run([sys.executable, "-I", "-S", subordinate.__file__, "cat", "/proc/self/uid_map"], PATIENCE_S)
    except CommandFailed as failed:
        raise Lacking(failed, programs.remedy("uidmap")) from failed
    users = sum(int(line.split()[2]) for line in seen.splitlines())
    return f"{users} users inside, user 0 among them"


FIRST_LENT = 100000  # login.defs(5), SUB_UID_MIN
ROOT_MAPS = 65536  # as many users as an image may name, usually


def free_range(files: Sequence[Path] = (Path("/etc/subuid"), Path("/etc/subgid"))) -> str:
    """As many ids as an image may name, that are lent to nobody yet, as usermod(8) takes them."""
    rows = [line.split(":") for file in files if file.exists() for line in file.read_text().splitlines()]
    first = max([FIRST_LENT, *(int(row[1]) + int(row[2]) for row in rows if len(row) == 3)])
    return f"{first}-{first + ROOT_MAPS - 1}"


def _mapped_by_root() -> str:
    """Root borrows from nobody: it may map whom it likes."""
    waits = ["unshare", "--user", "sh", "-c", "echo ready; read go; cat /proc/self/uid_map"]
    try:
        with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as inside:
            assert inside.stdout is not None
            inside.stdout.readline()
            Path(f"/proc/{inside.pid}/uid_map").write_text(f"0 0 {ROOT_MAPS}")
            seen, _ = inside.communicate("\n", PATIENCE_S)
    except OSError as refused:
        raise Lacking(
            refused, "try it as root with all of root's rights, or as a user to whom some are lent"
        ) from refused
    return f"{seen.split()[2]} users inside; root needs none lent"


def user_name() -> str:
    """This user's name, or number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
