"""From a seccomp profile, as OCI's config.json and Docker write it, to the program that seccomp.py installs.

A profile gives names of system calls an action, some only for certain arguments, and all others a default.
Numbers differ between architectures, so the program first asks for the architecture. Then it halves: the numbers
from 0 up fall into stretches of equal fate, and each question "is the number at least N?" drops half of them, until
one stretch is left. What looks at arguments comes last.

Where rules of one call disagree, the one without conditions wins, else the first that fits; libseccomp, against
which the tests compare, refuses exact contradictions. A name that no architecture has is skipped: profiles are
written for newer kernels, too. An architecture that is not in ARCHITECTURES stays foreign, and its calls end the
thread that makes them. See the runtime specification, config-linux.md, "Seccomp".
Reading order: words, the profile, the program, conditions.
"""

from __future__ import annotations

import errno

from cutaway.linux import syscalls
from cutaway.linux.seccomp import (
    ALLOW,
    AND,
    ARCHITECTURE_OFFSET,
    ARGUMENTS_OFFSET,
    BPF_MAXINSNS,
    ERRNO,
    IF_AT_LEAST,
    IF_EQUAL,
    IF_GREATER,
    JUMP,
    KILL,
    KILL_THREAD,
    LOAD,
    LOG,
    NOTIFY,
    NUMBER_OFFSET,
    RETURN,
    TRACE,
    TRAP,
)

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cutaway.linux.seccomp import Instruction

    Profile = Mapping[str, Any]
    Condition = tuple[int, str, int, int, bool]  # argument, operator, value, second value, whether it has 64 bits
    Rules = list[tuple[Sequence[Condition], int]]  # what must hold, and the answer if it does
    Fates = Mapping[int, Rules]  # number of a call -> its rules
    Step = tuple[int, Sequence[tuple[int, str, str]]]  # half of an argument, questions to it

# --- Words -----------------------------------------------------------------

ACTIONS = {
    "SCMP_ACT_KILL": KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": KILL,
    "SCMP_ACT_TRAP": TRAP,
    "SCMP_ACT_ERRNO": ERRNO,
    "SCMP_ACT_TRACE": TRACE,
    "SCMP_ACT_NOTIFY": NOTIFY,
    "SCMP_ACT_LOG": LOG,
    "SCMP_ACT_ALLOW": ALLOW,
}
AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64 = 0xC000003E, 0x40000003, 0xC00000B7  # linux/audit.h
ARCHITECTURES = {
    "SCMP_ARCH_X86_64": (AUDIT_ARCH_X86_64, "x86_64"),
    "SCMP_ARCH_X86": (AUDIT_ARCH_I386, "i386"),
    "SCMP_ARCH_X32": (AUDIT_ARCH_X86_64, "x32"),  # the same to the kernel, but for one bit of the number
    "SCMP_ARCH_AARCH64": (AUDIT_ARCH_AARCH64, "aarch64"),
}
NATIVE = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}  # by uname -m
NARROW = ("i386", "x32")  # their arguments have 32 bits
NO_CALL = 0xFFFFFFFF  # the number of a call that a tracer took back

SOCKETCALL = {
    "socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "getsockname": 6, "getpeername": 7,
    "socketpair": 8, "send": 9, "recv": 10, "sendto": 11, "recvfrom": 12, "shutdown": 13, "setsockopt": 14,
    "getsockopt": 15, "sendmsg": 16, "recvmsg": 17, "accept4": 18, "recvmmsg": 19, "sendmmsg": 20,
}  # linux/net.h: on i386 these are also one call whose first argument says which  # fmt: skip
IPC = {
    "semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13, "msgctl": 14,
    "shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
}  # linux/ipc.h  # fmt: skip


class ProfileError(ValueError):
    """A profile that says something which has no meaning."""


# --- The profile -----------------------------------------------------------


def compiled(profile: Profile, native: str) -> list[Instruction]:
    """The program for a profile; calls of `native`, as `uname -m` says it, are judged whether it is listed or not."""
    default = action(profile.get("defaultAction"), profile.get("defaultErrnoRet"))
    named = dict.fromkeys([*(profile.get("architectures") or ()), *filter(None, [NATIVE.get(native)])])
    by_number: dict[int, dict[int, Rules]] = {}
    for name in named:
        if name in ARCHITECTURES:
            architecture, table = ARCHITECTURES[name]
            by_number.setdefault(architecture, {}).update(fates(profile, default, table))
    foreign = [] if "SCMP_ARCH_X32" in named else [AUDIT_ARCH_X86_64]
    return program({each: (by_number[each], each in foreign) for each in by_number}, default)


