"""Lab 07, The smallest seccomp profile: what each task asks for, held against services that are run.

Each examination draws a service that nobody has seen, runs its works as they are, and traces them. What a work says
then, it must say under the learner's profile as well. What a profile lets pass is asked of the filter that it becomes,
call by call; and where it counts, of the kernel, by a process that makes the call. The last task is about the
learner's own service.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from cutaway.check.bench import Bench
from cutaway.check.contract import Missed, asks
from cutaway.check.service import Service, drawn
from cutaway.ground import trace
from cutaway.linux import filters, limited, seccomp, syscalls
from cutaway.linux.seccomp import Instruction

PROBE = Path(__file__).with_name("probe.py")
SPARE = 3  # calls that a profile may allow beyond what was seen: another trace may see a little more
WORK_S = 30  # for a work; on a busy machine one takes seconds
EPERM = 1
SENDING = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")

Said = tuple[int, str, str]  # status, standard output, standard error

# --- Services --------------------------------------------------------------


@lru_cache(maxsize=1)
def fresh(bench: Bench) -> Service:
    """A service that nobody knows."""
    return drawn(Random(secrets.randbits(64)), f"word{secrets.randbelow(10_000)}", bench.folder("fresh"))


@lru_cache(maxsize=1)
def own(bench: Bench) -> Service:
    """The learner's own."""
    return drawn(bench.learner.random("service"), bench.learner.word, bench.folder("own"))


@lru_cache(maxsize=64)
def asked_by(work: tuple[str, ...]) -> frozenset[str]:
    """The calls of a work."""
    return frozenset(call.name for call in trace.calls(work, may_fail=True))


def needed(service: Service) -> set[str]:
    """The calls of all its works."""
    return {name for work in service.works for name in asked_by(tuple(work))}


def said(command: Sequence[str]) -> Said:
    """What comes of a command."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WORK_S)
    except subprocess.TimeoutExpired:
        return -1, "", f"still running after {WORK_S} s"
    return done.returncode, done.stdout, done.stderr


# --- Task 1: what a command asks for ---------------------------------------


@asks(task=1, points=3, name="asked names the calls of a command and its children, and no others")
def asked_names_the_calls_of_a_command(bench: Bench) -> None:
    work = fresh(bench).works[0]
    names, calls = names_of(bench, work), asked_by(tuple(work))
    if not names & calls:
        raise missed(
            f"`{shown(work)}` made {len(calls)} calls, and none of them was named",
            "Print the first lines of your trace. What stands first in each of them, and what do you look for there?",
        )
    if calls - names:
        raise missed(
            f"`{shown(work)}` made {len(calls - names)} calls that were not named, such as {example(calls - names)}",
            "Which process made that call: the shell, or one that the shell started? Does your trace see both?",
        )
    if no_calls := names - set(syscalls.native()):
        raise missed(
            f"{example(no_calls)} was named, and is no system call",
            "Look at one line of your trace: where does the name end? Which lines are no calls at all?",
        )
    if len(more := names - calls) > SPARE:
        raise missed(
            f"{len(more)} names are of calls that `{shown(work)}` did not make, such as {example(more)}",
            "Where do these names come from?",
        )


@asks(task=1, points=1, needs=[asked_names_the_calls_of_a_command])
def a_command_that_fails_is_traced_like_any_other(bench: Bench, _: None) -> None:
    work = fresh(bench).works[-1]
    if lacking := asked_by(tuple(work)) - names_of(bench, work):
        raise missed(
            f"`{shown(work)}` fails, as it should, and of its calls {example(lacking)} was not named",
            "Run it by hand: what is its status, and what does your function make of that?",
        )


def names_of(bench: Bench, work: list[str]) -> set[str]:
    """What the learner's function says of a command."""
    returned = bench.call("asked", work).value
    if not isinstance(returned, list) or not all(isinstance(each, str) for each in returned):
        raise missed(f"asked returned {brief(returned)}", "A list of names: of what type is each entry of yours?")
    return set(returned)


# --- Task 2: a profile -----------------------------------------------------


@lru_cache(maxsize=1)
def some(_: Bench) -> list[str]:
    """Names that a profile is asked for."""
    return sorted(secrets.SystemRandom().sample(sorted(syscalls.native()), 20))


