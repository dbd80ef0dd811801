"""A processor in software: unicorn reads the guest's instructions and does what they say, as QEMU does without KVM.

It needs no /dev/kvm, no right and no particular machine. unicorn calls back for ports and for addresses without
memory, from within an instruction, so a device answers there and the exit is told afterwards. unicorn translates
instructions in blocks: after a port's exit, `registers` may already be some instructions further; `step` is exact.

Lacks on purpose: exceptions and interrupts inside the guest. Any ends it, as on KVM for a guest without handlers.
"""

from __future__ import annotations

import ctypes
from collections import deque

from unicorn import UC_ARCH_X86, UC_HOOK_INSN, UC_HOOK_INTR, UC_MODE_64, UC_PROT_ALL
from unicorn import x86_const as x86
from unicorn.unicorn import Uc, UcError

from cutaway.hypervisor import boot
from cutaway.hypervisor.boot import STARTS, Start
from cutaway.hypervisor.core import (
    ENTRY,
    HLT,
    RING,
    STACK,
    TABLES,
    Bytes,
    Control,
    Exit,
    Memory,
    Mode,
    Reason,
    Registers,
    Serve,
    at_start,
)
from cutaway.hypervisor.problems import TripleFault

# --- Words -----------------------------------------------------------------

EFER = 0xC000_0080  # SDM volume 4, table 2-2
INPUT_OF_STRINGS = (b"\x6c", b"\x6d")  # the opcodes of INS: SDM volume 2A
PREFIXES = bytes.fromhex("26 2e 36 3e 64 65 66 67 f2 f3") + bytes(range(0x40, 0x50))  # volume 2A, 2.1.1 and 2.2.1
END = 1 << 32  # of the addresses below which there is memory or a device
GENERAL_PROTECTION = 13  # SDM 3A, table 6-1

GENERAL = tuple(getattr(x86, f"UC_X86_REG_{name.upper()}") for name in Registers._fields)
CONTROL = (x86.UC_X86_REG_CR0, x86.UC_X86_REG_CR3, x86.UC_X86_REG_CR4, x86.UC_X86_REG_CS)
DATA_SEGMENTS = tuple(getattr(x86, f"UC_X86_REG_{name}") for name in ("DS", "ES", "FS", "GS", "SS"))

# How the processor goes where it cannot be put, by instructions of its own: SDM 3A, 10.9.2, and volume 2A, IRET.
ROUTE = boot.GDT + 0x800  # an empty place among the tables, cleared again
TO_REAL_MODE = bytes.fromhex("ea 07f80000 3000 0f20c0 24fe 0f22c0 ea 0010 0000")
# jmp 0x30:next; next: mov eax, cr0; and al, ~1; mov cr0, eax; jmp 0:ENTRY
TO_RING_3 = bytes.fromhex("48cf")  # iretq, with its frame on the stack


