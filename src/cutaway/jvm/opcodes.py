"""The instruction set (JVMS 6): names, operand formats, and code bytes taken apart into instructions."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

NAMES: Final = """
nop aconst_null iconst_m1 iconst_0 iconst_1 iconst_2 iconst_3 iconst_4 iconst_5 lconst_0 lconst_1 fconst_0
fconst_1 fconst_2 dconst_0 dconst_1 bipush sipush ldc ldc_w ldc2_w iload lload fload dload aload iload_0 iload_1
iload_2 iload_3 lload_0 lload_1 lload_2 lload_3 fload_0 fload_1 fload_2 fload_3 dload_0 dload_1 dload_2 dload_3
aload_0 aload_1 aload_2 aload_3 iaload laload faload daload aaload baload caload saload istore lstore fstore
dstore astore istore_0 istore_1 istore_2 istore_3 lstore_0 lstore_1 lstore_2 lstore_3 fstore_0 fstore_1 fstore_2
fstore_3 dstore_0 dstore_1 dstore_2 dstore_3 astore_0 astore_1 astore_2 astore_3 iastore lastore fastore dastore
aastore bastore castore sastore pop pop2 dup dup_x1 dup_x2 dup2 dup2_x1 dup2_x2 swap iadd ladd fadd dadd isub
lsub fsub dsub imul lmul fmul dmul idiv ldiv fdiv ddiv irem lrem frem drem ineg lneg fneg dneg ishl lshl ishr
lshr iushr lushr iand land ior lor ixor lxor iinc i2l i2f i2d l2i l2f l2d f2i f2l f2d d2i d2l d2f i2b i2c i2s
lcmp fcmpl fcmpg dcmpl dcmpg ifeq ifne iflt ifge ifgt ifle if_icmpeq if_icmpne if_icmplt if_icmpge if_icmpgt
if_icmple if_acmpeq if_acmpne goto jsr ret tableswitch lookupswitch ireturn lreturn freturn dreturn areturn
return getstatic putstatic getfield putfield invokevirtual invokespecial invokestatic invokeinterface
invokedynamic new newarray anewarray arraylength athrow checkcast instanceof monitorenter monitorexit wide
multianewarray ifnull ifnonnull goto_w jsr_w
""".split()  # noqa: SIM905 (a table to read, not a list)
OPCODE: Final = {name: number for number, name in enumerate(NAMES)}

TABLESWITCH, LOOKUPSWITCH, WIDE, IINC = (OPCODE[name] for name in ("tableswitch", "lookupswitch", "wide", "iinc"))
GOTO, GOTO_W, JSR, RET, ATHROW, RETURN = (OPCODE[name] for name in ("goto", "goto_w", "jsr", "ret", "athrow", "return"))

# The operand's form by name: an unsigned or signed number of one or two bytes, a branch, a pool index and so on.
FORMS: Final = {
    **dict.fromkeys(("bipush", "newarray"), "b"),
    "sipush": "h",
    "ldc": "B",
    **{letter + verb: "B" for letter in "ilfda" for verb in ("load", "store")},
    "ret": "B",
    **dict.fromkeys(("ldc_w", "ldc2_w", "getstatic", "putstatic", "getfield", "putfield"), "H"),
    **dict.fromkeys(("invokevirtual", "invokespecial", "invokestatic"), "H"),
    **dict.fromkeys(("new", "anewarray", "checkcast", "instanceof"), "H"),
    **dict.fromkeys(("invokeinterface", "invokedynamic"), "Hxx"),
    "multianewarray": "HB",
    "iinc": "Bb",
    **{name: "branch" for name in NAMES if name.startswith(("if", "goto", "jsr")) and name != "iinc"},
}
_SIZES: Final = {"": 0, "b": 1, "B": 1, "h": 2, "H": 2, "Hxx": 4, "HB": 3, "Bb": 2, "branch": 2}
_UNPACK: Final = {form: struct.Struct(">" + form).unpack_from for form in ("b", "B", "h", "H", "Hxx", "HB", "Bb")}

LENGTH: Final = [1 + _SIZES[FORMS.get(name, "")] for name in NAMES] + [1] * (256 - len(NAMES))
LENGTH[GOTO_W] = LENGTH[OPCODE["jsr_w"]] = 5

# newarray's operand (JVMS table 6.5.newarray-A) and the array class that it makes
ARRAY_TYPES: Final = {4: "[Z", 5: "[C", 6: "[F", 7: "[D", 8: "[B", 9: "[S", 10: "[I", 11: "[J"}


class Instruction(NamedTuple):
    """One instruction: `operand` is a number, a branch's absolute target, a pair, or a `Switch`."""

    pc: int
    opcode: int
    operand: Any
    next_pc: int

    @property
    def name(self) -> str:
        return NAMES[self.opcode]


