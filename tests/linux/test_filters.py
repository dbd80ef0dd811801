"""A compiled profile judges every call as libseccomp's program does, and the kernel takes it."""

from __future__ import annotations

import errno
import json
import os
import platform
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from libseccomp_oracle import ARCH_BITS, number, theirs

from cutaway.linux import filters, seccomp, syscalls
from cutaway.linux.filters import AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, ProfileError, compiled

ALL = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
CALLS = [*range(600), *(syscalls.X32_SYSCALL_BIT | each for each in range(600)), 0x3FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]
ARCHITECTURES = (AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, 0xC00000B7)
INTERESTING = (0, 1, 2, 16, 40, 0x7E020000, 0x10000000, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, (1 << 64) - 1)
PODMAN = Path("/usr/share/containers/seccomp.json")


def profile(*rules: dict[str, Any], default: str = "SCMP_ACT_ERRNO", architectures: list[str] = ALL) -> dict[str, Any]:
    return {"defaultAction": default, "architectures": architectures, "syscalls": list(rules)}


def rule(*names: str, action: str = "SCMP_ACT_ALLOW", args: Any = (), **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, "args": list(args), **more}


def arg(index: int, op: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, "valueTwo": second}


def differences(wanted: dict[str, Any], seed: int = 1, tries: int = 6) -> list[str]:
    """Calls that the two programs judge differently; arguments are drawn from numbers near the profile's own."""
    ours, oracle = compiled(wanted, "x86_64"), theirs(wanted)
    draw = random.Random(seed)
    told = [
        each[key] for each_rule in wanted["syscalls"] for each in each_rule["args"] for key in ("value", "valueTwo")
    ]
    near = [*INTERESTING, *(max(0, each + step) for each in told for step in (-1, 0, 1))]
    found = []
    for architecture in ARCHITECTURES:
        for call in CALLS:
            for _ in range(tries):
                widest = 0xFFFFFFFF if architecture == AUDIT_ARCH_I386 else (1 << 64) - 1
                arguments = [draw.choice(near) & widest for _ in range(6)]
                answers = [seccomp.verdict(program, architecture, call, arguments) for program in (ours, oracle)]
                if answers[0] != answers[1]:
                    found.append(
                        f"{architecture:#x} call {call}{arguments}: {answers[0]:#x}, libseccomp {answers[1]:#x}"
                    )
    return found


# --- Beside libseccomp -----------------------------------------------------


