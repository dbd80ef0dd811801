"""The second engine: every instruction is decoded once, into a Python closure that holds its operands.

The dispatch loop spends most of its time finding out, again and again, what the next instruction is. Here a method is
taken apart when it is first called: what was an opcode and its operand bytes becomes a function of the operand stack
and the local variables that already knows its constant, its slot or its branch target, and returns the number of the
instruction to run next. Calls are Python calls, so there are no frames to keep.

Reading order: `Closures.bind`, then any of the makers below.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import arithmetic as a
from cutaway.jvm.checks import elements, find_handler, not_null, storable, wrong_cast
from cutaway.jvm.explain import why_null
from cutaway.jvm.heap import Field, Function, Klass, Method, State, Value
from cutaway.jvm.opcodes import ARRAY_TYPES, OPCODE, Instruction, family
from cutaway.jvm.problems import JavaError, NullHere, Thrown
from cutaway.jvm.verify import SHUFFLES

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine, Place

Closure = Callable[[list[Value], list[Value]], int]  # (operand stack, locals) -> number of the next instruction
LEAVE: Final = -1  # the "next instruction" of a return


class Site:
    """Where an instruction stands: what a maker of closures needs to know of it."""

    __slots__ = ("instruction", "klass", "machine", "next", "number_of", "operand")

    def __init__(self, machine: Machine, klass: Klass, instruction: Instruction, number_of: dict[int, int]) -> None:
        self.machine, self.klass, self.instruction = machine, klass, instruction
        self.operand = instruction.operand
        self.number_of = number_of
        self.next = number_of.get(instruction.next_pc, LEAVE)


Maker = Callable[[Site], Closure]


class Closures:
    """The engine. A bound method decodes itself when it is first called."""

    recursion_limit = 20_000

    def attach(self, machine: Machine) -> None:
        self.machine = machine

    def bind(self, method: Method) -> Function:
        engine, slots, gives = self, method.slots, method.result != "V"

        def call(*arguments: Value) -> Value:
            closures: list[Closure] = method.extra or engine.decode(method)
            stack: list[Value] = []
            local: list[Value] = [None] * method.max_locals
            for slot, argument in zip(slots, arguments):  # noqa: B905 (hot)
                local[slot] = argument
            at = 0
            while True:
                try:
                    while at >= 0:
                        at = closures[at](stack, local)
                    return stack[-1] if gives else None
                except Exception as error:
                    at = engine.handler(method, at, stack, error)

        self.code = call.__code__
        return call

    def decode(self, method: Method) -> list[Closure]:
        """Turn a method's instructions into closures."""
        plan = self.machine.plan(method)
        number_of = {instruction.pc: number for number, instruction in enumerate(plan.instructions)}
        closures = [
            MAKERS[instruction.opcode](Site(self.machine, method.klass, instruction, number_of))
            for instruction in plan.instructions
        ]
        method.extra = closures
        return closures

    def handler(self, method: Method, at: int, stack: list[Value], error: Exception) -> int:
        """The number of the handler's first instruction, the throwable on the stack; without one the error goes on."""
        pc = self.machine.plan(method).instructions[at].pc
        if isinstance(error, NullHere):
            error = JavaError("java/lang/NullPointerException", why_null(self.machine, method, pc)).with_traceback(
                error.__traceback__
            )
        throwable = self.machine.caught(error)
        target = find_handler(self.machine, method, pc, throwable)
        if target is None:
            raise Thrown(throwable) from None
        stack[:] = [throwable]
        return next(number for number, each in enumerate(self.machine.plan(method).instructions) if each.pc == target)

    def throwable(self, error: BaseException) -> Any:
        return self.machine.caught(error)

    def trace(self, traceback: TracebackType | None) -> list[Place]:
        from cutaway.jvm.machine import python_frames

        places: list[Place] = []
        for frame, _ in python_frames(traceback):
            if frame.f_code is self.code and len(places) < 1100:
                method, at = frame.f_locals["method"], frame.f_locals.get("at", 0)
                places.append((method, self.machine.plan(method).instructions[at].pc))
        return places


def _illegal(site: Site) -> Closure:
    raise JavaError("java/lang/VerifyError", f"{site.klass.name}: {site.instruction.name} is not supported")


MAKERS: Final[list[Maker]] = [_illegal] * 256


def maker(*names: str) -> Callable[[Maker], Maker]:
    """Make a function the maker of closures for these opcodes."""

    def register(function: Maker) -> Maker:
        for name in names:
            MAKERS[OPCODE[name]] = function
        return function

    return register


# Constants and local variables


def push(value: Value) -> Maker:
    def make(site: Site) -> Closure:
        following = site.next

        def closure(stack: list[Value], local: list[Value]) -> int:
            stack.append(value)
            return following

        return closure

    return make


maker("aconst_null")(push(None))
for _number in range(-1, 6):
    maker(f"iconst_{_number}".replace("-", "m"))(push(_number))
for _number in range(3):
    maker(f"fconst_{_number}")(push(float(_number)))
