"""The dispatch loop: a Java virtual machine's instruction set, one instruction at a time.

This is the first of three engines, and the one to read. A frame holds a method's local variables, its operand stack
and its program counter; the loop fetches the opcode at the program counter and calls the function that stands for it;
a call pushes a frame, a return pops one. Numbers in brackets are sections of the Java Virtual Machine Specification,
SE 17.

Deliberately absent: threads (monitors are taken and given back without effect), and any speed that would cost a line
of explanation. The second engine, `closures`, decodes a method once; the third, `compiled`, turns it into Python.

Reading order: `frames.Frame`, `Loop.run`, then any group of instructions that you like.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import arithmetic as a
from cutaway.jvm.checks import elements, find_handler, not_null, storable, wrong_cast
from cutaway.jvm.explain import why_null
from cutaway.jvm.frames import Frame, Step
from cutaway.jvm.heap import Function, Method, Value
from cutaway.jvm.opcodes import ARRAY_TYPES, LENGTH, NAMES, OPCODE, family, instruction_at
from cutaway.jvm.problems import JavaError, NullHere, Returned, Thrown
from cutaway.jvm.verify import SHUFFLES

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine, Place

Operation = Callable[["Loop", "Frame", int], None]

MAX_DEPTH: Final = 9000  # frames; then a StackOverflowError, about where `java` has it with its default stack


class Loop:
    """The engine; `frame` is the one that is running."""

    recursion_limit = 100_000

    def attach(self, machine: Machine) -> None:
        self.machine = machine
        self.frame: Frame | None = None

    def bind(self, method: Method) -> Function:
        return lambda *arguments: self.call(method, list(arguments))

    def call(self, method: Method, arguments: list[Value]) -> Value:
        """Run `method` to its return, for Python code that needs its answer."""
        base = self.frame
        self.enter(method, arguments, entry=True)
        return self.run(base)

    def enter(self, method: Method, arguments: list[Value], entry: bool = False) -> None:
        """Push a frame for `method`."""
        if not method.code:
            self.machine.prepare(method)
        frame = Frame(method, arguments, self.frame, entry)
        if frame.depth > MAX_DEPTH:
            raise RecursionError
        self.frame = frame

    def resolve(self, frame: Frame, pc: int) -> Any:
        """What the instruction's constant pool index names."""
        return self.machine.resolve(frame.klass, frame.u2(pc))

    def static(self, frame: Frame, pc: int) -> Any:
        """The same for a static field or method, its class initialised."""
        return self.machine.resolve_static(frame.klass, frame.u2(pc))

    def run(self, base: Frame | None) -> Value:
        """Fetch and execute until the frame above `base` returns."""
        while True:
            try:
                while True:
                    frame: Any = self.frame
                    frame.at = pc = frame.pc
                    opcode = frame.code[pc]
                    frame.pc = pc + LENGTH[opcode]
                    OPERATIONS[opcode](self, frame, pc)
            except Returned as returned:
                return returned.value
            except Exception as error:
                self.unwind(error, base)

    def steps(self, method: Method, arguments: list[Value]) -> Iterator[Step]:
        """Run `method`, yielding the state before each instruction."""
        base = self.frame
        self.enter(method, arguments, entry=True)
        while self.frame is not base and self.frame is not None:
            frame = self.frame
            yield Step(frame, frame.pc, NAMES[frame.code[frame.pc]], tuple(frame.stack), tuple(frame.locals))
            self.step(base)

    def step(self, base: Frame | None = None) -> None:
        """Execute the running frame's next instruction, whatever it leads to: a call, a return, an exception."""
        frame: Any = self.frame
        frame.at = pc = frame.pc
        opcode = frame.code[pc]
        frame.pc = pc + LENGTH[opcode]
        try:
            OPERATIONS[opcode](self, frame, pc)
        except Returned:
            pass
        except Exception as error:
            self.unwind(error, base)

    def unwind(self, error: Exception, base: Frame | None) -> None:
        """Leave frames until one has a handler (2.10); at `base` the exception goes on through Python."""
        if isinstance(error, NullHere) and self.frame:
            error = JavaError(
                "java/lang/NullPointerException", why_null(self.machine, self.frame.method, self.frame.at)
            )
        try:
            throwable = self.machine.caught(error)
        except BaseException:
            self.frame = base
            raise
        while self.frame is not base and self.frame is not None:
            frame = self.frame
            target = find_handler(self.machine, frame.method, frame.at, throwable)
            if target is not None:
                frame.pc = target
                frame.stack.clear()
                frame.push(throwable)
                return
            self.frame = frame.caller
        raise Thrown(throwable) from None

    def throwable(self, error: BaseException) -> Any:
        return self.machine.caught(error)

    def trace(self, traceback: TracebackType | None) -> list[Place]:
        places, frame = [], self.frame
        while frame:
            places.append((frame.method, frame.at))
            frame = frame.caller
        return places


