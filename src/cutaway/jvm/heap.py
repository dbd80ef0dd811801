"""What lives while a program runs: classes, their methods and fields, and objects (JVMS 2.4, 2.5).

Each Java class is given a Python class, and its objects are instances of that: a field is an attribute, and one that
has not been assigned yet is found on the class, where its default lies. `null` is None. An array keeps a list in
`data`; a string keeps a Python string in `text`, one character for each UTF-16 unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from cutaway.jvm import classfile as cf

if TYPE_CHECKING:
    from cutaway.jvm.verify import Plan

Value = Any  # a Java value: int, float, None or a Ref
Function = Callable[..., Any]

DEFAULTS: Final[dict[str, Value]] = {**dict.fromkeys("ZBCSIJ", 0), "F": 0.0, "D": 0.0}
PRIMITIVES: Final = {
    "boolean": "Z", "byte": "B", "char": "C", "short": "S", "int": "I", "long": "J", "float": "F", "double": "D",
    "void": "V",
}  # fmt: skip


class Ref:
    """Any Java object; the Python class made for its Java class sets `klass`."""

    __slots__ = ()
    klass: ClassVar[Klass]


class Array(Ref):
    """Any Java array."""

    __slots__ = ("data",)
    data: list[Any]

    def __init__(self, data: list[Any]) -> None:
        self.data = data


class State(Enum):
    """How far a class has come (JVMS 5.5)."""

    LINKED = "linked"
    INITIALISING = "initialising"
    READY = "ready"
    FAILED = "failed"


class Statics:
    """A class's static fields, as attributes."""

    klass: Klass


class Field:
    __slots__ = ("access", "attribute", "descriptor", "klass", "name")

    def __init__(self, klass: Klass, member: cf.Member, attribute: str) -> None:
        self.klass, self.name, self.descriptor, self.access = klass, member.name, member.descriptor, member.access
        self.attribute = attribute

    @property
    def is_static(self) -> bool:
        return bool(self.access & cf.ACC_STATIC)


class Method:
    """A method of a linked class. `native` is its Python body where it has one; `function` runs it in any engine."""

    __slots__ = ("access", "attribute", "code", "descriptor", "extra", "function", "holders", "key", "klass",
                 "max_locals", "member", "name", "native", "parameters", "plan", "result", "slots", "source",
                 "spun_code")  # fmt: skip

    def __init__(self, klass: Klass, member: cf.Member, native: Function | None) -> None:
        self.klass, self.member, self.native = klass, member, native
        self.name, self.descriptor, self.access = member.name, member.descriptor, member.access
        self.key = member.name + member.descriptor
        parameters, self.result = cf.parse_descriptor(member.descriptor)
        self.parameters = parameters if self.is_static else [f"L{klass.name};", *parameters]
        self.slots = local_slots(self.parameters)
        self.attribute = ""
        self.code: bytes = b""  # empty until an engine prepares the method
        self.max_locals = 0
        self.source: cf.Code | None = None
        self.spun_code: cf.Code | None = None  # for a method that no class file holds
        self.plan: Plan | None = None
        self.function: Function = _unbound
        self.extra: Any = None  # an engine's own form of the code
        self.holders: list[type] = []  # the Python classes on which this method stands

    def __repr__(self) -> str:
        return f"{self.klass.name}.{self.key}"

    @property
    def is_static(self) -> bool:
        return bool(self.access & cf.ACC_STATIC)

    @property
    def is_abstract(self) -> bool:
        return bool(self.access & cf.ACC_ABSTRACT)

    @property
    def is_private(self) -> bool:
        return bool(self.access & cf.ACC_PRIVATE)

    @property
    def runs_bytecode(self) -> bool:
        return not self.native and not self.access & (cf.ACC_ABSTRACT | cf.ACC_NATIVE)

    def line(self, pc: int) -> int | None:
        """The source line of the instruction at `pc`."""
        lines = self.source.lines if self.source else ()
        return max(((start, line) for start, line in lines if start <= pc), default=(0, None))[1]

    def local_name(self, slot: int, pc: int) -> str | None:
        """What the source calls a local variable, where `javac -g` kept it."""
        names = self.source.names if self.source else ()
        return next((name for start, end, at, name in names if at == slot and start <= pc < end), None)


