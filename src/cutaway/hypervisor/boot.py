"""The state in which a guest finds its processor, mode by mode, and the tables that the processor reads for it.

A real PC starts in real mode and its firmware and kernel climb from there; here the hypervisor sets the end of the
climb at once. (The guest `climb` does it itself.) Sections are those of the Intel SDM, volume 3A.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cutaway.hypervisor.core import LONG_MODE_ACTIVE, PAGING, PROTECTION_ENABLE, TABLES, Mode

# --- Words -----------------------------------------------------------------

EXTENSION_TYPE = 1 << 4  # CR0.ET, always one: 2.5
PHYSICAL_ADDRESS_EXTENSION = 1 << 5  # CR4.PAE: 2.5
LONG_MODE_ENABLE = 1 << 8  # EFER.LME: 2.2.1
RESERVED_FLAG = 1 << 1  # RFLAGS bit 1, always one: volume 1, 3.4.3
PORTS_FROM_RING_3 = 3 << 12  # RFLAGS.IOPL: ring 3 may use IN and OUT: volume 1, 3.4.3 and 19.5.1

PRESENT, WRITABLE, USER, LARGE = 1 << 0, 1 << 1, 1 << 2, 1 << 7  # of an entry in a page table: 4.5.4
LARGE_PAGE = 2 << 20

PML4, DIRECTORY_POINTERS, DIRECTORY, GDT = (TABLES + 0x1000 * number for number in range(4))

# Segment descriptors, 3.4.5: all begin at 0 and reach to the end, and differ in their kind.
DESCRIPTORS = (
    0,  # 0x00: none may be used
    0x00CF_9B00_0000_FFFF,  # 0x08: 32-bit code
    0x00CF_9300_0000_FFFF,  # 0x10: data
    0x00AF_9B00_0000_FFFF,  # 0x18: 64-bit code
    0x00CF_F300_0000_FFFF,  # 0x20: data for ring 3
    0x00AF_FB00_0000_FFFF,  # 0x28: 64-bit code for ring 3
    0x0000_9B00_0000_FFFF,  # 0x30: 16-bit code, on the way to real mode
    0x0000_9300_0000_FFFF,  # 0x38: 16-bit data, the same
)
CODE_32, DATA, CODE_64, CODE_16, DATA_16 = 0x08, 0x10, 0x18, 0x30, 0x38
USER_DATA, USER_CODE = 0x20 | 3, 0x28 | 3  # the low bits ask for ring 3: 3.4.2


@dataclass(frozen=True)
class Start:
    """Control registers, selectors and flags at the first instruction."""

    cr0: int
    cr4: int
    efer: int
    code: int
    data: int
    rflags: int = RESERVED_FLAG


_PROTECTED = EXTENSION_TYPE | PROTECTION_ENABLE
_LONG = (_PROTECTED | PAGING, PHYSICAL_ADDRESS_EXTENSION, LONG_MODE_ENABLE | LONG_MODE_ACTIVE)

STARTS = {
    Mode.REAL: Start(EXTENSION_TYPE, 0, 0, 0, 0),
    Mode.PROTECTED: Start(_PROTECTED, 0, 0, CODE_32, DATA),
    Mode.LONG: Start(*_LONG, CODE_64, DATA),
    Mode.USER: Start(*_LONG, USER_CODE, USER_DATA, RESERVED_FLAG | PORTS_FROM_RING_3),
}

# --- Tables ----------------------------------------------------------------


def tables() -> bytes:
    """What lies from TABLES on: page tables that map the first GiB onto itself (4.5), then the descriptors (3.5.1)."""
    link = PRESENT | WRITABLE | USER
    pml4 = struct.pack("<Q", DIRECTORY_POINTERS | link)
    pointers = struct.pack("<Q", DIRECTORY | link)
    directory = struct.pack("<512Q", *(number * LARGE_PAGE | link | LARGE for number in range(512)))
    pages = (pml4, pointers, directory, struct.pack(f"<{len(DESCRIPTORS)}Q", *DESCRIPTORS))
    return b"".join(page.ljust(0x1000, b"\0") for page in pages)
