"""The operand stack as Python expressions: what a value is, and what may be done with it.

An instruction takes expressions and gives an expression, and a line is written only where something happens (a store,
a call) or must not be delayed past something that happens. Integers are kept exact where their value is looked at;
sums and products on the way are wrapped once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from cutaway.jvm.opcodes import Instruction, branch_targets
from cutaway.jvm.structure import Block, Condition, Pcs
from cutaway.jvm.verify import Plan


@dataclass(frozen=True, slots=True)
class Expr:
    """A Python expression for a Java value, and what may be done with it."""

    text: str
    simple: bool = False  # a name or a constant: may be written twice
    exact: bool = True  # within its type's range; else right modulo 2^32 or 2^64
    positive: bool = False  # known not to be negative
    drift: str = "+-"  # on which sides an inexact value may lie out of range
    slots: frozenset[int] = frozenset()  # the local variables it reads
    fragile: bool = False  # reads memory or may throw: not to be moved over a store or a call
    condition: Condition | None = None  # for a 0 or 1 that stands for a truth
    compared: tuple[str, str, str] | None = None  # for lcmp and its kind: left, right, instruction
    pcs: Pcs = ()


def int_text(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


class SymbolicStack:
    """The stack of one block while it is translated, and the lines that had to be written so far."""

    plan: Plan
    instructions: list[Instruction]
    current: Block
    pc: int

    def __init__(self) -> None:
        self.stack: list[Expr] = []
        self.temporaries = 0

    def emit(self, text: str, *parts: Expr) -> None:
        pcs = tuple(pc for part in parts for pc in part.pcs)
        self.current.lines.append((text, (*pcs, self.pc)))

    def push(self, text: str, *parts: Expr, **facts: Any) -> None:
        slots = frozenset().union(*(part.slots for part in parts)) if parts else frozenset()
        fragile = facts.pop("fragile", False) or any(part.fragile for part in parts)
        pcs = (*(pc for part in parts for pc in part.pcs), self.pc)
        self.stack.append(Expr(text, slots=facts.pop("slots", slots), fragile=fragile, pcs=pcs, **facts))

    def pop(self) -> Expr:
        return self.stack.pop()

    def fitted(self, value: Expr, wide: bool) -> Expr:
        if value.exact:
            return value
        low, high = (-(1 << 63), (1 << 63) - 1) if wide else (-(1 << 31), (1 << 31) - 1)
        wrapped = f"(t + {-low} & {2 * high + 1}) - {-low}"
        if value.drift == "+" and not wide:
            text = f"(t if (t := {value.text}) <= {high} else {wrapped})"
        elif value.drift == "-" and not wide:
            text = f"(t if (t := {value.text}) >= {low} else {wrapped})"
        else:
            text = f"(t if {low} <= (t := {value.text}) <= {high} else {wrapped})"
        return replace(value, text=text, exact=True, positive=False, simple=False)

    def int_(self) -> Expr:
        return self.fitted(self.pop(), False)

    def long(self) -> Expr:
        return self.fitted(self.pop(), True)

    def of_kind(self, kind: str) -> Expr:
        return self.fitted(self.pop(), kind == "J")

    def temporary(self, value: Expr) -> Expr:
        """The value under a name of its own."""
        if value.simple:
            return value
        name = f"t{self.temporaries}"
        self.temporaries += 1
        self.emit(f"{name} = {value.text}", value)
        return replace(value, text=name, simple=True, slots=frozenset(), fragile=False, condition=None, compared=None)

    def named(self) -> Expr:
        """Pop an exact reference or int and give it a name, after what lies below it has been secured."""
        value = self.int_()
        return self.temporary(value)

    def secure(self, slot: int | None = None) -> None:
        """Name what must not be read later: what uses `slot`, or (None) what reads memory or may throw."""
        for at, value in enumerate(self.stack):
            if (slot in value.slots) if slot is not None else value.fragile:
                self.stack[at] = self.temporary(replace(value, simple=False))

    def settle(self) -> None:
        """At a block's end the stack lies in s0, s1, ..., where the next block looks for it."""
        kinds = self.plan.states.get(self.next_state(), ((), ()))[0]
        changed = []
        for at, value in enumerate(self.stack):
            kind = kinds[at] if at < len(kinds) else "I"
            exact = self.fitted(value, kind == "J")
            if exact.text != f"s{at}":
                changed.append((f"s{at}", exact))
        if changed:
            names, values = ", ".join(name for name, _ in changed), ", ".join(value.text for _, value in changed)
            self.emit(f"{names} = {values}", *(value for _, value in changed))
        self.stack = []

    def next_state(self) -> int:
        each = next(each for each in self.instructions if each.pc == self.pc)
        return (branch_targets(each) or (each.next_pc,))[0]


# Texts


COMPARE: Final = {
    "eq": ("==", "!="),
    "ne": ("!=", "=="),
    "lt": ("<", ">="),
    "ge": (">=", "<"),
    "gt": (">", "<="),
    "le": ("<=", ">"),
}


def float_text(value: float) -> str:
    if value != value:
        return "NAN"
    if value in (float("inf"), float("-inf")):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    return repr(value) if value >= 0 and not repr(value).startswith("-") else f"({value!r})"


def ordered(test: str, left: str, right: str, instruction: str) -> Condition:
    """A comparison and the branch on its result as one; the opposite of a comparison with NaN is `not`."""
    sign, opposite = COMPARE[test]
    if instruction == "lcmp" or test in ("eq", "ne"):
        return f"{left} {sign} {right}", f"{left} {opposite} {right}"
    direct = f"{left} {sign} {right}"
    counter = f"{left} {opposite} {right}"
    nan_holds = (test in ("gt", "ge")) if instruction.endswith("g") else (test in ("lt", "le"))
    return (f"not {counter}", counter) if nan_holds else (direct, f"not {direct}")