class SoftwareProcessor:
    """A processor that is a program, about to run the instruction at ENTRY in `mode`."""

    name = "software"

    def __init__(self, memory: Memory, mode: Mode) -> None:
        self._memory = memory
        self._told: deque[Exit] = deque()  # answered, and not told yet
        self._answers: list[int] = []  # that the instruction under way was given, in the order in which it asked
        self._asked = 0  # how often it has asked this time
        self._finishing = self._interrupted = False
        self._refused = ""  # why the guest cannot go on
        self._uc = Uc(UC_ARCH_X86, UC_MODE_64)
        self._uc.mem_map_ptr(0, memory.size, UC_PROT_ALL, ctypes.c_void_p(memory.host_address))
        self._uc.mmio_map(memory.size, END - memory.size, self._load, None, self._store, None)
        self._uc.hook_add(UC_HOOK_INSN, self._in, None, 1, 0, x86.UC_X86_INS_IN)
        self._uc.hook_add(UC_HOOK_INSN, self._out, None, 1, 0, x86.UC_X86_INS_OUT)
        self._uc.hook_add(UC_HOOK_INTR, self._exception)
        self._start(mode)
        self._stop_at_hlt()

    # --- Starting ----------------------------------------------------------

    def _start(self, mode: Mode) -> None:
        """unicorn begins in 64 bits; from there every mode is reached as a processor reaches it."""
        start = STARTS[mode]
        self._uc.reg_write(x86.UC_X86_REG_GDTR, (0, boot.GDT, 8 * len(boot.DESCRIPTORS) - 1, 0))
        self._uc.reg_write(x86.UC_X86_REG_CR3, boot.PML4)
        self._set_control(STARTS[Mode.LONG])
        if mode in (Mode.REAL, Mode.PROTECTED):
            self._set_control(STARTS[Mode.PROTECTED])
        if mode is Mode.REAL:
            self._set_data(boot.DATA_16)
            self._go_through(TO_REAL_MODE)
            self._uc.reg_write(x86.UC_X86_REG_GDTR, (0, 0, 0xFFFF, 0))
        if mode is Mode.USER:
            frame = (ENTRY, start.code, start.rflags, STACK, start.data)
            self._uc.reg_write(x86.UC_X86_REG_RSP, STACK - 8 * len(frame))
            self._memory.write(STACK - 8 * len(frame), b"".join(word.to_bytes(8, "little") for word in frame))
            self._go_through(TO_RING_3)
        self._set_data(start.data)
        self.set_registers(at_start(start.rflags))

    def _set_control(self, start: Start) -> None:
        """CR4.PAE is there whenever paging goes on or off: SDM 3A, 10.8.5."""
        self._uc.reg_write(x86.UC_X86_REG_CR4, boot.PHYSICAL_ADDRESS_EXTENSION)
        self._uc.reg_write(x86.UC_X86_REG_CR0, start.cr0)
        self._uc.reg_write(x86.UC_X86_REG_CR4, start.cr4)
        self._uc.msr_write(EFER, start.efer)
        self._uc.reg_write(x86.UC_X86_REG_CS, start.code)
        self._set_data(start.data)

    def _set_data(self, selector: int) -> None:
        for segment in DATA_SEGMENTS:
            self._uc.reg_write(segment, selector)

    def _go_through(self, code: bytes) -> None:
        """Run a few instructions that end at ENTRY, and leave no trace of them."""
        self._memory.write(ROUTE, code)
        self._uc.emu_start(ROUTE, ENTRY)
        self._memory.write(ROUTE, bytes(len(code)))
        self._memory.write(STACK - 64, bytes(64))

    def _stop_at_hlt(self) -> None:
        """Come back before an HLT instead of after it, where nothing would tell it from other instructions."""
        code = self._memory.read(ENTRY, TABLES - ENTRY)
        self._uc.ctl_exits_enabled(True)
        self._uc.ctl_set_exits([ENTRY + at for at in range(len(code)) if code[at : at + 1] == HLT])

    # --- Running -----------------------------------------------------------

    def go(self, serve: Serve, one_instruction: bool = False) -> Exit | None:
        """Run until the guest next wants something, let `serve` answer; None when `interrupt` ended it first."""
        if not (self._told or self._interrupted):
            if self._at_hlt():
                return self._halt()
            self._serve = serve
            self._run(int(one_instruction))
            if self._answers:
                self._finish()
        if self._told:
            return self._told.popleft()
        if self._refused:
            raise TripleFault(self.name, self.registers().rip, self._refused)
        if self._interrupted:
            self._interrupted = False
            return None
        if one_instruction:
            return Exit(Reason.STEP)
        return self._halt() if self._at_hlt() else Exit(Reason.HALT)  # an HLT that was not in the code at first

    def _run(self, count: int) -> None:
        try:
            self._uc.emu_start(self._uc.reg_read(x86.UC_X86_REG_RIP), 0, count=count)
        except UcError as error:
            self._refused = self._refused or f"by {error}"

    def _finish(self) -> None:
        """End an instruction that was given up in its middle: it asks again, and is given the same answers."""
        self._finishing, self._asked = True, 0
        self._run(1)
        self._finishing, self._asked = False, 0
        self._answers.clear()

    def _at_hlt(self) -> bool:
        return self._code_here()[:1] == HLT

    def _halt(self) -> Exit:
        rip = self._uc.reg_read(x86.UC_X86_REG_RIP)
        if self.control().cs & RING == RING:
            raise TripleFault(self.name, rip, f"by exception {GENERAL_PROTECTION}: HLT is for ring 0")
        self._uc.reg_write(x86.UC_X86_REG_RIP, rip + 1)
        return Exit(Reason.HALT)

    # --- Called from within an instruction ---------------------------------

    def _answered(self, reason: Reason, address: int, size: Bytes, value: int) -> int:
        value = self._serve(reason, address, size, value)
        self._told.append(Exit(reason, address, size, value))
        return value

    def _out(self, uc: Uc, port: int, size: Bytes, value: int, _: object) -> None:
        self._answered(Reason.PORT_WRITE, port, size, value & (1 << 8 * size) - 1)
        uc.emu_stop()

    def _in(self, uc: Uc, port: int, size: Bytes, _: object) -> int:
        value = self._answered(Reason.PORT_READ, port, size, 0)
        if not self._stores_what_it_reads():
            uc.emu_stop()
        return value

    def _stores_what_it_reads(self) -> bool:
        """Whether this is INS: stopped here, it would be given up before it has stored, and read once more."""
        return self._code_here().lstrip(PREFIXES)[:1] in INPUT_OF_STRINGS

    def _code_here(self) -> bytes:
        return self._memory.instruction(self.control(), self._uc.reg_read(x86.UC_X86_REG_RIP))

    def _load(self, _uc: Uc, offset: int, size: Bytes, _: object) -> int:
        return self._mmio(Reason.MEMORY_READ, offset, size, 0)

    def _store(self, _uc: Uc, offset: int, size: Bytes, value: int, _: object) -> None:
        self._mmio(Reason.MEMORY_WRITE, offset, size, value)

    def _mmio(self, reason: Reason, offset: int, size: Bytes, value: int) -> int:
        """Answer, and stop. unicorn gives the instruction up then, so `_finish` lets it ask again."""
        if self._asked == len(self._answers):
            self._answers.append(self._answered(reason, self._memory.size + offset, size, value))
            if not self._finishing:
                self._uc.emu_stop()
        self._asked += 1
        return self._answers[self._asked - 1]

    def _exception(self, uc: Uc, number: int, _: object) -> None:
        self._refused = self._refused or f"by exception {number}, for which it has no handler"
        uc.emu_stop()

    # --- Being stopped -----------------------------------------------------

    def interrupt(self) -> None:
        """Make `go` return soon."""
        self._interrupted = True
        self._uc.emu_stop()

    # --- Registers ---------------------------------------------------------

    def registers(self) -> Registers:
        """What the registers hold between two instructions."""
        return Registers(*map(self._uc.reg_read, GENERAL))

    def set_registers(self, registers: Registers) -> None:
        """Go on from these."""
        for number, value in zip(GENERAL, registers, strict=True):
            self._uc.reg_write(number, value)

    def control(self) -> Control:
        """What decides the mode."""
        cr0, cr3, cr4, cs = map(self._uc.reg_read, CONTROL)
        return Control(cr0, cr3, cr4, self._uc.msr_read(EFER), cs)

    def counted(self) -> dict[str, int]:
        """Nothing: the kernel has no part in this."""
        return {}

    def close(self) -> None:
        """Give the processor back; its memory is the machine's."""
        self.__dict__.pop("_uc", None)
