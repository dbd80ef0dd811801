"""What is known of a method's local variables before it is translated: which of them only count.

A slot that only counts up from zero to a tested bound needs neither a check against overflow nor one against a negative
index, and most loops are of that kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cutaway.jvm.heap import Method
from cutaway.jvm.opcodes import Instruction, branch_targets


@dataclass(slots=True)
class Facts:
    """What is known of a method's local variables before it is translated."""

    positive: set[int] = field(default_factory=set)
    bounded: set[int] = field(default_factory=set)  # pcs of `iinc` that cannot overflow


def find_facts(method: Method, instructions: list[Instruction], reached: dict[int, Any]) -> Facts:
    """Counters: slots that start at a constant, grow by `iinc`, and are tested against a bound at their loop's head."""
    facts = Facts()
    steps: dict[int, list[Instruction]] = {}
    sources: dict[int, list[Instruction | None]] = {}
    previous: Instruction | None = None
    for each in instructions:
        if each.pc in reached:
            name = each.name
            if name == "iinc":
                steps.setdefault(each.operand[0], []).append(each)
            elif "store" in name and "astore" not in name[1:]:
                slot = each.operand if each.operand is not None else int(name[-1])
                sources.setdefault(slot, []).append(previous if name[0] == "i" else None)
        previous = each
    for slot, increments in steps.items():
        facts.bounded |= {each.pc for each in increments if _is_bounded(each, slot, instructions, increments, sources)}
    for slot in {*steps, *sources} - set(method.slots):
        ups = all(each.operand[1] > 0 and each.pc in facts.bounded for each in steps.get(slot, []))
        if ups and slot in sources and all(_is_positive(each) for each in sources[slot]):
            facts.positive.add(slot)
    return facts


def _is_positive(source: Instruction | None) -> bool:
    if source is None:
        return False
    name = source.name
    if name in ("bipush", "sipush"):
        return bool(source.operand >= 0)
    return name == "arraylength" or (name.startswith("iconst_") and name != "iconst_m1")


def _is_bounded(step: Instruction, slot: int, code: list[Instruction], steps: list[Instruction], sources: Any) -> bool:
    """A step of one, in a loop whose head has just compared the slot, with no other change of the slot in the loop."""
    amount = step.operand[1]
    if abs(amount) != 1:
        return False
    tests = ("if_icmpge",) if amount == 1 else ("if_icmple", "ifle", "iflt")
    back = next((each for each in code if each.pc > step.pc and each.name == "goto" and each.operand < each.pc
                 and each.operand <= step.pc), None)  # fmt: skip
    if back is None:
        return False
    head = back.operand
    if any(head <= other.pc <= back.pc and other is not step for other in steps):
        return False
    inside = [each for each in code if head <= each.pc <= back.pc]
    if any(
        "istore" in each.name and (each.operand if each.operand is not None else int(each.name[-1])) == slot
        for each in inside
    ):
        return False
    first = inside[0]
    loads = (
        first.name.startswith("iload") and (first.operand if first.operand is not None else int(first.name[-1])) == slot
    )
    test = next((each for each in inside[:8] if branch_targets(each)), None)
    if not loads or test is None or test.name not in tests or test.operand <= back.pc:
        return False
    bound = inside[1 : inside.index(test)]
    pushes = ("iload", "bipush", "sipush", "iconst", "ldc", "arraylength", "aload", "getfield", "getstatic")
    plain = all(each.name.startswith(pushes) for each in bound)
    entered = all(
        not head < target <= back.pc or target in {each.pc for each in inside}
        for each in code
        for target in branch_targets(each)
    )
    outside = [each for each in code if not head <= each.pc <= back.pc]
    jumps_in = any(head < target <= back.pc for each in outside for target in branch_targets(each))
    return plain and entered and not jumps_in
