"""Say which null it was: the messages of JEP 358, "helpful NullPointerExceptions".

The method's code is run again over *descriptions* instead of values, up to the instruction that failed; what is then
described where the null lay is the cause. Only the straight line of code before the instruction is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import classfile as cf
from cutaway.jvm.heap import Method
from cutaway.jvm.opcodes import NAMES, Instruction

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

ELEMENTS: Final = {"b": "byte/boolean", "c": "char", "s": "short", "i": "int", "l": "long", "f": "float", "d": "double",
                   "a": "object"}  # fmt: skip


def why_null(machine: Machine, method: Method, pc: int) -> str | None:
    """The message for a null met by the instruction at `pc`."""
    plan = machine.plan(method)
    at = next((number for number, each in enumerate(plan.instructions) if each.pc == pc), None)
    if at is None:
        return None
    instruction = plan.instructions[at]
    pool = machine.constant_of(method.klass)
    failed, depth = action(instruction, pool)
    if failed is None:
        return None
    cause = source_of(machine, method, at, depth)
    return f"{failed} because {cause} is null" if cause else failed


def action(instruction: Instruction, pool: Any) -> tuple[str | None, int]:
    """What could not be done, and how deep in the stack the null lay."""
    name = instruction.name
    if name == "arraylength":
        return "Cannot read the array length", 0
    if name == "athrow":
        return "Cannot throw exception", 0
    if name == "monitorenter":
        return "Cannot enter synchronized block", 0
    if name.startswith("invoke"):
        ref = pool(instruction.operand[0] if isinstance(instruction.operand, tuple) else instruction.operand)
        return f'Cannot invoke "{method_text(ref)}"', len(cf.parse_descriptor(ref.descriptor)[0])
    if name == "getfield":
        return f'Cannot read field "{pool(instruction.operand).name}"', 0
    if name == "putfield":
        return f'Cannot assign field "{pool(instruction.operand).name}"', 1
    if name[1:] == "aload":
        return f"Cannot load from {ELEMENTS[name[0]]} array", 1
    if name[1:] == "astore":
        return f"Cannot store to {ELEMENTS[name[0]]} array", 2
    return None, 0


def method_text(ref: cf.MemberRef) -> str:
    from cutaway.jvm.machine import java_type

    parameters = ", ".join(map(java_type, cf.parse_descriptor(ref.descriptor)[0]))
    return short(f"{ref.owner.replace('/', '.')}.{ref.name}({parameters})")


def short(text: str) -> str:
    """Object and String go without their package in these messages."""
    return text.replace("java.lang.Object", "Object").replace("java.lang.String", "String")


def source_of(machine: Machine, method: Method, at: int, depth: int) -> str | None:
    """What the expression was whose value lies `depth` entries below the top before instruction number `at`."""
    plan, pool = machine.plan(method), machine.constant_of(method.klass)
    target_height = len(plan.states[plan.instructions[at].pc][0]) - 1 - depth
    for number in range(at - 1, -1, -1):
        instruction = plan.instructions[number]
        state = plan.states.get(instruction.pc)
        after = plan.states.get(instruction.next_pc)
        if state is None or after is None:
            return None
        if instruction.name == "dup" and len(after[0]) - 1 == target_height:
            target_height -= 1
            continue
        if len(state[0]) <= target_height < len(after[0]):
            return describe(machine, method, number, pool)
        if instruction.opcode in _PRODUCERS and len(after[0]) - 1 == target_height:
            return describe(machine, method, number, pool)
    return None


_PRODUCERS: Final = frozenset(
    number
    for number, name in enumerate(NAMES)
    if name in ("getfield", "getstatic", "aaload", "invokevirtual", "invokestatic", "invokeinterface", "invokespecial",
                "invokedynamic", "aconst_null")
)  # fmt: skip


def describe(machine: Machine, method: Method, number: int, pool: Any) -> str | None:
    text = expression(machine, method, number, pool)
    if text is None:
        return None
    name = machine.plan(method).instructions[number].name
    if name.startswith("invoke"):
        return f'the return value of "{text}"'
    return text if name == "aconst_null" else f'"{text}"'


def expression(machine: Machine, method: Method, number: int, pool: Any) -> str | None:
    """The source form of the value that instruction `number` pushes, or None where there is no short one."""
    instruction = machine.plan(method).instructions[number]
    name, operand = instruction.name, instruction.operand
    if name == "aconst_null":
        return '"null"'
    if "load" in name and (name[1:5] == "load"):
        slot = operand if operand is not None else int(name[-1])
        return local_text(method, slot, instruction.pc)
    if name.startswith("iconst_") or name in ("bipush", "sipush"):
        return str(operand if operand is not None else name[7:].replace("m", "-"))
    if name == "getstatic":
        ref = pool(operand)
        return f"{ref.owner.replace('/', '.')}.{ref.name}"
    if name == "getfield":
        owner = nested(machine, method, number, 0, pool)
        return f"{owner}.{pool(operand).name}" if owner else pool(operand).name
    if name.endswith("aload"):
        array, index = nested(machine, method, number, 1, pool), nested(machine, method, number, 0, pool)
        return f"{array or '<array>'}[{index or '...'}]"
    if name.startswith("invoke") and name != "invokedynamic":
        return method_text(pool(operand[0] if isinstance(operand, tuple) else operand))
    return None


def nested(machine: Machine, method: Method, number: int, depth: int, pool: Any) -> str | None:
    """The expression below another: where the operand of instruction `number` came from."""
    text = source_of(machine, method, number, depth)
    if text and text.startswith("the return value of "):
        return text.removeprefix("the return value of ").strip('"')
    return text.strip('"') if text else None


def local_text(method: Method, slot: int, pc: int) -> str:
    """A local variable's name: from the source where it was kept, else by its kind and number."""
    if slot == 0 and not method.is_static:
        return "this"
    name = method.local_name(slot, pc)
    if name:
        return name
    return f"<parameter{method.slots.index(slot) + method.is_static}>" if slot in method.slots else f"<local{slot}>"
