"""Call sites of `invokedynamic`: string concatenation, lambdas, records, pattern switches.

The JDK answers a call site by spinning a class at run time. So does this: a lambda becomes a class whose one method is
real bytecode (load what was captured, convert, call, return), so that every engine runs it like any other. A call site
resolves to a static method, and `invokedynamic` is from then on an `invokestatic` of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import classfile as cf
from cutaway.jvm.decimals import double_text, float_text
from cutaway.jvm.heap import Klass, Method, State, Value, local_slots
from cutaway.jvm.opcodes import OPCODE
from cutaway.jvm.problems import ClassFormatError, JavaError, unsupported

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

BOXES: Final = {
    "Z": "java/lang/Boolean", "B": "java/lang/Byte", "C": "java/lang/Character", "S": "java/lang/Short",
    "I": "java/lang/Integer", "J": "java/lang/Long", "F": "java/lang/Float", "D": "java/lang/Double",
}  # fmt: skip
UNBOXED: Final = {box: letter for letter, box in BOXES.items()}
UNBOX_METHODS: Final = {
    "Z": "booleanValue", "B": "byteValue", "C": "charValue", "S": "shortValue", "I": "intValue", "J": "longValue",
    "F": "floatValue", "D": "doubleValue",
}  # fmt: skip


def call_site(machine: Machine, klass: Klass, site: cf.CallSiteRef) -> Method:
    """The static method that an `invokedynamic` instruction calls."""
    assert klass.file is not None
    table = klass.file.bootstraps()
    if site.bootstrap >= len(table):
        raise ClassFormatError(klass.name, "BootstrapMethods", 0, f"there is no bootstrap method {site.bootstrap}")
    bootstrap = table[site.bootstrap]
    target = bootstrap.handle.member
    maker = MAKERS.get(f"{target.owner.rpartition('/')[2]}.{target.name}")
    if maker is None:
        raise unsupported(f"the bootstrap method {target.owner.replace('/', '.')}.{target.name}()")
    try:
        return maker(machine, klass, site, bootstrap.arguments)
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise JavaError("java/lang/BootstrapMethodError", f"{site.name}{site.descriptor}: {error}") from error


def native_method(machine: Machine, klass: Klass, name: str, descriptor: str, body: Callable[..., Value]) -> Method:
    """A static method with a Python body."""
    method = Method(klass, cf.Member(cf.ACC_STATIC | cf.ACC_PUBLIC, name, descriptor, {}), body)
    method.function = body
    return method


# String concatenation


def concat(machine: Machine, klass: Klass, site: cf.CallSiteRef, arguments: tuple[Any, ...]) -> Method:
    """Objects are turned to strings by bytecode (`String.valueOf`), so that a deep `toString` is no deep Python."""
    types, _ = cf.parse_descriptor(site.descriptor)
    recipe = arguments[0].text if arguments else "\1" * len(types)
    join = native_method(machine, klass, "concat", site.descriptor, joiner(machine, types, recipe, arguments[1:]))
    if all(kind in BOXES or kind == "Ljava/lang/String;" for kind in types):
        return join
    code, textual = Assembler(), []
    for kind, slot in zip(types, local_slots(types), strict=True):
        code.load(kind, slot)
        if kind not in BOXES and kind != "Ljava/lang/String;":
            code.call(
                "invokestatic",
                machine.klass("java/lang/String").methods["valueOf(Ljava/lang/Object;)Ljava/lang/String;"],
            )
            kind = "Ljava/lang/String;"
        textual.append(kind)
    join.descriptor = f"({''.join(textual)})Ljava/lang/String;"
    join.parameters = textual
    code.call("invokestatic", join)
    code.give("Ljava/lang/String;")
    return code.static_method(machine, f"{klass.name}$$Concat", "concat", site.descriptor)


def joiner(machine: Machine, types: list[str], recipe: str, constants: tuple[Any, ...]) -> Callable[..., Value]:
    """A function from the arguments to the concatenated string; in the recipe 1 is an argument and 2 a constant."""
    rest, pieces, at = iter(constants), [], 0
    for mark in recipe:
        if mark == "\1":
            pieces.append(f"{{{at}}}")
            at += 1
        else:
            literal = constant_text(next(rest)) if mark == "\2" else mark
            pieces.append(literal.replace("{", "{{").replace("}", "}}"))
    form, texts, string = "".join(pieces).format, [TEXT[kind[0]] for kind in types], machine.string
    if len(types) == 1:
        only = texts[0]
        return lambda value: string(form(only(value)))
    return lambda *values: string(form(*[text(value) for text, value in zip(texts, values)]))  # noqa: B905 (hot)


def constant_text(constant: Any) -> str:
    return str(constant.text if isinstance(constant, cf.StringRef) else constant.value)


TEXT: Final[dict[str, Callable[[Any], str]]] = {
    **dict.fromkeys("BSIJ", str),
    "Z": lambda value: "true" if value else "false",
    "C": chr,
    "F": float_text,
    "D": double_text,
    "L": lambda value: "null" if value is None else value.text,
}


# Lambdas and method references


def lambda_site(machine: Machine, klass: Klass, site: cf.CallSiteRef, arguments: tuple[Any, ...]) -> Method:
    """A factory for objects of a new class that implements the interface by calling the handle's method."""
    erased, handle, actual = arguments[0].descriptor, arguments[1], arguments[2].descriptor
    captured, interface = cf.parse_descriptor(site.descriptor)
    bridges, markers = alternatives(arguments[3:])
    serial = machine.scratch["lambdas"] = machine.scratch.get("lambdas", 0) + 1
    name = f"{klass.name}$$Lambda${serial}"
    interfaces = [machine.klass(interface[1:-1]), *(machine.klass(marker) for marker in markers)]
    made = Klass(name, machine.klass("java/lang/Object"), interfaces, cf.ACC_FINAL | cf.ACC_PUBLIC)
    made.state = State.READY
    fields = [cf.Member(0, f"captured{number}", kind, {}) for number, kind in enumerate(captured)]
    for descriptor in dict.fromkeys([erased, *bridges]):
        method = Method(made, cf.Member(cf.ACC_PUBLIC, site.name, descriptor, {}), None)
        method.spun_code = lambda_code(machine, made, captured, handle, descriptor, actual)
        made.methods[method.key] = method
    machine.classes[name] = made
    machine.finish(made, fields)
    for number, kind in enumerate(captured):
        made.pool_overlay[number + 1] = cf.MemberRef(name, f"captured{number}", kind)
    return native_method(machine, made, "make", site.descriptor, factory(made, len(captured)))