def illegal(loop: Loop, frame: Frame, pc: int) -> None:
    raise JavaError("java/lang/VerifyError", f"{frame.method}: pc {pc}: {frame.code[pc]:#04x} is no instruction")


OPERATIONS: Final[list[Operation]] = [illegal] * 256


def operation(*names: str) -> Callable[[Operation], Operation]:
    """Make a function the meaning of these opcodes."""

    def register(function: Operation) -> Operation:
        for name in names:
            OPERATIONS[OPCODE[name]] = function
        return function

    return register


# Constants (2.11.2)

operation("nop")(lambda loop, frame, pc: None)
operation("aconst_null")(lambda loop, frame, pc: frame.push(None))


def constant(value: Value) -> Operation:
    return lambda loop, frame, pc: frame.push(value)


CONSTANTS: Final = (("i", int, range(-1, 6)), ("l", int, range(2)), ("f", float, range(3)), ("d", float, range(2)))
for _letter, _type, _numbers in CONSTANTS:
    for _number in _numbers:
        operation(f"{_letter}const_{_number}".replace("-", "m"))(constant(_type(_number)))

operation("bipush")(lambda loop, frame, pc: frame.push(a.i8(frame.code[pc + 1])))
operation("sipush")(lambda loop, frame, pc: frame.push(a.i16(frame.u2(pc))))


@operation("ldc", "ldc_w", "ldc2_w")
def ldc(loop: Loop, frame: Frame, pc: int) -> None:
    index = frame.code[pc + 1] if frame.code[pc] == OPCODE["ldc"] else frame.u2(pc)
    frame.push(loop.machine.loaded(frame.klass, index))


# Local variables (2.11.2)

operation(*family("?load"))(lambda loop, frame, pc: frame.push(frame.locals[frame.code[pc + 1]]))


@operation(*family("?store"))
def store(loop: Loop, frame: Frame, pc: int) -> None:
    frame.locals[frame.code[pc + 1]] = frame.pop()


def load_from(slot: int) -> Operation:
    return lambda loop, frame, pc: frame.push(frame.locals[slot])


def store_to(slot: int) -> Operation:
    return lambda loop, frame, pc: frame.locals.__setitem__(slot, frame.pop())


for _number in range(4):
    operation(*family(f"?load_{_number}"))(load_from(_number))
    operation(*family(f"?store_{_number}"))(store_to(_number))


@operation("iinc")
def iinc(loop: Loop, frame: Frame, pc: int) -> None:
    slot = frame.code[pc + 1]
    frame.locals[slot] = a.i32(frame.locals[slot] + a.i8(frame.code[pc + 2]))


@operation("wide")
def wide(loop: Loop, frame: Frame, pc: int) -> None:
    instruction = instruction_at(frame.code, pc)
    frame.pc = instruction.next_pc
    if instruction.name == "iinc":
        slot, amount = instruction.operand
        frame.locals[slot] = a.i32(frame.locals[slot] + amount)
    elif "load" in instruction.name:
        frame.push(frame.locals[instruction.operand])
    else:
        frame.locals[instruction.operand] = frame.pop()


