"""What Java's library does since version 18 by way of classes that this machine leaves out, and says in other words.

StringJoiner joins through the access object of the runtime; BigInteger multiplies large numbers in tasks of a thread
pool. And of an index that does not fit a string, each version says something else.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm.arithmetic import LONG_MIN, i32
from cutaway.jvm.classfile import utf16_units
from cutaway.jvm.natives import native
from cutaway.jvm.natives.strings import builder
from cutaway.jvm.problems import JavaError

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

JOINER, BIG = "java/util/StringJoiner", "java/math/BigInteger"
WORD_BITS = 32

# --- Joining, repeating, finding, printing ---------------------------------


@native(JOINER, "toString()Ljava/lang/String;")
def joiner_text(vm: Machine, this: Any) -> Any:
    if this.f_size == 0 and this.f_emptyValue is not None:
        return this.f_emptyValue
    return vm.string(f"{this.f_prefix.text}{joined(this)}{this.f_suffix.text}")


@native(JOINER, "compactElts()V")
def joiner_compact(vm: Machine, this: Any) -> None:
    if this.f_size > 1:
        this.f_elts.data[: this.f_size] = [vm.string(joined(this)), *[None] * (this.f_size - 1)]
        this.f_size = 1


def joined(joiner: Any) -> str:
    texts = [] if joiner.f_elts is None else joiner.f_elts.data[: joiner.f_size]
    return str(joiner.f_delimiter.text).join(each.text for each in texts)


@builder("repeat(II)~")
def repeat_point(this: Any, point: int, count: int) -> Any:
    """Since 21."""
    return repeated(this, utf16_units(chr(point)), count)


@builder("repeat(Ljava/lang/CharSequence;I)~")
def repeat_text(vm: Machine, this: Any, text: Any, count: int) -> Any:
    return repeated(this, vm.text_of(text), count)


def repeated(builder: Any, text: str, count: int) -> Any:
    if count < 0:
        raise JavaError("java/lang/IllegalArgumentException", f"count is negative: {count}")
    builder.chars.extend(text * count)
    return builder


@native("java/lang/String", "indexOf(III)I")
def index_of_char_between(this: Any, char: int, begin: int, end: int) -> int:
    check_range(begin, end, len(this.text))
    return int(this.text.find(utf16_units(chr(char)), begin, end)) if 0 <= char <= 0x10FFFF else -1


@native("java/lang/String", "indexOf(Ljava/lang/String;II)I")
def index_of_between(this: Any, part: Any, begin: int, end: int) -> int:
    check_range(begin, end, len(this.text))
    return int(this.text.find(part.text, begin, end))


def check_range(begin: int, end: int, length: int) -> None:
    if not 0 <= begin <= end <= length:
        raise JavaError("java/lang/StringIndexOutOfBoundsException", f"begin {begin}, end {end}, length {length}")


@native("java/util/UUID", "toString()Ljava/lang/String;")
def uuid_text(vm: Machine, this: Any) -> Any:
    high, low = (half & (1 << 64) - 1 for half in (this.f_mostSigBits, this.f_leastSigBits))
    return vm.string(str(uuid.UUID(int=high << 64 | low)))


@native("java/lang/Throwable$WrappedPrintStream", "lock()Ljava/lang/Object;")
@native("java/lang/Throwable$WrappedPrintWriter", "lock()Ljava/lang/Object;")
def lock(this: Any) -> Any:
    """Something to synchronise on, which without threads may be anything."""
    return this


@native(
    "jdk/internal/invoke/MhUtil",
    "findVarHandle(Ljava/lang/invoke/MethodHandles$Lookup;Ljava/lang/String;Ljava/lang/Class;)Ljava/lang/invoke/VarHandle;",
)
def find_var_handle(vm: Machine, lookup: Any, name: Any, kind: Any) -> Any:
    """Of a field of the class that asks, whose name nothing here knows; its fields' attributes begin alike."""
    handle = vm.klass("java/lang/invoke/VarHandle").python()
    handle.attribute = f"f_{name.text}"
    return handle


