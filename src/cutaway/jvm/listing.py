"""A method's bytecode for the eye, as `javap -c` has it: the pc, the instruction, and what its constant says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cutaway.jvm import classfile as cf
from cutaway.jvm.heap import Method
from cutaway.jvm.opcodes import ARRAY_TYPES, FORMS, Instruction, Switch, decode

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine


class Row(NamedTuple):
    """One instruction: where it is, the source line that it was made for, and what it says."""

    pc: int
    line: int | None
    text: str


def listing(machine: Machine, method: Method) -> tuple[Row, ...]:
    """Every instruction of the method as its class file has it; empty for one without bytecode."""
    if not method.runs_bytecode:
        return ()
    machine.plan(method)
    assert method.source is not None
    pool = machine.constant_of(method.klass)
    rows = decode(method.source.code)
    return tuple(Row(each.pc, method.line(each.pc), f"{each.name} {_operand(each, pool)}".rstrip()) for each in rows)


def _operand(each: Instruction, pool: Any) -> str:
    operand, form = each.operand, FORMS.get(each.name, "")
    if isinstance(operand, Switch):
        cases = [f"{value}: {target}" for value, target in operand.targets.items()]
        return ", ".join([*cases, f"default: {operand.default}"])
    if each.name == "newarray":
        return {"Z": "boolean", "C": "char", "F": "float", "D": "double", "B": "byte", "S": "short", "I": "int",
                "J": "long"}[ARRAY_TYPES[operand][1]]  # fmt: skip
    if form.startswith("H") or each.name == "ldc":
        index, *more = operand if isinstance(operand, tuple) else [operand]
        return ", ".join([constant_text(pool(index)), *map(str, more)])
    if isinstance(operand, tuple):
        return ", ".join(map(str, operand))
    return "" if operand is None else str(operand)


def constant_text(constant: Any) -> str:
    """What a constant says: a number, a text, or the name of what it stands for."""
    match constant:
        case cf.Number():
            return str(constant.value)
        case cf.StringRef():
            return f'"{constant.text}"'
        case cf.ClassRef():
            return constant.name
        case cf.MemberRef():
            between = "" if constant.descriptor.startswith("(") else ":"
            return f"{constant.owner}.{constant.name}{between}{constant.descriptor}"
        case cf.CallSiteRef() | cf.NameAndType():
            return f"{constant.name}{'' if constant.descriptor.startswith('(') else ':'}{constant.descriptor}"
    return str(constant)
