"""Where an experiment runs: the first ground that can carry it, or the one that the reader chose.

The order is that of `Ground`; the host as root is never chosen, only asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from cutaway.ground import course, probes
from cutaway.ground.probes import Finding
from cutaway.ledger import watch
from cutaway.linux import rights
from cutaway.linux.processes import Process
from cutaway.problem import Problem

# --- Words ------------------------------------------------------------------


class Ground(Enum):
    """A kind of place for experiments; the value is how a page speaks of it."""

    HOST_UNPRIVILEGED = "host, unprivileged"  # nothing here takes root's rights
    LAB_MACHINE = "lab machine"
    HOST_ROOT = "host, as root"
    NONE = "none"

    @property
    def word(self) -> str:
        """What CUTAWAY_GROUND calls it."""
        return self.name.lower().replace("_", "-")


OVERRIDE = "CUTAWAY_GROUND"
BY_NAMESPACES = "user namespaces"  # the finding of the doctor's that stands in for root's rights

INSIDE = "CUTAWAY_MACHINE"  # in the environment of all that runs in a lab machine: which one that is
OUTSIDE = "this process runs on the host; `cutaway machine shell` opens one, and what is started there runs in it"

Examine = Callable[[Iterable[str]], dict[str, Finding]]  # finds out about several needs, by name


@dataclass(frozen=True)
class Start:
    """A lesson that has begun: which one, and on what ground. Its text is the same on every machine of that ground."""

    lesson: str
    ground: Ground

    def __repr__(self) -> str:
        kept = self.ground is Ground.HOST_UNPRIVILEGED and not gives_up_rights(self.lesson)
        return f"Ground: {'host, with your own rights' if kept else self.ground.value}"  # which may be root's


# --- Choosing ---------------------------------------------------------------


def begin(lesson_name: str) -> Start:
    """Find the ground for a lesson or lab and keep to it from here on; Problem when nothing carries it.

    A page that needs user namespaces does with them what else takes root; so where it runs without privilege, root's
    rights are given up first, for good: its cells find what every user finds. The watcher keeps them: as root of a
    namespace a cell may make what takes root's rights to undo from outside.
    """
    global _begun
    if gives_up_rights(lesson_name) and asked_for() in (None, Ground.HOST_UNPRIVILEGED) and rights.to_lose():
        watch.over(Process.current())
        rights.give_up()
    _begun = found_for(lesson_name)
    return _begun


def gives_up_rights(lesson_name: str) -> bool:
    """Whether the page is the same for root as for everybody, on the host without privilege."""
    return BY_NAMESPACES in course.unit(lesson_name).needs


def found_for(lesson_name: str) -> Start:
    """The ground for a lesson or lab, on which nothing is begun; Problem when nothing carries it.

    Only what the lesson needs is tried, so this takes a fraction of a second.
    """
    needs = course.unit(lesson_name).needs
    findings = probes.find_all(needs, as_root=as_root())
    ground = choose(needs, lambda _: findings)
    missing = [finding for finding in findings.values() if not finding.ok]
    if missing:
        raise Problem(f"beginning {lesson_name}: {' and '.join(map(lack, missing))}")
    if ground is Ground.NONE:
        raise Problem(f"beginning {lesson_name}: {OVERRIDE}=none asks that nothing runs; to run it, unset that")
    return Start(lesson_name, ground)


def begun() -> Start | None:
    """The lesson that began in this process last, if any did."""
    return _begun


_begun: Start | None = None


def choose(needs: Iterable[str], examine: Examine = probes.find_all) -> Ground:
    """The ground for something with these needs: the reader's choice, else the first that carries it."""
    asked = asked_for()
    if asked:
        return asked
    here = Ground.LAB_MACHINE if os.environ.get(INSIDE) else Ground.HOST_UNPRIVILEGED
    return here if all(finding.ok for finding in examine(needs).values()) else Ground.NONE


def asked_for() -> Ground | None:
    """The ground that the reader chose in CUTAWAY_GROUND; Problem when it cannot be had."""
    said = os.environ.get(OVERRIDE)
    if not said:
        return None
    for ground in Ground:
        if said in (ground.word, ground.value):
            refusal = why_not(ground)
            if refusal:
                raise Problem(f"taking the ground {OVERRIDE}={said}: {refusal}; unset it, or choose another")
            return ground
    words = ", ".join(ground.word for ground in Ground)
    raise Problem(f"taking the ground {OVERRIDE}={said}: there is none of that name; choose among {words}, or unset it")


def as_root() -> bool:
    """Whether root's own rights were asked for."""
    return asked_for() is Ground.HOST_ROOT


def why_not(ground: Ground) -> str:
    """What keeps this process off a ground, whatever the lesson needs; empty when nothing does."""
    if ground is Ground.LAB_MACHINE and not os.environ.get(INSIDE):
        return OUTSIDE
    if ground is Ground.HOST_ROOT and os.geteuid():
        return "this is not root"
    return ""


def lack(finding: Finding) -> str:
    """What is missing and how to get it, in half a sentence."""
    return f"it needs {finding.name}, and {finding.evidence}; to change that: {finding.remedy}"