# --- Multiplying -----------------------------------------------------------


@native(BIG, "multiplyToomCook3(Ljava/math/BigInteger;Ljava/math/BigInteger;ZI)Ljava/math/BigInteger;")
def multiply(vm: Machine, left: Any, right: Any, parallel: int, depth: int) -> Any:
    return big_integer(vm, number(left) * number(right))


@native(BIG, "squareToomCook3(ZI)Ljava/math/BigInteger;")
def square(vm: Machine, this: Any, parallel: int, depth: int) -> Any:
    return big_integer(vm, number(this) ** 2)


def number(big: Any) -> int:
    """A BigInteger's value: its sign, and its magnitude in words of 32 bits, the highest first."""
    value = 0
    for word in big.f_mag.data:
        value = value << WORD_BITS | word & (1 << WORD_BITS) - 1
    return value * int(big.f_signum)


def big_integer(vm: Machine, value: int) -> Any:
    count = (abs(value).bit_length() + WORD_BITS - 1) // WORD_BITS
    words = [i32(abs(value) >> WORD_BITS * at) for at in reversed(range(count))]
    sign = (value > 0) - (value < 0)
    return vm.new(BIG, "([II)V", vm.array("[I", words), sign)


# --- Decimals --------------------------------------------------------------


@native("java/math/BigDecimal", "layoutChars(Z)Ljava/lang/String;")
def decimal_layout(vm: Machine, this: Any, scientific: int) -> Any:
    """BigDecimal's digits with its scale: plainly, else with an exponent, which may be a multiple of three."""
    unscaled = this.f_intCompact if this.f_intCompact != LONG_MIN else number(this.f_intVal)
    digits, scale, sign = str(abs(unscaled)), this.f_scale, "-" if unscaled < 0 else ""
    exponent = len(digits) - 1 - scale
    if scale == 0:
        return vm.string(sign + digits)
    if scale > 0 and exponent >= -6:
        padded = digits.rjust(scale + 1, "0")
        return vm.string(f"{sign}{padded[:-scale]}.{padded[-scale:]}")
    before = 1 if scientific else exponent % 3 + 1
    if not scientific and not unscaled:  # engineering notation writes 0, 0.0 or 0.00
        before, digits = 1, "0" if exponent % 3 == 0 else f"0{'0' * (3 - exponent % 3)}"
        exponent += -exponent % 3
    elif not scientific:
        exponent -= before - 1
        digits = digits.ljust(before, "0")
    mantissa = digits[:before] + ("." + digits[before:] if len(digits) > before else "")
    return vm.string(f"{sign}{mantissa}" + (f"E{exponent:+d}" if exponent else ""))


# --- Wording ---------------------------------------------------------------

CHECKED_ALIKE_SINCE: Final = 21  # String and StringBuilder then ask jdk.internal.util.Preconditions
INDEX, BY_CHAR_AT = r"Index (-?\d+) out of bounds for length \d+", r"String index out of range: \1"
OLD_AND_NEW: Final = (
    (r"index (-?\d+), ?length (\d+)", r"Index \1 out of bounds for length \2"),
    (r"(?:begin|start) (-?\d+), end (-?\d+), length (\d+)", r"Range [\1, \2) out of bounds for length \3"),
    (r"offset (-?\d+), length (\d+)", r"Range [\1, \2) out of bounds for length \2"),
    (r"offset (-?\d+), count (-?\d+), length (\d+)", r"Range [\1, \1 + \2) out of bounds for length \3"),
)


def worded(class_name: str, message: str | None, java_version: int) -> str | None:
    """What this version of Java says of an index that does not fit a string."""
    if message is None or not class_name.endswith("IndexOutOfBoundsException"):
        return message
    if java_version < CHECKED_ALIKE_SINCE:
        return re.sub(f"^{INDEX}$", BY_CHAR_AT, message) if "String" in class_name else message
    for old, new in OLD_AND_NEW:
        if re.fullmatch(old, message):
            return re.sub(old, new, message)
    return message