@asks(task=2, points=2)
def what_is_named_passes(bench: Bench) -> None:
    program = filter_of(bench.call("profile", some(bench)).value, "profile")
    if refused := set(some(bench)) - passing(program):
        raise missed(
            f"{example(refused)} was to be allowed, and its verdict is {verdict_in_words(program, example(refused))}",
            "Which action stands in the rule that has the names, and under which keys?",
        )


@asks(task=2, points=2)
def all_else_fails_with_EPERM(bench: Bench) -> None:  # noqa: N802  the kernel's word
    program = filter_of(bench.call("profile", some(bench)).value, "profile")
    for name in sorted(set(syscalls.native()) - set(some(bench))):
        if judged(program, name) != seccomp.ERRNO | EPERM:
            raise missed(
                f"{name} was not named, and its verdict is {verdict_in_words(program, name)}",
                "What becomes of calls for which there is no rule, and with which error?",
            )


# --- Task 3: the smallest --------------------------------------------------


@asks(task=3, points=2)
def the_service_does_all_of_its_work(bench: Bench) -> None:
    service = fresh(bench)
    does_all(service, bench.call("smallest", service.works).value, "smallest")


@asks(task=3, points=2)
def no_call_passes_that_no_work_makes(bench: Bench) -> None:
    service = fresh(bench)
    is_small(service, bench.call("smallest", service.works).value, "smallest")


# --- Task 4: one signal ----------------------------------------------------


@asks(task=4, points=1)
def it_still_does_all_of_its_work(bench: Bench) -> None:
    service = fresh(bench)
    does_all(service, bench.call("one_signal", service.works, service.signal).value, "one_signal")


@asks(task=4, points=3)
def no_other_signal_passes(bench: Bench) -> None:
    service = fresh(bench)
    profile = bench.call("one_signal", service.works, service.signal).value
    sends_nothing_else(profile, service.signal, "one_signal")


# --- Task 5: the file ------------------------------------------------------


@asks(task=5, points=2, name="under the file your service does all of its work, and sends no other signal")
def the_file_is_for_your_service(bench: Bench) -> Mapping[str, Any]:
    service = own(bench)
    profile = written(bench, service)
    does_all(service, profile, "the file")
    sends_nothing_else(profile, service.signal, "the file")
    return profile


@asks(
    task=5,
    points=1,
    needs=[the_file_is_for_your_service],
    name="the file lets pass no call that your service does not make",
)
def the_file_is_small(bench: Bench, profile: Mapping[str, Any]) -> None:
    is_small(own(bench), profile, "the file")


@asks(task=5, points=1, needs=[the_file_is_for_your_service])
def what_must_never_be_called_ends_the_process(bench: Bench, profile: Mapping[str, Any]) -> None:
    program = filter_of(profile, "the file")
    for name in own(bench).never:
        if judged(program, name) not in (seccomp.KILL, seccomp.KILL_THREAD):
            raise missed(
                f"{name} must never be called, and its verdict is {verdict_in_words(program, name)}",
                "A profile may have several rules. Which of the actions leaves no process behind?",
            )
    name = own(bench).never[0]
    if made(profile, syscalls.native()[name]) != -signal.SIGSYS:
        raise missed(f"a process called {name} under the file, and went on", "Which rule does the kernel find for it?")


def written(bench: Bench, service: Service) -> Mapping[str, Any]:
    """The profile in the file that the learner's function wrote."""
    path = Path(bench.folder("own"), "profile.json")
    bench.call("finished", service.works, service.signal, service.never, str(path))
    try:
        profile = json.loads(path.read_text())
    except FileNotFoundError:
        raise missed("finished returned, and there is no file", "To which path did you write?") from None
    except ValueError as error:
        raise missed(f"the file is no JSON: {error}", "Open it. In JSON, which quotes stand round a text?") from None
    filter_of(profile, "the file")
    return dict(profile)


# --- What checks are made of -----------------------------------------------