def alternatives(extra: tuple[Any, ...]) -> tuple[list[str], list[str]]:
    """`altMetafactory`'s further arguments (flags, then marker interfaces, then bridges): bridges and markers."""
    numbers = list(extra)
    if not numbers:
        return [], []
    flags, markers, bridges = numbers.pop(0).value, [], []
    if flags & 2:  # FLAG_MARKERS
        markers = [ref.name for ref in numbers[1 : 1 + numbers[0].value]]
        numbers = numbers[1 + len(markers) :]
    if flags & 4:  # FLAG_BRIDGES
        bridges = [ref.descriptor for ref in numbers[1 : 1 + numbers[0].value]]
    return bridges, markers + (["java/io/Serializable"] if flags & 1 else [])


def factory(klass: Klass, count: int) -> Callable[..., Value]:
    """Make the lambda's object; one that captures nothing is always the same."""
    names = [f"f_captured{number}" for number in range(count)]
    if not names:
        only = klass.python()
        return lambda: only

    def make(*values: Value) -> Value:
        made = klass.python()
        for name, value in zip(names, values):  # noqa: B905 (hot)
            setattr(made, name, value)
        return made

    return make


def lambda_code(
    machine: Machine, klass: Klass, captured: list[str], handle: cf.HandleRef, erased: str, actual: str
) -> cf.Code:
    """Bytecode of the interface's method: push captured values and arguments as the target wants them, call, return."""
    code = Assembler(klass, first=len(captured) + 1)
    target = machine.resolve_method(handle.member)
    given, wanted_result = cf.parse_descriptor(erased)
    known, _ = cf.parse_descriptor(actual)
    targets, result = cf.parse_descriptor(handle.member.descriptor)
    if handle.kind == 8:  # newInvokeSpecial: a constructor reference
        code.op("new", code.constant(cf.ClassRef(handle.member.owner), machine.klass(handle.member.owner)))
        code.op("dup")
        result = f"L{handle.member.owner};"
    elif handle.kind != 6:  # an instance method: its receiver comes first
        targets = [class_descriptor(handle.member.owner), *targets]
    for number in range(len(captured)):
        code.op("aload_0")
        code.op("getfield", number + 1)
    for slot, kind, real, target_kind in zip(
        local_slots(["this", *given])[1:], given, known, targets[len(captured) :], strict=True
    ):
        code.load(kind, slot)
        code.convert(machine, kind, real, target_kind)
    code.call({6: "invokestatic", 8: "invokespecial"}.get(handle.kind) or instance_call(target), target, handle.member)
    if wanted_result == "V":
        if result != "V":
            code.op("pop2" if result in "JD" else "pop")
    else:
        code.convert(machine, result, cf.parse_descriptor(actual)[1], wanted_result)
    code.give(wanted_result)
    return code.finish(1 + sum(2 if kind in "JD" else 1 for kind in given))


