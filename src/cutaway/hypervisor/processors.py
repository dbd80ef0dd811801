"""Which processor a machine gets: a real one through KVM where that works, else one in software."""

from __future__ import annotations

from collections.abc import Callable

from cutaway.hypervisor import boot
from cutaway.hypervisor.core import TABLES, Memory, Mode, Processor
from cutaway.hypervisor.kvm import KvmProcessor
from cutaway.hypervisor.problems import GuestProblem, NoProcessor


def _in_software(memory: Memory, mode: Mode) -> Processor:
    from cutaway.hypervisor.software import SoftwareProcessor  # large, and loaded only where a machine runs on it

    return SoftwareProcessor(memory, mode)


CHOICES: dict[str, Callable[[Memory, Mode], Processor]] = {"kvm": KvmProcessor, "software": _in_software}


def opened(memory: Memory, mode: Mode, on: str | None = None) -> Processor:
    """A processor about to run the instruction at ENTRY; NoProcessor or ModeRefused when `on` cannot be had."""
    if on is not None and on not in CHOICES:
        raise GuestProblem(f"choosing the processor {on!r}: there is none of that name; say {' or '.join(CHOICES)}")
    memory.write(TABLES, boot.tables())
    if on is not None:
        return CHOICES[on](memory, mode)
    try:
        return KvmProcessor(memory, mode)
    except NoProcessor:
        return _in_software(memory, mode)


def missing(on: str) -> str:
    """Why that processor cannot be had here, in a sentence; empty when it can."""
    try:
        opened(Memory(), Mode.REAL, on).close()
    except NoProcessor as why:
        return str(why)
    return ""


def available() -> list[str]:
    """The processors that can be had here, the real one first."""
    return [on for on in CHOICES if not missing(on)]