def filter_of(profile: object, whose: str) -> list[Instruction]:
    """The filter that a profile becomes."""
    rules = profile.get("syscalls") if isinstance(profile, dict) else None
    if (
        not isinstance(profile, dict)
        or not isinstance(rules, list)
        or not all(isinstance(each, dict) for each in rules)
    ):
        raise missed(
            f"{whose}: {brief(profile)} is no profile",
            "A dictionary, with a list under syscalls: compare it with lesson 09.",
        )
    try:
        return filters.compiled(profile, os.uname().machine)
    except (ValueError, TypeError, AttributeError) as error:
        raise missed(f"{whose}: the profile has no meaning: {error}", "Compare its keys with lesson 09's.") from None


def judged(program: Sequence[Instruction], name: str, *arguments: int) -> int:
    """The filter's answer to one call of this machine's."""
    architecture, _ = filters.ARCHITECTURES[filters.NATIVE[os.uname().machine]]
    return seccomp.verdict(program, architecture, syscalls.native()[name], arguments)


def passing(program: Sequence[Instruction]) -> set[str]:
    """The calls that pass, with some argument."""
    tries = [(0, each) for each in range(65)]
    return {
        name
        for name in syscalls.native()
        if any(judged(program, name, *arguments) in LETS_PASS for arguments in (tries if name in SENDING else [()]))
    }


LETS_PASS = (seccomp.ALLOW, seccomp.LOG, seccomp.TRACE)


def does_all(service: Service, profile: object, whose: str) -> None:
    """Every work says under the profile what it says without."""
    filter_of(profile, whose)
    for each in service.works:
        before, after = said(each), said(limited.command(each, profile=profile))  # type: ignore[arg-type]
        if before != after:
            raise missed(
                f"{whose}: `{shown(each)}` ends with {after[0]} and says {brief(after[1] + after[2])}; "
                f"without the profile it ends with {before[0]} and says {brief(before[1] + before[2])}",
                "Trace the command under the profile: which call is answered with EPERM? Did an earlier trace see it?",
            )


def is_small(service: Service, profile: object, whose: str) -> None:
    """Next to nothing passes that no work has asked for."""
    more = passing(filter_of(profile, whose)) - needed(service)
    if len(more) > SPARE:
        raise missed(
            f"{whose}: {len(more)} calls pass that no work makes, such as {example(more)}",
            "Which works ask for what you have allowed? What none of them asks for can go.",
        )


def sends_nothing_else(profile: object, number: int, whose: str) -> None:
    """The only signal that can be sent is this one; asked of the filter, and of the kernel."""
    program = filter_of(profile, whose)
    for name in SENDING:
        for other in range(65):
            at = {"tgkill": 2, "rt_tgsigqueueinfo": 2}.get(name, 1)
            arguments = [0] * at + [other]
            if (name, other) != ("kill", number) and judged(program, name, *arguments) in LETS_PASS:
                raise missed(
                    f"{whose}: {name} with signal {other} passes; the service sends only {number}",
                    "Which of a call's arguments is the signal? Count them from 0, and say what must hold.",
                )
    if made(profile, syscalls.native()["kill"], os.getpid(), 0) != EPERM:
        raise missed(f"{whose}: a process could look for another one with kill", "Signal 0 is a signal, too.")


def made(profile: object, number: int, *arguments: int) -> int:
    """How a process ends that makes this call under the profile: 0, the number of the error, or minus a signal's."""
    argv = [sys.executable, "-I", str(PROBE), json.dumps(profile), str(number), *map(str, arguments)]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=WORK_S).returncode


# --- In words --------------------------------------------------------------

WORDS = {seccomp.ALLOW: "ALLOW", seccomp.KILL: "KILL_PROCESS", seccomp.KILL_THREAD: "KILL", seccomp.LOG: "LOG"}


def verdict_in_words(program: Sequence[Instruction], name: str) -> str:
    answer = judged(program, name)
    if answer & 0xFFFF0000 == seccomp.ERRNO:
        return f"ERRNO {answer & 0xFFFF}"
    return WORDS.get(answer, f"{answer:#x}")


def missed(observed: str, hint: str) -> Missed:
    return Missed(observed, hint, final=True)


def example(names: Iterable[str]) -> str:
    return min(names)


def shown(work: Sequence[str]) -> str:
    return " ".join([*work[:2], Path(work[2]).name, *work[3:]])


def brief(value: object) -> str:
    text = value.strip() if isinstance(value, str) else repr(value)
    return f"{text[:80]} …" if len(text) > 80 else text or "nothing"