class Switch(NamedTuple):
    """A `tableswitch` or `lookupswitch`: absolute targets."""

    default: int
    targets: dict[int, int]


def instruction_at(code: bytes, pc: int) -> Instruction:
    """Decode one instruction; `wide` is folded into what it widens. Raises IndexError or struct.error past the end."""
    opcode = code[pc]
    form = FORMS.get(NAMES[opcode], "")
    if form == "":
        if opcode == WIDE:
            return _widened(code, pc)
        if opcode in (TABLESWITCH, LOOKUPSWITCH):
            return _switch(code, pc, opcode)
        return Instruction(pc, opcode, None, pc + 1)
    if form == "branch":
        wide = LENGTH[opcode] == 5
        target = pc + struct.unpack_from(">i" if wide else ">h", code, pc + 1)[0]
        return Instruction(pc, opcode, target, pc + LENGTH[opcode])
    operand = _UNPACK[form](code, pc + 1)
    return Instruction(pc, opcode, operand[0] if len(operand) == 1 else operand, pc + LENGTH[opcode])


def _widened(code: bytes, pc: int) -> Instruction:
    opcode = code[pc + 1]
    if opcode == IINC:
        return Instruction(pc, opcode, struct.unpack_from(">Hh", code, pc + 2), pc + 6)
    if FORMS.get(NAMES[opcode]) != "B":
        raise IndexError(f"{NAMES[opcode]} has no wide form")
    return Instruction(pc, opcode, struct.unpack_from(">H", code, pc + 2)[0], pc + 4)


def _switch(code: bytes, pc: int, opcode: int) -> Instruction:
    at = (pc + 4) & ~3
    default, first, second = struct.unpack_from(">iii", code, at) if opcode == TABLESWITCH else (
        *struct.unpack_from(">ii", code, at), 0)  # fmt: skip
    if opcode == TABLESWITCH:
        low, count, at = first, second - first + 1, at + 12
        keys = range(low, low + max(count, 0))
        size, form = 4 * count, f">{max(count, 0)}i"
    else:
        count, at = first, at + 8
        size, form = 8 * count, f">{2 * max(count, 0)}i"
    if count < 0 or at + size > len(code):
        raise IndexError(f"a switch of {count} cases")
    numbers = struct.unpack_from(form, code, at)
    if opcode == LOOKUPSWITCH:
        keys, numbers = numbers[::2], numbers[1::2]  # type: ignore[assignment]
    targets = {key: pc + offset for key, offset in zip(keys, numbers, strict=True)}
    return Instruction(pc, opcode, Switch(pc + default, targets), at + size)


def decode(code: bytes) -> list[Instruction]:
    """All instructions of a method in order."""
    instructions, pc = [], 0
    while pc < len(code):
        instruction = instruction_at(code, pc)
        instructions.append(instruction)
        pc = instruction.next_pc
    return instructions


def branch_targets(instruction: Instruction) -> tuple[int, ...]:
    """Where else than to the next instruction control may go."""
    operand = instruction.operand
    if isinstance(operand, Switch):
        return (operand.default, *operand.targets.values())
    return (operand,) if FORMS.get(NAMES[instruction.opcode]) == "branch" else ()


def falls_through(instruction: Instruction) -> bool:
    """Whether the next instruction may be reached from this one."""
    name = NAMES[instruction.opcode]
    return not (name.endswith("return") or name in ("goto", "goto_w", "athrow", "tableswitch", "lookupswitch", "ret"))


def family(pattern: str, letters: str = "ilfda") -> list[str]:
    """The typed variants of an instruction: `?add` is iadd, ladd, fadd, dadd."""
    return [pattern.replace("?", letter) for letter in letters]
