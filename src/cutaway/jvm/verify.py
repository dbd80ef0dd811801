"""Check a method's code before it runs, and find what the stack holds at each instruction (JVMS 4.10).

One pass over the control flow infers for every reachable instruction the kinds on the operand stack and in the local
variables: I, J, F, D, A for a reference, and N where nothing usable lies. Where paths meet, stacks must agree and
locals that do not become N. Classes of references are not compared: a wrong one is caught when it is used.

From the same pass comes the `Plan` that engines work from. In it a long or double is one stack entry, so an
instruction that the specification defines by words is replaced by the one that does the same to values: `dup2` on a
long becomes `dup`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cutaway.jvm import classfile as cf
from cutaway.jvm.opcodes import NAMES, OPCODE, Instruction, branch_targets, decode, falls_through
from cutaway.jvm.problems import ClassFormatError, VerifyError

State = tuple[tuple[str, ...], tuple[str, ...]]  # kinds on the stack, kinds in the locals

# Opcodes whose effect on the stack is fixed: what they pop (top last), what they push.
EFFECTS: Final[dict[str, tuple[str, str]]] = {
    "nop": ("", ""),
    "iinc": ("", ""),
    "aconst_null": ("", "A"),
    "swap": ("", ""),
}


def _fill_effects() -> None:
    for letter in "ILFDA":
        kind, low = {"L": "J"}.get(letter, letter), letter.lower()
        EFFECTS[f"{low}return"] = (kind, "")
        for slot in range(4):
            EFFECTS[f"{low}load_{slot}"], EFFECTS[f"{low}store_{slot}"] = ("", kind), (kind, "")
        EFFECTS[f"{low}load"], EFFECTS[f"{low}store"] = ("", kind), (kind, "")
        EFFECTS[f"{low}aload"], EFFECTS[f"{low}astore"] = ("AI", kind), ("AI" + kind, "")
        for number in ("m1", *range(6)):
            EFFECTS[f"{low}const_{number}"] = ("", kind)
        for name in ["add", "sub", "mul", "div", "rem", "and", "or", "xor"]:
            EFFECTS[low + name] = (kind * 2, kind)
        for name in ["shl", "shr", "ushr"]:
            EFFECTS[low + name] = (kind + "I", kind)
        EFFECTS[f"{low}neg"] = (kind, kind)
        EFFECTS[f"{low}cmp"] = EFFECTS[f"{low}cmpl"] = EFFECTS[f"{low}cmpg"] = (kind * 2, "I")
        for other in "ILFD":
            EFFECTS[f"{low}2{other.lower()}"] = (kind, {"L": "J"}.get(other, other))
    for name in ["bipush", "sipush"]:
        EFFECTS[name] = ("", "I")
    for low in "bcs":
        EFFECTS[f"{low}aload"], EFFECTS[f"{low}astore"], EFFECTS[f"i2{low}"] = ("AI", "I"), ("AII", ""), ("I", "I")
    for condition in ["eq", "ne", "lt", "ge", "gt", "le"]:
        EFFECTS[f"if{condition}"], EFFECTS[f"if_icmp{condition}"], EFFECTS[f"if_acmp{condition}"] = (
            ("I", ""), ("II", ""), ("AA", ""))  # fmt: skip
    EFFECTS.update(
        {
            "ifnull": ("A", ""), "ifnonnull": ("A", ""), "goto": ("", ""), "goto_w": ("", ""), "tableswitch": ("I", ""),
            "lookupswitch": ("I", ""), "return": ("", ""), "new": ("", "A"), "newarray": ("I", "A"),
            "anewarray": ("I", "A"), "arraylength": ("A", "I"), "athrow": ("A", ""), "checkcast": ("A", "A"),
            "instanceof": ("A", "I"), "monitorenter": ("A", ""), "monitorexit": ("A", ""),
        }
    )  # fmt: skip


_fill_effects()

# An untyped instruction, the widths (1 or 2 words) of the values on top (top first), and the same thing said of values.
RETYPED: Final = {
    ("pop2", (2,)): "pop", ("pop2", (1, 1)): "pop2",
    ("dup2", (2,)): "dup", ("dup2", (1, 1)): "dup2",
    ("dup_x2", (1, 2)): "dup_x1", ("dup_x2", (1, 1, 1)): "dup_x2",
    ("dup2_x1", (2, 1)): "dup_x1", ("dup2_x1", (1, 1, 1)): "dup2_x1",
    ("dup2_x2", (2, 2)): "dup_x1", ("dup2_x2", (2, 1, 1)): "dup_x2", ("dup2_x2", (1, 1, 2)): "dup2_x1",
    ("dup2_x2", (1, 1, 1, 1)): "dup2_x2",
}  # fmt: skip
WORDS_TAKEN: Final = {"pop2": 2, "dup2": 2, "dup_x2": 3, "dup2_x1": 3, "dup2_x2": 4}

# What a shuffling instruction does to values: how many it takes, and which of these it leaves (0 is the deepest).
SHUFFLES: Final = {
    "pop": (1, ()), "pop2": (2, ()), "dup": (1, (0, 0)), "dup_x1": (2, (1, 0, 1)), "dup_x2": (3, (2, 0, 1, 2)),
    "dup2": (2, (0, 1, 0, 1)), "dup2_x1": (3, (1, 2, 0, 1, 2)), "dup2_x2": (4, (2, 3, 0, 1, 2, 3)), "swap": (2, (1, 0)),
}  # fmt: skip


@dataclass(slots=True)
class Plan:
    """A method's code ready for an engine: retyped bytes, instructions, and the state before each (by pc)."""

    code: bytes
    instructions: list[Instruction]
    states: dict[int, State]


