"""Read a class file (JVMS 4): bytes in, constant pool, fields, methods and attributes out.

Nothing is linked here and no other class is asked for. The constant pool is decoded entry by entry on use, because
a program touches a tenth of what the library's classes hold; `check()` decodes all of it, for classes that are not
the library's own. Every index is checked where it is read, so that a damaged file ends in one sentence.

Left out: annotations, modules, generic signatures, and stack maps (`verify` infers what they would say).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cutaway.jvm.problems import ClassFormatError

MAGIC: Final = 0xCAFEBABE
NEWEST_MAJOR: Final = 69  # Java 25

ACC_PUBLIC, ACC_PRIVATE, ACC_STATIC, ACC_FINAL, ACC_SYNCHRONIZED = 0x1, 0x2, 0x8, 0x10, 0x20
ACC_VARARGS, ACC_NATIVE, ACC_INTERFACE, ACC_ABSTRACT, ACC_ENUM = 0x80, 0x100, 0x200, 0x400, 0x4000

UTF8, INTEGER, FLOAT, LONG, DOUBLE, CLASS, STRING, FIELD, METHOD, INTERFACE_METHOD, NAME_AND_TYPE = (
    1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
)  # fmt: skip
METHOD_HANDLE, METHOD_TYPE, DYNAMIC, INVOKE_DYNAMIC, MODULE, PACKAGE = 15, 16, 17, 18, 19, 20

# JVMS table 4.4-A: how many bytes follow the tag (a UTF-8 entry carries its own length)
ENTRY_BYTES: Final = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2,
                      20: 2}  # fmt: skip
TAG_NAMES: Final = {
    UTF8: "Utf8", INTEGER: "Integer", FLOAT: "Float", LONG: "Long", DOUBLE: "Double", CLASS: "Class", STRING: "String",
    FIELD: "Fieldref", METHOD: "Methodref", INTERFACE_METHOD: "InterfaceMethodref", NAME_AND_TYPE: "NameAndType",
    METHOD_HANDLE: "MethodHandle", METHOD_TYPE: "MethodType", DYNAMIC: "Dynamic", INVOKE_DYNAMIC: "InvokeDynamic",
    MODULE: "Module", PACKAGE: "Package",
}  # fmt: skip

_u2 = struct.Struct(">H").unpack_from
_u4 = struct.Struct(">I").unpack_from


@dataclass(frozen=True, slots=True)
class ClassRef:
    name: str


@dataclass(frozen=True, slots=True)
class StringRef:
    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A loadable number; `kind` is its descriptor letter I, J, F or D."""

    kind: str
    value: int | float


