"""A machine with the devices that our guests expect: a serial port, a power switch, a counter and a disk."""

from __future__ import annotations

from cutaway.hypervisor.core import ANSWER, Address, Device, Machine, Memory, Mode
from cutaway.hypervisor.devices import Counter, Disk, PowerSwitch, Serial
from cutaway.hypervisor.guests import Guest, load
from cutaway.hypervisor.problems import GuestProblem

SERIAL_PORT = 0x3F8  # where the first serial port of a PC is (IBM PC/AT technical reference)
POWER_PORT = 0xF4  # where QEMU's isa-debug-exit mostly is
DISK_PORT = 0x1F0  # where the first disk of a PC is; ours is simpler
COUNTER_ADDRESS = 0xD0000  # where a PC has room for expansion cards, and our machine no memory


class Computer(Machine):
    """A guest on a machine with our usual devices.

    `mode` is another one than the guest's own, where its code runs in both; `registers` are given to it before it
    starts: rcx=1000.
    """

    def __init__(
        self,
        guest: Guest | str,
        mode: Mode | None = None,
        *,
        on: str | None = None,
        memory: Memory | None = None,
        typed: bytes = b"",
        image: bytes = bytes(Disk.SECTOR_BYTES),
        mmio: dict[Address, Device] | None = None,
        **registers: int,
    ) -> None:
        self.guest = load(guest) if isinstance(guest, str) else guest
        memory = memory or Memory()
        self.serial, self.counter, self.disk = Serial(typed), Counter(), Disk(memory, image)
        ports: dict[int, Device] = {SERIAL_PORT: self.serial, POWER_PORT: PowerSwitch(), DISK_PORT: self.disk}
        addresses: dict[Address, Device] = {COUNTER_ADDRESS: self.counter} if memory.size <= COUNTER_ADDRESS else {}
        super().__init__(
            self.guest.code, mode or self.guest.mode, ports=ports, mmio=addresses | (mmio or {}), memory=memory, on=on
        )
        if registers:
            self.set(**registers)


# --- Trying ----------------------------------------------------------------

TRIAL_S = 2.0  # for a guest of some twenty instructions
TRIALS = {Mode.REAL: "factorial-16", Mode.PROTECTED: "factorial-32", Mode.LONG: "factorial-64", Mode.USER: "count"}


def modes(on: str) -> dict[Mode, str]:
    """Each mode, tried: why this processor does not run a guest in it, in a sentence; empty where it does."""
    return {mode: _refusal(on, mode) for mode in Mode}


def _refusal(on: str, mode: Mode) -> str:
    try:
        with Computer(TRIALS[mode], mode, on=on, rcx=10) as computer:
            computer.run(TRIAL_S)
            right = computer.registers.rax == computer.memory.number(ANSWER, 8)
    except GuestProblem as why:
        return str(why)
    return "" if right else f"running a guest in {mode.value}: its register and its memory differ"