# The operand stack itself (2.11.6)

operation("pop", "monitorexit")(lambda loop, frame, pc: frame.pop())
operation("dup")(lambda loop, frame, pc: frame.push(frame.stack[-1]))


@operation("pop2", "dup_x1", "dup_x2", "dup2", "dup2_x1", "dup2_x2", "swap")
def shuffle(loop: Loop, frame: Frame, pc: int) -> None:
    taken, left = SHUFFLES[NAMES[frame.code[pc]]]
    values = frame.stack[-taken:]
    frame.stack[-taken:] = [values[at] for at in left]


# Arithmetic (2.11.3)


def binary(calculate: Callable[[Any, Any], Value]) -> Operation:
    def apply(loop: Loop, frame: Frame, pc: int) -> None:
        right = frame.pop()
        frame.push(calculate(frame.pop(), right))

    return apply


def unary(calculate: Callable[[Any], Value]) -> Operation:
    return lambda loop, frame, pc: frame.push(calculate(frame.pop()))


for _name, _calculate in a.BINARY.items():
    operation(_name)(binary(_calculate))
for _name, _convert in a.UNARY.items():
    operation(_name)(unary(_convert))


# Control transfer (2.11.7)


def branch_if(holds: Callable[[Any, Any], bool]) -> Operation:
    def compare(loop: Loop, frame: Frame, pc: int) -> None:
        right = frame.pop()
        if holds(frame.pop(), right):
            frame.branch(pc)

    return compare


def branch_against(holds: Callable[[Any, Any], bool], right: Value) -> Operation:
    return lambda loop, frame, pc: frame.branch(pc) if holds(frame.pop(), right) else None


for _name, _holds in a.CONDITIONS.items():
    operation(f"if_icmp{_name}")(branch_if(_holds))
    operation(f"if{_name}")(branch_against(_holds, 0))
operation("if_acmpeq")(branch_if(operator.is_))
operation("if_acmpne")(branch_if(operator.is_not))
operation("ifnull")(branch_against(operator.is_, None))
operation("ifnonnull")(branch_against(operator.is_not, None))


operation("goto")(lambda loop, frame, pc: frame.branch(pc))


@operation("goto_w")
def goto_w(loop: Loop, frame: Frame, pc: int) -> None:
    frame.pc = instruction_at(frame.code, pc).operand


@operation("tableswitch", "lookupswitch")
def switch(loop: Loop, frame: Frame, pc: int) -> None:
    cases = instruction_at(frame.code, pc).operand
    frame.pc = cases.targets.get(frame.pop(), cases.default)


# Calls and returns (2.11.8)

operation("invokestatic")(lambda loop, frame, pc: invoke(loop, frame, loop.static(frame, pc)))


@operation("invokespecial")
def invokespecial(loop: Loop, frame: Frame, pc: int) -> None:
    invoke(loop, frame, loop.machine.resolve_special(frame.klass, frame.u2(pc)))


@operation("invokevirtual", "invokeinterface")
def invokevirtual(loop: Loop, frame: Frame, pc: int) -> None:
    named = loop.resolve(frame, pc)
    receiver = frame.stack[-len(named.parameters)]
    if receiver is None:
        raise NullHere
    invoke(loop, frame, loop.machine.select(receiver, named))


operation("invokedynamic")(lambda loop, frame, pc: invoke(loop, frame, loop.resolve(frame, pc)))


def invoke(loop: Loop, frame: Frame, method: Method) -> None:
    """Move the arguments from the caller's stack to a new frame; what has no bytecode answers at once."""
    count = len(method.parameters)
    arguments = frame.stack[-count:] if count else []
    del frame.stack[len(frame.stack) - count :]
    if method.runs_bytecode:
        loop.enter(method, arguments)
    else:
        answer = method.function(*arguments)
        if method.result != "V":
            frame.push(answer)


