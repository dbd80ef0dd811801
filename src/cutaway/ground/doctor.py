"""The doctor: what this machine can do, which grounds that makes, and what each lesson and lab will run on."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

from cutaway import ledger
from cutaway.ground import course, grounds, probes
from cutaway.ground.course import Unit
from cutaway.ground.grounds import Ground
from cutaway.ground.probes import Finding
from cutaway.problem import Problem

__all__ = ["Finding", "GroundHere", "Report", "UnitHere", "examine"]

# --- Words ------------------------------------------------------------------


@dataclass(frozen=True)
class GroundHere:
    """A ground, and whether this process can use it here."""

    name: str
    ok: bool
    why: str


@dataclass(frozen=True)
class UnitHere:
    """A lesson or a lab: the ground that it will run on here, and the findings that it misses."""

    kind: str  # "lesson" or "lab"
    number: str
    name: str
    title: str
    minutes: int
    written: bool
    ground: str
    missing: list[str]


@dataclass(frozen=True)
class Report:
    """All that the doctor found out."""

    grounds: list[GroundHere]
    findings: list[Finding]
    lessons: list[UnitHere]  # and labs

    def as_data(self) -> dict[str, Any]:
        """The report in lists, objects, strings and numbers, as `cutaway doctor --json` prints it."""
        return dataclasses.asdict(self)


LAB_MACHINE_NEEDS = ("qemu", "guest kernel", "busybox")

# --- Examining --------------------------------------------------------------


def examine() -> Report:
    """Try everything, at once, in about a second; nothing that was made for it stays."""
    found = probes.find_all(probes.PROBES, as_root=grounds.as_root())
    units = [("lesson", unit) for unit in course.lessons()] + [("lab", unit) for unit in course.labs()]
    return Report(
        grounds=[_ground_here(ground, found) for ground in Ground],
        findings=[_with_units(finding, units) for finding in found.values()],
        lessons=[_unit_here(kind, unit, found) for kind, unit in units],
    )


def _ground_here(ground: Ground, found: dict[str, Finding]) -> GroundHere:
    refusal = grounds.why_not(ground)
    if ground is Ground.LAB_MACHINE:
        return _lab_machine(found)
    if refusal:
        return GroundHere(ground.value, False, refusal)
    if ground is Ground.HOST_UNPRIVILEGED:
        carrying = found[grounds.BY_NAMESPACES]
        some = f"for what needs no {grounds.BY_NAMESPACES}; these are refused, as said above"
        return GroundHere(ground.value, True, carrying.evidence if carrying.ok else some)
    if ground is Ground.HOST_ROOT:
        return GroundHere(ground.value, True, f"only when {grounds.OVERRIDE}={ground.word} asks for it")
    return GroundHere(ground.value, True, "a page reads without any; its experiments say what they miss")


def _lab_machine(found: dict[str, Finding]) -> GroundHere:
    """Inside one it is the ground; outside, what it takes to have one counts. None is started for this."""
    name = Ground.LAB_MACHINE.value
    if inside := os.environ.get(grounds.INSIDE):
        return GroundHere(name, True, f"this is one, called {inside}")
    lacks = [need for need in LAB_MACHINE_NEEDS if not found[need].ok]
    if lacks:
        return GroundHere(name, False, f"it needs {' and '.join(lacks)}")
    try:
        ledger.state_folder()
    except Problem as problem:
        return GroundHere(name, False, str(problem))
    return GroundHere(name, True, "`cutaway machine shell` opens one: you are root there, under another kernel")


def _unit_here(kind: str, unit: Unit, found: dict[str, Finding]) -> UnitHere:
    ground = grounds.choose(unit.needs, lambda needs: {need: found[need] for need in needs})
    missing = [need for need in unit.needs if not found[need].ok]
    return UnitHere(kind, unit.number, unit.name, unit.title, unit.minutes, unit.written, ground.value, missing)


def _with_units(finding: Finding, units: list[tuple[str, Unit]]) -> Finding:
    """The finding, with the lessons and labs that are here and that it opens."""
    opened = [f"{kind} {unit.number}" for kind, unit in units if unit.written and finding.name in unit.needs]
    return dataclasses.replace(finding, opens=", ".join([finding.opens, *opened]))