@pytest.mark.parametrize("op", ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"])
@pytest.mark.parametrize("value", [0, 1, 0xFFFFFFFF, 1 << 32, 0x1_0000_0005, (1 << 64) - 1])
def test_each_operator_is_libseccomps(op: str, value: int) -> None:
    second = value & 0x5_0000_0005
    assert differences(profile(rule("personality", args=[arg(0, op, value, second)])), tries=3) == []


@pytest.mark.parametrize("action", [name for name in filters.ACTIONS if name != "SCMP_ACT_NOTIFY"])
def test_each_action_is_libseccomps(action: str) -> None:
    assert differences(profile(rule("mkdir", action=action, errnoRet=7), default="SCMP_ACT_ALLOW"), tries=1) == []
    assert differences(profile(rule("mkdir"), default=action), tries=1) == [] or action == "SCMP_ACT_ALLOW"


@pytest.mark.parametrize("architectures", [[], ALL[:1], ALL[:2], ALL[1:], ALL])
def test_calls_of_other_architectures_end_as_with_libseccomp(architectures: list[str]) -> None:
    assert differences(profile(rule("read", "write", "ioctl"), architectures=architectures), tries=1) == []


def test_conditions_of_one_rule_must_all_hold_and_several_rules_add_up() -> None:
    both = rule("clone", args=[arg(0, "MASKED_EQ", 0x7E020000), arg(1, "GT", 5), arg(3, "NE", 1 << 40)])
    assert differences(profile(both, rule("clone", args=[arg(2, "EQ", 16)])), tries=10) == []


def test_a_rule_without_conditions_wins_over_those_with() -> None:
    some = [rule(name, action="SCMP_ACT_KILL", args=[arg(0, "EQ", 1)]) for name in ("clone", "mkdir")]
    assert differences(profile(*some, rule("clone"), rule("mkdir"))) == []
    assert differences(profile(rule("clone"), rule("mkdir"), *some)) == []


def test_several_conditions_on_one_argument_are_alternatives_as_in_runc() -> None:
    assert differences(profile(rule("personality", args=[arg(0, "EQ", 0), arg(0, "EQ", 8)])), tries=20) == []


def test_sockets_of_the_old_kind_are_judged_too() -> None:
    """On i386 there are two doors to each of these calls."""
    doors = [*filters.SOCKETCALL, *filters.IPC]
    for names in (doors[::2], doors[1::2]):
        assert differences(profile(rule(*names)), tries=3) == []
    family = profile(rule("socket", args=[arg(0, "EQ", 40)], action="SCMP_ACT_KILL"), default="SCMP_ACT_ALLOW")
    assert differences(family) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_random_profiles_are_judged_as_by_libseccomp(seed: int) -> None:
    draw = random.Random(seed)
    names = [name for name in sorted(syscalls.table("x86_64")) if number("SCMP_ARCH_X86_64", name) >= 0]
    rules = [rule(name, args=random_args(draw)) for name in draw.sample(names, 60)]
    architectures = ["SCMP_ARCH_X86_64", *draw.sample(ALL[1:], draw.randrange(3))]
    assert differences(profile(*rules, architectures=architectures), seed, tries=2) == []


def random_args(draw: random.Random) -> list[dict[str, Any]]:
    indexes = draw.sample(range(6), draw.choice((0, 0, 1, 1, 2, 3)))
    ops = [draw.choice(list(filters.TESTS))[9:] for _ in indexes]
    return [
        arg(index, op, draw.choice(INTERESTING), draw.choice(INTERESTING))
        for index, op in zip(indexes, ops, strict=True)
    ]


HOLDS: dict[str, Callable[[int, int, int], bool]] = {
    "SCMP_CMP_NE": lambda given, value, _: given != value,
    "SCMP_CMP_LT": lambda given, value, _: given < value,
    "SCMP_CMP_LE": lambda given, value, _: given <= value,
    "SCMP_CMP_EQ": lambda given, value, _: given == value,
    "SCMP_CMP_GE": lambda given, value, _: given >= value,
    "SCMP_CMP_GT": lambda given, value, _: given > value,
    "SCMP_CMP_MASKED_EQ": lambda given, value, second: given & value == second & value,
}


def test_of_several_rules_for_one_call_one_that_fits_is_enough() -> None:
    """Beside the profile read aloud: libseccomp tries no second rule once half of one has fitted."""
    draw = random.Random(5)
    for _ in range(200):
        rules = [rule("clone", args=random_args(draw)) for _ in range(draw.randrange(1, 5))]
        program = compiled(profile(*rules), "x86_64")
        for _ in range(30):
            given = [draw.choice(INTERESTING) for _ in range(6)]
            fits = any(
                all(HOLDS[a["op"]](given[a["index"]], a["value"], a["valueTwo"]) for a in r["args"]) for r in rules
            )
            answer = seccomp.verdict(program, AUDIT_ARCH_X86_64, syscalls.table("x86_64")["clone"], given)
            assert answer == (seccomp.ALLOW if fits else seccomp.ERRNO | errno.EPERM), (rules, given)


@pytest.mark.skipif(not PODMAN.exists(), reason=f"no {PODMAN}: the package golang-github-containers-common has it")
def test_podmans_own_profile_is_judged_as_by_libseccomp() -> None:
    """With the rules that need no capability: those for CAP_SYS_ADMIN and the like are not for everybody."""
    whole = json.loads(PODMAN.read_text())
    plain = [each for each in whole["syscalls"] if not each.get("includes") and not each.get("excludes")]
    wanted = whole | {"architectures": ALL, "syscalls": [each | {"args": each["args"] or []} for each in plain]}
    assert len({name for each in plain for name in each["names"]}) > 300
    assert differences(wanted) == []


# --- The tables ------------------------------------------------------------


@pytest.mark.parametrize("name", ARCH_BITS)
def test_the_numbers_are_libseccomps(name: str) -> None:
    _, table = filters.ARCHITECTURES[name]
    numbers = syscalls.table(table)
    assert len(numbers) > 300
    known = {call: number(name, call) for call in numbers if number(name, call) >= 0}
    assert {call: numbers[call] for call in known} == known
    assert max(known.values()) & 0xFFF >= 450


def test_the_numbers_are_the_kernels() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip(f"no {header}: the package linux-libc-dev has it")
    lines = [line.split() for line in header.read_text().splitlines() if line.startswith("#define __NR_")]
    kernels = {word.removeprefix("__NR_"): int(value) for _, word, value in lines}
    assert {name: syscalls.table("x86_64").get(name) for name in kernels} == kernels


# --- In the kernel ---------------------------------------------------------

ASK = """
import json, os, sys
from cutaway.linux import filters, seccomp
seccomp.install(filters.compiled(json.loads(sys.argv[1]), os.uname().machine))
answers = []
for ask in (os.getppid, lambda: os.mkdir("/no/such"), lambda: os.kill(0, 0), lambda: os.umask(0o22)):
    try:
        ask()
        answers.append(0)
    except OSError as error:
        answers.append(error.errno)
print(answers)
"""


def under(*rules: dict[str, Any], default: str = "SCMP_ACT_ALLOW") -> subprocess.CompletedProcess[str]:
    wanted = json.dumps(profile(*rules, default=default))
    return subprocess.run([sys.executable, "-c", ASK, wanted], capture_output=True, text=True, check=False)


def test_the_kernel_obeys_the_program() -> None:
    mkdir = rule("mkdir", action="SCMP_ACT_ERRNO", errnoRet=errno.EXDEV)
    kill = rule("kill", action="SCMP_ACT_ERRNO", args=[arg(1, "EQ", 0)])
    assert under(mkdir, kill).stdout == f"{[0, errno.EXDEV, errno.EPERM, 0]}\n"


def test_a_killing_profile_kills() -> None:
    ended = under(rule("mkdir", action="SCMP_ACT_KILL_PROCESS"))
    assert (ended.returncode, ended.stdout) == (-31, "")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x32 is a thing of x86_64")
def test_x32_is_no_back_door() -> None:
    """The attack: the forbidden call by its x32 number, which a filter that knows one table only would let pass."""
    attack = (
        "import ctypes, sys; from cutaway.linux import filters, seccomp\n"
        "deny = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO'}]}\n"
        "seccomp.install(filters.compiled(deny, 'x86_64'))\n"
        "ctypes.CDLL(None).syscall(0x40000000 + 83, b'/tmp/x32', 0)\n"
        "print('alive')"
    )
    ended = subprocess.run([sys.executable, "-c", attack], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-31, "")


def test_a_listener_is_told_of_calls() -> None:
    """SCMP_ACT_NOTIFY: the descriptor becomes readable when the filtered process asks."""
    program = (
        "import os, select, threading\n"
        "from cutaway.linux import filters, seccomp\n"
        "rules = [{'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]\n"
        "code = filters.compiled({'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': rules}, os.uname().machine)\n"
        "fd = seccomp.install(code, ['SECCOMP_FILTER_FLAG_NEW_LISTENER'])\n"
        "child = os.fork()\n"
        "if not child: os.mkdir('/no/such')\n"
        "print(select.select([fd], [], [], 10)[0] == [fd])\n"
        "os.kill(child, 9); os.waitpid(child, 0)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "True\n"


def test_a_user_without_rights_gives_up_new_ones_first(as_ordinary_user: Any) -> None:
    program = "from cutaway.linux import seccomp as s; s.install([(s.RETURN, 0, 0, s.ALLOW)], {flags}, gaining=True)"
    said = as_ordinary_user("-c", program.format(flags=["SECCOMP_FILTER_FLAG_LOG"])).stderr
    assert re.search(r"seccomp\(1, 0x2\): EACCES: it takes CAP_SYS_ADMIN; give up new privileges first", said)


def test_a_kernel_without_the_call_and_a_user_without_the_right_are_told_apart(as_ordinary_user: Any) -> None:
    """A filter stands in for the old kernel: it answers as one does."""
    rules = [rule("mount_setattr", action="SCMP_ACT_ERRNO", errnoRet=errno.ENOSYS)]
    old = f"s.install(filters.compiled({profile(*rules, default='SCMP_ACT_ALLOW')!r}, os.uname().machine))"
    seal = "import os; from cutaway.linux import filters, mounts, seccomp as s; {}; mounts.seal('/')"
    assert re.search(
        r"mount_setattr\(.*: ENOSYS: this kernel is older", as_ordinary_user("-c", seal.format(old)).stderr
    )
    assert re.search(r"mount_setattr\(.*: EPERM: it takes CAP_SYS_ADMIN", as_ordinary_user("-c", seal.format(1)).stderr)


# --- What is refused -------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (profile(default="ALLOW"), "action 'ALLOW': it is none of SCMP_ACT_KILL"),
        (profile(rule("read", action="no")), "action 'no'"),
        (profile(rule("read", args=[arg(6, "EQ", 1)])), "argument 6 with op 'SCMP_CMP_EQ': indexes are 0 to 5"),
        (profile(rule("read", args=[arg(0, "LIKE", 1)])), "op 'SCMP_CMP_LIKE'"),
        ({"syscalls": []}, "action None"),
    ],
)
def test_a_profile_without_meaning_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        compiled(wrong, "x86_64")


def test_a_profile_that_the_kernel_would_not_take_is_refused() -> None:
    many = [rule("read", args=[arg(0, "EQ", value), arg(1, "GE", value), arg(2, "LE", value)]) for value in range(500)]
    with pytest.raises(ProfileError, match=r"needs \d+ instructions; the kernel takes 4096"):
        compiled(profile(*many), "x86_64")


def test_a_long_way_is_jumped_in_two() -> None:
    """Jumps on a condition reach 255 instructions; the program is right beyond that."""
    many = [
        rule(name, args=[arg(0, "EQ", at), arg(1, "NE", at)])
        for at, name in enumerate(sorted(syscalls.table("x86_64")))
    ]
    known = [each for each in many if number("SCMP_ARCH_X86_64", each["names"][0]) >= 0][::4]
    wanted = profile(*known, architectures=ALL[:1])
    assert len(compiled(wanted, "x86_64")) > 1000
    assert differences(wanted, tries=2) == []


def test_the_constants_are_used_by_name() -> None:
    assert seccomp.packed([(seccomp.RETURN, 0, 0, seccomp.ALLOW)]) == bytes.fromhex("0600 00 00 0000ff7f")
    assert os.uname().machine in filters.NATIVE
