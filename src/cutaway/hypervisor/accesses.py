"""Guests made of accesses: machine code that reads and writes a device as it is told, and keeps what it read.

For driving a device with what nobody wrote down beforehand. Real mode only; opcodes are those of the SDM, volume 2.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from cutaway.hypervisor.core import ANSWER, MEMORY_BYTES, Address, Bytes
from cutaway.hypervisor.problems import GuestProblem

SIZES: dict[Bytes, bytes] = {1: b"", 2: b"", 4: b"\x66"}  # the prefix that makes a 16-bit instruction one of 32 bits


class Access(NamedTuple):
    """One read or write: of a port, or of an address where there is no memory. `value` is None for a read."""

    address: Address
    size: Bytes
    value: int | None = None


def guest_of(accesses: Sequence[Access]) -> bytes:
    """Code that makes these accesses in order, stores each value it reads as four bytes from ANSWER on, and halts."""
    code, kept = b"", ANSWER
    for access in accesses:
        code += _written(access) if access.value is not None else _read(access, kept)
        kept += 0 if access.value is not None else 4
    return code + b"\xf4"


def _written(access: Access) -> bytes:
    assert access.value is not None
    value = b"\x66\xb8" + struct.pack("<I", access.value)  # mov eax, value
    if _is_port(access):
        return value + _port(access) + _sized(access.size, b"\xee", b"\xef")  # out dx, eax
    return value + _segment(access) + _sized(access.size, b"\xa2", b"\xa3") + _offset(access)  # mov [offset], eax


def _read(access: Access, kept: Address) -> bytes:
    nothing = b"\x66\x31\xc0"  # xor eax, eax
    keep = b"\x66\xa3" + struct.pack("<H", kept)  # mov [kept], eax
    if _is_port(access):
        return nothing + _port(access) + _sized(access.size, b"\xec", b"\xed") + keep  # in eax, dx
    load = _sized(access.size, b"\xa0", b"\xa1") + _offset(access)  # mov eax, [offset]
    return nothing + _segment(access) + load + b"\x31\xdb\x8e\xdb" + keep  # xor bx, bx; mov ds, bx


def _is_port(access: Access) -> bool:
    if access.size not in SIZES or not 0 <= access.address < 1 << 20:
        raise GuestProblem(f"making a guest: {access} is no access of 1, 2 or 4 bytes in real mode's reach; mend it")
    return access.address < MEMORY_BYTES


def _port(access: Access) -> bytes:
    return b"\xba" + struct.pack("<H", access.address)  # mov dx, port


def _segment(access: Access) -> bytes:
    return b"\xbb" + struct.pack("<H", access.address >> 4 & 0xF000) + b"\x8e\xdb"  # mov bx, segment; mov ds, bx


def _offset(access: Access) -> bytes:
    return struct.pack("<H", access.address & 0xFFFF)


def _sized(size: Bytes, byte: bytes, wider: bytes) -> bytes:
    return byte if size == 1 else SIZES[size] + wider
