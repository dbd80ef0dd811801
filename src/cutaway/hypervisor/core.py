"""A computer inside a Python process: some memory, one processor, and a loop that answers for everything else.

The processor runs the guest's instructions by itself until the guest wants something that only a device can give:
a port, an address where there is no memory, the end. Then it comes back with an *exit*, the loop below lets a device
answer, and the processor goes on. That is all that a hypervisor does; the rest is devices.

There are two processors with one set of methods: `kvm` is a real one, lent by Linux through /dev/kvm (the KVM API,
Documentation/virt/kvm/api.rst), and `software` is a program that reads the guest's instructions (unicorn).

Lacks on purpose: interrupts, a second processor, a BIOS, guest memory that is not one piece.
Reading order: words, memory, the machine (`exits` is the loop), the watchdog; then kvm, boot, software, devices.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol, Self

from cutaway.hypervisor.problems import GuestProblem, NoDevice, OutOfRange, Spinning

# --- Words -----------------------------------------------------------------

Address = int  # in the guest's physical memory
Bytes = int  # how many

ENTRY = 0x1000  # where a guest's code is put, and its first instruction is
STACK = 0x8000  # where its stack begins; it grows downwards
ANSWER = 0x9000  # where our guests store what they found out
TABLES = 0xC000  # from here to 0x10000 lie the tables that a processor reads (see boot)
MEMORY_BYTES = 0x10000  # 64 KiB: what a machine has unless it is given more
PATIENCE_S = 5.0  # with a guest


class Mode(Enum):
    """How a processor reads instructions and addresses (Intel SDM, volume 3A, 2.2)."""

    REAL = "real mode"  # 16 bits, no protection: how every PC starts
    PROTECTED = "protected mode"  # 32 bits
    LONG = "long mode"  # 64 bits, with paging
    USER = "long mode, ring 3"  # the same without privilege, as programs under a kernel run


class Reason(Enum):
    """Why a processor came back."""

    PORT_READ = "in"
    PORT_WRITE = "out"
    MEMORY_READ = "mmio read"
    MEMORY_WRITE = "mmio write"
    HALT = "hlt"
    STEP = "step"


class Exit(NamedTuple):
    """One return from the guest, already answered: `value` is what it wrote, or what a device let it read."""

    reason: Reason
    address: int = 0  # a port, or a guest physical address
    size: Bytes = 0
    value: int = 0

    def __str__(self) -> str:
        if not self.size:
            return self.reason.value
        arrow = "<-" if self.reason in (Reason.PORT_WRITE, Reason.MEMORY_WRITE) else "->"
        return f"{self.reason.value} {self.address:#x} {arrow} {self.value:#0{2 + 2 * self.size}x}"


class Registers(NamedTuple):
    """The general registers, the instruction pointer and the flags."""

    rax: int
    rbx: int
    rcx: int
    rdx: int
    rsi: int
    rdi: int
    rsp: int
    rbp: int
    r8: int
    r9: int
    r10: int
    r11: int
    r12: int
    r13: int
    r14: int
    r15: int
    rip: int
    rflags: int


def at_start(rflags: int) -> Registers:
    """The registers before a guest's first instruction: empty, but for the stack and the place to begin."""
    return Registers(*[0] * 6, STACK, *[0] * 9, ENTRY, rflags)  # type: ignore[call-arg]  # mypy counts no stars


class Control(NamedTuple):
    """What decides the mode that a processor is in."""

    cr0: int
    cr3: int
    cr4: int
    efer: int
    cs: int


PROTECTION_ENABLE, PAGING, LONG_MODE_ACTIVE = 1 << 0, 1 << 31, 1 << 10  # CR0.PE, CR0.PG, EFER.LMA: SDM 3A, 2.2.1, 2.5
RING = 3  # the low bits of CS: SDM 3A, 3.4.2


class Device(Protocol):
    """What answers for `length` ports, or for as many bytes of memory. Offsets count from where it is plugged in."""

    length: int

    def read(self, offset: int, size: Bytes) -> int:
        """The value that the guest reads."""

    def write(self, offset: int, size: Bytes, value: int) -> None:
        """Take the value that the guest writes."""


class PowerOff(Exception):
    """Raised by a device that ends the machine; `code` is what the guest had to say."""

    def __init__(self, code: int) -> None:
        self.code = code


