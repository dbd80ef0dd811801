"""A real processor, lent by Linux: a vCPU of /dev/kvm.

Three files answer: /dev/kvm makes a VM, the VM makes a vCPU, and the vCPU runs. A page shared with the kernel,
`kvm_run`, says why it came back. Section numbers are those of Documentation/virt/kvm/api.rst; the structures and
numbers are those of linux/kvm.h and asm/kvm.h, and a test asks a C compiler.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import signal
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress

from cutaway.hypervisor import boot
from cutaway.hypervisor.boot import STARTS, Start
from cutaway.hypervisor.core import HLT, RING, Control, Exit, Memory, Mode, Reason, Registers, Serve, at_start
from cutaway.hypervisor.problems import GuestProblem, ModeRefused, NoProcessor, TripleFault

# --- Words -----------------------------------------------------------------

DEVICE = "/dev/kvm"
KVM_API_VERSION = 12  # 4.1: the only one there will be

KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE = 0xAE00, 0xAE01, 0xAE04  # 4.1, 4.2, 4.5: of /dev/kvm
KVM_GET_SUPPORTED_CPUID = 0xC008AE05  # 4.46
KVM_CREATE_VCPU, KVM_SET_TSS_ADDR, KVM_SET_USER_MEMORY_REGION = 0xAE41, 0xAE47, 0x4020AE46  # 4.7, 4.36, 4.35: of a VM
KVM_RUN, KVM_GET_REGS, KVM_SET_REGS = 0xAE80, 0x8090AE81, 0x4090AE82  # 4.10 to 4.12: of a vCPU
KVM_GET_SREGS, KVM_SET_SREGS = 0x8138AE83, 0x4138AE84  # 4.13, 4.14
KVM_SET_CPUID2, KVM_SET_GUEST_DEBUG = 0x4008AE90, 0x4048AE9B  # 4.21, 4.87
KVM_GET_STATS_FD = 0xAECE  # 4.133

KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP = 1, 2  # 4.87

KVM_EXIT_IO, KVM_EXIT_DEBUG, KVM_EXIT_HLT, KVM_EXIT_MMIO = 2, 4, 5, 6  # 5: exit_reason
KVM_EXIT_SHUTDOWN, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTR, KVM_EXIT_INTERNAL_ERROR = 8, 9, 10, 17
KVM_EXIT_IO_OUT = 1

IMMEDIATE_EXIT_AT, EXIT_REASON_AT, UNION_AT = 1, 8, 32  # offsets in kvm_run: 5
IO = struct.Struct("<BBHIQ")  # kvm_run.io: direction, size, port, count, where the data is
MMIO = struct.Struct("<Q8sIB")  # kvm_run.mmio: phys_addr, data, len, is_write
MMIO_DATA_AT = UNION_AT + 8

TSS_ADDRESS = 0x7FFF_D000  # three pages out of the guest's reach, which Intel's processors want for real mode: 4.36
CPUID_ENTRIES = 256
CPUID_BYTES = 8 + 40 * CPUID_ENTRIES  # struct kvm_cpuid2, struct kvm_cpuid_entry2


class Segment(ctypes.Structure):
    """struct kvm_segment"""

    _fields_ = (
        *(("base", ctypes.c_uint64), ("limit", ctypes.c_uint32), ("selector", ctypes.c_uint16)),
        *((name, ctypes.c_uint8) for name in ("type", "present", "dpl", "db", "s", "l", "g", "avl", "unusable")),
        ("padding", ctypes.c_uint8),
    )


class Table(ctypes.Structure):
    """struct kvm_dtable"""

    _fields_ = (("base", ctypes.c_uint64), ("limit", ctypes.c_uint16), ("padding", ctypes.c_uint16 * 3))


class SpecialRegisters(ctypes.Structure):
    """struct kvm_sregs"""

    _fields_ = (
        *((name, Segment) for name in ("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")),
        *(("gdt", Table), ("idt", Table)),
        *((name, ctypes.c_uint64) for name in ("cr0", "cr2", "cr3", "cr4", "cr8", "efer", "apic_base")),
        ("interrupt_bitmap", ctypes.c_uint64 * 4),
    )


GENERAL = struct.Struct("<18Q")  # struct kvm_regs, in the order of Registers
MEMORY_REGION = struct.Struct("<IIQQQ")  # struct kvm_userspace_memory_region: slot, flags, guest, size, host
STATS_HEADER = struct.Struct(
    "<6I"
)  # struct kvm_stats_header: flags, name size, how many; where: id, descriptions, data
STATS_DESCRIPTION = struct.Struct(
    "<IhHII"
)  # struct kvm_stats_desc: flags, exponent, size, offset, bucket; then the name
GUEST_DEBUG = struct.Struct("<II64x")  # struct kvm_guest_debug: control; no breakpoints

# --- Opening ---------------------------------------------------------------


def _opened() -> int:
    try:
        kvm = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoProcessor(
            f"opening {DEVICE}: it does not exist; switch on virtualisation in the firmware, or run on software"
        ) from None
    except PermissionError:
        raise NoProcessor(
            f"opening {DEVICE}: it is closed to this user; sudo usermod -aG kvm $USER and log in again, "
            "or run on software"
        ) from None
    except OSError as error:
        raise NoProcessor(f"opening {DEVICE}: {os.strerror(error.errno or 0)}; run on software") from None
    try:
        version = fcntl.ioctl(kvm, KVM_GET_API_VERSION, 0)
    except OSError:
        os.close(kvm)
        raise NoProcessor(f"opening {DEVICE}: it is no KVM; run on software") from None
    if version != KVM_API_VERSION:
        os.close(kvm)
        raise NoProcessor(f"opening {DEVICE}: it speaks version {version} of the API, not 12; run on software")
    return kvm


class KvmProcessor:
    """One vCPU in a VM of its own, about to run the instruction at ENTRY in `mode`."""

    name = "KVM"

    def __init__(self, memory: Memory, mode: Mode) -> None:
        self._held = ExitStack()
        try:
            self._make(memory)
            self._start(STARTS[mode])
        except OSError as error:
            self.close()
            raise ModeRefused(
                f"starting a vCPU in {mode.value}: this KVM refuses with {errno.errorcode.get(error.errno or 0)}; "
                "run it on software"
            ) from None

    def _make(self, memory: Memory) -> None:
        kvm = self._held_file(_opened())
        vm = self._held_file(fcntl.ioctl(kvm, KVM_CREATE_VM, 0))
        fcntl.ioctl(vm, KVM_SET_TSS_ADDR, TSS_ADDRESS)
        region = MEMORY_REGION.pack(0, 0, 0, memory.size, memory.host_address)
        fcntl.ioctl(vm, KVM_SET_USER_MEMORY_REGION, region)
        self._memory = memory  # the kernel has its address, not a reference
        self._vcpu = self._held_file(fcntl.ioctl(vm, KVM_CREATE_VCPU, 0))
        shared_bytes = fcntl.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)
        self._run = self._held.enter_context(mmap.mmap(self._vcpu, shared_bytes))
        cpuid = bytearray(struct.pack("<II", CPUID_ENTRIES, 0).ljust(CPUID_BYTES, b"\0"))
        fcntl.ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid)  # the guest's processor can what the host's can
        fcntl.ioctl(self._vcpu, KVM_SET_CPUID2, cpuid)
        self._stepping = self._interrupted = self._unfinished = False
        self._thread = threading.get_ident()
        self._waiting: deque[Exit] = deque()

    def _held_file(self, file: int) -> int:
        self._held.callback(os.close, file)
        return file

    def _start(self, start: Start) -> None:
        special = self._special()
        special.cs = segment(start.code)
        for name in ("ds", "es", "fs", "gs", "ss"):
            setattr(special, name, segment(start.data))
        special.gdt.base, special.gdt.limit = boot.GDT, 8 * len(boot.DESCRIPTORS) - 1
        special.cr0, special.cr3, special.cr4, special.efer = start.cr0, boot.PML4, start.cr4, start.efer
        if not start.code:
            special.cs, special.gdt.base = real_segment(code=True), 0
            for name in ("ds", "es", "fs", "gs", "ss"):
                setattr(special, name, real_segment(code=False))
        fcntl.ioctl(self._vcpu, KVM_SET_SREGS, special)
        self.set_registers(at_start(start.rflags))

    # --- Running -----------------------------------------------------------

    def go(self, serve: Serve, one_instruction: bool = False) -> Exit | None:
        """Run until the guest next wants something, let `serve` answer; None when `interrupt` ended it first."""
        if self._waiting:
            return self._waiting.popleft()
        self._step_by_step(one_instruction and not self._at_hlt())
        self._thread = threading.get_ident()
        if not self._entered():
            return None
        came = self._came(serve)
        if one_instruction:
            self._finish()
        return came

    def _entered(self) -> bool:
        """KVM_RUN, until the guest comes back by itself; False when `interrupt` brought it back."""
        while True:
            try:
                fcntl.ioctl(self._vcpu, KVM_RUN, 0)
                return True
            except InterruptedError:  # by our signal, or by one that Python has just served
                if self._interrupted:
                    self._interrupted = False
                    self._run[IMMEDIATE_EXIT_AT] = 0
                    return False

    def _came(self, serve: Serve) -> Exit:
        """Decode why the vCPU came back, and answer it."""
        reason = int.from_bytes(self._run[EXIT_REASON_AT : EXIT_REASON_AT + 4], "little")
        if reason == KVM_EXIT_IO:
            return self._port(serve)
        if reason == KVM_EXIT_MMIO:
            return self._mmio(serve)
        if reason == KVM_EXIT_HLT:
            return Exit(Reason.HALT)
        if reason == KVM_EXIT_DEBUG:
            return Exit(Reason.STEP)
        raise self._fault(reason)

    def _port(self, serve: Serve) -> Exit:
        """IN or OUT; a string instruction brings several values at once, which are told one at a time."""
        direction, size, port, count, where = IO.unpack_from(self._run, UNION_AT)
        reason = Reason.PORT_WRITE if direction == KVM_EXIT_IO_OUT else Reason.PORT_READ
        for at in range(where, where + size * count, size):
            written = int.from_bytes(self._run[at : at + size], "little") if direction else 0
            value = serve(reason, port, size, written)
            self._run[at : at + size] = value.to_bytes(size, "little")
            self._waiting.append(Exit(reason, port, size, value))
        self._unfinished = True
        return self._waiting.popleft()

    def _mmio(self, serve: Serve) -> Exit:
        """An access to memory that is not there."""
        address, data, size, is_write = MMIO.unpack_from(self._run, UNION_AT)
        reason = Reason.MEMORY_WRITE if is_write else Reason.MEMORY_READ
        value = serve(reason, address, size, int.from_bytes(data[:size], "little") if is_write else 0)
        self._run[MMIO_DATA_AT : MMIO_DATA_AT + size] = value.to_bytes(size, "little")
        self._unfinished = True
        return Exit(reason, address, size, value)

    def _finish(self) -> None:
        """Let the vCPU take the answer and end the instruction that asked, and begin no other: 5, immediate_exit."""
        if self._unfinished:
            self._run[IMMEDIATE_EXIT_AT] = 1
            with suppress(InterruptedError):
                fcntl.ioctl(self._vcpu, KVM_RUN, 0)
            self._run[IMMEDIATE_EXIT_AT] = int(self._interrupted)
            self._unfinished = False

    def _at_hlt(self) -> bool:
        """Whether HLT comes next: stepped over, it says that it was stepped and not that it halts."""
        return self._memory.instruction(self.control(), self.registers().rip).startswith(HLT)

    def _step_by_step(self, on: bool) -> None:
        if on is self._stepping:
            return
        control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP if on else 0
        fcntl.ioctl(self._vcpu, KVM_SET_GUEST_DEBUG, GUEST_DEBUG.pack(control, 0))
        self._stepping = on

    def _fault(self, reason: int) -> GuestProblem:
        rip = self.registers().rip
        if reason == KVM_EXIT_SHUTDOWN:
            in_ring_3 = self._stepping and self.control().cs & RING
            while_stepped = " while it was stepped in ring 3, which not every KVM can do and software can"
            return TripleFault(self.name, rip, f"by a triple fault{while_stepped if in_ring_3 else ''}")
        if reason == KVM_EXIT_INTERNAL_ERROR:
            return GuestProblem(
                f"running the guest on KVM: it cannot carry out the instruction at rip {rip:#x}; run it on software"
            )
        return GuestProblem(
            f"running the guest on KVM: exit reason {reason} at rip {rip:#x}, which nothing here serves"
        )

    # --- Being stopped -----------------------------------------------------

    def interrupt(self) -> None:
        """Make KVM_RUN return: at once when it is about to begin, by a signal when it is under way."""
        self._interrupted = True
        self._run[IMMEDIATE_EXIT_AT] = 1
        _let_signal_pass()
        signal.pthread_kill(self._thread, KICK)

    # --- Registers ---------------------------------------------------------

    def registers(self) -> Registers:
        """What the registers hold between two instructions."""
        self._finish()
        buffer = bytearray(GENERAL.size)
        fcntl.ioctl(self._vcpu, KVM_GET_REGS, buffer)
        return Registers(*GENERAL.unpack(buffer))

    def set_registers(self, registers: Registers) -> None:
        """Go on from these."""
        self._finish()
        fcntl.ioctl(self._vcpu, KVM_SET_REGS, GENERAL.pack(*registers))

    def control(self) -> Control:
        """What decides the mode."""
        self._finish()
        special = self._special()
        return Control(special.cr0, special.cr3, special.cr4, special.efer, special.cs.selector)

    def _special(self) -> SpecialRegisters:
        special = SpecialRegisters()
        fcntl.ioctl(self._vcpu, KVM_GET_SREGS, special)
        return special

    def counted(self) -> dict[str, int]:
        """What the kernel counted of this vCPU: exits, instructions that it emulated, and more; see 4.133."""
        try:
            file = fcntl.ioctl(self._vcpu, KVM_GET_STATS_FD, 0)
        except OSError:  # before Linux 5.14
            return {}
        with os.fdopen(file, "rb", buffering=0) as stats:
            return dict(_numbers(stats.fileno()))

    def close(self) -> None:
        """Give the vCPU and its VM back; the kernel ends them with their files."""
        self._held.close()


def _numbers(file: int) -> Iterator[tuple[str, int]]:
    """Each single number in a file of statistics, with its name."""
    _, name_size, count, _, descriptions, data = STATS_HEADER.unpack(os.pread(file, STATS_HEADER.size, 0))
    length = STATS_DESCRIPTION.size + name_size
    for at in range(descriptions, descriptions + count * length, length):
        described = os.pread(file, length, at)
        _, _, size, offset, _ = STATS_DESCRIPTION.unpack_from(described)
        name = described[STATS_DESCRIPTION.size :].split(b"\0")[0].decode()
        if size == 1:  # others are histograms
            yield name, int.from_bytes(os.pread(file, 8, data + offset), "little")


# --- Segments --------------------------------------------------------------


def segment(selector: int) -> Segment:
    """What the processor would load for this selector: its descriptor, taken apart (SDM 3A, 3.4.5)."""
    descriptor = boot.DESCRIPTORS[selector >> 3]
    kind, flags = descriptor >> 40 & 0xFF, descriptor >> 52 & 0xF
    return Segment(
        *(0, 0xFFFF_FFFF if flags & 8 else 0xFFFF, selector),
        *(kind & 0xF, kind >> 7, kind >> 5 & 3, flags >> 2 & 1, kind >> 4 & 1, flags >> 1 & 1, flags >> 3, 0, 0),
    )


def real_segment(code: bool) -> Segment:
    """Segment 0 of real mode: 64 KiB from address 0."""
    kind = boot.DESCRIPTORS[(boot.CODE_16 if code else boot.DATA_16) >> 3] >> 40 & 0xF
    return Segment(0, 0xFFFF, 0, kind, 1, 0, 0, 1)


# --- The signal ------------------------------------------------------------

KICK = signal.SIGURG  # ignored where nobody handles it, so that a late one harms nothing


def _let_signal_pass() -> None:
    """Give the signal a handler that does nothing: an ignored signal would not interrupt KVM_RUN.

    A function of the C library, because Python's handlers belong to the main thread. `abs` takes a number and does
    no harm. A handler that somebody has already given it interrupts as well, and stays.
    """
    if signal.getsignal(KICK) in (signal.SIG_DFL, signal.SIG_IGN):
        libc = ctypes.CDLL(None)
        libc.signal(int(KICK), ctypes.cast(libc.abs, ctypes.c_void_p))