def kind_of(descriptor: str) -> str:
    """The kind that a value of a type has on the stack: bytes, chars and the like are ints there."""
    return "I" if descriptor in "ZBCSI" else "A" if descriptor[0] in "L[" else descriptor


def plan(name: str, code: cf.Code, parameters: Sequence[str], result: str, pool: Callable[[int], Any]) -> Plan:
    """Check `code` and plan it; `pool` gives a constant by index. Raises VerifyError with the method and the pc."""
    return _Verifier(name, code, result, pool).run(parameters)


class _Verifier:
    def __init__(self, name: str, code: cf.Code, result: str, pool: Callable[[int], Any]) -> None:
        self.name, self.source, self.result, self.pool = name, code, result, pool
        self.code = bytearray(code.code)
        self.states: dict[int, State] = {}
        self.pending: list[int] = []

    def fail(self, pc: int, cause: str) -> VerifyError:
        return VerifyError(self.name, pc, cause)

    def run(self, parameters: Sequence[str]) -> Plan:
        try:
            instructions = decode(bytes(self.code))
        except (IndexError, struct.error) as error:
            raise self.fail(len(self.code), f"the code ends inside an instruction ({error})") from None
        self.by_pc = {instruction.pc: instruction for instruction in instructions}
        for handler in self.source.handlers:
            if handler.start not in self.by_pc or handler.target not in self.by_pc:
                raise self.fail(handler.start, "an exception table points inside an instruction")
        self.merge(0, (), self.entry_locals(parameters), 0)
        while self.pending:
            self.step(self.by_pc[self.pending.pop()])
        if bytes(self.code) != self.source.code:
            instructions = decode(bytes(self.code))
        return Plan(bytes(self.code), instructions, self.states)

    def entry_locals(self, parameters: Sequence[str]) -> tuple[str, ...]:
        kinds: list[str] = []
        for parameter in parameters:
            kind = kind_of(parameter)
            kinds += [kind, "N"] if kind in "JD" else [kind]
        if len(kinds) > self.source.max_locals:
            raise self.fail(0, f"{len(kinds)} words of arguments in {self.source.max_locals} locals")
        return tuple(kinds) + ("N",) * (self.source.max_locals - len(kinds))

    def merge(self, pc: int, stack: tuple[str, ...], local: tuple[str, ...], origin: int) -> None:
        """Control comes to `pc` with this state; look at it again if that teaches something new."""
        if pc not in self.by_pc:
            raise self.fail(origin, f"control runs to {pc}, where no instruction starts")
        known = self.states.get(pc)
        if known:
            if known[0] != stack:
                raise self.fail(
                    pc, f"the stack is [{' '.join(known[0])}] on one path and [{' '.join(stack)}] on another"
                )
            joined = tuple(a if a == b else "N" for a, b in zip(known[1], local, strict=True))
            if joined == known[1]:
                return
            local = joined
        self.states[pc] = (stack, local)
        self.pending.append(pc)

    def step(self, instruction: Instruction) -> None:
        pc, name = instruction.pc, NAMES[instruction.opcode]
        stack, local = self.states[pc]
        for handler in self.source.handlers:
            if handler.start <= pc < handler.end:
                self.merge(handler.target, ("A",), local, pc)
        stack, local = self.effect(instruction, name, list(stack), list(local))
        if sum(2 if kind in "JD" else 1 for kind in stack) > self.source.max_stack:
            raise self.fail(pc, f"the stack grows over its limit of {self.source.max_stack}")
        for handler in self.source.handlers:  # a store may have changed what a handler sees
            if handler.start <= pc < handler.end:
                self.merge(handler.target, ("A",), local, pc)
        for target in branch_targets(instruction):
            self.merge(target, stack, local, pc)
        if falls_through(instruction):
            self.merge(instruction.next_pc, stack, local, pc)

    def effect(self, instruction: Instruction, name: str, stack: list[str], local: list[str]) -> State:
        pc, operand = instruction.pc, instruction.operand
        if name in WORDS_TAKEN:
            name = self.retype(pc, name, stack)
        if name in SHUFFLES:
            taken, left = SHUFFLES[name]
            values = self.pop(pc, stack, "?" * taken)
            if any(kind in "JD" for kind in values) and NAMES[self.source.code[pc]] in ("pop", "dup", "dup_x1", "swap"):
                raise self.fail(pc, f"{name} would split a long or double")
            stack += [values[i] for i in left]
        elif name in EFFECTS:
            popped, pushed = EFFECTS[name]
            if name.endswith("return"):
                self.check_return(pc, popped)
            if "load" in name and "aload" not in name[1:]:
                self.check_local(pc, local, self.slot(name, operand), pushed)
            self.pop(pc, stack, popped)
            stack += pushed
            if "store" in name and "astore" not in name[1:]:
                self.set_local(pc, local, self.slot(name, operand), popped)
            if name == "iinc":
                self.check_local(pc, local, operand[0], "I")
            if name == "newarray" and operand not in range(4, 12):
                raise self.fail(pc, f"newarray of type {operand}")
            if name in ("new", "anewarray", "checkcast", "instanceof"):
                self.constant(pc, operand, cf.ClassRef)
        else:
            self.constant_effect(pc, name, operand, stack)
        return tuple(stack), tuple(local)

    def constant_effect(self, pc: int, name: str, operand: Any, stack: list[str]) -> None:
        """Instructions whose effect depends on the constant that they name."""
        if name.startswith("ldc"):
            stack.append(self.loadable(pc, operand, wide=name == "ldc2_w"))
        elif name.endswith("field") or (name.endswith("static") and not name.startswith("invoke")):
            ref = self.constant(pc, operand, cf.MemberRef)
            if ref.descriptor.startswith("("):
                raise self.fail(pc, f"{name} names the method {ref.name}")
            kind = kind_of(ref.descriptor)
            self.pop(pc, stack, ("A" if name.endswith("field") else "") + (kind if name.startswith("put") else ""))
            stack += kind if name.startswith("get") else ""
        elif name.startswith("invoke"):
            ref = self.constant(pc, operand, cf.CallSiteRef if name == "invokedynamic" else cf.MemberRef)
            if not ref.descriptor.startswith("("):
                raise self.fail(pc, f"{name} names the field {ref.name}")
            if ref.name.startswith("<") and (ref.name != "<init>" or name != "invokespecial"):
                raise self.fail(pc, f"{name} of {ref.name}")
            parameters, result = cf.parse_descriptor(ref.descriptor)
            receiver = "A" if name not in ("invokestatic", "invokedynamic") else ""
            self.pop(pc, stack, receiver + "".join(map(kind_of, parameters)))
            stack += "" if result == "V" else kind_of(result)
        elif name == "multianewarray":
            index, dimensions = operand
            ref = self.constant(pc, index, cf.ClassRef)
            if not 0 < dimensions <= len(ref.name) - len(ref.name.lstrip("[")):
                raise self.fail(pc, f"multianewarray of {dimensions} dimensions of {ref.name}")
            self.pop(pc, stack, "I" * dimensions)
            stack.append("A")
        else:
            raise self.fail(pc, f"{name} is not supported (javac has not made it since Java 6)" if name in (
                "jsr", "jsr_w", "ret") else f"{self.code[pc]:#04x} is no instruction")  # fmt: skip

    def retype(self, pc: int, name: str, stack: list[str]) -> str:
        """Put the instruction of the same effect on values, as the kinds on top of the stack say, in the code."""
        widths: list[int] = []
        for kind in reversed(stack):
            if sum(widths) < WORDS_TAKEN[name]:
                widths.append(2 if kind in "JD" else 1)
        retyped = RETYPED.get((name, tuple(widths)))
        if retyped is None:
            raise self.fail(pc, f"{name} on a stack of [{' '.join(stack)}]")
        if self.code[pc] == OPCODE[name]:
            self.code[pc] = OPCODE[retyped]
        return retyped

    def pop(self, pc: int, stack: list[str], kinds: str) -> list[str]:
        """Take `kinds` (top last) off the stack."""
        if not kinds:
            return []
        found = stack[-len(kinds) :]
        if len(found) < len(kinds):
            raise self.fail(pc, f"it needs [{' '.join(kinds)}] on a stack of [{' '.join(stack)}]")
        if any(want not in ("?", have) for want, have in zip(kinds, found, strict=True)):
            raise self.fail(pc, f"it needs [{' '.join(kinds)}] and finds [{' '.join(found)}]")
        del stack[-len(kinds) :]
        return found

    def slot(self, name: str, operand: Any) -> int:
        return int(operand if operand is not None else name[-1])

    def check_local(self, pc: int, local: list[str], slot: int, kind: str) -> None:
        if slot >= len(local) or local[slot] != kind:
            found = local[slot] if slot < len(local) else "nothing"
            raise self.fail(pc, f"local {slot} should hold {kind} and holds {found}")

    def set_local(self, pc: int, local: list[str], slot: int, kind: str) -> None:
        words = 2 if kind in "JD" else 1
        if slot + words > len(local):
            raise self.fail(pc, f"there is no local {slot + words - 1} among {len(local)}")
        if slot and local[slot - 1] in "JD":
            local[slot - 1] = "N"
        local[slot] = kind
        if words == 2:
            local[slot + 1] = "N"

    def check_return(self, pc: int, kind: str) -> None:
        wanted = "" if self.result == "V" else kind_of(self.result)
        if kind != wanted:
            raise self.fail(pc, f"it returns {kind or 'nothing'} from a method of type {self.result}")

    def constant(self, pc: int, index: int, wanted: type) -> Any:
        try:
            found = self.pool(index)
        except ClassFormatError as error:
            raise self.fail(pc, error.cause) from None
        if not isinstance(found, wanted):
            raise self.fail(pc, f"constant #{index} is a {type(found).__name__}, not a {wanted.__name__}")
        return found

    def loadable(self, pc: int, index: int, wide: bool) -> str:
        constant = self.constant(pc, index, object)
        if isinstance(constant, cf.Number):
            kind = constant.kind
        elif isinstance(constant, cf.CallSiteRef) and not constant.descriptor.startswith("("):
            kind = kind_of(constant.descriptor)
        elif isinstance(constant, (cf.StringRef, cf.ClassRef, cf.TypeRef, cf.HandleRef)):
            kind = "A"
        else:
            raise self.fail(pc, f"constant #{index} is a {type(constant).__name__} and cannot be loaded")
        if (kind in "JD") != wide:
            raise self.fail(pc, f"constant #{index} has the wrong width")
        return kind


_RETYPED_OPCODES: Final = frozenset(OPCODE[name] for name in WORDS_TAKEN)


def needs_plan(code: bytes) -> bool:
    """Whether trusted code holds an instruction that is defined by words; a byte that looks like one also counts."""
    return any(opcode in code for opcode in _RETYPED_OPCODES)