HLT = b"\xf4"  # its opcode: SDM volume 2A
LONGEST_INSTRUCTION = 15  # SDM volume 2A, 2.3.11

Serve = Callable[[Reason, int, Bytes, int], int]  # reason, address, size, value written -> value read


class Processor(Protocol):
    """What runs a guest's instructions."""

    name: str

    def go(self, serve: Serve, one_instruction: bool = False) -> Exit | None:
        """Run until the guest next wants something, let `serve` answer; None when `interrupt` ended it first."""

    def registers(self) -> Registers:
        """What the registers hold between two instructions."""

    def set_registers(self, registers: Registers) -> None:
        """Go on from these."""

    def control(self) -> Control:
        """What decides the mode."""

    def interrupt(self) -> None:
        """Make `go` return soon; called from another thread, more than once if need be."""

    def counted(self) -> dict[str, int]:
        """What the kernel counted of this guest; empty where it has no part in it."""

    def close(self) -> None:
        """Give everything back."""


# --- Memory ----------------------------------------------------------------


class Memory:
    """The guest's physical memory: from address 0, a stretch of this very process's memory, which both can see."""

    def __init__(self, size: Bytes = MEMORY_BYTES) -> None:
        if size < MEMORY_BYTES or size % mmap.PAGESIZE:
            raise GuestProblem(
                f"making {size:#x} bytes of guest memory: it takes {MEMORY_BYTES:#x} or more, in pages of "
                f"{mmap.PAGESIZE:#x}; round it up"
            )
        self.size = size
        self.pages = mmap.mmap(-1, size)
        self.host_address = ctypes.addressof(ctypes.c_char.from_buffer(self.pages))

    def read(self, address: Address, length: Bytes) -> bytes:
        """The bytes there. OutOfRange when the memory ends before."""
        self._check("reading", address, length)
        return self.pages[address : address + length]

    def write(self, address: Address, data: bytes) -> None:
        """Put the bytes there. OutOfRange when the memory ends before."""
        self._check("writing", address, len(data))
        self.pages[address : address + len(data)] = data

    def number(self, address: Address, size: Bytes = 4) -> int:
        """The number in `size` bytes there, the lowest byte first, as the processor stores it."""
        return int.from_bytes(self.read(address, size), "little")

    def instruction(self, control: Control, rip: int) -> bytes:
        """The bytes of the instruction at `rip`, and some that follow it."""
        at = rip if control.cr0 & PROTECTION_ENABLE else rip + (control.cs << 4)  # SDM volume 1, 3.3.4
        return self.pages[at : at + LONGEST_INSTRUCTION]

    def _check(self, doing: str, address: Address, length: Bytes) -> None:
        if address < 0 or address + length > self.size:
            raise OutOfRange(doing, address, length, self.size)


# --- The machine -----------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """How a guest ended, and on which processor it ran."""

    processor: str
    exits: Mapping[Reason, int]
    registers: Registers
    code: int | None  # what it said as it switched itself off; None when it halted
    seconds: float = field(compare=False)

    @property
    def total(self) -> int:
        """How often the guest came back."""
        return sum(self.exits.values())

    def __repr__(self) -> str:
        counted = ", ".join(f"{count} {reason.value}" for reason, count in self.exits.items())
        ended = "halted" if self.code is None else f"switched itself off with {self.code}"
        return f"on {self.processor}: {ended} with rax {self.registers.rax:#x} after {counted}"


