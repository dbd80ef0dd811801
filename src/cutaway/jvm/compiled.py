"""The third engine: a method becomes a Python function.

`translate` turns its basic blocks into Python lines, `structure` finds their loops and conditions again, and Python's
own compiler does the rest. Java's objects are Python objects already, so a field is an attribute, a virtual call is a
method call, and Java's stack is Python's. What can fail is left to Python: an index out of range, an attribute of
None, a recursion too deep become Java's exceptions only when somebody catches them, and the place they came from is
found by the line of the Python code that raised them.

`Compiled.source` shows what a method became.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from ctypes import c_float
from dataclasses import dataclass, field
from itertools import islice
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import arithmetic as a
from cutaway.jvm.checks import elements, not_null, out_of_bounds, storable, wrong_cast
from cutaway.jvm.explain import action, why_null
from cutaway.jvm.heap import Function, Klass, Method, Ref, State, Value
from cutaway.jvm.problems import Exit, JavaError, NullHere, Thrown
from cutaway.jvm.structure import Block, Line, Pcs, Writer, merge_conditions
from cutaway.jvm.translate import Translator

if TYPE_CHECKING:
    from cutaway.jvm.classfile import MemberRef
    from cutaway.jvm.machine import Machine, Place

INDENT: Final = " "
MOST_PLACES: Final = 1100


@dataclass(slots=True)
class Unit:
    """A translated method: its Python source, and which instructions each line stands for."""

    method: Method
    lines: list[str]
    pcs: list[Pcs] = field(default_factory=list)

    def pc(self, line: int) -> int:
        """The last instruction of a line, which is the one that acts."""
        found = self.pcs[line - 1] if 0 < line <= len(self.pcs) else ()
        return found[-1] if found else 0


class Compiled:
    """The engine. A bound method translates itself when it is first called, and takes its own place."""

    recursion_limit = 10_000

    def attach(self, machine: Machine) -> None:
        self.machine = machine
        self.units: dict[CodeType, Unit] = {}
        self.globals: dict[Klass, dict[str, Any]] = {}
        self.users: dict[Method, list[tuple[dict[str, Any], str]]] = {}

    def bind(self, method: Method) -> Function:
        def first_call(*arguments: Value) -> Value:
            if method.function is first_call:
                self.replace(method, self.translate(method))
            return method.function(*arguments)

        return first_call

    def replace(self, method: Method, function: Function) -> None:
        """Put the translated function wherever the first one stands."""
        method.function = function
        for holder in method.holders:
            if holder.__dict__.get(method.attribute):
                setattr(holder, method.attribute, function)
        for names, name in self.users.get(method, []):
            names[name] = function

    def translate(self, method: Method) -> Function:
        """The Python function that does what the method does."""
        names = self.names_of(method.klass)
        translator = Translator(self, method, names)
        blocks = translator.blocks()
        targets = {target for block in blocks.values() for _, target in block.handlers}
        merge_conditions(blocks, {0, *targets})
        function = None
        for structured in (True, False):
            writer = Writer(blocks, {0, *targets}, structured)
            function = self.compile(method, writer.write(), names)
            if function:
                break
        assert function is not None
        names[function.__name__ + "_handlers"] = self.handler_table(blocks, writer)
        return function

    def names_of(self, klass: Klass) -> dict[str, Any]:
        """The globals of a class's functions."""
        if klass not in self.globals:
            self.globals[klass] = {
                "i32": a.i32, "i64": a.i64, "fdiv": a.fdiv, "frem": a.frem, "f2i": a.f2i, "f2l": a.f2l, "l2f": a.l2f,
                "idiv": lambda x, y: a.i32(a.quotient(x, y)), "ldiv": lambda x, y: a.i64(a.quotient(x, y)),
                "remainder": a.remainder, "compare": a.compare, "c_float": c_float, "NAN": a.NAN,
                "INFINITY": a.INFINITY,
                "thrown": thrown, "caught": self.caught, "store": store, "not_null": not_null,
                "new_array": self.machine.new_array, "wrong_cast": refuse_cast,
            }  # fmt: skip
        return self.globals[klass]

    def compile(self, method: Method, body: list[Line], names: dict[str, Any]) -> Function | None:
        """Have Python compile the lines; None where it finds them too deeply nested."""
        name = f"f{len(self.units)}_{method.attribute or 'spun'}"
        head = f"def {name}({', '.join(f'l{slot}' for slot in method.slots)}):"
        body = body or [(1, "pass", ())]
        texts = [head, *(INDENT * depth + text.replace("HANDLERS", f"{name}_handlers") for depth, text, _ in body)]
        try:
            module = compile("\n".join(texts), f"<{method}>", "exec")
        except (SyntaxError, MemoryError, RecursionError) as error:
            if isinstance(error, SyntaxError) and "nested" not in str(error) and "indentation" not in str(error):
                raise
            return None
        exec(module, names)
        function: Function = names.pop(name)
        self.units[function.__code__] = Unit(method, texts, [(), *(pcs for _, _, pcs in body)])
        return function

    def source(self, method: Method) -> str:
        """The Python that a method became; it is translated if it has not been called."""
        if method.function.__code__ not in self.units:
            self.replace(method, self.translate(method))
        return "\n".join(self.units[method.function.__code__].lines)

    def handler_table(self, blocks: dict[int, Block], writer: Writer) -> list[list[tuple[str | None, int]]]:
        """For each entry the handlers of its blocks: the class to catch, and the handler's own entry."""
        table = sorted((number, entry) for entry, number in writer.number.items())
        return [[(catch, writer.number[target]) for catch, target in blocks[entry].handlers] for _, entry in table]

    # What translated code calls

    def caught(self, error: BaseException, handlers: list[tuple[str | None, int]]) -> tuple[Any, int]:
        """The throwable and the entry of its handler; without one the error goes on."""
        if isinstance(error, (Exit, KeyboardInterrupt)) or not handlers:
            raise error
        throwable = self.throwable(error)
        for name, entry in handlers:
            if name is None or throwable.klass.is_assignable_to(self.machine.klass(name)):
                return throwable, entry
        raise error if isinstance(error, Thrown) else Thrown(throwable)

    def throwable(self, error: BaseException) -> Any:
        if isinstance(error, Thrown):
            return error.throwable
        return self.machine.caught(self.explained(error))

    def explained(self, error: BaseException) -> BaseException:
        """Java's exception for what Python raised in translated code."""
        innermost = error.__traceback__
        at: TracebackType | None = None
        while innermost:
            if innermost.tb_frame.f_code in self.units:
                at = innermost
            last = innermost
            innermost = innermost.tb_next
        if at is None:
            return error
        unit = self.units[at.tb_frame.f_code]
        here = at is last  # and not in something that translated code called
        made: JavaError | None = None
        if isinstance(error, NullHere) or (here and isinstance(error, AttributeError) and "NoneType" in str(error)):
            pc = self.null_pc(unit, at.tb_lineno, str(error), self.segment(at, unit) if here else "")
            made = JavaError("java/lang/NullPointerException", why_null(self.machine, unit.method, pc))
        elif here and isinstance(error, IndexError):
            made = out_of_bounds(*self.index_and_length(at, unit))
        return made.with_traceback(error.__traceback__) if made else error

    def null_pc(self, unit: Unit, line: int, text: str, segment: str) -> int:
        """Which of a line's instructions met null: by the attribute that None lacks, and how often it was read."""
        from cutaway.jvm.machine import identifier

        pcs = unit.pcs[line - 1]
        attribute = text.rpartition("attribute ")[2].strip("'")
        pool = self.machine.constant_of(unit.method.klass)
        fitting = []
        for instruction in self.machine.plan(unit.method).instructions:
            if instruction.pc in pcs and action(instruction, pool)[0]:
                name = instruction.name
                if name.startswith("invoke"):
                    index = instruction.operand
                    same = self.machine.attribute(pool(index).name + pool(index).descriptor) == attribute
                elif name.endswith("field"):
                    same = attribute.startswith(f"f_{identifier(pool(instruction.operand).name)}")
                else:
                    same = attribute == "data" or "attribute" not in text
                if same:
                    fitting.append(instruction.pc)
        earlier = max(segment.count(f".{attribute}") - 1, 0)
        return fitting[min(earlier, len(fitting) - 1)] if fitting else unit.pc(line)

    def segment(self, at: TracebackType, unit: Unit) -> str:
        """The part of a line that failed."""
        line, _, start, end = next(islice(at.tb_frame.f_code.co_positions(), at.tb_lasti // 2, None))
        return unit.lines[(line or 1) - 1].encode()[start:end].decode().strip()

    def index_and_length(self, at: TracebackType, unit: Unit) -> tuple[int, int]:
        """The index and the length that did not fit: the failed expression, evaluated again from the variables."""
        frame = at.tb_frame
        node = ast.parse(self.segment(at, unit), mode="eval").body
        assert isinstance(node, ast.Subscript)
        assert isinstance(node.value, ast.Attribute)
        index = node.slice.body if isinstance(node.slice, ast.IfExp) else node.slice
        known = dict(frame.f_locals)
        length = len(eval(ast.unparse(node.value), frame.f_globals, known))
        return eval(ast.unparse(index), frame.f_globals, known), length

    def trace(self, traceback: TracebackType | None) -> list[Place]:
        from cutaway.jvm.machine import python_frames

        places: list[Place] = []
        for frame, line in python_frames(traceback):
            unit = self.units.get(frame.f_code)
            if unit:
                places.append((unit.method, unit.pc(line)))
                if len(places) >= MOST_PLACES:
                    break
        return places

    # What a translated method refers to by name. A name is filled in when it is first used, as Java resolves late.

    def callee(self, klass: Klass, index: int, names: dict[str, Any], kind: str) -> str:
        """The name of a function that is called directly: a static or special method, or a call site."""
        name = f"c{index}{kind[0]}"
        if name in names:
            return name
        machine = self.machine
        find = {"static": machine.resolve_static, "special": machine.resolve_special, "dynamic": machine.resolve}[kind]

        def resolve(*arguments: Value) -> Value:
            method: Method = find(klass, index)
            function = method.function
            if method.klass.state is State.READY or method.klass is klass:
                self.users.setdefault(method, []).append((names, name))
                names[name] = function
            return function(*arguments)

        names[name] = resolve
        return name

    def is_private(self, klass: Klass, index: int, ref: MemberRef) -> bool:
        """Whether a virtual call names a private method (of a class of the same nest) or one of VarHandle."""
        if ref.owner == "java/lang/invoke/VarHandle":
            return True
        if ref.owner.partition("$")[0] != klass.name.partition("$")[0]:
            return False
        method: Method = self.machine.resolve(klass, index)
        return method.is_private

    def statics(self, klass: Klass, index: int, names: dict[str, Any]) -> tuple[str, bool]:
        """The name of the object that holds a static field, and whether it is there already."""
        name = f"k{index}"

        def initialise() -> Any:
            owner = self.machine.resolve_static(klass, index).klass
            names[name] = owner.statics
            return owner.statics

        if not names.get(name):
            names[name], names[f"init_{name}"] = None, initialise
            field = klass.resolved.get(index)
            if field and field.klass.state is State.READY:
                names[name] = field.klass.statics
        return name, names[name] is not None

    def allocator(self, klass: Klass, index: int, names: dict[str, Any]) -> str:
        """The name of the Python class that `new` instantiates."""
        name = f"n{index}"

        def initialise() -> Any:
            target: Klass = self.machine.resolve(klass, index)
            self.machine.allocate(target)
            if target.state is State.READY:
                names[name] = target.python
            return target.python

        if name not in names:
            names[name], names[f"init_{name}"] = None, initialise
        return name

    def array_maker(self, klass: Klass, index: int) -> Callable[[int], Ref]:
        machine = self.machine
        return lambda length: machine.new_array(machine.array_of(machine.resolve(klass, index)), length)

    def multi_maker(self, klass: Klass, index: int) -> Callable[[list[int]], Ref]:
        machine = self.machine
        return lambda lengths: machine.new_multi(machine.resolve(klass, index), lengths)

    def caster(self, klass: Klass, index: int) -> Callable[[Any], None]:
        def check(value: Any) -> None:
            if value is not None and not value.klass.is_assignable_to(self.machine.resolve(klass, index)):
                raise wrong_cast(value.klass, self.machine.resolve(klass, index))

        return check

    def tester(self, klass: Klass, index: int) -> Callable[[Any], bool]:
        return lambda value: value is not None and value.klass.is_assignable_to(self.machine.resolve(klass, index))

    def loader(self, klass: Klass, index: int) -> Callable[[], Value]:
        return lambda: self.machine.loaded(klass, index)


def thrown(value: Any) -> Exception:
    return NullHere() if value is None else Thrown(value)


def store(array: Any, index: int, value: Value) -> None:
    elements(array, index)[index] = storable(array, value)


def refuse_cast(value: Any, target: Klass) -> None:
    raise wrong_cast(value.klass, target)
