"""libseccomp, asked for the same filter."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from cutaway.linux import filters
from cutaway.linux.seccomp import Instruction

LIBRARY = "libseccomp.so.2"
ARCH_BITS = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_X86": 0x40000003, "SCMP_ARCH_X32": 0x4000003E}  # seccomp.h
ARCH_BITS["SCMP_ARCH_AARCH64"] = 0xC00000B7
OPERATORS = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")  # enum scmp_compare, from 1
ERROR = -1  # __NR_SCMP_ERROR


class ArgCmp(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def library() -> ctypes.CDLL:
    """The library, or the test is skipped."""
    try:
        found = ctypes.CDLL(LIBRARY)
    except OSError:
        pytest.skip(f"no {LIBRARY}: the package libseccomp2 has it")
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = (ctypes.c_uint32,)
    found.seccomp_arch_add.argtypes = found.seccomp_arch_remove.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    found.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_void_p,
    )
    found.seccomp_export_bpf.argtypes = (ctypes.c_void_p, ctypes.c_int)
    found.seccomp_release.argtypes = (ctypes.c_void_p,)
    found.seccomp_syscall_resolve_name_arch.argtypes = (ctypes.c_uint32, ctypes.c_char_p)
    return found


def number(architecture: str, name: str) -> int:
    """What libseccomp says is the call's number; negative where the architecture has no such call."""
    return int(library().seccomp_syscall_resolve_name_arch(ARCH_BITS[architecture], name.encode()))


def theirs(profile: Mapping[str, Any], native: str = "SCMP_ARCH_X86_64") -> list[Instruction]:
    """The program that libseccomp makes of the profile, fed as runc feeds it."""
    lib = library()
    default = filters.action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    context = lib.seccomp_init(default)
    lib.seccomp_arch_remove(context, 0)
    for name in {native, *profile.get("architectures", ())}:
        assert lib.seccomp_arch_add(context, ARCH_BITS[name]) == 0
    for rule in profile.get("syscalls", ()):
        answer = filters.action(rule["action"], rule.get("errnoRet"))
        for name in rule["names"] if answer != default else ():
            call = lib.seccomp_syscall_resolve_name_arch(ARCH_BITS[native], name.encode())
            for compared in alternatives(rule.get("args") or ()) if call != ERROR else ():
                array = (ArgCmp * len(compared))(*compared)
                said = lib.seccomp_rule_add_array(context, answer, call, len(compared), array)
                assert said == 0, (name, said)
    fd = os.memfd_create("filter")
    assert lib.seccomp_export_bpf(context, fd) == 0
    lib.seccomp_release(context)
    program = os.pread(fd, 1 << 20, 0)
    os.close(fd)
    return [tuple(each) for each in struct.iter_unpack("=HBBI", program)]  # type: ignore[misc]


def alternatives(arguments: Sequence[Mapping[str, Any]]) -> Iterator[list[ArgCmp]]:
    """runc adds a rule for each condition where one argument has several."""
    compared = [
        ArgCmp(each["index"], OPERATORS.index(each["op"][9:]) + 1, each["value"], each.get("valueTwo", 0))
        for each in arguments
    ]
    if len({each.arg for each in compared}) < len(compared):
        yield from ([each] for each in compared)
    else:
        yield compared
