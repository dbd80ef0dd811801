"""From bytecode to Python: what each basic block computes, instruction by instruction.

The operand stack disappears into `expressions`; `counters` tells which local variables need no checks; and what a
block leads to is left to `structure`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import classfile as cf
from cutaway.jvm.counters import find_facts
from cutaway.jvm.expressions import COMPARE, Expr, SymbolicStack, float_text, int_text, ordered
from cutaway.jvm.heap import Method
from cutaway.jvm.opcodes import ARRAY_TYPES, NAMES, Instruction, branch_targets, falls_through
from cutaway.jvm.problems import JavaError
from cutaway.jvm.structure import Block, Choose, Condition, End, Goto, If
from cutaway.jvm.verify import SHUFFLES

if TYPE_CHECKING:
    from cutaway.jvm.compiled import Compiled

NOWHERE: Final = 1 << 40  # an index that no list has


class Translator(SymbolicStack):
    """One method on its way to blocks of Python lines."""

    def __init__(self, engine: Compiled, method: Method, names: dict[str, Any]) -> None:
        super().__init__()
        self.engine, self.machine, self.method, self.klass = engine, engine.machine, method, method.klass
        self.names = names  # the globals of the Python function
        self.plan = self.machine.plan(method)
        self.pool = self.machine.constant_of(method.klass)
        self.instructions = [each for each in self.plan.instructions if each.pc in self.plan.states]
        self.facts = find_facts(method, self.plan.instructions, self.plan.states)

    def blocks(self) -> dict[int, Block]:
        leaders = self.leaders()
        found: dict[int, Block] = {}
        run: list[Instruction] = []
        for each, following in zip(self.instructions, [*self.instructions[1:], None], strict=True):
            run.append(each)
            ends = not falls_through(each) or branch_targets(each) or following is None or following.pc in leaders
            if ends:
                found[run[0].pc] = self.block(run)
                run = []
        return found

    def leaders(self) -> set[int]:
        assert self.method.source is not None
        leaders = {0}
        for each in self.instructions:
            leaders.update(branch_targets(each))
        for handler in self.method.source.handlers:
            leaders |= {handler.start, handler.end, handler.target}
        return leaders

    def handlers_at(self, pc: int) -> tuple[tuple[str | None, int], ...]:
        assert self.method.source is not None
        rows = [(each.catch, each.target) for each in self.method.source.handlers if each.start <= pc < each.end]
        return tuple(dict.fromkeys(rows))

    def block(self, run: list[Instruction]) -> Block:
        start = run[0].pc
        self.current = Block(start, self.handlers_at(start))
        height = len(self.plan.states[start][0])
        self.stack = [Expr(f"s{at}", simple=True) for at in range(height)]
        for each in run:
            self.pc = each.pc
            self.instruction(each)
        last = run[-1]
        if falls_through(last) and not branch_targets(last):
            self.settle()
            self.current.exit = Goto(last.next_pc)
        return self.current

    # Instructions: the stack and the local variables

    def instruction(self, each: Instruction) -> None:
        name = NAMES[each.opcode]
        if name in SHUFFLES:
            self.shuffle(name)
        elif name in SIMPLE:
            SIMPLE[name](self, name, each.operand)
        elif name.startswith("if"):
            self.branch(name, each)
        else:
            getattr(self, f"do_{name}")(each)

    def shuffle(self, name: str) -> None:
        taken, left = SHUFFLES[name]
        values = self.stack[-taken:]
        if name in ("pop", "pop2"):
            del self.stack[-taken:]
            for value in values:
                if value.fragile:
                    self.emit(value.text, value)
            return
        self.secure()
        for at in range(len(self.stack) - taken, len(self.stack)):
            self.stack[at] = self.temporary(self.stack[at])
        values = self.stack[-taken:]
        self.stack[-taken:] = [values[at] for at in left]

    def constant(self, name: str, operand: Any) -> None:
        if name == "aconst_null":
            self.push("None", simple=True)
            return
        letter, number = name[0], name.rpartition("_")[2].replace("m", "-")
        value = operand if operand is not None else int(number)
        if letter in "fd" and operand is None:
            self.push(f"{float(value)!r}", simple=True)
        else:
            self.push(int_text(value), simple=True, positive=value >= 0)

    def load(self, name: str, operand: Any) -> None:
        slot = operand if operand is not None else int(name[-1])
        self.push(
            f"l{slot}", simple=True, slots=frozenset([slot]), positive=slot in self.facts.positive and name[0] == "i"
        )

    def store(self, name: str, operand: Any) -> None:
        slot = operand if operand is not None else int(name[-1])
        value = self.of_kind({"l": "J"}.get(name[0], "I"))
        self.secure(slot)
        if value.fragile:
            self.secure()
        if value.text != f"l{slot}":
            self.emit(f"l{slot} = {value.text}", value)

    def iinc(self, name: str, operand: Any) -> None:
        slot, amount = operand
        self.secure(slot)
        if self.pc in self.facts.bounded:
            self.emit(f"l{slot} += {amount}" if amount >= 0 else f"l{slot} -= {-amount}")
        elif amount >= 0:
            self.emit(f"l{slot} = t if (t := l{slot} + {amount}) <= 2147483647 else t - 4294967296")
        else:
            self.emit(f"l{slot} = t if (t := l{slot} - {-amount}) >= -2147483648 else t + 4294967296")

    # Numbers

    def ring(self, name: str, operand: Any) -> None:
        """Sum, difference, product: right modulo 2^n whatever the operands' representatives."""
        sign = {"add": "+", "sub": "-", "mul": "*"}[name[1:]]
        right, left = self.pop(), self.pop()
        limit = 400  # an expression does not grow without end
        if len(left.text) + len(right.text) > limit:
            left, right = self.fitted(left, name[0] == "l"), self.fitted(right, name[0] == "l")
        exact = left.exact and right.exact
        if exact and (right.positive or (left.positive and sign == "+")):
            drift = {"+": "+", "-": "-", "*": "+" if left.positive else "+-"}[sign]
        else:
            drift = "+-"
        self.push(f"({left.text} {sign} {right.text})", left, right, exact=False, drift=drift)

    def floating(self, name: str, operand: Any) -> None:
        right, left = self.pop(), self.pop()
        sign = {"add": "+", "sub": "-", "mul": "*"}.get(name[1:])
        text = (
            f"({left.text} {sign} {right.text})"
            if sign
            else f"{'fdiv' if name[1:] == 'div' else 'frem'}({left.text}, {right.text})"
        )
        self.push(f"c_float({text}).value" if name[0] == "f" else text, left, right)

    def divide(self, name: str, operand: Any) -> None:
        wide = name[0] == "l"
        right, left = self.fitted(self.pop(), wide), self.fitted(self.pop(), wide)
        if not (left.simple and right.simple):
            self.secure()
            left = self.temporary(left)
            right = self.temporary(right)
        sign, helper = ("//", f"{name[0]}div") if name[1:] == "div" else ("%", "remainder")
        x, y = left.text, right.text
        constant = right.simple and y.isdecimal() and int(y) > 0
        if constant and left.positive:
            self.push(f"({x} {sign} {y})", left, right, positive=True)
        elif constant and sign == "//":
            self.push(f"({x} // {y} if {x} >= 0 else -(-{x} // {y}))", left, right)
        elif constant:
            self.push(f"({x} % {y} if {x} >= 0 else -(-{x} % {y}))", left, right)
        else:
            text = f"({x} {sign} {y} if {x} >= 0 < {y} else {helper}({x}, {y}))"
            self.push(text, left, right, fragile=True)

    def negate(self, name: str, operand: Any) -> None:
        value = self.pop()
        self.push(f"(-{value.text})", value, exact=name[0] in "fd")

    def shift(self, name: str, operand: Any) -> None:
        wide = name[0] == "l"
        bits, mask = (64, "18446744073709551615") if wide else (32, "4294967295")
        amount, value = self.int_(), self.pop()
        by = (
            str(int(amount.text.strip("()")) & bits - 1) if _is_number(amount.text) else f"({amount.text} & {bits - 1})"
        )
        if name[1:] == "shl":
            value = self.fitted(value, wide) if not _is_number(by) else value
            self.push(f"({value.text} << {by})", value, amount, exact=False)
        elif name[1:] == "shr":
            value = self.fitted(value, wide)
            self.push(f"({value.text} >> {by})", value, amount, positive=value.positive)
        else:
            certain = _is_number(by) and int(by) > 0
            self.push(f"(({value.text} & {mask}) >> {by})", value, amount, exact=certain, positive=certain)

    def logic(self, name: str, operand: Any) -> None:
        sign = {"and": "&", "or": "|", "xor": "^"}[name[1:]]
        right, left = self.pop(), self.pop()
        small = sign == "&" and any(part.positive and part.exact for part in (left, right))
        exact = small or (left.exact and right.exact)
        positive = small or (left.positive and right.positive and exact)
        self.push(f"({left.text} {sign} {right.text})", left, right, exact=exact, positive=positive)

    def convert(self, name: str, operand: Any) -> None:
        value = self.pop()
        if name in ("i2l", "l2i"):
            if name == "i2l":
                value = self.fitted(value, False)
                self.push(value.text, value, simple=value.simple, positive=value.positive)
            else:
                self.push(value.text, value, exact=False)
            return
        if name in ("i2b", "i2s", "i2c"):
            text = {"i2b": "(({} + 128 & 255) - 128)", "i2s": "(({} + 32768 & 65535) - 32768)", "i2c": "({} & 65535)"}[
                name
            ]
            self.push(text.format(value.text), value, positive=name == "i2c")
            return
        value = self.fitted(value, name[0] == "l")
        text = {"i2f": "c_float({}).value", "i2d": "float({})", "l2f": "l2f({})", "l2d": "float({})", "f2i": "f2i({})",
                "d2i": "f2i({})", "f2l": "f2l({})", "d2l": "f2l({})", "f2d": "{}",
                "d2f": "c_float({}).value"}[name]  # fmt: skip
        self.push(text.format(value.text), value)

    def compare(self, name: str, operand: Any) -> None:
        wide = name == "lcmp"
        right, left = self.fitted(self.pop(), wide), self.fitted(self.pop(), wide)
        unordered = 1 if name.endswith("g") else -1
        self.push(
            f"compare({left.text}, {right.text}, {unordered})", left, right, compared=(left.text, right.text, name)
        )

    # Branches

    def branch(self, name: str, each: Instruction) -> None:
        condition, parts = self.condition(name)
        self.settle()
        pcs = (*(pc for part in parts for pc in part.pcs), self.pc)
        self.current.exit = If(condition, each.operand, each.next_pc, pcs)

    def condition(self, name: str) -> tuple[Condition, list[Expr]]:
        value = self.last(2 if name.startswith("if_") else 1)
        if name in ("ifnull", "ifnonnull"):
            pair = (f"{value.text} is None", f"{value.text} is not None")
            return (pair if name == "ifnull" else (pair[1], pair[0])), [value]
        if name.startswith("if_"):
            left = self.last(1)
            if name.startswith("if_acmp"):
                pair = (f"{left.text} is {value.text}", f"{left.text} is not {value.text}")
                return (pair if name == "if_acmpeq" else (pair[1], pair[0])), [left, value]
            signs = COMPARE[name[7:]]
            return (f"{left.text} {signs[0]} {value.text}", f"{left.text} {signs[1]} {value.text}"), [left, value]
        if value.condition and name in ("ifeq", "ifne"):
            return (value.condition if name == "ifne" else (value.condition[1], value.condition[0])), [value]
        if value.compared:
            return ordered(name[2:], *value.compared), [value]
        signs = COMPARE[name[2:]]
        return (f"{value.text} {signs[0]} 0", f"{value.text} {signs[1]} 0"), [value]

    def last(self, operands: int) -> Expr:
        """Pop an operand that is looked at behind the block's last line, where the stack below has been settled."""
        value = self.int_()
        if len(self.stack) < operands:
            return value
        kept = replace(value, simple=value.simple and value.text[0] != "s")
        return self.temporary(kept)

    def do_goto(self, each: Instruction) -> None:
        self.settle()
        self.current.exit = Goto(each.operand)

    do_goto_w = do_goto

    def do_tableswitch(self, each: Instruction) -> None:
        value = self.temporary(replace(self.last(1), simple=False))
        self.settle()
        self.current.exit = Choose(value.text, each.operand.targets, each.operand.default)

    do_lookupswitch = do_tableswitch

    def give(self, name: str, operand: Any) -> None:
        if name == "return":
            self.emit("return")
        else:
            value = self.of_kind("J" if name[0] == "l" else "I")
            self.emit(f"return {value.text}", value)
        self.current.exit = End()

    def do_athrow(self, each: Instruction) -> None:
        value = self.named()
        self.emit(f"raise thrown({value.text})", value)
        self.current.exit = End()

    # Memory

    def array_load(self, name: str, operand: Any) -> None:
        index, array = self.int_(), self.pop()
        text = self.element(array, index)
        self.push(text, array, index, fragile=True, positive=name[0] == "c")

    def element(self, array: Expr, index: Expr) -> str:
        """An element's place; Python would count a negative index from the end."""
        if index.positive or (index.simple and index.text.isdecimal()):
            return f"{array.text}.data[{index.text}]"
        if index.simple:
            return f"{array.text}.data[{index.text} if {index.text} >= 0 else {NOWHERE}]"
        return f"{array.text}.data[i if (i := {index.text}) >= 0 else {NOWHERE}]"

    def array_store(self, name: str, operand: Any) -> None:
        value, index, array = self.of_kind("J" if name[0] == "l" else "I"), self.int_(), self.pop()
        self.secure()
        if value.fragile and not (array.simple and index.simple):
            array, index = self.temporary(array), self.temporary(index)
            value = self.temporary(value)
        self.emit(f"{self.element(array, index)} = {value.text}", array, index, value)

    def do_aastore(self, each: Instruction) -> None:
        value, index, array = self.pop(), self.int_(), self.pop()
        self.secure()
        self.emit(f"store({array.text}, {index.text}, {value.text})", array, index, value)

    def do_arraylength(self, each: Instruction) -> None:
        array = self.pop()
        self.push(f"len({array.text}.data)", array, fragile=True, positive=True)

    def do_newarray(self, each: Instruction) -> None:
        length = self.int_()
        klass = self.machine.klass(ARRAY_TYPES[each.operand])
        self.result(f"new_array({self.name('A' + str(each.operand), klass)}, {length.text})", length)

    def do_anewarray(self, each: Instruction) -> None:
        length = self.int_()
        maker = self.name(f"a{each.operand}", self.engine.array_maker(self.klass, each.operand))
        self.result(f"{maker}({length.text})", length)

    def do_multianewarray(self, each: Instruction) -> None:
        index, count = each.operand
        lengths = [self.int_() for _ in range(count)][::-1]
        maker = self.name(f"m{index}", self.engine.multi_maker(self.klass, index))
        self.result(f"{maker}([{', '.join(length.text for length in lengths)}])", *lengths)

    def result(self, text: str, *parts: Expr) -> None:
        """Something happens that gives a value: it happens now."""
        self.secure()
        self.push(text, *parts)
        self.stack[-1] = self.temporary(self.stack[-1])

    def name(self, name: str, value: Any) -> str:
        self.names.setdefault(name, value)
        return name

    def field(self, index: int) -> str:
        try:
            return str(self.machine.resolve(self.klass, index).attribute)
        except JavaError:
            return f"unresolved_{index}"

    def do_getfield(self, each: Instruction) -> None:
        owner = self.pop()
        self.push(f"{owner.text}.{self.field(each.operand)}", owner, fragile=True)

    def do_putfield(self, each: Instruction) -> None:
        ref = self.pool(each.operand)
        value, owner = self.of_kind(ref.descriptor), self.pop()
        self.secure()
        text = self.field(each.operand)
        if value.fragile or owner.fragile:
            owner, value = self.temporary(owner), self.temporary(value)
        self.emit(f"{owner.text}.{text} = {value.text}", owner, value)

    def statics(self, index: int) -> tuple[str, bool]:
        """An expression for the object that holds a static field; initialising its class is something that happens."""
        name, ready = self.engine.statics(self.klass, index, self.names)
        return (name, True) if ready else (f"({name} or init_{name}())", False)

    def do_getstatic(self, each: Instruction) -> None:
        owner, ready = self.statics(each.operand)
        from cutaway.jvm.machine import identifier

        text = f"{owner}.f_{identifier(self.pool(each.operand).name)}"
        if ready:
            self.push(text, fragile=True)
        else:
            self.result(text)

    def do_putstatic(self, each: Instruction) -> None:
        from cutaway.jvm.machine import identifier

        ref = self.pool(each.operand)
        value = self.of_kind(ref.descriptor)
        self.secure()
        owner, _ = self.statics(each.operand)
        self.emit(f"{owner}.f_{identifier(ref.name)} = {value.text}", value)

    def do_new(self, each: Instruction) -> None:
        name = self.engine.allocator(self.klass, each.operand, self.names)
        self.result(f"({name} or init_{name}())()")

    def do_checkcast(self, each: Instruction) -> None:
        value = self.pop()
        known = self.known_class(each.operand)
        if known == "any":
            self.stack.append(value)
            return
        self.secure()
        value = self.temporary(value)
        if known:
            x = value.text
            self.emit(
                f"if {x} is not None and {x}.klass is not {known} and {known} not in {x}.klass.ancestors: "
                f"wrong_cast({x}, {known})",
                value,
            )
        else:
            self.emit(f"{self.caster(each.operand)}({value.text})", value)
        self.stack.append(value)

    def known_class(self, index: int) -> str | None:
        """The name of a class that is loaded and no array; 'any' for Object."""
        ref = self.pool(index)
        if ref.name == "java/lang/Object":
            return "any"
        klass = self.machine.classes.get(ref.name)
        return self.name(f"K{index}", klass) if klass and not klass.component else None

    def caster(self, index: int) -> str:
        return self.name(f"cast{index}", self.engine.caster(self.klass, index))

    def do_instanceof(self, each: Instruction) -> None:
        value = self.pop()
        known = self.known_class(each.operand)
        if not value.simple:
            self.secure()
            value = self.temporary(value)
        if known and known != "any":
            pair = (f"({value.text} is not None and {known} in {value.text}.klass.ancestors)",
                    f"({value.text} is None or {known} not in {value.text}.klass.ancestors)")  # fmt: skip
        else:
            test = self.name(f"is{each.operand}", self.engine.tester(self.klass, each.operand))
            pair = (f"{test}({value.text})", f"not {test}({value.text})")
        self.push(f"(1 if {pair[0]} else 0)", value, condition=pair, positive=True)

    def do_monitorenter(self, each: Instruction) -> None:
        value = self.pop()
        self.secure()
        self.emit(f"not_null({value.text})", value)

    def do_monitorexit(self, each: Instruction) -> None:
        self.pop()

    def do_nop(self, each: Instruction) -> None:
        pass

    def do_ldc(self, each: Instruction) -> None:
        constant = self.pool(each.operand)
        if isinstance(constant, cf.Number):
            text = int_text(int(constant.value)) if constant.kind in "IJ" else float_text(float(constant.value))
            self.push(text, simple=True, positive=constant.kind in "IJ" and constant.value >= 0)
        elif isinstance(constant, cf.StringRef):
            self.push(self.name(f"C{each.operand}", self.machine.loaded(self.klass, each.operand)), simple=True)
        else:
            loader = self.name(f"ldc{each.operand}", self.engine.loader(self.klass, each.operand))
            self.result(f"{loader}()")

    do_ldc_w = do_ldc2_w = do_ldc

    # Calls

    def arguments(self, descriptor: str) -> list[Expr]:
        types, _ = cf.parse_descriptor(descriptor)
        return [self.of_kind("J" if kind == "J" else "I") for kind in reversed(types)][::-1]

    def call(self, text: str, result: str, *parts: Expr) -> None:
        self.secure()
        if result == "V":
            self.emit(text, *parts)
        else:
            self.push(text, *parts, positive=result in "CZ")
            self.stack[-1] = self.temporary(self.stack[-1])

    def do_invokevirtual(self, each: Instruction) -> None:
        index = each.operand[0] if isinstance(each.operand, tuple) else each.operand
        ref = self.pool(index)
        arguments, receiver = self.arguments(ref.descriptor), self.pop()
        texts = [argument.text for argument in arguments]
        result = cf.parse_descriptor(ref.descriptor)[1]
        if self.engine.is_private(self.klass, index, ref):
            name = self.engine.callee(self.klass, index, self.names, "special")
            self.call(f"{name}(not_null({receiver.text}), {', '.join(texts)})", result, receiver, *arguments)
            return
        attribute = self.machine.attribute(ref.name + ref.descriptor)
        self.call(f"{receiver.text}.{attribute}({', '.join(texts)})", result, receiver, *arguments)

    do_invokeinterface = do_invokevirtual

    def do_invokespecial(self, each: Instruction) -> None:
        ref = self.pool(each.operand)
        arguments, receiver = self.arguments(ref.descriptor), self.pop()
        if ref.owner == "java/lang/Object" and ref.name == "<init>":
            return
        name = self.engine.callee(self.klass, each.operand, self.names, "special")
        texts = ", ".join([receiver.text, *(argument.text for argument in arguments)])
        self.call(f"{name}({texts})", cf.parse_descriptor(ref.descriptor)[1], receiver, *arguments)

    def do_invokestatic(self, each: Instruction) -> None:
        ref = self.pool(each.operand)
        arguments = self.arguments(ref.descriptor)
        name = self.engine.callee(self.klass, each.operand, self.names, "static")
        result = cf.parse_descriptor(ref.descriptor)[1]
        self.call(f"{name}({', '.join(argument.text for argument in arguments)})", result, *arguments)

    def do_invokedynamic(self, each: Instruction) -> None:
        ref = self.pool(each.operand)
        arguments = self.arguments(ref.descriptor)
        name = self.engine.callee(self.klass, each.operand, self.names, "dynamic")
        result = cf.parse_descriptor(ref.descriptor)[1]
        self.call(f"{name}({', '.join(argument.text for argument in arguments)})", result, *arguments)


