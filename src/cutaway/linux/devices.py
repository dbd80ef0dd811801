"""Which devices a group of version 2 may use: a program of the kernel's younger filter language decides.

Version 1 has files for it, devices.allow and devices.deny; version 2 has no file, but asks a program of type
CGROUP_DEVICE at each open and mknod. It is given three numbers: kind and access in one, major, minor.
See bpf(2) and the kernel's Documentation/admin-guide/cgroup-v2.rst, "Device controller"; linux/bpf.h has the numbers.
"""

from __future__ import annotations

import os
import struct

from cutaway.linux import calls
from cutaway.linux.foreign import addressof, buffer

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

BPF_PROG_LOAD, BPF_PROG_ATTACH = 5, 8
BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI = 15, 6, 2
KINDS = {"b": 1, "c": 2}  # BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR
ACCESSES = {"m": 1, "r": 2, "w": 4}  # BPF_DEVCG_ACC_MKNOD, READ, WRITE

# Instructions: BPF_LDX | BPF_MEM | BPF_W, BPF_ALU32 with BPF_K, BPF_JMP32 with BPF_K or BPF_X, BPF_EXIT
LOAD_WORD, MOVE, COPY, AND_32, SHIFT_RIGHT, NOT_EQUAL, EXIT = 0x61, 0xB7, 0xBC, 0x54, 0x74, 0x56, 0x95
ANSWER, CONTEXT, KIND, ACCESS, MAJOR, MINOR, SCRATCH = 0, 1, 2, 3, 4, 5, 6  # registers


def program(rules: Sequence[Mapping[str, Any]]) -> bytes:
    """The last rule that fits decides, so the rules are asked from the end; nothing fits: refused."""
    code = b"".join(
        [
            _instruction(LOAD_WORD, KIND, CONTEXT, 0),
            _instruction(COPY, ACCESS, KIND),
            _instruction(AND_32, KIND, value=0xFFFF),
            _instruction(SHIFT_RIGHT, ACCESS, value=16),
            _instruction(LOAD_WORD, MAJOR, CONTEXT, 4),
            _instruction(LOAD_WORD, MINOR, CONTEXT, 8),
        ]
    )
    for rule in reversed(rules):
        code += _rule(rule)
        if not _tests(rule):  # the kernel takes no program with a part that nothing reaches
            return code
    return code + _answer(False)


def _rule(rule: Mapping[str, Any]) -> bytes:
    """Answer if kind, access and numbers fit, else go on behind."""
    code = _answer(bool(rule.get("allow")))
    for before, register, value in reversed(_tests(rule)):
        code = before + _instruction(NOT_EQUAL, register, offset=len(code) // 8, value=value) + code
    return code


def _tests(rule: Mapping[str, Any]) -> list[tuple[bytes, int, int]]:
    """What lays a value ready, the register where it then is, and what must be there."""
    tests: list[tuple[bytes, int, int]] = []
    if rule.get("type") in KINDS:
        tests.append((b"", KIND, KINDS[rule["type"]]))
    access = sum(ACCESSES[each] for each in set(rule.get("access") or "rwm") & set(ACCESSES))
    if others := sum(ACCESSES.values()) & ~access:  # it must ask for nothing that the rule does not speak of
        tests.append((_instruction(COPY, SCRATCH, ACCESS) + _instruction(AND_32, SCRATCH, value=others), SCRATCH, 0))
    numbers = ((MAJOR, rule.get("major")), (MINOR, rule.get("minor")))
    return tests + [(b"", register, number) for register, number in numbers if number not in (None, -1)]


def _answer(allow: bool) -> bytes:
    return _instruction(MOVE, ANSWER, value=int(allow)) + _instruction(EXIT)


def _instruction(code: int, target: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    """struct bpf_insn."""
    return struct.pack("=BBhI", code, source << 4 | target, offset, value & 0xFFFFFFFF)


def attach(folder: str, code: bytes) -> None:
    """Let the program judge every use of a device by the processes of the group."""
    instructions, licence = buffer(code), buffer(b"GPL\0")
    addresses = addressof(instructions), addressof(licence)
    wanted = struct.pack("=IIQQ", BPF_PROG_TYPE_CGROUP_DEVICE, len(code) // 8, *addresses).ljust(72, b"\0")
    loaded = calls.bpf(BPF_PROG_LOAD, wanted)
    group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        calls.bpf(BPF_PROG_ATTACH, struct.pack("=IIII", group, loaded, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI))
    finally:
        os.close(group)
        os.close(loaded)
