"""Lab 05, Limit: what each task asks for, read from the files of a machine of the check's own.

The first check of a task has the learner's function called with the name of a fresh lab machine, in which programs of
the check's own wait to be started. Their processes sleep for numbers of seconds that nobody could know before, and by
these they are found; what counts is in which groups they are, and what these groups and those above them say.
For the first task the machine is slow where it matters, so that an answer that wins a race elsewhere loses it here.
All has been done when the function has returned, so nothing is waited for but the programs' own start.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import NamedTuple

from cutaway.check import values
from cutaway.check.bench import Bench, Call
from cutaway.check.contract import Missed, asks
from cutaway.ground.machine import Machine

TOP = "/sys/fs/cgroup"
SLOWLY = Path(__file__).with_name("slowly.py")
MIB = 1 << 20
NO_LIMIT = "max"
CALL_S = 40.0  # for a function that asks a machine several times
STARTED_S, DIED_S = 10.0, 10.0  # for a program to be there, and to be gone; on a busy machine one look takes seconds
PROGRAM = "#!/bin/sh\nsleep {0} &\nexec sleep {1}\n"

# --- What is agreed, and what is found -------------------------------------


class Agreed(NamedTuple):
    """The learner's own limits; the notebook draws the same."""

    memory_mib: int
    processes: int
    percent: int
    times: int

    @classmethod
    def of(cls, bench: Bench) -> Agreed:
        draw = bench.learner.random
        return cls(
            draw("memory").choice(range(24, 48)),
            draw("processes").choice(range(12, 24)),
            draw("percent").choice(range(15, 60, 5)),
            draw("times").choice(range(2, 6)),
        )


class Program(NamedTuple):
    """A program of the check's in a machine: where it lies, and for how many seconds its two processes sleep."""

    guest: Machine
    path: str
    sleeps: tuple[str, str]

    @classmethod
    def put(cls, guest: Machine, number: int) -> Program:
        first, second = (str(10**8 + secrets.randbelow(10**8)) for _ in range(2))
        path = f"/tmp/tenant-{number}"
        guest.put(path, PROGRAM.format(first, second).encode())
        guest.run(["chmod", "+x", path])
        return cls(guest, path, (first, second))

    def groups(self) -> list[str]:
        """The groups of its processes, as many as there are, as paths that begin with a slash."""
        lines = self.guest.run(["ps", "-ww", "-e", "-o", "cgroup=,args="]).splitlines()
        mine = [line.split() for line in lines if line.split()[-2:] in [["sleep", each] for each in self.sleeps]]
        return ["/" if words[0] == "-" else words[0].removeprefix("0::") for words in mine]  # ps has a dash for the top

    def settled(self) -> list[str]:
        """The same, once both of its processes are there, or time is over."""
        deadline = time.monotonic() + STARTED_S
        while len(found := self.groups()) < len(self.sleeps) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


class Tenancy(NamedTuple):
    """A program in its group: what the checks of a task go on from."""

    program: Program
    path: str


def call(bench: Bench, function: str, *arguments: values.Plain) -> Call:
    """Call the learner's function. Missed, with a hint of the lab's own, for an error that points astray."""
    try:
        return bench.call(function, *arguments, within_s=CALL_S)
    except Missed as missed:
        if "Permission denied" not in missed.observed:
            raise
        hint = "In a group, root is told so of a file that is not there. Is it? Which group hands its controller down?"
        raise Missed(missed.observed, hint, final=True) from None


def slow_down(guest: Machine) -> None:
    """Let whoever moves a process wait before it, from now on; where the kernel cannot, all is as before."""
    guest.put("/tmp/slowly.py", SLOWLY.read_bytes())
    guest.run("python3 -I -S /tmp/slowly.py > /tmp/slowly 2>&1 & until test -s /tmp/slowly; do sleep 0.1; done")


def started(bench: Bench, function: str, *agreed: int) -> Tenancy:
    """Have `function` called for a program in a fresh machine; where the program is then. Missed if it is not held."""
    guest, group = bench.machine(function), bench.learner.word
    program = Program.put(guest, 1)
    call(bench, function, guest.name, group, program.path, *agreed)
    return Tenancy(program, within(program, f"/{group}", function))


def running(program: Program, function: str) -> list[str]:
    """The groups of the program's processes. Missed when it does not run."""
    found = program.settled()
    if not found:
        raise Missed(
            f"when {function} has returned, {program.path} does not run",
            "Which line starts the program, and does it go on when the shell that started it has ended?",
            final=True,
        )
    return found