def instance_call(target: Method) -> str:
    if target.is_private:
        return "invokespecial"
    return "invokeinterface" if target.klass.is_interface else "invokevirtual"


def class_descriptor(name: str) -> str:
    return name if name.startswith("[") else f"L{name};"


class Assembler:
    """A few instructions in a row; constants go into a pool of the class's own."""

    def __init__(self, klass: Klass | None = None, first: int = 1) -> None:
        self.klass = klass or Klass("spun", None, [], 0)
        self.bytes = bytearray()
        self.next = max([first, *(index + 1 for index in self.klass.pool_overlay)])

    def constant(self, entry: Any, resolved: Any) -> int:
        index = self.next
        self.next += 1
        self.klass.pool_overlay[index], self.klass.resolved[index] = entry, resolved
        return index

    def op(self, name: str, operand: int | None = None) -> None:
        self.bytes.append(OPCODE[name])
        if operand is not None:
            self.bytes += operand.to_bytes(2, "big")

    def load(self, descriptor: str, slot: int) -> None:
        self.bytes += bytes([OPCODE[letter(descriptor) + "load"], slot])

    def give(self, descriptor: str) -> None:
        self.op("return" if descriptor == "V" else letter(descriptor) + "return")

    def call(self, name: str, method: Method, ref: cf.MemberRef | None = None) -> None:
        entry = ref or cf.MemberRef(method.klass.name, method.name, method.descriptor)
        self.op(name, self.constant(entry, method))
        if name == "invokeinterface":
            self.bytes += b"\1\0"

    def convert(self, machine: Machine, kind: str, real: str, wanted: str) -> None:
        """Turn the value on top from type `kind` (known to be a `real`) into a `wanted`: cast, box, unbox or widen."""
        if kind in BOXES and wanted in BOXES:
            self.widen(kind, wanted)
        elif kind in BOXES:
            box = BOXES[kind]
            self.call("invokestatic", machine.klass(box).methods[f"valueOf({kind})L{box};"])
        elif wanted in BOXES:
            box = real[1:-1] if real[1:-1] in UNBOXED else BOXES[real] if real in BOXES else BOXES[wanted]
            primitive = UNBOXED[box]
            self.cast(machine, f"L{box};")
            self.call("invokevirtual", machine.klass(box).methods[f"{UNBOX_METHODS[primitive]}(){primitive}"])
            self.widen(primitive, wanted)
        else:
            narrower = real if wanted == "Ljava/lang/Object;" else wanted
            if narrower not in (kind, "Ljava/lang/Object;") and real in BOXES:
                narrower = wanted
            if narrower not in (kind, "Ljava/lang/Object;"):
                self.cast(machine, narrower)

    def widen(self, kind: str, wanted: str) -> None:
        mine, other = letter(kind), letter(wanted)
        if mine != other:
            self.op(f"{mine}2{other}")

    def cast(self, machine: Machine, descriptor: str) -> None:
        name = descriptor if descriptor.startswith("[") else descriptor[1:-1]
        self.op("checkcast", self.constant(cf.ClassRef(name), machine.klass(name)))

    def finish(self, max_locals: int) -> cf.Code:
        return cf.Code(512, max_locals, bytes(self.bytes), (), ())

    def static_method(self, machine: Machine, class_name: str, name: str, descriptor: str) -> Method:
        """A static method of a class of its own that holds what was assembled."""
        klass = self.klass
        klass.name, klass.state = class_name, State.READY
        method = Method(klass, cf.Member(cf.ACC_STATIC | cf.ACC_PUBLIC, name, descriptor, {}), None)
        types, _ = cf.parse_descriptor(descriptor)
        method.spun_code = self.finish(sum(2 if kind in "JD" else 1 for kind in types))
        method.function = machine.bind(method)
        return method


def letter(descriptor: str) -> str:
    """The letter that begins the instructions for a type."""
    return {"J": "l", "F": "f", "D": "d"}.get(descriptor, "i" if descriptor in "ZBCSI" else "a")


# Records and pattern switches


