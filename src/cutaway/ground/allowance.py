"""What a box may do with certain rights: the lines of `powers`, and a program that would give it more, each tried."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import NamedTuple

from cutaway.ground.experiment import enclosed
from cutaway.linux import Kind, limited
from cutaway.linux.powers import COPY, MARK, POWERS, PREPARE

GAINING = "unshare --user --map-user=1000 env /mnt/marked -q CapEff.*1000$ /proc/self/status"
LINES = (*(power.line for power in POWERS), GAINING)
CALLS = ("bind", "chroot", "prctl", "readlink", "sethostname", "socket", "unshare")  # a line each leans on one of these


class Answer(NamedTuple):
    """What became of one line: whether it worked, and the last words of the program if it did not."""

    worked: bool
    said: str


def answers(without: Collection[str], refused_calls: Collection[str], *, gaining: bool) -> dict[str, Answer]:
    """What root of a fresh box may do without these capabilities, under a filter that refuses these calls."""
    rules = [{"names": sorted(refused_calls), "action": "SCMP_ACT_ERRNO"}]
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules} if refused_calls else None
    with enclosed(Kind, network_up=True) as box:
        box.run(f"{PREPARE} && {COPY}")
        box.run([sys.executable, "-c", MARK])
        script = "\n".join(map(_asked, LINES))
        said = box.run(limited.command(script, without=without, gaining=gaining, profile=profile)).splitlines()
    parted = (answer.partition(" ") for answer in said)
    return {line: Answer(word == "yes", why) for line, (word, _, why) in zip(LINES, parted, strict=True)}


def _asked(line: str) -> str:
    """A line for the shell that says in one line what became of another."""
    return f"said=$( ( {line} ) 2>&1 >/dev/null ) && echo yes || echo no ${{said##*: }} | tail -n 1"