def _is_number(text: str) -> bool:
    return text.strip("()").lstrip("-").isdecimal()


SIMPLE: Final[dict[str, Any]] = {
    **{name: Translator.constant for name in NAMES if "const_" in name or name in ("bipush", "sipush")},
    **{name: Translator.load for name in NAMES if "load" in name and "aload" not in name[1:]},
    **{name: Translator.store for name in NAMES if "store" in name and "astore" not in name[1:]},
    **{f"{letter}aload": Translator.array_load for letter in "ilfdabcs"},
    **{f"{letter}astore": Translator.array_store for letter in "ilfdbcs"},
    **{f"{letter}{name}": Translator.ring for letter in "il" for name in ("add", "sub", "mul")},
    **{f"{letter}{name}": Translator.floating for letter in "fd" for name in ("add", "sub", "mul", "div", "rem")},
    **{f"{letter}{name}": Translator.divide for letter in "il" for name in ("div", "rem")},
    **{f"{letter}neg": Translator.negate for letter in "ilfd"},
    **{f"{letter}{name}": Translator.shift for letter in "il" for name in ("shl", "shr", "ushr")},
    **{f"{letter}{name}": Translator.logic for letter in "il" for name in ("and", "or", "xor")},
    **{name: Translator.convert for name in NAMES if len(name) == 3 and name[1] == "2"},
    **dict.fromkeys(("lcmp", "fcmpl", "fcmpg", "dcmpl", "dcmpg"), Translator.compare),
    **{name: Translator.give for name in NAMES if name.endswith("return")},
    "iinc": Translator.iinc,
}
