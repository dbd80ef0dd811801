"""Each set says what it says: compared with /proc, capsh's names and what the kernel then refuses."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cutaway.linux import capabilities

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: nobody else has capabilities to lose")
SHOW = "from cutaway.linux import capabilities as c; print({name: c.names(each) for name, each in c.sets().items()})"


def after(statements: str, *, then: str = SHOW, execve: bool = False) -> str:
    """What a fresh process says after it changed itself; with `execve`, after it became another program."""
    ending = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {then!r}])" if execve else then
    program = f"from cutaway.linux import capabilities as c, seccomp\n{statements}\n{ending}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def shown(statements: str, *, execve: bool = False) -> dict[str, list[str]]:
    return dict(ast.literal_eval(after(statements, execve=execve)))


def test_the_names_are_the_headers() -> None:
    header = Path("/usr/include/linux/capability.h")
    if not header.exists():
        pytest.skip(f"no {header}: the package linux-libc-dev has it")
    defined = [line.split() for line in header.read_text().splitlines() if line.startswith("#define CAP_")]
    numbered = {words[1]: int(words[2]) for words in defined if len(words) > 2 and words[2].isdigit()}
    assert {f"CAP_{name}": bit for bit, name in enumerate(capabilities.NAMES)} == numbered


def test_this_kernel_has_none_that_we_cannot_name() -> None:
    assert capabilities.known().bit_length() <= len(capabilities.NAMES)


def test_names_and_masks_are_each_others_inverse() -> None:
    assert capabilities.names(capabilities.mask(["CAP_KILL", "chown"])) == ["CAP_CHOWN", "CAP_KILL"]
    with pytest.raises(ValueError, match="capability 'FLY': Linux has none of that name"):
        capabilities.mask(["CAP_FLY"])


def test_the_sets_are_those_of_proc() -> None:
    seen = subprocess.check_output(["grep", "Cap", f"/proc/{os.getpid()}/status"], text=True).split()
    assert [f"{each:016x}" for each in capabilities.sets(os.getpid()).values()] == seen[1::2]


@root
def test_the_bounding_set_outlives_execve() -> None:
    kept = shown("c.limit(c.mask(['KILL', 'CHOWN']))", execve=True)
    assert kept["bounding"] == kept["permitted"] == kept["effective"] == ["CAP_CHOWN", "CAP_KILL"]


@root
def test_all_five_sets_are_as_asked() -> None:
    wanted = {"bounding": ["KILL", "CHOWN", "SETUID"], "permitted": ["KILL", "CHOWN"], "effective": ["CHOWN"]}
    wanted |= {"inheritable": ["KILL", "CHOWN"], "ambient": ["KILL"]}
    got = shown(f"c.confine({{name: c.mask(each) for name, each in {wanted}.items()}})")
    assert got == {name: capabilities.names(capabilities.mask(each)) for name, each in wanted.items()}


@root
def test_only_ambient_capabilities_reach_an_ordinary_program_of_an_ordinary_user() -> None:
    change = "import os; c.keep_when_changing_user(); os.setresuid(65534, 65534, 65534); m = c.mask(['KILL', 'CHOWN']);"
    change += "c.assume(m, m, m); c.make_ambient(c.mask(['KILL']))"
    got = shown(change, execve=True)
    assert got["effective"] == got["permitted"] == got["ambient"] == ["CAP_KILL"]


@root
@pytest.mark.parametrize(
    ("lost", "attack"),
    [
        ("CHOWN", "import os, tempfile; os.chown(tempfile.gettempdir(), 5, -1)"),
        ("SYS_ADMIN", "from cutaway.linux import calls; calls.sethostname('taken')"),
        ("SETUID", "import os; os.setuid(5)"),
        ("MKNOD", "import os, stat; os.mknod('/tmp/never-a-disk', stat.S_IFBLK, os.makedev(1, 1))"),
    ],
)
def test_what_a_lost_capability_allowed_is_refused(lost: str, attack: str) -> None:
    program = (
        f"from cutaway.linux import capabilities as c; m = c.known() & c.sets()['permitted'] & ~c.mask([{lost!r}])\n"
        f"c.confine(dict.fromkeys(['bounding', 'permitted', 'effective'], m))\n{attack}"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Operation not permitted" in ended.stderr or "EPERM" in ended.stderr


@root
def test_nothing_that_was_given_up_comes_back() -> None:
    program = "c.confine({}); c.assume(1, 1, 0)"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        after(program)
    assert re.search(r"capset\(.*: EPERM: a thread gains nothing by it", failed.value.stderr)


def test_no_new_privileges_is_told_by_the_kernel(as_ordinary_user) -> None:  # type: ignore[no-untyped-def]
    said: Sequence[str] = as_ordinary_user(
        "-c", "from cutaway.linux import seccomp; seccomp.no_new_privileges(); print(open('/proc/self/status').read())"
    ).stdout.splitlines()
    assert "NoNewPrivs:\t1" in said
