"""What a program asks of the kernel: its system calls, as strace(1) saw them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from cutaway import ledger
from cutaway.ground import programs
from cutaway.linux import commands
from cutaway.linux.commands import Command
from cutaway.problem import Problem

LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>.*)$")
BEGUN = re.compile(r"^(?P<pid>\d+)\s+(?P<call>\w+\(.*) <unfinished \.\.\.>$")  # another thread's call came between
ENDED = re.compile(r"^(?P<pid>\d+)\s+<\.\.\. \w+ resumed>(?P<rest>.*)$")


class SystemCall(NamedTuple):
    """One request and the kernel's answer, in strace's words."""

    pid: int
    name: str
    arguments: str
    result: str

    def __str__(self) -> str:
        return f"{self.name}({self.arguments}) = {self.result}"


def calls(
    command: Command,
    only: str = "all",
    timeout_s: float = 30,
    *,
    may_fail: bool = False,
    run: Callable[[Command, float], str] = commands.run,
) -> list[SystemCall]:
    """Run `command` to its end; every system call of it and its children that is in strace's set `only`, in order.

    With `may_fail`, a command that fails is traced like any other. `run` is where: the method of an `Enclosed`, say.
    Signals, and calls from which nobody returned, are left out. Needs strace.
    """
    if not programs.path("strace"):
        raise Problem(f"tracing {commands.shown(command)}: strace is not here; {programs.remedy('strace')}")
    log = ledger.state_folder() / f"trace-{secrets.token_hex(4)}"
    with ledger.kept("file", "what strace saw", path=log):
        log.touch()
        options = ["-f", "-qq", "-s", "120", "-e", f"trace={only}", "-o", str(log)]
        try:
            run(["strace", *options, "--", *commands.words(command)], timeout_s)
        except commands.CommandFailed as failed:
            if not may_fail or failed.status is None:
                raise
        found = map(LINE.match, _whole(log.read_text(errors="replace").splitlines()))
    return [SystemCall(int(match["pid"]), *match.group("name", "arguments", "result")) for match in found if match]


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """The lines, those that strace wrote in two halves put together where the second one stands."""
    begun: dict[str, str] = {}
    for line in lines:
        if half := BEGUN.match(line):
            begun[half["pid"]] = half["call"]
        elif (half := ENDED.match(line)) and half["pid"] in begun:
            yield f"{half['pid']} {begun.pop(half['pid'])}{half['rest']}"
        else:
            yield line