def fates(profile: Profile, default: int, architecture: str) -> dict[int, Rules]:
    """The rules of each call that has any, by its number."""
    numbers = syscalls.table(architecture)
    found: dict[int, Rules] = {}
    for rule in profile.get("syscalls") or ():
        answer = action(rule.get("action"), rule.get("errnoRet"))
        if answer == default:
            continue
        choices = alternatives(rule.get("args") or (), architecture not in NARROW)
        for name in rule.get("names") or ():
            for number, first in ways(name, numbers, architecture):
                rules = found.setdefault(number, [])
                rules += [([*first, *(each for each in choice if not first or each[0])], answer) for choice in choices]
    return {number: decisive(rules) for number, rules in found.items()}


def ways(name: str, numbers: Mapping[str, int], architecture: str) -> Iterable[tuple[int, Sequence[Condition]]]:
    """The numbers under which a call may be made, and what the first argument must then be."""
    if name in numbers:
        yield numbers[name], ()
    if architecture == "i386":
        for door, inside in (("socketcall", SOCKETCALL), ("ipc", IPC)):
            if name in inside:
                yield numbers[door], [(0, "SCMP_CMP_EQ", inside[name], 0, False)]


def alternatives(arguments: Sequence[Mapping[str, Any]], wide: bool) -> list[Sequence[Condition]]:
    """All conditions must hold; but where one argument has several, as in runc, one of all is enough."""
    conditions = [condition(each, wide) for each in arguments]
    if len({index for index, *_ in conditions}) < len(conditions):
        return [[each] for each in conditions]
    return [conditions]


def decisive(rules: Rules) -> Rules:
    """Only the first rule without conditions, if there is one."""
    return next(([rule] for rule in rules if not rule[0]), rules)


def condition(argument: Mapping[str, Any], wide: bool) -> Condition:
    """One of a rule's `args`, read."""
    index, operator = argument.get("index", 0), argument.get("op")
    if index not in range(6) or operator not in TESTS:
        raise ProfileError(
            f"seccomp: argument {index!r} with op {operator!r}: indexes are 0 to 5, ops {', '.join(TESTS)}"
        )
    return index, str(operator), argument.get("value", 0), argument.get("valueTwo", 0), wide


def action(name: object, number: int | None) -> int:
    """What the filter returns for an action; `number` is the error, which is EPERM unless it is said."""
    if name not in ACTIONS:
        raise ProfileError(f"seccomp: action {name!r}: it is none of {', '.join(ACTIONS)}")
    answer = ACTIONS[str(name)]
    if answer in (ERRNO, TRACE):
        return answer | (errno.EPERM if number is None else number) & 0xFFFF  # SECCOMP_RET_DATA
    return answer


# --- The program -----------------------------------------------------------


def program(architectures: Mapping[int, tuple[Fates, bool]], default: int) -> list[Instruction]:
    """Ask for the architecture, then for the number."""
    code: list[Instruction] = [(RETURN, 0, 0, KILL_THREAD)]
    for architecture, (rules, without_x32) in architectures.items():
        judged: list[Instruction] = [(LOAD, 0, 0, NUMBER_OFFSET), *halved(stretches(rules, without_x32), default)]
        code = [(IF_EQUAL, 1, 0, architecture), (JUMP, 0, 0, len(judged)), *judged, *code]
    code = [(LOAD, 0, 0, ARCHITECTURE_OFFSET), *code]
    if len(code) > BPF_MAXINSNS:
        raise ProfileError(f"seccomp: the profile needs {len(code)} instructions; the kernel takes {BPF_MAXINSNS}")
    return code


def stretches(rules: Fates, without_x32: bool) -> list[tuple[int, Rules]]:
    """Where each stretch of numbers begins, and the rules that all of it has."""
    every = dict(rules)
    starts = {0} | set(rules) | {number + 1 for number in rules if number < NO_CALL}
    if without_x32:
        starts |= {syscalls.X32_SYSCALL_BIT, NO_CALL}
        every[syscalls.X32_SYSCALL_BIT] = [((), KILL_THREAD)]
    ordered = [(start, every.get(start, [])) for start in sorted(starts)]
    return [now for at, now in enumerate(ordered) if at == 0 or now[1] != ordered[at - 1][1]]