def within(program: Program, group: str, function: str) -> str:
    """The group, below `group` or itself, in which all of the program is. Missed when some of it is not."""
    found = running(program, function)
    outside = [path for path in found if path != group and not path.startswith(f"{group}/")]
    if outside:
        raise Missed(
            f"of the program's {len(found)} processes {len(outside)} are outside: {', '.join(sorted(set(outside)))}",
            "A process begins where its parent is, and moves alone. Who should be in the group before the first of "
            "them is started?",
            final=True,
        )
    return found[0]


# --- What holds ------------------------------------------------------------


def said(guest: Machine, path: str, file: str) -> dict[str, str]:
    """What the file says in a group and in each above it, for those that have it."""
    steps = path.strip("/").split("/")
    places = ["/" + "/".join(steps[: upto + 1]) for upto in range(len(steps))]
    files = {f"{TOP}{place}/{file}": place for place in places}
    lines = guest.run(["sh", "-c", 'grep -s "" "$@" /dev/null || true', "sh", *files]).splitlines()
    return {files[name]: text for name, _, text in (line.partition(":") for line in lines)}


def least(texts: dict[str, str]) -> int | None:
    """The tightest of several limits; None where there is none."""
    return min((int(text) for text in texts.values() if text != NO_LIMIT), default=None)


def memory_holds(tenancy: Tenancy, memory_mib: int) -> None:
    """The memory of the program is limited to so much."""
    found = least(said(tenancy.program.guest, tenancy.path, "memory.max"))
    if found is None:
        raise Missed(
            "nothing limits the program's memory",
            "Read memory.max in your group. If there is no such file: which group hands the controller down?",
            final=True,
        )
    if found != memory_mib * MIB:
        raise Missed(
            f"the program may use {found} bytes of memory; agreed were {memory_mib * MIB}",
            "How many bytes has a mebibyte, and which letter means that to the kernel?",
            final=True,
        )


def processes_hold(tenancy: Tenancy, processes: int) -> None:
    """The program may be so many processes."""
    found = least(said(tenancy.program.guest, tenancy.path, "pids.max"))
    if found != processes:
        raise Missed(
            "nothing limits the program's processes"
            if found is None
            else f"the program may be {found} processes; agreed were {processes}",
            "Read pids.max in your group. If there is no such file: which group hands the controller down?",
            final=True,
        )


def processor_holds(tenancy: Tenancy, percent: int) -> None:
    """The program may use so much of a processor."""
    texts = said(tenancy.program.guest, tenancy.path, "cpu.max")
    parts = [text.split() for text in texts.values() if not text.startswith(NO_LIMIT)]
    found = min((100 * int(quota) / int(period) for quota, period in parts), default=None)
    if found is None or round(found, 2) != percent:
        raise Missed(
            "nothing limits the program's time on a processor"
            if found is None
            else f"the program may use {found:g} % of a processor; agreed were {percent} %",
            "Two numbers stand in cpu.max, in the same unit. What is the first divided by the second?",
            final=True,
        )


# --- Task 1: a group of its own --------------------------------------------


@asks(task=1, points=1, name="enclose starts the program")
def enclose_starts_the_program(bench: Bench) -> Program:
    guest = bench.machine("enclose")
    program = Program.put(guest, 1)
    slow_down(guest)
    call(bench, "enclose", guest.name, bench.learner.word, program.path)
    running(program, "enclose")
    return program


@asks(task=1, points=2, needs=[enclose_starts_the_program])
def all_of_the_program_is_in_the_group(bench: Bench, program: Program) -> None:
    within(program, f"/{bench.learner.word}", "enclose")


# --- Task 2: so much memory ------------------------------------------------


@asks(task=2, points=2)
def the_program_may_use_so_much_memory_and_no_more(bench: Bench) -> Tenancy:
    agreed = Agreed.of(bench)
    tenancy = started(bench, "with_memory", agreed.memory_mib)
    memory_holds(tenancy, agreed.memory_mib)
    return tenancy