@dataclass(frozen=True, slots=True)
class NameAndType:
    name: str
    descriptor: str


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A field or method as the program names it."""

    owner: str
    name: str
    descriptor: str


@dataclass(frozen=True, slots=True)
class HandleRef:
    """A method handle (JVMS 4.4.8); `kind` is its reference kind, 1 to 9."""

    kind: int
    member: MemberRef


@dataclass(frozen=True, slots=True)
class TypeRef:
    descriptor: str


@dataclass(frozen=True, slots=True)
class CallSiteRef:
    """An `invokedynamic` call site or a dynamic constant, with the number of its bootstrap method."""

    bootstrap: int
    name: str
    descriptor: str


@dataclass(frozen=True, slots=True)
class Bootstrap:
    handle: HandleRef
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Handler:
    """One row of an exception table; `catch` is None where everything is caught."""

    start: int
    end: int
    target: int
    catch: str | None


@dataclass(frozen=True, slots=True)
class Code:
    max_stack: int
    max_locals: int
    code: bytes
    handlers: tuple[Handler, ...]
    lines: tuple[tuple[int, int], ...]
    names: tuple[tuple[int, int, int, str], ...] = ()  # start, end, slot, name; only with `javac -g`


@dataclass(frozen=True, slots=True)
class Member:
    """A declared field or method; its attributes stay bytes until they are asked for."""

    access: int
    name: str
    descriptor: str
    attributes: dict[str, tuple[int, int]]


class Pool:
    """The constant pool: `pool[index]` is the decoded entry."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name
        self.offsets: list[int] = [0]
        self.entries: dict[int, Any] = {}
        self.end = self._measure()

    def _measure(self) -> int:
        """Find where each entry starts; return where the pool ends."""
        data, offsets, size = self.data, self.offsets, len(self.data)
        count, at = _u2(data, 8)[0], 10
        while len(offsets) < count:
            if at + 3 > size:
                raise ClassFormatError(self.name, f"constant #{len(offsets)}", at, "the file ends here")
            tag = data[at]
            offsets.append(at)
            if tag == UTF8:
                at += 3 + _u2(data, at + 1)[0]
            elif tag in ENTRY_BYTES:
                at += 1 + ENTRY_BYTES[tag]
                if tag in (LONG, DOUBLE):
                    offsets.append(0)  # "in retrospect, making 8-byte constants take two entries was a poor choice"
            else:
                raise ClassFormatError(self.name, f"constant #{len(offsets) - 1}", at, f"unknown tag {tag}")
        if at > size or len(offsets) > max(count, 1):
            raise ClassFormatError(self.name, "constant pool", at, "it runs past its end")
        return at

    def __len__(self) -> int:
        return len(self.offsets)

    def tag(self, index: int) -> int:
        if not 0 < index < len(self.offsets) or not self.offsets[index]:
            raise ClassFormatError(self.name, f"constant #{index}", 8, f"no such entry among {len(self.offsets)}")
        return self.data[self.offsets[index]]

    def get(self, index: int, *tags: int) -> Any:
        """The entry at `index`, which must have one of `tags`."""
        tag = self.tag(index)
        if tag not in tags:
            wanted = " or ".join(TAG_NAMES[tag] for tag in tags)
            raise ClassFormatError(
                self.name, f"constant #{index}", self.offsets[index], f"is a {TAG_NAMES[tag]}, not a {wanted}"
            )
        return self[index]

    def utf8(self, index: int) -> str:
        text: str = self.get(index, UTF8)
        return text

    def class_name(self, index: int) -> str:
        ref: ClassRef = self.get(index, CLASS)
        return ref.name

    def __getitem__(self, index: int) -> Any:
        if index not in self.entries:
            self.entries[index] = self._decode(self.tag(index), self.offsets[index] + 1)
        return self.entries[index]

    def _decode(self, tag: int, at: int) -> Any:
        data = self.data
        first = _u2(data, at)[0]
        match tag:
            case 1:  # Utf8
                return modified_utf8(data[at + 2 : at + 2 + first], self.name, at)
            case 3 | 4 | 5 | 6:  # Integer, Float, Long, Double
                kind, form = {INTEGER: ("I", ">i"), FLOAT: ("F", ">f"), LONG: ("J", ">q"), DOUBLE: ("D", ">d")}[tag]
                return Number(kind, struct.unpack_from(form, data, at)[0])
            case 7:  # Class
                name = self.utf8(first)
                if not name or (any(mark in name for mark in ".;") and not name.startswith("[")):
                    raise ClassFormatError(self.name, "class name", at, f"{name!r} is none")
                if name.startswith("["):
                    check_descriptor(self.name, name, at)
                return ClassRef(name)
            case 8:  # String
                return StringRef(self.utf8(first))
            case 9 | 10 | 11:  # Fieldref, Methodref, InterfaceMethodref
                named: NameAndType = self.get(_u2(data, at + 2)[0], NAME_AND_TYPE)
                if named.descriptor.startswith("(") == (tag == FIELD):
                    raise ClassFormatError(self.name, TAG_NAMES[tag], at, f"{named.descriptor!r} is the wrong kind")
                return MemberRef(self.class_name(first), named.name, named.descriptor)
            case 12:  # NameAndType
                descriptor = self.utf8(_u2(data, at + 2)[0])
                check_descriptor(self.name, descriptor, at)
                return NameAndType(self.utf8(first), descriptor)
            case 15:  # MethodHandle
                member = self.get(_u2(data, at + 1)[0], FIELD, METHOD, INTERFACE_METHOD)
                if not 1 <= data[at] <= 9:
                    raise ClassFormatError(self.name, "method handle", at, f"reference kind {data[at]}")
                return HandleRef(data[at], member)
            case 16:  # MethodType
                return TypeRef(self.utf8(first))
            case 17 | 18:  # Dynamic, InvokeDynamic
                named = self.get(_u2(data, at + 2)[0], NAME_AND_TYPE)
                return CallSiteRef(first, named.name, named.descriptor)
        return self.utf8(first)  # Module, Package


