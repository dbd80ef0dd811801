"""Seccomp: a small program that the kernel runs at every system call of a process, to decide what becomes of it.

Numbers: linux/seccomp.h, linux/filter.h, linux/prctl.h, compared in tests/linux/test_seccomp.py. See seccomp(2).
Run as a program, this file filters itself with `KILL` and asks for one more system call, which ends it.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38  # prctl(2)
MODE_FILTER = 2  # SECCOMP_MODE_FILTER
RETURN = 0x06  # BPF_RET | BPF_K: the instruction that ends a filter with an answer
KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant: struct sock_filter


class _Filter(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filters", ctypes.POINTER(_Filter)))


def install(instructions: list[Instruction]) -> None:
    """Let `instructions` judge every later system call of this thread and its children; there is no way back.

    Gives up the right to gain privileges by execve, which lets an ordinary user do it.
    """
    filters = (_Filter * len(instructions))(*(_Filter(*each) for each in instructions))
    program = _Program(len(filters), filters)
    calls._call("prctl", "PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    calls.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(program))


if __name__ == "__main__":
    install([(RETURN, 0, 0, KILL)])
    print("a call that the filter should have ended")
