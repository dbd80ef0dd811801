"""A frame: one method while it runs, and what of it can be watched (JVMS 2.6)."""

from __future__ import annotations

from dataclasses import dataclass

from cutaway.jvm import arithmetic as a
from cutaway.jvm.heap import Method, Value


class Frame:
    """One method's activation (2.6). A long or double is one entry of the stack, and the first of its two locals."""

    __slots__ = ("at", "caller", "code", "depth", "entry", "klass", "locals", "method", "pc", "pop", "push", "stack")

    def __init__(self, method: Method, arguments: list[Value], caller: Frame | None, entry: bool = False) -> None:
        self.method, self.klass, self.code = method, method.klass, method.code
        self.caller, self.entry = caller, entry  # an entry frame was called by Python and returns to it
        self.depth: int = caller.depth + 1 if caller else 1
        self.at = self.pc = 0  # where the running instruction begins, and where the next one does
        self.stack: list[Value] = []
        self.push, self.pop = self.stack.append, self.stack.pop
        self.locals: list[Value] = [None] * method.max_locals
        for slot, argument in zip(method.slots, arguments, strict=True):
            self.locals[slot] = argument

    def u2(self, pc: int) -> int:
        """The unsigned operand of two bytes of the instruction at `pc`: mostly a constant pool index."""
        return self.code[pc + 1] << 8 | self.code[pc + 2]

    def branch(self, pc: int) -> None:
        """Go where the instruction at `pc` points: a signed distance from itself."""
        self.pc = pc + a.i16(self.code[pc + 1] << 8 | self.code[pc + 2])


@dataclass(frozen=True, slots=True)
class Step:
    """The state before an instruction runs, for a panel or a test to look at."""

    frame: Frame
    pc: int
    opcode: str
    stack: tuple[Value, ...]
    locals: tuple[Value, ...]
