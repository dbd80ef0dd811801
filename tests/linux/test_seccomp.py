"""A filter does to a process what it says, and its numbers are the kernel's."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.linux import seccomp

INCLUDE = Path("/usr/include/linux")


def defined(header: str, name: str) -> int:
    """What a header of the kernel defines `name` as."""
    file = INCLUDE / header
    if not file.exists():
        pytest.skip(f"no {file}: the package linux-libc-dev has it")
    found = re.search(rf"^#\s*define\s+{name}\s+(0x[0-9a-fA-F]+|\d+)", file.read_text(), re.MULTILINE)
    assert found, f"{header} does not define {name}"
    return int(found[1], 0)


def test_numbers_are_those_of_the_headers():
    assert defined("prctl.h", "PR_SET_SECCOMP") == seccomp.PR_SET_SECCOMP
    assert defined("prctl.h", "PR_SET_NO_NEW_PRIVS") == seccomp.PR_SET_NO_NEW_PRIVS
    assert defined("seccomp.h", "SECCOMP_MODE_FILTER") == seccomp.MODE_FILTER
    assert defined("seccomp.h", "SECCOMP_RET_KILL_PROCESS") == seccomp.KILL
    assert defined("bpf_common.h", "BPF_RET") | defined("bpf_common.h", "BPF_K") == seccomp.RETURN


def test_a_process_that_filters_itself_to_death_ends_by_sigsys():
    ended = subprocess.run([sys.executable, "-I", "-S", seccomp.__file__], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGSYS
    assert ended.stdout == b""


def test_a_filter_that_allows_lets_the_process_go_on():
    allow = 0x7FFF0000  # SECCOMP_RET_ALLOW
    assert defined("seccomp.h", "SECCOMP_RET_ALLOW") == allow
    program = f"from cutaway.linux import seccomp; seccomp.install([(seccomp.RETURN, 0, 0, {allow})]); print('alive')"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "alive\n"
