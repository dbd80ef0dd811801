"""A hypervisor: machines of our own on /dev/kvm, and the same machines on a processor in software.

    with Computer("add") as machine:
        print(machine.run())

Reading order: core, kvm, boot, software, devices, guests, computer. `guests/` holds what runs in them.
"""

from cutaway.hypervisor.computer import Computer
from cutaway.hypervisor.core import Device, Exit, Machine, Memory, Mode, Outcome, PowerOff, Reason, Registers
from cutaway.hypervisor.devices import Counter, Disk, PowerSwitch, Serial
from cutaway.hypervisor.guests import Guest, assembled, load
from cutaway.hypervisor.problems import GuestProblem

__all__ = [
    "Computer",
    "Counter",
    "Device",
    "Disk",
    "Exit",
    "Guest",
    "GuestProblem",
    "Machine",
    "Memory",
    "Mode",
    "Outcome",
    "PowerOff",
    "PowerSwitch",
    "Reason",
    "Registers",
    "Serial",
    "assembled",
    "load",
]
