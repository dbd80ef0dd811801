"""String, StringBuilder and StringBuffer on Python's strings.

A String keeps its text in `text`, a builder its characters in the list `chars`, one for each UTF-16 unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cutaway.jvm.arithmetic import i8, i32
from cutaway.jvm.classfile import utf16_units
from cutaway.jvm.decimals import double_text, float_text
from cutaway.jvm.natives import native
from cutaway.jvm.problems import JavaError

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

STRING = "java/lang/String"


def index_error(index: int, length: int) -> JavaError:
    return JavaError("java/lang/StringIndexOutOfBoundsException", f"index {index}, length {length}")


def range_error(begin: int, end: int, length: int) -> JavaError:
    return JavaError("java/lang/StringIndexOutOfBoundsException", f"begin {begin}, end {end}, length {length}")


# String: making one


@native(STRING, "<init>()V")
def make_empty(this: Any) -> None:
    this.text = ""


@native(STRING, "<init>(Ljava/lang/String;)V")
def make_copy(this: Any, other: Any) -> None:
    this.text = other.text


@native(STRING, "<init>([C)V")
def make_from_chars(this: Any, chars: Any) -> None:
    this.text = "".join(map(chr, chars.data))


@native(STRING, "<init>([CII)V")
def make_from_some_chars(this: Any, chars: Any, offset: int, count: int) -> None:
    check_range(offset, count, len(chars.data))
    this.text = "".join(map(chr, chars.data[offset : offset + count]))


def check_range(offset: int, count: int, length: int) -> None:
    if offset < 0 or count < 0 or offset + count > length:
        raise JavaError("java/lang/StringIndexOutOfBoundsException", f"offset {offset}, count {count}, length {length}")


@native(STRING, "<init>([III)V")
def make_from_code_points(this: Any, points: Any, offset: int, count: int) -> None:
    check_range(offset, count, len(points.data))
    this.text = utf16_units("".join(map(chr, points.data[offset : offset + count])))


@native(STRING, "<init>([B)V", "<init>([BLjava/nio/charset/Charset;)V", "<init>([BLjava/lang/String;)V")
def make_from_bytes(this: Any, raw: Any, charset: Any = None) -> None:
    make_from_some_bytes(this, raw, 0, len(raw.data), charset)


@native(STRING, "<init>([BIII)V", "<init>([BI)V")
def make_from_low_bytes(this: Any, raw: Any, high: int, offset: int = 0, count: int | None = None) -> None:
    part = raw.data[offset:] if count is None else raw.data[offset : offset + count]
    this.text = "".join(chr(high << 8 | byte & 255) for byte in part)


@native(STRING, "<init>([BII)V", "<init>([BIILjava/nio/charset/Charset;)V", "<init>([BIILjava/lang/String;)V")
def make_from_some_bytes(this: Any, raw: Any, offset: int, count: int, charset: Any = None) -> None:
    check_range(offset, count, len(raw.data))
    content = bytes(byte & 255 for byte in raw.data[offset : offset + count])
    this.text = utf16_units(content.decode(codec(charset), "replace"))


@native(STRING, "<init>(Ljava/lang/StringBuilder;)V", "<init>(Ljava/lang/StringBuffer;)V")
def make_from_builder(this: Any, builder: Any) -> None:
    this.text = "".join(builder.chars)


def codec(charset: Any) -> str:
    """Python's name for a Charset object or a charset's name; Java's default is UTF-8."""
    if charset is None:
        return "utf-8"
    name = charset.text if hasattr(charset, "text") else charset.f_name.text
    if name.upper() not in ("UTF-8", "US-ASCII", "ISO-8859-1", "UTF-16", "UTF-16BE", "UTF-16LE"):
        raise JavaError("java/io/UnsupportedEncodingException", name)
    return str(name)


