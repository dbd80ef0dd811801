"""A command has the rights that are named and no others; what a capability allows depends on it alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from cutaway.linux import CommandFailed, Enclosed, Kind, capabilities, commands, limited, namespaces, powers, seccomp
from cutaway.linux.powers import POWERS

Run = Callable[..., subprocess.CompletedProcess[str]]

needs_namespaces = pytest.mark.skipif(bool(namespaces.obstacle()), reason=f"no namespaces: {namespaces.obstacle()}")
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: for what only the machine's own may do")
PYTHON = [sys.executable]
REFUSING = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["uname"], "action": "SCMP_ACT_ERRNO"}]}


def status(command: list[str]) -> dict[str, str]:
    """The rights of a command, as the kernel tells them."""
    said = commands.run([*command, "cat", "/proc/self/status"])
    return dict(line.split(":\t") for line in said.splitlines() if line.startswith(("Cap", "NoNew", "Seccomp:")))


# --- Rights ------------------------------------------------------------------


@needs_namespaces
def test_each_power_is_decided_by_its_capability_alone() -> None:
    with Enclosed(Kind, network_up=True) as box:
        box.run(powers.PREPARE)
        found = {power.capability: (box.run(powers.alone(power)), box.run(powers.missing(power))) for power in POWERS}
    assert found == {power.capability: ("yes", "no") for power in POWERS}


@root
def test_the_machines_root_has_the_others() -> None:
    said = commands.run([*PYTHON, "-m", "cutaway.linux.powers"])
    assert said.splitlines() == [f"{power.capability} yes no" for power in powers.OF_THE_MACHINE]


@needs_namespaces
def test_only_and_without_are_what_a_command_then_has() -> None:
    with Enclosed(Kind) as box:
        for options, names in (
            ({"only": {"SYS_CHROOT", "KILL"}}, ["CAP_KILL", "CAP_SYS_CHROOT"]),
            ({"only": {"SYS_CHROOT", "KILL"}, "without": {"CAP_KILL"}}, ["CAP_SYS_CHROOT"]),
            ({"only": ()}, []),
        ):
            row = box.run(limited.command("grep -h -E 'CapEff|CapBnd' /proc/self/status", **options)).splitlines()
            assert [capabilities.names(int(each.split()[1], 16)) for each in row] == [names, names]


def test_who_has_no_capability_can_be_limited_all_the_same(as_ordinary_user: Run) -> None:
    program = (
        "from cutaway.linux import limited, commands; "
        "print(commands.run(limited.command('id -u', only=(), gaining=False)))"
    )
    assert as_ordinary_user("-c", program).stdout.strip() not in ("", "0")


def test_what_gains_nothing_says_so_and_a_filter_brings_it() -> None:
    assert status(limited.command(["env"], gaining=False))["NoNewPrivs"] == "1"
    filtered = status(limited.command(["env"], profile=REFUSING))
    assert (filtered["NoNewPrivs"], filtered["Seccomp"]) == ("1", "2")


def test_a_filter_is_met_by_everything_that_the_command_starts() -> None:
    assert commands.run("uname")
    with pytest.raises(CommandFailed, match="Operation not permitted"):
        commands.run(limited.command("sh -c uname", profile=REFUSING))


def test_a_command_needs_no_call_but_execve_to_begin() -> None:
    nothing = {
        "defaultAction": "SCMP_ACT_KILL_PROCESS",
        "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}],
    }
    with pytest.raises(CommandFailed) as failed:
        commands.run(limited.command(["true"], profile=nothing))
    assert failed.value.status == 159  # SIGSYS, at the program's own first call


def test_a_command_that_is_not_there_is_refused_in_one_line() -> None:
    with pytest.raises(CommandFailed, match=r"execve\('no-such-program'\): ENOENT: no such program there"):
        commands.run(limited.command(["no-such-program"]))


# --- In words ----------------------------------------------------------------


def test_a_listing_names_what_is_loaded_and_where_it_leads() -> None:
    program = [
        (seccomp.LOAD, 0, 0, seccomp.NUMBER_OFFSET),
        (seccomp.IF_EQUAL, 0, 2, 0x3F),
        (seccomp.LOAD, 0, 0, seccomp.ARGUMENTS_OFFSET + 12),
        (seccomp.RETURN, 0, 0, seccomp.ALLOW),
        (seccomp.JUMP, 0, 0, 0),
        (seccomp.AND, 0, 0, 0xFF),
    ]
    assert seccomp.listing(program).splitlines() == [
        "  0  load number",
        "  1  if == 0x3f go to 2, else 4",
        "  2  load argument 1, upper half",
        "  3  return 0x7fff0000",
        "  4  go to 5",
        "  5  and with 0xff",
    ]


# --- Programs that give ------------------------------------------------------


@needs_namespaces
@pytest.mark.parametrize(("start", "gains"), [("env", ["CAP_NET_ADMIN"]), ("setpriv --no-new-privs", [])])
def test_a_marked_program_gives_its_capability_unless_nothing_may_be_gained(start: str, gains: list[str]) -> None:
    with Enclosed(Kind) as box:
        box.run(f"{powers.PREPARE} && {powers.COPY}")
        box.run([*PYTHON, "-c", powers.MARK])
        said = box.run(f"unshare --user --map-user=1000 {start} /mnt/marked CapEff /proc/self/status")
    assert capabilities.names(int(said.split()[1], 16)) == gains


@needs_namespaces
def test_what_is_switched_off_can_be_switched_on_and_what_is_given_up_cannot() -> None:
    show = "from cutaway.linux import powers; print(*powers.switched(), sep=chr(10))"
    with Enclosed(Kind) as box:
        said = box.run([*PYTHON, "-c", show]).splitlines()
    assert [line.endswith("works") for line in said] == [True, False, True, False, False]
    assert said[-1] == "capset is refused"
