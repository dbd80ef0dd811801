"""The kinds of thing that a ledger may hold: how to tell that one exists, and how to undo it.

Every undo may run twice, may come before the thing was made, and may come long after it went.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.ledger import engines, paths
from cutaway.linux import cgroups, links, mounts
from cutaway.linux.processes import Process, boot_id, descendants, marked
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

Facts = dict[str, Any]

DEADLINE_S = 10  # for something that was told to go


class Thing(NamedTuple):
    """One kind: its facts, its two questions, and whether a reboot alone undoes it."""

    needs: frozenset[str]
    exists: Callable[[Facts], bool]
    undo: Callable[[Facts], None]
    dies_with_boot: bool = True
    may_have: frozenset[str] = frozenset()

    def checked(self, facts: Facts) -> Facts:
        """The facts, when they are those that this kind needs; else a TypeError."""
        missing, strange = self.needs - set(facts), set(facts) - self.needs - self.may_have
        if missing or strange:
            raise TypeError(f"facts missing: {sorted(missing)}, not known: {sorted(strange)}")
        return facts


# --- Processes -------------------------------------------------------------


def _processes(facts: Facts) -> list[Process]:
    """All that carry the token, and the one whose number is known with all below it; never this one."""
    known = Process(facts["pid"], facts["start_time"], boot_id()) if "pid" in facts else None
    family = [known, *descendants(known.pid)] if known and known.alive() else []
    return [each for each in {*marked(facts["token"]), *family} if each.alive() and each.pid != os.getpid()]


def _end_processes(facts: Facts) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while left := _processes(facts):
        if time.monotonic() > deadline:
            raise TimeoutError(f"killing {[process.pid for process in left]}: still there after {DEADLINE_S} s")
        for process in left:
            process.kill()
        for process in left:
            process.wait(0.1)


# --- Mounts, network, cgroups ----------------------------------------------


def _unmount(facts: Facts) -> None:
    while mounts.mounted(facts["target"]):
        mounts.unmount(facts["target"], lazily=True)


def _netns(facts: Facts) -> str:
    if "/" in facts["name"]:
        raise Problem(f"claiming the network namespace {facts['name']!r}: a name has no slash; choose another")
    return f"/run/netns/{facts['name']}"


def _cgroup(facts: Facts) -> str:
    return str(paths.ours(facts["path"]))


def _end_netns(facts: Facts) -> None:
    _unmount({"target": _netns(facts)})
    Path(_netns(facts)).unlink(missing_ok=True)


def _link_exists(facts: Facts) -> bool:
    netns = facts.get("netns")
    return (netns is None or os.path.lexists(_netns({"name": netns}))) and facts["name"] in links.links(netns)


def _end_link(facts: Facts) -> None:
    if _link_exists(facts):
        links.delete(facts["name"], facts.get("netns"))


# --- All of them -----------------------------------------------------------


def _engine_object(kind: str) -> Thing:
    return Thing(
        frozenset({"socket", "name"}),
        lambda facts: engines.exists(facts["socket"], kind, facts["name"]),
        lambda facts: engines.remove(facts["socket"], kind, facts["name"]),
        dies_with_boot=False,
    )


def _path() -> Thing:
    return Thing(
        frozenset({"path"}),
        lambda facts: os.path.lexists(paths.ours(facts["path"])),
        lambda facts: paths.remove(facts["path"]),
        dies_with_boot=False,
    )


KINDS = {
    "process": Thing(
        frozenset(), lambda facts: bool(_processes(facts)), _end_processes, may_have=frozenset({"pid", "start_time"})
    ),
    "file": _path(),
    "folder": _path(),
    "mount": Thing(frozenset({"target"}), lambda facts: mounts.mounted(facts["target"]) > 0, _unmount),
    "cgroup": Thing(
        frozenset({"path"}), lambda facts: Path(_cgroup(facts)).exists(), lambda facts: cgroups.remove(_cgroup(facts))
    ),
    "netns": Thing(frozenset({"name"}), lambda facts: os.path.lexists(_netns(facts)), _end_netns),
    "link": Thing(frozenset({"name"}), _link_exists, _end_link, may_have=frozenset({"netns"})),
    **{kind: _engine_object(kind) for kind in engines.PATHS},
}