def encode(text: str, codec_name: str = "utf-8") -> bytes:
    """UTF-16 units as bytes; a lone surrogate becomes a question mark, as in Java."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\ufffd", "?") if any(
        "\ud800" <= char <= "\udfff" for char in text) else text  # fmt: skip
    return whole.encode(codec_name, "replace")


# String: looking at one


@native(STRING, "length()I")
def length(this: Any) -> int:
    return len(this.text)


@native(STRING, "charAt(I)C")
def char_at(this: Any, index: int) -> int:
    if index < 0 or index >= len(this.text):
        if any(char > "\xff" for char in this.text):  # kept in two bytes a character, whose check has other words
            raise index_error(index, len(this.text))
        text = f"Index {index} out of bounds for length {len(this.text)}"
        raise JavaError("java/lang/StringIndexOutOfBoundsException", text)
    return ord(this.text[index])


@native(STRING, "codePointAt(I)I")
def code_point_at(this: Any, index: int) -> int:
    if not 0 <= index < len(this.text):
        raise index_error(index, len(this.text))
    return point_at(this.text, index)


def point_at(text: str, index: int) -> int:
    first = ord(text[index])
    if 0xD800 <= first < 0xDC00 and index + 1 < len(text) and 0xDC00 <= ord(text[index + 1]) < 0xE000:
        return 0x10000 + (first - 0xD800 << 10) + ord(text[index + 1]) - 0xDC00
    return first


@native(STRING, "codePointCount(II)I")
def code_point_count(this: Any, begin: int, end: int) -> int:
    if not 0 <= begin <= end <= len(this.text):
        raise JavaError("java/lang/IndexOutOfBoundsException")
    return len(this.text[begin:end].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


@native(STRING, "isEmpty()Z")
def is_empty(this: Any) -> int:
    return int(not this.text)


@native(STRING, "isBlank()Z")
def is_blank(this: Any) -> int:
    return int(not this.text.strip(JAVA_WHITE))


@native(STRING, "hashCode()I")
def hash_code(this: Any) -> int:
    try:
        known: int = this.hash
        return known
    except AttributeError:
        value = 0
        for char in this.text:
            value = value * 31 + ord(char) & 0xFFFFFFFF
        this.hash = value = i32(value)
        return value


@native(STRING, "equals(Ljava/lang/Object;)Z")
def equals(this: Any, other: Any) -> int:
    return int(this is other or (type(other) is type(this) and this.text == other.text))


@native(STRING, "equalsIgnoreCase(Ljava/lang/String;)Z")
def equals_ignore_case(this: Any, other: Any) -> int:
    return int(other is not None and len(this.text) == len(other.text) and folded(this.text) == folded(other.text))


def folded(text: str) -> list[str]:
    return [char.upper().lower() if len(char.upper()) == 1 else char.lower() for char in text]


@native(STRING, "compareTo(Ljava/lang/String;)I")
def compare_to(this: Any, other: Any) -> int:
    if other is None:
        why = 'Cannot read field "value" because "anotherString" is null'
        raise JavaError("java/lang/NullPointerException", why)
    return compared(this.text, other.text)


@native(STRING, "compareToIgnoreCase(Ljava/lang/String;)I")
def compare_to_ignore_case(this: Any, other: Any) -> int:
    return compared("".join(folded(this.text)), "".join(folded(other.text)))


@native("java/lang/String$CaseInsensitiveComparator", "compare(Ljava/lang/String;Ljava/lang/String;)I")
def compare_ignoring_case(this: Any, left: Any, right: Any) -> int:
    return int(compare_to_ignore_case(left, right))


def compared(mine: str, theirs: str) -> int:
    for left, right in zip(mine, theirs, strict=False):
        if left != right:
            return ord(left) - ord(right)
    return len(mine) - len(theirs)


@native(STRING, "startsWith(Ljava/lang/String;)Z")
def starts_with(this: Any, prefix: Any) -> int:
    return int(this.text.startswith(prefix.text))


@native(STRING, "startsWith(Ljava/lang/String;I)Z")
def starts_with_at(this: Any, prefix: Any, offset: int) -> int:
    return int(0 <= offset <= len(this.text) and this.text.startswith(prefix.text, offset))


@native(STRING, "endsWith(Ljava/lang/String;)Z")
def ends_with(this: Any, suffix: Any) -> int:
    return int(this.text.endswith(suffix.text))


@native(STRING, "contains(Ljava/lang/CharSequence;)Z")
def contains(vm: Machine, this: Any, part: Any) -> int:
    return int(vm.text_of(not_none(part)) in this.text)


def not_none(value: Any) -> Any:
    if value is None:
        raise JavaError("java/lang/NullPointerException")
    return value


@native(STRING, "contentEquals(Ljava/lang/CharSequence;)Z")
def content_equals(vm: Machine, this: Any, other: Any) -> int:
    return int(vm.text_of(not_none(other)) == this.text)


@native(STRING, "indexOf(I)I", "indexOf(II)I")
def index_of_char(this: Any, char: int, start: int = 0) -> int:
    return int(this.text.find(utf16_units(chr(char)), max(start, 0))) if 0 <= char <= 0x10FFFF else -1


@native(STRING, "indexOf(Ljava/lang/String;)I", "indexOf(Ljava/lang/String;I)I")
def index_of(this: Any, part: Any, start: int = 0) -> int:
    start = min(max(start, 0), len(this.text))
    return int(this.text.find(part.text, start))


@native(STRING, "lastIndexOf(I)I")
def last_index_of_char(this: Any, char: int) -> int:
    return int(this.text.rfind(chr(char)))


@native(STRING, "lastIndexOf(II)I")
def last_index_of_char_from(this: Any, char: int, start: int) -> int:
    return int(this.text.rfind(chr(char), 0, start + 1) if start >= 0 else -1)


@native(STRING, "lastIndexOf(Ljava/lang/String;)I")
def last_index_of(this: Any, part: Any) -> int:
    return int(this.text.rfind(part.text))


@native(STRING, "lastIndexOf(Ljava/lang/String;I)I")
def last_index_of_from(this: Any, part: Any, start: int) -> int:
    return int(this.text.rfind(part.text, 0, start + len(part.text)) if start >= 0 else -1)


@native(STRING, "regionMatches(ILjava/lang/String;II)Z")
def region_matches(this: Any, mine: int, other: Any, theirs: int, count: int) -> int:
    return int(region_matches_case(this, 0, mine, other, theirs, count))


@native(STRING, "regionMatches(ZILjava/lang/String;II)Z")
def region_matches_case(this: Any, ignore: int, mine: int, other: Any, theirs: int, count: int) -> int:
    if mine < 0 or theirs < 0 or mine + count > len(this.text) or theirs + count > len(other.text):
        return 0
    left, right = this.text[mine : mine + max(count, 0)], other.text[theirs : theirs + max(count, 0)]
    return int(left == right or (bool(ignore) and folded(left) == folded(right)))


# String: making another of it


@native(STRING, "substring(I)Ljava/lang/String;")
def substring_from(vm: Machine, this: Any, begin: int) -> Any:
    if not 0 <= begin <= len(this.text):
        raise range_error(begin, len(this.text), len(this.text))
    return vm.string(this.text[begin:]) if begin else this


@native(STRING, "substring(II)Ljava/lang/String;", "subSequence(II)Ljava/lang/CharSequence;")
def substring(vm: Machine, this: Any, begin: int, end: int) -> Any:
    text = this.text
    if not 0 <= begin <= end <= len(text):
        raise range_error(begin, end, len(text))
    return this if not begin and end == len(text) else vm.string(text[begin:end])


def mapped(change: Callable[[str], str]) -> Callable[..., Any]:
    """A native that gives the changed text, or the same object where nothing changed."""

    def apply(vm: Machine, this: Any, *_: Any) -> Any:
        changed = change(this.text)
        return this if changed == this.text else vm.string(changed)

    return apply


JAVA_WHITE = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009"
JAVA_WHITE += "\u200a\u2028\u2029\u205f\u3000"
CONTROL_AND_SPACE = "".join(map(chr, range(33)))


def upper(text: str) -> str:
    return text.upper()


def lower(text: str) -> str:
    return text.lower()


native(STRING, "trim()Ljava/lang/String;")(mapped(lambda text: text.strip(CONTROL_AND_SPACE)))
native(STRING, "strip()Ljava/lang/String;")(mapped(lambda text: text.strip(JAVA_WHITE)))
native(STRING, "stripLeading()Ljava/lang/String;")(mapped(lambda text: text.lstrip(JAVA_WHITE)))
native(STRING, "stripTrailing()Ljava/lang/String;")(mapped(lambda text: text.rstrip(JAVA_WHITE)))
native(STRING, "toUpperCase()Ljava/lang/String;", "toUpperCase(Ljava/util/Locale;)Ljava/lang/String;")(mapped(upper))
native(STRING, "toLowerCase()Ljava/lang/String;", "toLowerCase(Ljava/util/Locale;)Ljava/lang/String;")(mapped(lower))


@native(STRING, "indexOfNonWhitespace()I")
def index_of_non_whitespace(this: Any) -> int:
    return len(this.text) - len(this.text.lstrip(JAVA_WHITE))


@native(STRING, "lastIndexOfNonWhitespace()I")
def last_index_of_non_whitespace(this: Any) -> int:
    return len(this.text.rstrip(JAVA_WHITE))


@native(STRING, "concat(Ljava/lang/String;)Ljava/lang/String;")
def concat(vm: Machine, this: Any, other: Any) -> Any:
    return vm.string(this.text + other.text) if other.text else this


@native(STRING, "replace(CC)Ljava/lang/String;")
def replace_char(vm: Machine, this: Any, old: int, new: int) -> Any:
    changed = this.text.replace(chr(old), chr(new))
    return this if changed == this.text else vm.string(changed)


@native(STRING, "replace(Ljava/lang/CharSequence;Ljava/lang/CharSequence;)Ljava/lang/String;")
def replace(vm: Machine, this: Any, old: Any, new: Any) -> Any:
    before, after = vm.text_of(not_none(old)), vm.text_of(not_none(new))
    return vm.string(this.text.replace(before, after)) if before in this.text else this


@native(STRING, "repeat(I)Ljava/lang/String;")
def repeat(vm: Machine, this: Any, count: int) -> Any:
    if count < 0:
        raise JavaError("java/lang/IllegalArgumentException", f"count is negative: {count}")
    if count * len(this.text) > 1 << 28:
        raise JavaError("java/lang/OutOfMemoryError", "Java heap space")
    return this if count == 1 else vm.string(this.text * count)


@native(STRING, "intern()Ljava/lang/String;")
def intern(vm: Machine, this: Any) -> Any:
    return vm.literals.setdefault(this.text, this)


@native(STRING, "toString()Ljava/lang/String;")
def to_string(this: Any) -> Any:
    return this


@native(STRING, "toCharArray()[C")
def to_char_array(vm: Machine, this: Any) -> Any:
    return vm.array("[C", list(map(ord, this.text)))


@native(STRING, "getChars(II[CI)V")
def get_chars(this: Any, begin: int, end: int, target: Any, at: int) -> None:
    if not 0 <= begin <= end <= len(this.text):
        raise range_error(begin, end, len(this.text))
    copy_chars(map(ord, this.text[begin:end]), end - begin, target, at)


def copy_chars(numbers: Any, count: int, target: Any, at: int) -> None:
    if at < 0 or at + count > len(target.data):
        raise JavaError(
            "java/lang/ArrayIndexOutOfBoundsException", f"offset {at}, count {count}, length {len(target.data)}"
        )
    target.data[at : at + count] = numbers


@native(STRING, "getBytes()[B", "getBytes(Ljava/nio/charset/Charset;)[B", "getBytes(Ljava/lang/String;)[B")
def get_bytes(vm: Machine, this: Any, charset: Any = None) -> Any:
    return vm.array("[B", [i8(byte) for byte in encode(this.text, codec(charset))])


@native(STRING, "lines()Ljava/util/stream/Stream;")
def lines(vm: Machine, this: Any) -> Any:
    parts = re.split(r"\r\n|\r|\n", this.text)
    if parts[-1] == "":
        parts.pop()
    array = vm.array("[Ljava/lang/String;", [vm.string(part) for part in parts])
    arrays = vm.klass("java/util/Arrays")
    return arrays.methods["stream([Ljava/lang/Object;)Ljava/util/stream/Stream;"].function(array)


@native(STRING, "join(Ljava/lang/CharSequence;[Ljava/lang/CharSequence;)Ljava/lang/String;")
def join_array(vm: Machine, separator: Any, parts: Any) -> Any:
    return vm.string(vm.text_of(not_none(separator)).join(map(vm.text_of, parts.data)))


@native(STRING, "join(Ljava/lang/CharSequence;Ljava/lang/Iterable;)Ljava/lang/String;")
def join_iterable(vm: Machine, separator: Any, parts: Any) -> Any:
    iterator = vm.call(parts, "iterator()Ljava/util/Iterator;")
    texts = []
    while vm.call(iterator, "hasNext()Z"):
        texts.append(vm.text_of(vm.call(iterator, "next()Ljava/lang/Object;")))
    return vm.string(vm.text_of(not_none(separator)).join(texts))


@native(
    STRING,
    "join(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;[Ljava/lang/String;I)Ljava/lang/String;",
)
def join_parts(vm: Machine, prefix: Any, suffix: Any, separator: Any, parts: Any, count: int) -> Any:
    return vm.string(prefix.text + separator.text.join(map(vm.text_of, parts.data[:count])) + suffix.text)


# String.valueOf


@native(STRING, "valueOf(I)Ljava/lang/String;", "valueOf(J)Ljava/lang/String;")
def of_int(vm: Machine, value: int) -> Any:
    return vm.string(str(value))


@native(STRING, "valueOf(C)Ljava/lang/String;")
def of_char(vm: Machine, value: int) -> Any:
    return vm.string(chr(value))


@native(STRING, "valueOf(Z)Ljava/lang/String;")
def of_boolean(vm: Machine, value: int) -> Any:
    return vm.intern("true" if value else "false")


@native(STRING, "valueOf(D)Ljava/lang/String;")
def of_double(vm: Machine, value: float) -> Any:
    return vm.string(double_text(value))


@native(STRING, "valueOf(F)Ljava/lang/String;")
def of_float(vm: Machine, value: float) -> Any:
    return vm.string(float_text(value))


@native(STRING, "valueOf([C)Ljava/lang/String;", "copyValueOf([C)Ljava/lang/String;")
def of_chars(vm: Machine, chars: Any) -> Any:
    return vm.string("".join(map(chr, chars.data)))


@native(STRING, "valueOf([CII)Ljava/lang/String;", "copyValueOf([CII)Ljava/lang/String;")
def of_some_chars(vm: Machine, chars: Any, offset: int, count: int) -> Any:
    check_range(offset, count, len(chars.data))
    return vm.string("".join(map(chr, chars.data[offset : offset + count])))


@native(STRING, "valueOfCodePoint(I)Ljava/lang/String;")
def of_code_point(vm: Machine, point: int) -> Any:
    return vm.string(utf16_units(chr(point)))


# StringBuilder and StringBuffer

BUILDERS = ("java/lang/StringBuilder", "java/lang/StringBuffer", "java/lang/AbstractStringBuilder")
RESULTS = {owner: f"L{owner};" for owner in BUILDERS}


def builder(*keys: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A native of all three builder classes; `~` stands for the class itself in a key."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for owner in BUILDERS:
            native(owner, *(key.replace("~", RESULTS[owner]) for key in keys))(function)
        return function

    return register


@builder("<init>()V", "<init>(I)V")
def make_builder(this: Any, capacity: int = 0) -> None:
    if capacity < 0:
        raise JavaError("java/lang/NegativeArraySizeException", str(capacity))
    this.chars = []


@builder("<init>(Ljava/lang/String;)V")
def make_builder_of(this: Any, text: Any) -> None:
    this.chars = list(text.text)


@builder("<init>(Ljava/lang/CharSequence;)V")
def make_builder_of_sequence(vm: Machine, this: Any, text: Any) -> None:
    this.chars = list(vm.text_of(not_none(text)))


@builder("append(Ljava/lang/String;)~")
def append(this: Any, text: Any) -> Any:
    this.chars.extend("null" if text is None else text.text)
    return this


@builder("append(C)~")
def append_char(this: Any, char: int) -> Any:
    this.chars.append(chr(char))
    return this


@builder("append(I)~", "append(J)~")
def append_int(this: Any, value: int) -> Any:
    this.chars.extend(str(value))
    return this


@builder("append(Z)~")
def append_boolean(this: Any, value: int) -> Any:
    this.chars.extend("true" if value else "false")
    return this


@builder("append(D)~")
def append_double(this: Any, value: float) -> Any:
    this.chars.extend(double_text(value))
    return this


@builder("append(F)~")
def append_float(this: Any, value: float) -> Any:
    this.chars.extend(float_text(value))
    return this


@builder("append(Ljava/lang/Object;)~", "append(Ljava/lang/CharSequence;)~", "append(Ljava/lang/StringBuffer;)~")
def append_object(vm: Machine, this: Any, value: Any) -> Any:
    this.chars.extend(vm.text_of(value))
    return this


@builder("append([C)~")
def append_chars(this: Any, chars: Any) -> Any:
    this.chars.extend(map(chr, chars.data))
    return this


@builder("append([CII)~")
def append_some_chars(this: Any, chars: Any, offset: int, count: int) -> Any:
    check_range(offset, count, len(chars.data))
    this.chars.extend(map(chr, chars.data[offset : offset + count]))
    return this


@builder("append(Ljava/lang/CharSequence;II)~")
def append_part(vm: Machine, this: Any, text: Any, start: int, end: int) -> Any:
    whole = vm.text_of(text)
    if not 0 <= start <= end <= len(whole):
        raise JavaError("java/lang/IndexOutOfBoundsException", f"start {start}, end {end}, length {len(whole)}")
    this.chars.extend(whole[start:end])
    return this


@builder("appendCodePoint(I)~")
def append_code_point(this: Any, point: int) -> Any:
    this.chars.extend(utf16_units(chr(point)))
    return this


@builder("toString()Ljava/lang/String;")
def built(vm: Machine, this: Any) -> Any:
    return vm.string("".join(this.chars))


@builder("length()I")
def builder_length(this: Any) -> int:
    return len(this.chars)


@builder("capacity()I")
def capacity(this: Any) -> int:
    return max(16, len(this.chars))


@builder("ensureCapacity(I)V", "trimToSize()V")
def ensure_capacity(this: Any, wanted: int = 0) -> None:
    return None


@builder("charAt(I)C")
def builder_char_at(this: Any, index: int) -> int:
    if not 0 <= index < len(this.chars):
        raise JavaError("java/lang/StringIndexOutOfBoundsException", f"index {index}, length {len(this.chars)}")
    return ord(this.chars[index])


@builder("codePointAt(I)I")
def builder_code_point_at(this: Any, index: int) -> int:
    if not 0 <= index < len(this.chars):
        raise index_error(index, len(this.chars))
    return point_at("".join(this.chars[index : index + 2]), 0)


@builder("setCharAt(IC)V")
def set_char_at(this: Any, index: int, char: int) -> None:
    if not 0 <= index < len(this.chars):
        raise JavaError("java/lang/StringIndexOutOfBoundsException", f"index {index}, length {len(this.chars)}")
    this.chars[index] = chr(char)


@builder("setLength(I)V")
def set_length(this: Any, count: int) -> None:
    if count < 0:
        raise JavaError("java/lang/StringIndexOutOfBoundsException", f"String index out of range: {count}")
    del this.chars[count:]
    this.chars.extend("\0" * (count - len(this.chars)))


@builder("deleteCharAt(I)~")
def delete_char_at(this: Any, index: int) -> Any:
    if not 0 <= index < len(this.chars):
        raise index_error(index, len(this.chars))
    del this.chars[index]
    return this


def clipped(this: Any, start: int, end: int) -> int:
    end = min(end, len(this.chars))
    if not 0 <= start <= end:
        raise JavaError(
            "java/lang/StringIndexOutOfBoundsException", f"start {start}, end {end}, length {len(this.chars)}"
        )
    return end


@builder("delete(II)~")
def delete(this: Any, start: int, end: int) -> Any:
    del this.chars[start : clipped(this, start, end)]
    return this


@builder("replace(IILjava/lang/String;)~")
def builder_replace(this: Any, start: int, end: int, text: Any) -> Any:
    this.chars[start : clipped(this, start, end)] = text.text
    return this


def insert(this: Any, at: int, text: str) -> Any:
    if not 0 <= at <= len(this.chars):
        raise JavaError("java/lang/StringIndexOutOfBoundsException", f"offset {at}, length {len(this.chars)}")
    this.chars[at:at] = text
    return this


@builder("insert(ILjava/lang/String;)~", "insert(ILjava/lang/Object;)~", "insert(ILjava/lang/CharSequence;)~")
def insert_object(vm: Machine, this: Any, at: int, value: Any) -> Any:
    return insert(this, at, vm.text_of(value))


@builder("insert(II)~", "insert(IJ)~")
def insert_int(this: Any, at: int, value: int) -> Any:
    return insert(this, at, str(value))


@builder("insert(IC)~")
def insert_char(this: Any, at: int, value: int) -> Any:
    return insert(this, at, chr(value))


@builder("insert(IZ)~")
def insert_boolean(this: Any, at: int, value: int) -> Any:
    return insert(this, at, "true" if value else "false")


@builder("insert(ID)~")
def insert_double(this: Any, at: int, value: float) -> Any:
    return insert(this, at, double_text(value))


@builder("insert(IF)~")
def insert_float(this: Any, at: int, value: float) -> Any:
    return insert(this, at, float_text(value))


@builder("insert(I[C)~")
def insert_chars(this: Any, at: int, value: Any) -> Any:
    return insert(this, at, "".join(map(chr, value.data)))


@builder("reverse()~")
def reverse(this: Any) -> Any:
    text = "".join(this.chars)
    if any("\ud800" <= char <= "\udbff" for char in this.chars):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    this.chars = list(utf16_units(text[::-1]))
    return this


@builder("substring(I)Ljava/lang/String;")
def builder_substring_from(vm: Machine, this: Any, start: int) -> Any:
    return builder_substring(vm, this, start, len(this.chars))


@builder("substring(II)Ljava/lang/String;", "subSequence(II)Ljava/lang/CharSequence;")
def builder_substring(vm: Machine, this: Any, start: int, end: int) -> Any:
    if not 0 <= start <= end <= len(this.chars):
        raise JavaError(
            "java/lang/StringIndexOutOfBoundsException", f"start {start}, end {end}, length {len(this.chars)}"
        )
    return vm.string("".join(this.chars[start:end]))


@builder("indexOf(Ljava/lang/String;)I", "indexOf(Ljava/lang/String;I)I")
def builder_index_of(this: Any, part: Any, start: int = 0) -> int:
    return "".join(this.chars).find(part.text, min(max(start, 0), len(this.chars)))


@builder("lastIndexOf(Ljava/lang/String;)I")
def builder_last_index_of(this: Any, part: Any) -> int:
    return "".join(this.chars).rfind(part.text)


@builder("lastIndexOf(Ljava/lang/String;I)I")
def builder_last_index_of_from(this: Any, part: Any, start: int) -> int:
    return "".join(this.chars).rfind(part.text, 0, start + len(part.text)) if start >= 0 else -1


@builder("getChars(II[CI)V")
def builder_get_chars(this: Any, begin: int, end: int, target: Any, at: int) -> None:
    if not 0 <= begin <= end <= len(this.chars):
        raise range_error(begin, end, len(this.chars))
    copy_chars(map(ord, this.chars[begin:end]), end - begin, target, at)


@builder("compareTo(~)I")
def builder_compare(this: Any, other: Any) -> int:
    return compared("".join(this.chars), "".join(other.chars))
