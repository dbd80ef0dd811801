"""Seccomp: a small program that the kernel runs at every system call of a process, to decide what becomes of it.

The program is in the language of packet filters: one register, jumps only forward, and in the place of a packet
`struct seccomp_data`: the call's number, the architecture, where it came from, its six arguments.
filters.py writes such programs from profiles. See seccomp(2); taught in notebook 09.
Run as a program, this file filters itself with `KILL` and asks for one more system call, which ends it.
"""

from __future__ import annotations

import struct
import sys

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, __file__.rsplit("/", 3)[0])

from cutaway.linux import calls
from cutaway.linux.foreign import addressof, buffer

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Sequence

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38  # prctl(2)
MODE_FILTER = 2  # SECCOMP_MODE_FILTER
SECCOMP_SET_MODE_FILTER = 1  # the operation of seccomp(2)
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
    "SECCOMP_FILTER_FLAG_NEW_LISTENER": 8,
    "SECCOMP_FILTER_FLAG_TSYNC_ESRCH": 16,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32,
}  # linux/seccomp.h

RETURN = 0x06  # BPF_RET | BPF_K: the instruction that ends a filter with an answer
LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS: 32 bits of seccomp_data into the register
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
JUMP = 0x05  # BPF_JMP | BPF_JA
IF_EQUAL, IF_GREATER, IF_AT_LEAST = 0x15, 0x25, 0x35  # BPF_JMP | BPF_JEQ, BPF_JGT, BPF_JGE | BPF_K

KILL, KILL_THREAD, TRAP, ERRNO = 0x80000000, 0x00000000, 0x00030000, 0x00050000  # SECCOMP_RET_...
NOTIFY, TRACE, LOG, ALLOW = 0x7FC00000, 0x7FF00000, 0x7FFC0000, 0x7FFF0000

NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16  # struct seccomp_data
BPF_MAXINSNS = 4096  # linux/bpf_common.h

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant: struct sock_filter
SOCK_FILTER, SOCK_FPROG = struct.Struct("=HBBI"), struct.Struct("H6xQ")  # linux/filter.h: one, and how many are where


def install(instructions: Sequence[Instruction] | bytes, flags: Sequence[str] = (), *, gaining: bool = False) -> int:
    """Let `instructions`, `packed` or not, judge every later system call of this thread and its children, for ever.

    Gives up the right to gain privileges by execve, which lets an ordinary user do it; with `gaining` it does not,
    and that takes CAP_SYS_ADMIN. The answer is 0, or with SECCOMP_FILTER_FLAG_NEW_LISTENER the descriptor on which
    the calls that meet NOTIFY are told.
    """
    if not gaining:
        no_new_privileges()
    data = instructions if isinstance(instructions, bytes) else packed(instructions)
    filters = buffer(data)
    program = buffer(SOCK_FPROG.pack(len(data) // SOCK_FILTER.size, addressof(filters)))
    if flags:
        return calls.seccomp(SECCOMP_SET_MODE_FILTER, sum(FLAGS[each] for each in flags), addressof(program))
    calls.prctl(PR_SET_SECCOMP, MODE_FILTER, addressof(program))
    return 0


def no_new_privileges() -> None:
    """Let no execve give this process or its children more than they have; there is no way back."""
    calls.prctl(PR_SET_NO_NEW_PRIVS, 1)


def packed(instructions: Sequence[Instruction]) -> bytes:
    """The program as the kernel reads it."""
    return b"".join(SOCK_FILTER.pack(*each) for each in instructions)


# --- Without a kernel -------------------------------------------------------


def verdict(program: Sequence[Instruction], architecture: int, number: int, arguments: Sequence[int] = ()) -> int:
    """What the program would answer to one call; ValueError for an instruction that no filter of ours has."""
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    at = register = 0
    while True:
        code, true, false, constant = program[at]
        at += 1
        if code == RETURN:
            return constant
        if code == LOAD:
            (register,) = struct.unpack_from("=I", data, constant)
        elif code == AND:
            register &= constant
        elif code == JUMP:
            at += constant
        elif code in COMPARISONS:
            at += true if COMPARISONS[code](register, constant) else false
        else:
            raise ValueError(f"instruction {at - 1}: code {code:#x} is none of a seccomp filter's")


COMPARISONS = {IF_EQUAL: int.__eq__, IF_GREATER: int.__gt__, IF_AT_LEAST: int.__ge__}

# --- In words ---------------------------------------------------------------

FIELDS = {NUMBER_OFFSET: "number", ARCHITECTURE_OFFSET: "architecture"}
QUESTIONS = {IF_EQUAL: "==", IF_GREATER: ">", IF_AT_LEAST: ">="}


def listing(instructions: Sequence[Instruction]) -> str:
    """The program for reading: a line for each instruction, and where it leads if not to the next one."""
    return "\n".join(f"{at:3}  {_words(at, *each)}" for at, each in enumerate(instructions))


def _words(at: int, code: int, true: int, false: int, constant: int) -> str:
    if code == LOAD:
        return f"load {FIELDS.get(constant) or _half(constant - ARGUMENTS_OFFSET)}"
    if code == RETURN:
        return f"return {constant:#010x}"
    if code == AND:
        return f"and with {constant:#x}"
    if code == JUMP:
        return f"go to {at + 1 + constant}"
    return f"if {QUESTIONS[code]} {constant:#x} go to {at + 1 + true}, else {at + 1 + false}"


def _half(offset: int) -> str:
    """Which half of which argument lies there; the lower one comes first."""
    return f"argument {offset // 8}, {'upper' if offset % 8 else 'lower'} half"


if __name__ == "__main__":
    install([(RETURN, 0, 0, KILL)])
    print("a call that the filter should have ended")