for _number in range(2):
    maker(f"dconst_{_number}")(push(float(_number)))
    maker(f"lconst_{_number}")(push(_number))


@maker("bipush", "sipush")
def push_operand(site: Site) -> Closure:
    return push(site.operand)(site)


@maker("ldc", "ldc_w", "ldc2_w")
def ldc(site: Site) -> Closure:
    return push(site.machine.loaded(site.klass, site.operand))(site)


def slot_of(site: Site) -> int:
    return int(site.instruction.name[-1]) if site.operand is None else site.operand


@maker(*family("?load"), *(name for slot in range(4) for name in family(f"?load_{slot}")))
def load(site: Site) -> Closure:
    slot, following = slot_of(site), site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack.append(local[slot])
        return following

    return closure


@maker(*family("?store"), *(name for slot in range(4) for name in family(f"?store_{slot}")))
def store(site: Site) -> Closure:
    slot, following = slot_of(site), site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        local[slot] = stack.pop()
        return following

    return closure


@maker("iinc")
def iinc(site: Site) -> Closure:
    (slot, amount), following = site.operand, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        value = local[slot] + amount
        local[slot] = value if -0x80000000 <= value <= 0x7FFFFFFF else a.i32(value)
        return following

    return closure


# The operand stack itself


@maker("pop", "monitorexit")
def pop(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack.pop()
        return following

    return closure


@maker("dup")
def dup(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack.append(stack[-1])
        return following

    return closure


@maker("pop2", "dup_x1", "dup_x2", "dup2", "dup2_x1", "dup2_x2", "swap")
def shuffle(site: Site) -> Closure:
    (taken, left), following = SHUFFLES[site.instruction.name], site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        values = stack[-taken:]
        stack[-taken:] = [values[at] for at in left]
        return following

    return closure


# Arithmetic


def binary(calculate: Callable[[Any, Any], Value]) -> Maker:
    def make(site: Site) -> Closure:
        following = site.next

        def closure(stack: list[Value], local: list[Value]) -> int:
            right = stack.pop()
            stack[-1] = calculate(stack[-1], right)
            return following

        return closure

    return make


def unary(calculate: Callable[[Any], Value]) -> Maker:
    def make(site: Site) -> Closure:
        following = site.next

        def closure(stack: list[Value], local: list[Value]) -> int:
            stack[-1] = calculate(stack[-1])
            return following

        return closure

    return make


for _name, _calculate in a.BINARY.items():
    maker(_name)(binary(_calculate))
for _name, _convert in a.UNARY.items():
    maker(_name)(unary(_convert))


@maker("nop")
def nop(site: Site) -> Closure:
    following = site.next
    return lambda stack, local: following


# Control transfer


def branch_if(holds: Callable[[Any, Any], bool]) -> Maker:
    def make(site: Site) -> Closure:
        target, following = site.number_of[site.operand], site.next

        def closure(stack: list[Value], local: list[Value]) -> int:
            right = stack.pop()
            return target if holds(stack.pop(), right) else following

        return closure

    return make


def branch_against(holds: Callable[[Any, Any], bool], right: Value) -> Maker:
    def make(site: Site) -> Closure:
        target, following = site.number_of[site.operand], site.next
        return lambda stack, local: target if holds(stack.pop(), right) else following

    return make


for _name, _holds in a.CONDITIONS.items():
    maker(f"if_icmp{_name}")(branch_if(_holds))
    maker(f"if{_name}")(branch_against(_holds, 0))
maker("if_acmpeq")(branch_if(operator.is_))
maker("if_acmpne")(branch_if(operator.is_not))
maker("ifnull")(branch_against(operator.is_, None))
maker("ifnonnull")(branch_against(operator.is_not, None))


@maker("goto", "goto_w")
def goto(site: Site) -> Closure:
    target = site.number_of[site.operand]
    return lambda stack, local: target


@maker("tableswitch", "lookupswitch")
def switch(site: Site) -> Closure:
    default = site.number_of[site.operand.default]
    targets = {key: site.number_of[pc] for key, pc in site.operand.targets.items()}
    return lambda stack, local: targets.get(stack.pop(), default)


@maker(*family("?return"), "return")
def leave(site: Site) -> Closure:
    return lambda stack, local: LEAVE


@maker("athrow")
def athrow(site: Site) -> Closure:
    def closure(stack: list[Value], local: list[Value]) -> int:
        raise Thrown(not_null(stack.pop()))

    return closure


@maker("monitorenter")
def monitorenter(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        not_null(stack.pop())
        return following

    return closure


# Calls: the function is looked up once, where the call does not depend on the receiver


def call_found(site: Site, find: Callable[[Klass, int], Method]) -> Closure:
    """A call of one method, found when the call is first made."""
    klass, index, following = site.klass, site.operand, site.next
    found: Method | None = None
    count, gives = 0, False

    def closure(stack: list[Value], local: list[Value]) -> int:
        nonlocal found, count, gives
        if found is None:
            method = find(klass, index)
            count, gives = len(method.parameters), method.result != "V"
            found = method if method.klass.state is State.READY else None
        else:
            method = found
        if count:
            arguments = stack[-count:]
            del stack[-count:]
            answer = method.function(*arguments)
        else:
            answer = method.function()
        if gives:
            stack.append(answer)
        return following

    return closure


@maker("invokestatic")
def invokestatic(site: Site) -> Closure:
    return call_found(site, site.machine.resolve_static)


@maker("invokespecial")
def invokespecial(site: Site) -> Closure:
    return call_found(site, site.machine.resolve_special)


@maker("invokedynamic")
def invokedynamic(site: Site) -> Closure:
    return call_found(site, site.machine.resolve)


@maker("invokevirtual", "invokeinterface")
def invokevirtual(site: Site) -> Closure:
    machine, klass, index, following = site.machine, site.klass, site.operand, site.next
    named: Method | None = None
    count, gives = 0, False

    def closure(stack: list[Value], local: list[Value]) -> int:
        nonlocal named, count, gives
        if named is None:
            method: Method = machine.resolve(klass, index)
            count, gives = len(method.parameters), method.result != "V"
            named = method
        receiver = stack[-count]
        if receiver is None:
            raise NullHere
        arguments = stack[-count:]
        del stack[-count:]
        answer = machine.select(receiver, named).function(*arguments)
        if gives:
            stack.append(answer)
        return following

    return closure


# Objects and fields


def resolving(site: Site) -> Callable[[], Any]:
    """Resolve the operand on use, and remember it."""
    machine, klass, index = site.machine, site.klass, site.operand
    return lambda: klass.resolved.get(index) or machine.resolve(klass, index)


@maker("new")
def new(site: Site) -> Closure:
    resolve, allocate, following = resolving(site), site.machine.allocate, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack.append(allocate(resolve()))
        return following

    return closure


@maker("getstatic")
def getstatic(site: Site) -> Closure:
    machine, klass, index, following = site.machine, site.klass, site.operand, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        field: Field = machine.resolve_static(klass, index)
        stack.append(getattr(field.klass.statics, field.attribute))
        return following

    return closure


@maker("putstatic")
def putstatic(site: Site) -> Closure:
    machine, klass, index, following = site.machine, site.klass, site.operand, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        field: Field = machine.resolve_static(klass, index)
        setattr(field.klass.statics, field.attribute, stack.pop())
        return following

    return closure


@maker("getfield")
def getfield(site: Site) -> Closure:
    resolve, following = resolving(site), site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack[-1] = getattr(not_null(stack[-1]), resolve().attribute)
        return following

    return closure


@maker("putfield")
def putfield(site: Site) -> Closure:
    resolve, following = resolving(site), site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        value = stack.pop()
        setattr(not_null(stack.pop()), resolve().attribute, value)
        return following

    return closure


@maker("instanceof")
def instanceof(site: Site) -> Closure:
    resolve, following = resolving(site), site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        value = stack[-1]
        stack[-1] = int(value is not None and value.klass.is_assignable_to(resolve()))
        return following

    return closure


@maker("checkcast")
def checkcast(site: Site) -> Closure:
    resolve, following = resolving(site), site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        value = stack[-1]
        if value is not None and not value.klass.is_assignable_to(resolve()):
            raise wrong_cast(value.klass, resolve())
        return following

    return closure


# Arrays


@maker("newarray")
def newarray(site: Site) -> Closure:
    klass, new_array, following = site.machine.klass(ARRAY_TYPES[site.operand]), site.machine.new_array, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack[-1] = new_array(klass, stack[-1])
        return following

    return closure


@maker("anewarray")
def anewarray(site: Site) -> Closure:
    resolve, machine, following = resolving(site), site.machine, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack[-1] = machine.new_array(machine.array_of(resolve()), stack[-1])
        return following

    return closure


@maker("multianewarray")
def multianewarray(site: Site) -> Closure:
    machine, klass, (index, count), following = site.machine, site.klass, site.operand, site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack[-count:] = [machine.new_multi(machine.resolve(klass, index), stack[-count:])]
        return following

    return closure


@maker("arraylength")
def arraylength(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        stack[-1] = len(not_null(stack[-1]).data)
        return following

    return closure


@maker(*family("?aload", "ilfdabcs"))
def array_load(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        index = stack.pop()
        stack[-1] = elements(stack[-1], index)[index]
        return following

    return closure


@maker(*family("?astore", "ilfdbcs"))
def array_store(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        value, index = stack.pop(), stack.pop()
        elements(stack.pop(), index)[index] = value
        return following

    return closure


@maker("aastore")
def aastore(site: Site) -> Closure:
    following = site.next

    def closure(stack: list[Value], local: list[Value]) -> int:
        value, index = stack.pop(), stack.pop()
        array = stack.pop()
        elements(array, index)[index] = storable(array, value)
        return following

    return closure