class ClassFile:
    """A class file taken apart."""

    def __init__(self, data: bytes, name: str = "?") -> None:
        self.data, self.file_name = data, name
        if len(data) < 10 or _u4(data, 0)[0] != MAGIC:
            raise ClassFormatError(
                name, "magic number", 0, f"expected CAFEBABE, found {data[:4].hex().upper() or 'nothing'}"
            )
        self.major = _u2(data, 6)[0]
        if not 45 <= self.major <= NEWEST_MAJOR:
            raise ClassFormatError(
                name, "version", 4, f"major version {self.major} is not between 45 and {NEWEST_MAJOR}"
            )
        self.pool = Pool(data, name)
        try:
            self._read_body(self.pool.end)
        except (struct.error, IndexError):
            raise ClassFormatError(name, "class body", len(data), "the file ends here") from None

    def _read_body(self, at: int) -> None:
        data, pool = self.data, self.pool
        self.access, this_class, super_class, count = struct.unpack_from(">HHHH", data, at)
        self.name = pool.class_name(this_class)
        self.super_name = pool.class_name(super_class) if super_class else None
        at += 8
        self.interfaces = [pool.class_name(_u2(data, at + 2 * i)[0]) for i in range(count)]
        self.fields, at = self._members(at + 2 * count, "field")
        self.methods, at = self._members(at, "method")
        self.attributes, at = self._attributes(at, "class")
        if at != len(data):
            raise ClassFormatError(self.file_name, "class body", at, f"{len(data) - at} bytes too many")

    def _members(self, at: int, what: str) -> tuple[list[Member], int]:
        count = _u2(self.data, at)[0]
        at += 2
        members = []
        for number in range(count):
            access, name, descriptor = struct.unpack_from(">HHH", self.data, at)
            attributes, after = self._attributes(at + 6, f"{what} {number}")
            member = Member(access, self.pool.utf8(name), self.pool.utf8(descriptor), attributes)
            if member.descriptor.startswith("(") != (what == "method"):
                raise ClassFormatError(self.file_name, f"{what} {member.name}", at, f"descriptor {member.descriptor!r}")
            members.append(member)
            at = after
        return members, at

    def _attributes(self, at: int, owner: str) -> tuple[dict[str, tuple[int, int]], int]:
        """Where each attribute's bytes lie: name to (start, end)."""
        data = self.data
        count = _u2(data, at)[0]
        at += 2
        found = {}
        for _ in range(count):
            name = self.pool.utf8(_u2(data, at)[0])
            start = at + 6
            at = start + _u4(data, at + 2)[0]
            if at > len(data):
                raise ClassFormatError(
                    self.file_name, f"attribute {name} of {owner}", start - 6, "it runs past the end of the file"
                )
            found[name] = (start, at)
        return found, at

    def check(self) -> None:
        """Decode everything: what a damaged file hides is found now and not while the program runs."""
        for index, offset in enumerate(self.pool.offsets):
            if offset:
                self.pool[index]
        for member in self.fields + self.methods:
            check_descriptor(self.file_name, member.descriptor, 0)
        for method in self.methods:
            code = self.code(method)
            has_code, wants_code = code is not None, not method.access & (ACC_NATIVE | ACC_ABSTRACT)
            if has_code != wants_code:
                cause = "has code and must not" if has_code else "has no code"
                raise ClassFormatError(self.file_name, f"method {method.name}{method.descriptor}", 0, cause)
        self.bootstraps()
        self.record_components()

    def code(self, method: Member) -> Code | None:
        """The method's Code attribute (JVMS 4.7.3), or None."""
        if "Code" not in method.attributes:
            return None
        at, end = method.attributes["Code"]
        place = f"code of {method.name}{method.descriptor}"
        try:
            return self._code(at, end, place)
        except (struct.error, IndexError):
            raise ClassFormatError(self.file_name, place, at, "it runs past the end of the file") from None

    def _code(self, at: int, end: int, place: str) -> Code:
        data, pool = self.data, self.pool
        max_stack, max_locals, length = struct.unpack_from(">HHI", data, at)
        code = data[at + 8 : at + 8 + length]
        if not 0 < length < 65536 or at + 8 + length > end:
            raise ClassFormatError(self.file_name, place, at, f"a length of {length} bytes")
        at += 8 + length
        handlers = []
        for _ in range(_u2(data, at)[0]):
            start, stop, target, catch = struct.unpack_from(">HHHH", data, at + 2)
            if not (start < stop <= length and target < length):
                raise ClassFormatError(
                    self.file_name, f"{place}, exception table", at + 2, f"{start}..{stop} to {target}"
                )
            handlers.append(Handler(start, stop, target, pool.class_name(catch) if catch else None))
            at += 8
        attributes, _ = self._attributes(at + 2, place)
        return Code(max_stack, max_locals, code, tuple(handlers), tuple(self._lines(attributes)),
                    tuple(self._local_names(attributes)))  # fmt: skip

    def _lines(self, attributes: dict[str, tuple[int, int]]) -> Iterator[tuple[int, int]]:
        if "LineNumberTable" in attributes:
            at, end = attributes["LineNumberTable"]
            yield from struct.iter_unpack(">HH", self.data[at + 2 : at + 2 + (end - at - 2) // 4 * 4])

    def _local_names(self, attributes: dict[str, tuple[int, int]]) -> Iterator[tuple[int, int, int, str]]:
        if "LocalVariableTable" in attributes:
            at, end = attributes["LocalVariableTable"]
            for start, length, name, _, slot in struct.iter_unpack(
                ">HHHHH", self.data[at + 2 : at + 2 + (end - at - 2) // 10 * 10]
            ):
                yield start, start + length, slot, self.pool.utf8(name)

    def constant_value(self, field: Member) -> Any:
        """The entry that a static field starts with, or None (JVMS 4.7.2)."""
        if "ConstantValue" not in field.attributes:
            return None
        at, end = field.attributes["ConstantValue"]
        if end - at != 2:
            raise ClassFormatError(self.file_name, f"constant of {field.name}", at, f"{end - at} bytes, not 2")
        return self.pool.get(_u2(self.data, at)[0], INTEGER, FLOAT, LONG, DOUBLE, STRING)

    def bootstraps(self) -> list[Bootstrap]:
        return self._table("BootstrapMethods", self._bootstrap)

    def _bootstrap(self, at: int) -> tuple[Bootstrap, int]:
        handle, count = struct.unpack_from(">HH", self.data, at)
        arguments = tuple(self.pool[_u2(self.data, at + 4 + 2 * i)[0]] for i in range(count))
        return Bootstrap(self.pool.get(handle, METHOD_HANDLE), arguments), at + 4 + 2 * count

    def record_components(self) -> list[NameAndType]:
        return self._table("Record", self._component)

    def _component(self, at: int) -> tuple[NameAndType, int]:
        name, descriptor = struct.unpack_from(">HH", self.data, at)
        _, after = self._attributes(at + 4, "record component")
        return NameAndType(self.pool.utf8(name), self.pool.utf8(descriptor)), after

    def _table(self, attribute: str, row: Callable[[int], tuple[Any, int]]) -> list[Any]:
        """The rows of an attribute that is a counted table."""
        if attribute not in self.attributes:
            return []
        at, _ = self.attributes[attribute]
        rows = []
        try:
            count = _u2(self.data, at)[0]
            at += 2
            for _ in range(count):
                entry, at = row(at)
                rows.append(entry)
        except (struct.error, IndexError):
            raise ClassFormatError(self.file_name, attribute, at, "it runs past the end of the file") from None
        return rows

    def source_file(self) -> str | None:
        if "SourceFile" not in self.attributes:
            return None
        return self.pool.utf8(_u2(self.data, self.attributes["SourceFile"][0])[0])

    def inner_flags(self) -> tuple[int, str | None] | None:
        """Access and simple name of this class where it is an inner class (JVMS 4.7.6)."""
        if "InnerClasses" in self.attributes:
            at, _ = self.attributes["InnerClasses"]
            for i in range(_u2(self.data, at)[0]):
                inner, _, name, access = struct.unpack_from(">HHHH", self.data, at + 2 + 8 * i)
                if self.pool.class_name(inner) == self.name:
                    return access, self.pool.utf8(name) if name else None
        return None


def modified_utf8(raw: bytes, name: str, at: int) -> str:
    """Text as UTF-16 units in a Python string: a pair of surrogates stays a pair (JVMS 4.4.7)."""
    if raw.isascii():
        return raw.decode("ascii")
    try:
        text = raw.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ClassFormatError(name, "Utf8 constant", at + error.start, error.reason) from None
    return utf16_units(text)


def utf16_units(text: str) -> str:
    """`text` with every character above the basic plane as its two surrogates, which is how Java counts."""
    if text.isascii() or max(text) < "\U00010000":
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(map(chr, struct.unpack(f">{len(units) // 2}H", units)))


def parse_descriptor(descriptor: str) -> tuple[list[str], str]:
    """Parameter types and return type of a method descriptor (JVMS 4.3.3): `(I[JLX;)V` is (['I', '[J', 'LX;'], 'V')."""
    types, at = [], 1
    while descriptor[at] != ")":
        after = _type_end(descriptor, at)
        types.append(descriptor[at:after])
        at = after
    return types, descriptor[at + 1 :]


def _type_end(descriptor: str, at: int) -> int:
    while descriptor[at] == "[":
        at += 1
    if descriptor[at] == "L":
        return descriptor.index(";", at) + 1
    if descriptor[at] not in "BCDFIJSZ":
        raise ValueError(descriptor)
    return at + 1


def check_descriptor(name: str, descriptor: str, at: int) -> None:
    """Refuse what is neither a field's nor a method's descriptor."""
    try:
        if descriptor.startswith("("):
            types, result = parse_descriptor(descriptor)
            good = len(types) < 256 and (result == "V" or _type_end(result, 0) == len(result))
        else:
            good = _type_end(descriptor, 0) == len(descriptor)
    except (ValueError, IndexError):
        good = False
    if not good:
        raise ClassFormatError(name, "descriptor", at, f"{descriptor!r} is none")
