"""What a guest, its machine or its host can do wrong; each is one sentence that ends with the next step."""

from __future__ import annotations

from cutaway.problem import Problem


class GuestProblem(Problem):
    """Something about a guest or its machine that the person who gave it can mend."""


class NoProcessor(GuestProblem):
    """The processor that was asked for is not to be had here."""


class ModeRefused(GuestProblem):
    """This processor does not start in that mode."""


class OutOfRange(GuestProblem):
    """An address that the guest's memory does not have."""

    def __init__(self, doing: str, address: int, length: int, memory_bytes: int) -> None:
        super().__init__(
            f"{doing} {length} bytes at {address:#x}: the guest's memory ends at {memory_bytes:#x}; "
            "give the machine more memory, or choose a lower address"
        )
        self.address, self.length, self.memory_bytes = address, length, memory_bytes


class NoDevice(GuestProblem):
    """The guest asked for a device where there is none."""


class TripleFault(GuestProblem):
    """The guest did what its processor refuses, and had nobody to tell: the machine shut down."""

    def __init__(self, processor: str, rip: int, cause: str) -> None:
        super().__init__(
            f"running the guest on {processor}: it shut down at rip {rip:#x}, {cause}; "
            "step through it to the instruction before, and compare its mode with its code"
        )
        self.rip = rip


class Spinning(GuestProblem):
    """The guest had not ended when its time was over, and was stopped."""

    def __init__(self, processor: str, rip: int, timeout_s: float) -> None:
        super().__init__(
            f"running the guest on {processor}: stopped at rip {rip:#x}, as it had not ended after {timeout_s:g} s; "
            "if it is not in an endless loop there, give it a longer timeout_s"
        )
        self.rip = rip
