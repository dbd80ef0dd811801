"""What a process sees through its namespaces: one question for each kind, put alike outside and inside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from cutaway.ground.experiment import enclosed, sh
from cutaway.linux import Kind, identities

TEN_DAYS_S = 10 * 24 * 3600  # how much longer the machine seems to be up in a time namespace

QUESTIONS = {
    Kind.UTS: "hostname",
    Kind.USER: "id -u; sed s/^/map/ /proc/self/uid_map",
    Kind.PID: "ps -e -o pid=,comm= | head -n 3; echo $(ps -e -o pid= | wc -l) in all; echo number $$ asked",
    Kind.MNT: "echo $(wc -l < /proc/self/mountinfo) mounts",
    Kind.NET: "tail -n +3 /proc/net/dev | cut -d : -f 1",
    Kind.IPC: "echo $(ipcs --queues | grep -c ^0x)",
    Kind.CGROUP: "cut -d : -f 3 /proc/self/cgroup | sort -u",
    Kind.TIME: "sed -n 's/^boottime *//p' /proc/self/timens_offsets | cut -d ' ' -f 1",
}
BETWEEN = "-- the next kind --"


class Sight(NamedTuple):
    """One process: the number of its namespace of each kind, and what it sees through it, by the kind's name."""

    namespaces: dict[str, int]
    sees: dict[str, list[str]]


def look(numbers: dict[Kind, int], run: Callable[[str], str]) -> Sight:
    """What the process sees in which `run` runs a line of shell, and whose namespaces have these `numbers`."""
    answers = run(f"; echo '{BETWEEN}'; ".join(QUESTIONS.values())).split(BETWEEN)
    sees = {kind.value: _lines(answer) for kind, answer in zip(QUESTIONS, answers, strict=True)}
    return Sight({kind.value: number for kind, number in numbers.items()}, sees)


def both_sides(kinds: Collection[Kind], hostname: str) -> tuple[Sight, Sight]:
    """Outside, and inside a fresh child with namespaces of these `kinds`, which has ended when this returns.

    Kinds other than USER need it beside them: without root it brings the right to make them.
    """
    outside = look(identities(), sh)
    if not kinds:
        return outside, look(identities(), sh)
    options = {
        "hostname": hostname if Kind.UTS in kinds else None,
        "network_up": Kind.NET in kinds,
        "boot_offset_s": TEN_DAYS_S if Kind.TIME in kinds else 0,
    }
    with enclosed(kinds, **options) as child:
        return outside, look(child.identities(), child.run)


def _lines(answer: str) -> list[str]:
    return [" ".join(line.split()) for line in answer.strip().splitlines()]