@operation(*family("?return"))
def return_value(loop: Loop, frame: Frame, pc: int) -> None:
    loop.frame = frame.caller
    if frame.entry:
        raise Returned(frame.pop())
    frame.caller.push(frame.pop())  # type: ignore[union-attr]


@operation("return")
def return_void(loop: Loop, frame: Frame, pc: int) -> None:
    loop.frame = frame.caller
    if frame.entry:
        raise Returned(None)


# Objects and fields (2.11.5)

operation("new")(lambda loop, frame, pc: frame.push(loop.machine.allocate(loop.resolve(frame, pc))))


@operation("getstatic")
def getstatic(loop: Loop, frame: Frame, pc: int) -> None:
    field = loop.static(frame, pc)
    frame.push(getattr(field.klass.statics, field.attribute))


@operation("putstatic")
def putstatic(loop: Loop, frame: Frame, pc: int) -> None:
    field = loop.static(frame, pc)
    setattr(field.klass.statics, field.attribute, frame.pop())


@operation("getfield")
def getfield(loop: Loop, frame: Frame, pc: int) -> None:
    field = loop.resolve(frame, pc)
    frame.push(getattr(not_null(frame.pop()), field.attribute))


@operation("putfield")
def putfield(loop: Loop, frame: Frame, pc: int) -> None:
    field = loop.resolve(frame, pc)
    value = frame.pop()
    setattr(not_null(frame.pop()), field.attribute, value)


@operation("instanceof")
def instanceof(loop: Loop, frame: Frame, pc: int) -> None:
    target, value = loop.resolve(frame, pc), frame.pop()
    frame.push(int(value is not None and value.klass.is_assignable_to(target)))


@operation("checkcast")
def checkcast(loop: Loop, frame: Frame, pc: int) -> None:
    target, value = loop.resolve(frame, pc), frame.stack[-1]
    if value is not None and not value.klass.is_assignable_to(target):
        raise wrong_cast(value.klass, target)


# Arrays (2.11.5)


@operation("newarray")
def newarray(loop: Loop, frame: Frame, pc: int) -> None:
    klass = loop.machine.klass(ARRAY_TYPES[frame.code[pc + 1]])
    frame.push(loop.machine.new_array(klass, frame.pop()))


@operation("anewarray")
def anewarray(loop: Loop, frame: Frame, pc: int) -> None:
    klass = loop.machine.array_of(loop.resolve(frame, pc))
    frame.push(loop.machine.new_array(klass, frame.pop()))


@operation("multianewarray")
def multianewarray(loop: Loop, frame: Frame, pc: int) -> None:
    klass, count = loop.resolve(frame, pc), frame.code[pc + 3]
    lengths = frame.stack[-count:]
    del frame.stack[-count:]
    frame.push(loop.machine.new_multi(klass, lengths))


operation("arraylength")(lambda loop, frame, pc: frame.push(len(not_null(frame.pop()).data)))


@operation(*family("?aload", "ilfdabcs"))
def array_load(loop: Loop, frame: Frame, pc: int) -> None:
    index = frame.pop()
    frame.push(elements(frame.pop(), index)[index])


@operation(*family("?astore", "ilfdbcs"))
def array_store(loop: Loop, frame: Frame, pc: int) -> None:
    value, index = frame.pop(), frame.pop()
    array = frame.pop()
    elements(array, index)[index] = value


@operation("aastore")
def aastore(loop: Loop, frame: Frame, pc: int) -> None:
    value, index = frame.pop(), frame.pop()
    array = frame.pop()
    elements(array, index)[index] = storable(array, value)


# Exceptions and monitors (2.11.9, 2.11.10)


@operation("athrow")
def athrow(loop: Loop, frame: Frame, pc: int) -> None:
    raise Thrown(not_null(frame.pop()))


operation("monitorenter")(lambda loop, frame, pc: not_null(frame.pop()))
