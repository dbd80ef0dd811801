"""Java's numbers on Python's: two's complement with wrap-around, and IEEE 754 in two widths (JLS 4.2, JVMS 2.11.3).

An `int` or `long` is a Python integer within its range, a `float` or `double` a Python float; a `float` is rounded to
24 bits after every operation, which for + - * / and square root equals doing it in 24 bits (53 >= 2 * 24 + 2).
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from ctypes import c_float
from typing import Any, Final

from cutaway.jvm.problems import JavaError

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1
NAN: Final = float("nan")
INFINITY: Final = float("inf")


def i32(value: int) -> int:
    """`value` wrapped to an int."""
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def i64(value: int) -> int:
    """`value` wrapped to a long."""
    return ((value + 0x8000000000000000) & 0xFFFFFFFFFFFFFFFF) - 0x8000000000000000


def i8(value: int) -> int:
    return ((value + 0x80) & 0xFF) - 0x80


def i16(value: int) -> int:
    return ((value + 0x8000) & 0xFFFF) - 0x8000


def f32(value: float) -> float:
    """`value` rounded to the nearest float; too large becomes an infinity."""
    rounded: float = c_float(value).value
    return rounded


def quotient(a: int, b: int) -> int:
    """`a / b` rounded towards zero, not yet wrapped: MIN / -1 is out of range."""
    if b == 0:
        raise JavaError("java/lang/ArithmeticException", "/ by zero")
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def remainder(a: int, b: int) -> int:
    """`a % b` with the sign of `a`."""
    if b == 0:
        raise JavaError("java/lang/ArithmeticException", "/ by zero")
    return a % abs(b) if a >= 0 else -(-a % abs(b))


def fdiv(a: float, b: float) -> float:
    """IEEE division: by zero it gives an infinity, or NaN for 0 / 0."""
    if b:
        return a / b
    if a != a or not a or b != b:
        return NAN
    return math.copysign(INFINITY, a) * math.copysign(1.0, b)


def frem(a: float, b: float) -> float:
    """Java's `%` on floating-point numbers is C's fmod."""
    if a != a or b != b or math.isinf(a) or b == 0:
        return NAN
    return a if math.isinf(b) else math.fmod(a, b)


def fmul(a: float, b: float) -> float:
    return a * b


def compare(a: float, b: float, unordered: int) -> int:
    """-1, 0 or 1; `unordered` where one of them is NaN."""
    return (a > b) - (a < b) if a == a and b == b else unordered


def f2i(value: float) -> int:
    """Towards zero, saturating; NaN becomes 0."""
    if value != value:
        return 0
    return INT_MIN if value <= INT_MIN else INT_MAX if value >= INT_MAX else int(value)


def f2l(value: float) -> int:
    if value != value:
        return 0
    return LONG_MIN if value <= LONG_MIN else LONG_MAX if value >= LONG_MAX else int(value)


def l2f(value: int) -> float:
    """A long to a float in one rounding: by way of a double it would be two."""
    if -(1 << 53) <= value <= 1 << 53:
        return f32(float(value))
    magnitude, sign = abs(value), -1.0 if value < 0 else 1.0
    shift = magnitude.bit_length() - 24
    kept, rest, half = magnitude >> shift, magnitude & ((1 << shift) - 1), 1 << (shift - 1)
    kept += rest > half or (rest == half and kept & 1)
    return sign * math.ldexp(kept, shift)


def float_bits(value: float) -> int:
    """The bits of a float as an int, every NaN the canonical one."""
    bits: int = 0x7FC00000 if value != value else struct.unpack(">i", struct.pack(">f", value))[0]
    return bits


def double_bits(value: float) -> int:
    bits: int = 0x7FF8000000000000 if value != value else struct.unpack(">q", struct.pack(">d", value))[0]
    return bits


def bits_float(bits: int) -> float:
    value: float = struct.unpack(">f", struct.pack(">i", bits))[0]
    return value


def bits_double(bits: int) -> float:
    value: float = struct.unpack(">d", struct.pack(">q", bits))[0]
    return value


# What each arithmetic instruction computes, by its name (JVMS 6.5)

BINARY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "iadd": lambda x, y: i32(x + y), "ladd": lambda x, y: i64(x + y), "dadd": operator.add,
    "isub": lambda x, y: i32(x - y), "lsub": lambda x, y: i64(x - y), "dsub": operator.sub,
    "imul": lambda x, y: i32(x * y), "lmul": lambda x, y: i64(x * y), "dmul": operator.mul,
    "idiv": lambda x, y: i32(quotient(x, y)), "ldiv": lambda x, y: i64(quotient(x, y)), "ddiv": fdiv,
    "irem": remainder, "lrem": remainder, "drem": frem,
    "fadd": lambda x, y: f32(x + y), "fsub": lambda x, y: f32(x - y), "fmul": lambda x, y: f32(x * y),
    "fdiv": lambda x, y: f32(fdiv(x, y)), "frem": frem,
    "iand": operator.and_, "ior": operator.or_, "ixor": operator.xor,
    "land": operator.and_, "lor": operator.or_, "lxor": operator.xor,
    "ishl": lambda x, y: i32(x << (y & 31)), "lshl": lambda x, y: i64(x << (y & 63)),
    "ishr": lambda x, y: x >> (y & 31), "lshr": lambda x, y: x >> (y & 63),
    "iushr": lambda x, y: i32((x & 0xFFFFFFFF) >> (y & 31)),
    "lushr": lambda x, y: i64((x & 0xFFFFFFFFFFFFFFFF) >> (y & 63)),
    "lcmp": lambda x, y: (x > y) - (x < y),
    "fcmpl": lambda x, y: compare(x, y, -1), "fcmpg": lambda x, y: compare(x, y, 1),
    "dcmpl": lambda x, y: compare(x, y, -1), "dcmpg": lambda x, y: compare(x, y, 1),
}  # fmt: skip
UNARY: Final[dict[str, Callable[[Any], Any]]] = {
    "ineg": lambda x: i32(-x), "lneg": lambda x: i64(-x), "fneg": operator.neg, "dneg": operator.neg,
    "i2l": int, "i2f": lambda x: f32(float(x)), "i2d": float, "l2i": i32, "l2f": l2f, "l2d": float,
    "f2i": f2i, "f2l": f2l, "f2d": float, "d2i": f2i, "d2l": f2l, "d2f": f32,
    "i2b": i8, "i2c": lambda x: x & 0xFFFF, "i2s": i16,
}  # fmt: skip
CONDITIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "ge": operator.ge, "gt": operator.gt, "le": operator.le,
}  # fmt: skip