@asks(task=2, points=2, needs=[the_program_may_use_so_much_memory_and_no_more])
def who_uses_more_takes_the_whole_program_along(bench: Bench, tenancy: Tenancy) -> None:
    guest = tenancy.program.guest
    fill = f"dd if=/dev/zero of=/dev/null bs={2 * Agreed.of(bench).memory_mib}M count=1"
    guest.run(f"(echo 0 > {TOP}{tenancy.path}/cgroup.procs && exec {fill}) > /dev/null 2>&1 || true")
    deadline = time.monotonic() + DIED_S
    while left := tenancy.program.groups():
        if time.monotonic() > deadline:
            raise Missed(
                f"something in the group used more and was killed, and {len(left)} processes of the program live on",
                "Which file says whether the kernel kills one process of a group or all of them?",
                final=True,
            )
        time.sleep(0.1)


# --- Task 3: so many processes ---------------------------------------------


@asks(task=3, points=2)
def the_program_may_be_so_many_processes_and_no_more(bench: Bench) -> Tenancy:
    agreed = Agreed.of(bench)
    tenancy = started(bench, "with_processes", agreed.memory_mib, agreed.processes)
    processes_hold(tenancy, agreed.processes)
    return tenancy


@asks(task=3, points=1, needs=[the_program_may_be_so_many_processes_and_no_more])
def its_memory_is_limited_as_before(bench: Bench, tenancy: Tenancy) -> None:
    memory_holds(tenancy, Agreed.of(bench).memory_mib)


# --- Task 4: so much of a processor ----------------------------------------


@asks(task=4, points=2)
def the_program_may_use_so_much_of_a_processor_and_no_more(bench: Bench) -> Tenancy:
    agreed = Agreed.of(bench)
    tenancy = started(bench, "with_processor", agreed.memory_mib, agreed.processes, agreed.percent)
    processor_holds(tenancy, agreed.percent)
    return tenancy


@asks(task=4, points=1, needs=[the_program_may_use_so_much_of_a_processor_and_no_more])
def its_memory_and_processes_are_limited_as_before(bench: Bench, tenancy: Tenancy) -> None:
    memory_holds(tenancy, Agreed.of(bench).memory_mib)
    processes_hold(tenancy, Agreed.of(bench).processes)


# --- Task 5: two tenants ---------------------------------------------------


@asks(task=5, points=2)
def each_program_has_a_group_of_its_own_below_yours(bench: Bench) -> tuple[Tenancy, Tenancy]:
    guest, group = bench.machine("divided"), f"/{bench.learner.word}"
    one, two = Program.put(guest, 1), Program.put(guest, 2)
    call(bench, "divided", guest.name, bench.learner.word, one.path, two.path, *Agreed.of(bench))
    first, second = (Tenancy(each, within(each, group, "divided")) for each in (one, two))
    for tenancy, other in ((first, second), (second, first)):
        if tenancy.path == group or f"{other.path}/".startswith(f"{tenancy.path}/"):
            raise Missed(
                f"the two programs are in {first.path} and {second.path}",
                "Which folders lie in your group? A group that hands memory down holds groups and no processes.",
                final=True,
            )
    return first, second


@asks(task=5, points=2, needs=[each_program_has_a_group_of_its_own_below_yours])
def the_first_has_so_many_times_the_weight_of_the_second(bench: Bench, both: tuple[Tenancy, Tenancy]) -> None:
    above = common(both)
    beside = [f"{above}/{each.path.removeprefix(above).split('/')[1]}" for each in both]
    guest = both[0].program.guest
    weights = [said(guest, path, "cpu.weight").get(path) for path in beside]
    if None in weights or int(weights[0] or 0) != Agreed.of(bench).times * int(weights[1] or 0):
        raise Missed(
            f"the groups {' and '.join(beside)} have the weights {' and '.join(each or 'none' for each in weights)}",
            "Weights count between groups that lie in the same one. Which of the two is to get more, and how much?",
            final=True,
        )


@asks(task=5, points=3, needs=[each_program_has_a_group_of_its_own_below_yours])
def the_limits_hold_for_the_two_together(bench: Bench, both: tuple[Tenancy, Tenancy]) -> None:
    agreed = Agreed.of(bench)
    together = Tenancy(both[0].program, common(both))
    memory_holds(together, agreed.memory_mib)
    processes_hold(together, agreed.processes)
    processor_holds(together, agreed.percent)


def common(both: tuple[Tenancy, Tenancy]) -> str:
    """The innermost group that holds both programs."""
    steps = []
    for one, two in zip(*(each.path.split("/") for each in both), strict=False):
        if one != two:
            break
        steps.append(one)
    return "/".join(steps)