def _unbound(*_: Value) -> Value:
    raise AssertionError("a method was called before an engine bound it")


def local_slots(parameters: list[str]) -> list[int]:
    """The local variable of each parameter: a long or double takes two (JVMS 2.6.1)."""
    slots, at = [], 0
    for parameter in parameters:
        slots.append(at)
        at += 2 if parameter in ("J", "D") else 1
    return slots


class Klass:
    """A linked class, interface, array class or primitive type."""

    def __init__(self, name: str, super_class: Klass | None, interfaces: list[Klass], access: int) -> None:
        self.name, self.super, self.interfaces, self.access = name, super_class, interfaces, access
        self.file: cf.ClassFile | None = None
        self.trusted = True
        self.component: Klass | None = None
        self.methods: dict[str, Method] = {}
        self.vtable: dict[str, Method] = dict(super_class.vtable) if super_class else {}
        self.fields: dict[str, Field] = {}
        self.statics = Statics()
        self.statics.klass = self
        self.state = State.LINKED
        self.python: type[Any] = Ref
        self.mirror: Any = None
        self.resolved: dict[int, Any] = {}  # what each constant pool index turned out to mean
        self.pool_overlay: dict[int, Any] = {}
        self.ancestors: set[Klass] = {self}
        for parent in ([super_class] if super_class else []) + interfaces:
            self.ancestors |= parent.ancestors

    def __repr__(self) -> str:
        return f"<class {self.name}>"

    @property
    def is_interface(self) -> bool:
        return bool(self.access & cf.ACC_INTERFACE)

    @property
    def java_name(self) -> str:
        return self.name.replace("/", ".")

    @property
    def descriptor(self) -> str:
        if self.name.startswith("["):
            return self.name
        return PRIMITIVES.get(self.name) or f"L{self.name};"

    def lineage(self) -> Iterator[Klass]:
        """This class and its superclasses."""
        klass: Klass | None = self
        while klass:
            yield klass
            klass = klass.super

    def superinterfaces(self) -> list[Klass]:
        return [klass for klass in self.ancestors if klass.is_interface and klass is not self]

    def is_assignable_to(self, target: Klass) -> bool:
        """Whether a value of this class may be used where `target` is asked for (JVMS 6.5 checkcast)."""
        if target in self.ancestors:
            return True
        mine, wanted = self.component, target.component
        return mine is not None and wanted is not None and mine.is_assignable_to(wanted)

    def find_field(self, name: str, descriptor: str) -> Field | None:
        """Field lookup (JVMS 5.4.3.2): here, then the interfaces, then the superclass."""
        found = self.fields.get(name + ":" + descriptor)
        if found:
            return found
        for parent in [*self.interfaces, *([self.super] if self.super else [])]:
            found = parent.find_field(name, descriptor)
            if found:
                return found
        return None

    def find_method(self, key: str) -> Method | None:
        """Method lookup (JVMS 5.4.3.3): here and upwards, then what the interfaces offer."""
        for klass in self.lineage():
            if key in klass.methods:
                return klass.methods[key]
        offers = [each.methods[key] for each in self.superinterfaces() if key in each.methods]
        return most_specific(offers) if offers else None


def most_specific(methods: list[Method]) -> Method:
    """The one whose interface extends those of the others; a body beats none."""
    best = methods[0]
    for method in methods[1:]:
        below = best.klass in method.klass.ancestors
        beside = method.klass not in best.klass.ancestors
        if below or (beside and best.is_abstract and not method.is_abstract):
            best = method
    return best


def link_vtable(klass: Klass) -> None:
    """Fill `klass.vtable`: own methods over inherited ones, and default methods where no class has one (JVMS 5.4.6)."""
    for method in klass.methods.values():
        if not method.is_static and not method.is_private and not method.name.startswith("<"):
            klass.vtable[method.key] = method
    offers: dict[str, list[Method]] = {}
    for interface in klass.superinterfaces():
        for key, method in interface.methods.items():
            if not method.is_static and not method.is_private and not key.startswith("<"):
                offers.setdefault(key, []).append(method)
    for key, candidates in offers.items():
        current = klass.vtable.get(key)
        if current is None or (current.klass.is_interface and current.klass is not klass):
            klass.vtable[key] = most_specific(candidates)