def halved(parts: Sequence[tuple[int, Rules]], default: int) -> list[Instruction]:
    """The decision between these stretches."""
    if len(parts) == 1:
        return judged(parts[0][1], default)
    middle = len(parts) // 2
    lower, upper = halved(parts[:middle], default), halved(parts[middle:], default)
    border = parts[middle][0]
    if len(lower) < 256:  # a jump on a condition has 8 bits for its distance
        return [(IF_AT_LEAST, len(lower), 0, border), *lower, *upper]
    return [(IF_AT_LEAST, 0, 1, border), (JUMP, 0, 0, len(lower)), *lower, *upper]


def judged(rules: Rules, default: int) -> list[Instruction]:
    """The answer for one call: that of the first rule whose conditions all hold."""
    code: list[Instruction] = []
    for conditions, answer in rules:
        code += tested(conditions, answer)
        if not conditions:
            return code
    return [*code, (RETURN, 0, 0, default)]


# --- Conditions ------------------------------------------------------------

NEXT, PASS, FAIL = "next", "pass", "fail"  # where a step of a test leads

# An argument has up to 64 bits and the register 32, so a test looks at the upper half first. A step says which half
# it loads, and for each instruction that decides, where that leads when it is true and when it is false.
HIGH, LOW = 4, 0  # bytes into the argument, which is little-endian
EQUAL = ((HIGH, ((IF_EQUAL, NEXT, FAIL),)), (LOW, ((IF_EQUAL, NEXT, FAIL),)))
LESS = (IF_GREATER, FAIL, NEXT), (IF_EQUAL, NEXT, PASS)
MORE = (IF_GREATER, PASS, NEXT), (IF_EQUAL, NEXT, FAIL)
TESTS: Mapping[str, Sequence[Step]] = {
    "SCMP_CMP_EQ": EQUAL,
    "SCMP_CMP_MASKED_EQ": EQUAL,
    "SCMP_CMP_NE": ((HIGH, ((IF_EQUAL, NEXT, PASS),)), (LOW, ((IF_EQUAL, FAIL, NEXT),))),
    "SCMP_CMP_GT": ((HIGH, MORE), (LOW, ((IF_GREATER, NEXT, FAIL),))),
    "SCMP_CMP_GE": ((HIGH, MORE), (LOW, ((IF_AT_LEAST, NEXT, FAIL),))),
    "SCMP_CMP_LT": ((HIGH, LESS), (LOW, ((IF_AT_LEAST, FAIL, NEXT),))),
    "SCMP_CMP_LE": ((HIGH, LESS), (LOW, ((IF_GREATER, FAIL, NEXT),))),
}


def tested(conditions: Sequence[Condition], answer: int) -> list[Instruction]:
    """Return `answer` if all conditions hold, else go on behind these instructions."""
    code: list[Instruction] = [(RETURN, 0, 0, answer)]
    for each in reversed(conditions):
        code = [*one_test(each, len(code)), *code]
    return code


def one_test(test: Condition, failed: int) -> list[Instruction]:
    """Go on behind these instructions if the condition holds, else jump over `failed` more."""
    index, operator, value, second, wide = test
    wanted, mask = (second & value, value) if operator == "SCMP_CMP_MASKED_EQ" else (value, None)
    steps: list[tuple[int, str, str, int]] = []
    for half, questions in TESTS[operator] if wide else TESTS[operator][1:]:
        steps.append((LOAD, NEXT, NEXT, ARGUMENTS_OFFSET + 8 * index + half))
        if mask is not None:
            steps.append((AND, NEXT, NEXT, mask >> 8 * half & 0xFFFFFFFF))
        steps += [(code, yes, no, wanted >> 8 * half & 0xFFFFFFFF) for code, yes, no in questions]
    ends = {PASS: len(steps) - 1, FAIL: len(steps) - 1 + failed}
    return [
        (code, ends[yes] - at if yes in ends else 0, ends[no] - at if no in ends else 0, k)
        for at, (code, yes, no, k) in enumerate(steps)
    ]
