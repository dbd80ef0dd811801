"""The kinds of thing that a ledger may hold: how to tell that one exists, and how to undo it.

Every undo may come before the thing was made, may come long after it went, and may be done twice.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.ledger import engines, paths
from cutaway.linux import groups, links, mounts
from cutaway.linux.processes import Process, boot_id, descendants, marked
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

Facts = dict[str, Any]  # what an entry says of its thing, and its `token`

DEADLINE_S = 10  # for processes that were told to go


class Thing(NamedTuple):
    """One kind: whether it is there, how it is undone, which facts that takes, and whether a reboot does it, too."""

    exists: Callable[[Facts], bool]
    undo: Callable[[Facts], None]
    needs: tuple[str, ...] = ()
    may_have: tuple[str, ...] = ()
    dies_with_boot: bool = True

    def checked(self, facts: Facts) -> Facts:
        """The facts, if they are those that this kind takes; else TypeError."""
        missing, strange = {*self.needs} - {*facts}, {*facts} - {*self.needs, *self.may_have}
        if missing or strange:
            raise TypeError(f"facts missing: {sorted(missing)}, not known: {sorted(strange)}")
        return facts


# --- Processes -------------------------------------------------------------


def _processes(facts: Facts) -> list[Process]:
    """All that carry the token, and the one whose number is known with all below it; never this one."""
    known = Process(facts["pid"], facts["start_time"], boot_id()) if "pid" in facts else None
    family = [known, *descendants(known.pid)] if known and known.alive() else []
    return [each for each in {*marked(facts["token"]), *family} if each.alive() and each.pid != os.getpid()]


def _has_processes(facts: Facts) -> bool:
    return bool(_processes(facts))


def _end_processes(facts: Facts) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while left := _processes(facts):
        if time.monotonic() > deadline:
            raise TimeoutError(f"killing processes {[each.pid for each in left]}: still there after {DEADLINE_S} s")
        for process in left:
            process.kill()
        for process in left:
            process.wait(timeout_s=0.1)


# --- Files and folders -----------------------------------------------------


def _path_exists(facts: Facts) -> bool:
    return os.path.lexists(paths.ours(facts["path"]))


def _remove_path(facts: Facts) -> None:
    paths.remove(facts["path"])


# --- Mounts and control groups ---------------------------------------------


def _is_mounted(facts: Facts) -> bool:
    return mounts.mounted(facts["target"]) > 0


def _unmount(facts: Facts) -> None:
    while _is_mounted(facts):
        mounts.unmount(facts["target"], lazily=True)


def _end_cgroup(facts: Facts) -> None:
    groups.remove(os.fspath(paths.ours(facts["path"])))


def _cgroups(facts: Facts) -> list[Facts]:
    return [{"path": path} for path in facts["paths"]]


def _any_cgroup_exists(facts: Facts) -> bool:
    return any(map(_path_exists, _cgroups(facts)))


def _end_cgroups(facts: Facts) -> None:
    for each in _cgroups(facts):
        _end_cgroup(each)


# --- Containers that a runtime was asked for by hand -------------------------


def _containers(facts: Facts) -> list[Facts]:
    """What the runtime has written down of each that it knows in the folder `path` (runtime/state.py)."""
    return [json.loads(file.read_bytes()) for file in paths.ours(facts["path"]).glob("*/state.json")]


def _end_containers(facts: Facts) -> None:
    for known in _containers(facts):
        _end_processes({key: known[key] for key in ("pid", "start_time") if key in known} | {"token": facts["token"]})
        _end_cgroups({"paths": known.get("groups", {}).values()})
    _remove_path(facts)


# --- Networks --------------------------------------------------------------


def _netns_file(name: str) -> str:
    """Where `ip netns` keeps a network namespace alive: a mount, on an empty file."""
    if "/" in name:
        raise Problem(f"claiming the network namespace {name!r}: a name has no slash; choose another")
    return f"/run/netns/{name}"


def _netns_exists(facts: Facts) -> bool:
    return os.path.lexists(_netns_file(facts["name"]))


def _end_netns(facts: Facts) -> None:
    _unmount({"target": _netns_file(facts["name"])})
    Path(_netns_file(facts["name"])).unlink(missing_ok=True)


def _link_exists(facts: Facts) -> bool:
    netns = facts.get("netns")
    return (netns is None or _netns_exists({"name": netns})) and facts["name"] in links.links(netns)


def _end_link(facts: Facts) -> None:
    if _link_exists(facts):
        links.delete(facts["name"], facts.get("netns"))


# --- Engine objects --------------------------------------------------------


def _object_exists(kind: str, facts: Facts) -> bool:
    return engines.exists(facts["socket"], kind, facts["name"])


def _remove_object(kind: str, facts: Facts) -> None:
    engines.remove(facts["socket"], kind, facts["name"])


def _builds_left_something(facts: Facts) -> bool:
    return bool(engines.nameless(facts["socket"], facts["label"]))


def _remove_what_builds_left(facts: Facts) -> None:
    while left := engines.nameless(facts["socket"], facts["label"]):
        for image in left:
            engines.remove(facts["socket"], "image", image)


# --- All of them -----------------------------------------------------------

KINDS = {
    "process": Thing(_has_processes, _end_processes, may_have=("pid", "start_time")),
    "file": Thing(_path_exists, _remove_path, needs=("path",), dies_with_boot=False),
    "folder": Thing(_path_exists, _remove_path, needs=("path",), dies_with_boot=False),
    "mount": Thing(_is_mounted, _unmount, needs=("target",)),
    "cgroup": Thing(_path_exists, _end_cgroup, needs=("path",)),
    "cgroups": Thing(_any_cgroup_exists, _end_cgroups, needs=("paths",)),  # one group, in each of version 1's trees
    "containers": Thing(_path_exists, _end_containers, needs=("path",), dies_with_boot=False),
    "builds": Thing(_builds_left_something, _remove_what_builds_left, needs=("socket", "label"), dies_with_boot=False),
    "netns": Thing(_netns_exists, _end_netns, needs=("name",)),
    "link": Thing(_link_exists, _end_link, needs=("name",), may_have=("netns",)),
    **{
        kind: Thing(
            partial(_object_exists, kind), partial(_remove_object, kind), needs=("socket", "name"), dies_with_boot=False
        )
        for kind in engines.PATHS
    },
}
