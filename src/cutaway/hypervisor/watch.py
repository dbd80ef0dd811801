"""A guest's run, instruction by instruction, with every moment kept: what a panel shows and can go back to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cutaway.hypervisor.computer import Computer
from cutaway.hypervisor.core import ANSWER, Address, Bytes, Exit, Mode, Reason, Registers
from cutaway.hypervisor.guests import Guest
from cutaway.hypervisor.problems import GuestProblem

MOST_MOMENTS = 2000


@dataclass(frozen=True)
class Moment:
    """The machine between two instructions; `came` is what the last one brought, `ended` why there is no next."""

    registers: Registers
    changed: frozenset[str]
    mode: Mode
    came: Exit | None
    memory: bytes
    exits: Mapping[Reason, int]
    said: str
    ended: str = ""


class Watch:
    """A run of a guest from its first instruction; `memory_at` is the stretch of memory that is kept of it."""

    def __init__(self, computer: Computer, memory_at: Address = ANSWER, length: Bytes = 16) -> None:
        self.computer, self.memory_at, self._length = computer, memory_at, length
        self.moments = [self._now(None)]

    @property
    def guest(self) -> Guest:
        """What runs."""
        return self.computer.guest

    def moment(self, at: int) -> Moment:
        """The moment after `at` instructions; the last one when the guest ends before."""
        while len(self.moments) <= at and not self.moments[-1].ended:
            self.moments.append(self._next())
        return self.moments[min(at, len(self.moments) - 1)]

    def last(self) -> int:
        """How many instructions the whole run has."""
        self.moment(MOST_MOMENTS)
        return len(self.moments) - 1

    def after_exit(self, at: int) -> int:
        """The number of the next moment that an exit brought."""
        while not self.moment(at := at + 1).ended and at < len(self.moments):
            came = self.moment(at).came
            if came and came.reason is not Reason.STEP:
                return at
        return at

    def _next(self) -> Moment:
        if len(self.moments) >= MOST_MOMENTS:
            return self._now(None, f"the panel stops after {MOST_MOMENTS} moments")
        try:
            came = self.computer.step()
        except GuestProblem as problem:
            return self._now(None, str(problem))
        ended = "the machine is off" if self.computer.code is not None else "the guest has halted"
        return self._now(came, ended if self.computer.ended else "")

    def _now(self, came: Exit | None, ended: str = "") -> Moment:
        computer, registers = self.computer, self.computer.registers
        before = self.moments[-1].registers if hasattr(self, "moments") else registers
        changed = {name for name in registers._fields if getattr(registers, name) != getattr(before, name)}
        exits = Counter(computer.counts)
        del exits[Reason.STEP]
        memory = computer.memory.read(self.memory_at, self._length)
        return Moment(registers, frozenset(changed), computer.mode, came, memory, exits, computer.serial.text, ended)