def record_site(machine: Machine, klass: Klass, site: cf.CallSiteRef, arguments: tuple[Any, ...]) -> Method:
    """`toString`, `hashCode` or `equals` of a record, over its components (java.lang.runtime.ObjectMethods)."""
    record = machine.klass(arguments[0].name)
    names = arguments[1].text.split(";") if arguments[1].text else []
    fields = [machine.resolve_field(handle.member) for handle in arguments[2:]]
    parts = [(name, field.attribute, field.descriptor) for name, field in zip(names, fields, strict=True)]
    simple = record.name.rpartition("/")[2]
    inner = record.file.inner_flags() if record.file else None
    title = (inner[1] if inner else None) or simple

    def to_string(this: Any) -> Value:
        texts = (f"{name}={value_text(machine, getattr(this, attribute), kind)}" for name, attribute, kind in parts)
        return machine.string(f"{title}[{', '.join(texts)}]")

    def hash_code(this: Any) -> Value:
        total = 0
        for _, attribute, kind in parts:
            total = total * 31 + value_hash(machine, getattr(this, attribute), kind)
        return ((total + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def equals(this: Any, other: Any) -> Value:
        if other is None or other.klass is not record:
            return 0
        pairs = ((getattr(this, attribute), getattr(other, attribute), kind) for _, attribute, kind in parts)
        return int(all(same_value(machine, mine, theirs, kind) for mine, theirs, kind in pairs))

    bodies: dict[str, Callable[..., Value]] = {"toString": to_string, "hashCode": hash_code, "equals": equals}
    body = bodies[site.name]
    return native_method(machine, klass, site.name, site.descriptor, body)


def value_text(machine: Machine, value: Value, kind: str) -> str:
    return TEXT[kind](value) if kind in BOXES else machine.text_of(value)


def value_hash(machine: Machine, value: Value, kind: str) -> int:
    """What the box of a value would answer to `hashCode`."""
    if kind in BOXES:
        return int(machine.klass(BOXES[kind]).methods[f"hashCode({kind})I"].function(value))
    return 0 if value is None else int(machine.call(value, "hashCode()I"))


def same_value(machine: Machine, mine: Value, theirs: Value, kind: str) -> bool:
    if kind in ("F", "D"):
        return bool(machine.klass(BOXES[kind]).methods[f"compare({kind}{kind})I"].function(mine, theirs) == 0)
    if kind in BOXES or mine is None or theirs is None:
        return bool(mine == theirs) if kind in BOXES else mine is theirs
    return bool(machine.call(mine, "equals(Ljava/lang/Object;)Z", theirs))


def switch_site(machine: Machine, klass: Klass, site: cf.CallSiteRef, labels: tuple[Any, ...]) -> Method:
    """A pattern switch (java.lang.runtime.SwitchBootstraps): the first label that fits, from `restart` on."""
    labels = tuple(described(klass, label) if isinstance(label, cf.CallSiteRef) else label for label in labels)

    def fits(target: Any, label: Any) -> bool:
        if isinstance(label, Constant):
            named = target.klass.is_assignable_to(machine.klass(label.class_name))
            return bool(named and target.f_name.text == label.name)
        if isinstance(label, str):  # a primitive type, which javac 25 tests although it knows the answer
            return label == site.descriptor[1]
        if isinstance(label, cf.ClassRef):
            return bool(target.klass.is_assignable_to(machine.klass(label.name)))
        if isinstance(label, cf.StringRef):
            text = getattr(target, "text", None)
            return text == label.text or (text is None and getattr(target, "f_name", None) is not None
                                          and target.f_name.text == label.text)  # fmt: skip
        return bool(getattr(target, "f_value", None) == label.value)

    def choose(target: Any, restart: int) -> Value:
        if target is None:
            return -1
        return next((at for at in range(restart, len(labels)) if fits(target, labels[at])), len(labels))

    return native_method(machine, klass, site.name, site.descriptor, choose)


@dataclass(frozen=True)
class Constant:
    """A label that is an enum's constant, written with its class."""

    class_name: str
    name: str


def described(klass: Klass, label: cf.CallSiteRef) -> Constant | str:
    """A label that the class file gives as a dynamic constant: an Enum$EnumDesc, or a primitive class by its letter."""
    assert klass.file is not None
    table = klass.file.bootstraps()
    if table[label.bootstrap].handle.member.name == "primitiveClass":
        return label.name
    _, owner, name = table[label.bootstrap].arguments
    _, owner_name = table[owner.bootstrap].arguments
    return Constant(owner_name.text.replace(".", "/"), name.text)


MAKERS: Final[dict[str, Callable[[Any, Klass, cf.CallSiteRef, tuple[Any, ...]], Method]]] = {
    "StringConcatFactory.makeConcatWithConstants": concat,
    "StringConcatFactory.makeConcat": concat,
    "LambdaMetafactory.metafactory": lambda_site,
    "LambdaMetafactory.altMetafactory": lambda_site,
    "ObjectMethods.bootstrap": record_site,
    "SwitchBootstraps.typeSwitch": switch_site,
    "SwitchBootstraps.enumSwitch": switch_site,
}
