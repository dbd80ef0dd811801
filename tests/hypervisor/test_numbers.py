"""Every number that we give to KVM is the one in the kernel's own headers, and every structure has its size."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway.hypervisor import boot, kvm
from cutaway.hypervisor.core import Registers

SIZES: dict[str, int] = {
    "kvm_regs": kvm.GENERAL.size,
    "kvm_sregs": ctypes.sizeof(kvm.SpecialRegisters),
    "kvm_segment": ctypes.sizeof(kvm.Segment),
    "kvm_dtable": ctypes.sizeof(kvm.Table),
    "kvm_userspace_memory_region": kvm.MEMORY_REGION.size,
    "kvm_guest_debug": kvm.GUEST_DEBUG.size,
    "kvm_stats_header": kvm.STATS_HEADER.size,
    "kvm_stats_desc": kvm.STATS_DESCRIPTION.size,
    "kvm_cpuid2": kvm.CPUID_BYTES - 40 * kvm.CPUID_ENTRIES,
    "kvm_cpuid_entry2": 40,
}
IN_KVM_RUN = {  # a member of kvm_run, and where we look for it
    "immediate_exit": kvm.IMMEDIATE_EXIT_AT,
    "exit_reason": kvm.EXIT_REASON_AT,
    "io": kvm.UNION_AT,
    "io.direction": kvm.UNION_AT,
    "io.size": kvm.UNION_AT + struct.calcsize("<B"),
    "io.port": kvm.UNION_AT + struct.calcsize("<BB"),
    "io.count": kvm.UNION_AT + struct.calcsize("<BBH"),
    "io.data_offset": kvm.UNION_AT + struct.calcsize("<BBHI"),
    "mmio.phys_addr": kvm.UNION_AT,
    "mmio.data": kvm.MMIO_DATA_AT,
    "mmio.len": kvm.UNION_AT + struct.calcsize("<Q8s"),
    "mmio.is_write": kvm.UNION_AT + struct.calcsize("<Q8sI"),
}
PROCESSOR = {  # of asm/processor-flags.h and asm/msr-index.h, where the kernel's own source has them
    "X86_CR0_PE": boot.PROTECTION_ENABLE,
    "X86_CR0_ET": boot.EXTENSION_TYPE,
    "X86_CR0_PG": boot.PAGING,
    "X86_CR4_PAE": boot.PHYSICAL_ADDRESS_EXTENSION,
    "X86_EFLAGS_FIXED": boot.RESERVED_FLAG,
    "X86_EFLAGS_IOPL": boot.PORTS_FROM_RING_3,
}


def expressions() -> Iterator[tuple[str, int]]:
    """Each number as an expression of C, and the value that we use."""
    yield from ((name, value) for name, value in vars(kvm).items() if name.startswith("KVM_"))
    yield from ((f"sizeof(struct {name})", size) for name, size in SIZES.items())
    yield from ((f"offsetof(struct kvm_run, {name})", offset) for name, offset in IN_KVM_RUN.items())
    yield from ((f"offsetof(struct kvm_regs, {name})", 8 * at) for at, name in enumerate(Registers._fields))
    for structure, ours in (("kvm_sregs", kvm.SpecialRegisters), ("kvm_segment", kvm.Segment)):
        for name, *_ in ours._fields_:
            yield f"offsetof(struct {structure}, {name})", getattr(ours, name).offset
    yield from PROCESSOR.items()


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler, gcc, to read the headers")
def test_every_number_is_the_one_in_the_headers(tmp_path: Path) -> None:
    ours = dict(expressions())
    prints = "\n".join(f'printf("%lld\\n", (long long) ({expression}));' for expression in ours)
    headers = ("stdio.h", "stddef.h", "linux/kvm.h", "asm/kvm.h", "asm/processor-flags.h")
    includes = "\n".join(f"#include <{header}>" for header in headers)
    source, program = tmp_path / "numbers.c", tmp_path / "numbers"
    source.write_text(f"{includes}\nint main(void) {{ {prints} }}")
    subprocess.run(["gcc", "-o", program, source], check=True)
    theirs = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    assert ours == dict(zip(ours, map(int, theirs), strict=True))


def test_no_number_is_forgotten() -> None:
    found = dict(expressions())
    assert {"KVM_RUN", "KVM_EXIT_HLT", "KVM_SET_GUEST_DEBUG", "KVM_GUESTDBG_SINGLESTEP"} <= set(found)
    assert len(found) > 90


@pytest.mark.parametrize("selector", [boot.CODE_32, boot.DATA, boot.CODE_64, boot.USER_CODE, boot.USER_DATA])
def test_a_segment_is_its_descriptor_taken_apart(selector: int) -> None:
    """Put together again by the picture in the SDM, volume 3A, figure 3-8."""
    part = kvm.segment(selector)
    limit = part.limit >> 12 if part.g else part.limit
    access = part.type | part.s << 4 | part.dpl << 5 | part.present << 7
    flags = part.avl | part.l << 1 | part.db << 2 | part.g << 3
    descriptor = limit & 0xFFFF | part.base << 16 | access << 40 | (limit >> 16) << 48 | flags << 52
    assert descriptor == boot.DESCRIPTORS[selector >> 3]