class Machine:
    """One processor, its memory with the guest's code in it, and devices at ports and at memory addresses.

    `on` is "kvm" or "software"; without it, KVM where it works and software elsewhere. Use it in a `with` block,
    or close it. Raises a GuestProblem that says what is missing.
    """

    def __init__(
        self,
        code: bytes,
        mode: Mode = Mode.REAL,
        *,
        ports: Mapping[int, Device] | None = None,
        mmio: Mapping[Address, Device] | None = None,
        memory: Memory | None = None,
        on: str | None = None,
    ) -> None:
        from cutaway.hypervisor import processors

        self.memory = memory or Memory()
        if ENTRY + len(code) > TABLES:
            raise OutOfRange("loading", ENTRY, len(code), TABLES)
        self.memory.write(ENTRY, code)
        self.ports, self.mmio = dict(ports or {}), dict(mmio or {})
        self.counts: Counter[Reason] = Counter()
        self.code: int | None = None  # once the guest has switched itself off
        self.ended = False
        self._failure: BaseException | None = None
        self._processor = processors.opened(self.memory, mode, on)

    # --- Running -----------------------------------------------------------

    def exits(self, timeout_s: float = PATIENCE_S) -> Iterator[Exit]:
        """Run the guest to its end, and yield each of its exits. Spinning when it takes longer than `timeout_s`."""
        with Watchdog(timeout_s, self._processor.interrupt):
            while not self.ended:
                came = self._go()
                if came is None:
                    raise Spinning(self.on, self.registers.rip, timeout_s)
                yield came

    def run(self, timeout_s: float = PATIENCE_S) -> Outcome:
        """Run the guest to its end; how it ended, and on what. Spinning when it takes longer than `timeout_s`."""
        began = time.perf_counter()
        for _ in self.exits(timeout_s):
            pass
        seconds = time.perf_counter() - began
        return Outcome(self.on, dict(self.counts), self.registers, self.code, seconds)

    def step(self) -> Exit:
        """Run one instruction: the exit that it caused, or one that says STEP."""
        if self.ended:
            raise GuestProblem("stepping: this guest has ended; make a new machine with the same code")
        came = self._go(one_instruction=True)
        return came or self.step()  # an interruption from an earlier run counts for nothing

    def _go(self, one_instruction: bool = False) -> Exit | None:
        came = self._processor.go(self._serve, one_instruction)
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure
        if came:
            self.counts[came.reason] += 1
            self.ended = self.ended or came.reason is Reason.HALT
        return came

    # --- Serving -----------------------------------------------------------

    def _serve(self, reason: Reason, address: int, size: Bytes, value: int) -> int:
        """Let the device answer. What it raises waits until the processor, which is not Python, has returned."""
        try:
            device, offset = self._device(reason, address)
            if reason in (Reason.PORT_WRITE, Reason.MEMORY_WRITE):
                device.write(offset, size, value)
                return value
            return device.read(offset, size) & (1 << 8 * size) - 1
        except PowerOff as off:
            self.code, self.ended = off.code, True
        except BaseException as failure:
            self._failure = self._failure or failure
        return value

    def _device(self, reason: Reason, address: int) -> tuple[Device, int]:
        by_port = reason in (Reason.PORT_READ, Reason.PORT_WRITE)
        for base, device in (self.ports if by_port else self.mmio).items():
            if base <= address < base + device.length:
                return device, address - base
        kind, argument = ("port", "ports") if by_port else ("address", "mmio")
        raise NoDevice(
            f"serving the guest's {reason.value} on {self.on}: nothing is plugged in at {kind} {address:#x}; "
            f"give the machine {argument}={{{address:#x}: a device}}, or mend the guest's {kind}"
        )

    # --- Looking -----------------------------------------------------------

    @property
    def on(self) -> str:
        """What runs the guest's instructions: KVM or software."""
        return self._processor.name

    @property
    def registers(self) -> Registers:
        """What the registers hold now."""
        return self._processor.registers()

    def set(self, **values: int) -> None:
        """Change registers before the guest goes on: `machine.set(rax=7)`."""
        self._processor.set_registers(self.registers._replace(**values))

    @property
    def mode(self) -> Mode:
        """The mode that the processor is in now; a guest may change it."""
        control = self._processor.control()
        if not control.cr0 & PROTECTION_ENABLE:
            return Mode.REAL
        if not control.efer & LONG_MODE_ACTIVE:
            return Mode.PROTECTED
        return Mode.USER if control.cs & RING else Mode.LONG

    def counted(self) -> dict[str, int]:
        """What the kernel counted of this guest; empty on software, and before Linux 5.14."""
        return self._processor.counted()

    def close(self) -> None:
        """End the machine and give its processor back."""
        self._processor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- The watchdog ----------------------------------------------------------


class Watchdog:
    """Calls `interrupt` when a block has taken longer than `timeout_s`, and again until the block has ended.

    Again, because the processor may just then have been on its way in, where one call is lost.
    """

    AGAIN_S = 0.02

    def __init__(self, timeout_s: float, interrupt: Callable[[], None]) -> None:
        self._timeout_s, self._interrupt = timeout_s, interrupt
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def _watch(self) -> None:
        wait_s = self._timeout_s
        while not self._ended.wait(wait_s):
            self._interrupt()
            wait_s = self.AGAIN_S

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
