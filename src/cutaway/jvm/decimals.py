"""How Java writes floating-point numbers (java.lang.Double.toString, and the digits that `%f` and `%e` start from).

Up to Java 18 the digits come from Steele and White's algorithm as `jdk.internal.math.FloatingDecimal` has it, which in
rare cases gives one digit more than is needed (2.0E-3 is fine, 2.2250738585072014E-308 too, but 2^-44 prints as
5.684341886080802E-14 only since 19). Programs are compared by their output, so those cases are kept, estimates and all.
With Python's integers its three paths (int, long, big) become one; where an int or long overflows there, it does here.
From Java 19 on the digits are the fewest that are read back as the same number: `shortest`.
"""

from __future__ import annotations

import math
import struct
from ctypes import c_float
from typing import Final

DOUBLE_BITS, FLOAT_BITS = 53, 24
MAX_SMALL_EXPONENT, MIN_SMALL_EXPONENT = 62, -21
FIVES: Final = [5**power for power in range(27)]
BITS_OF_FIVES: Final = [0, *(five.bit_length() for five in FIVES[1:])]

Digits = tuple[str, int]  # "123", 2 is 12.3: the digits, and how many of them stand before the point

SHORTEST_SINCE, FORMATS_SHORTEST_SINCE = 19, 21  # versions of Java: JDK-4511638, JDK-8300869


def follow(java_version: int) -> None:
    """Write from now on as this version of Java does. (A process runs one Java, and a text is made in many places.)"""
    global _shown, _formatted
    _shown = shortest if java_version >= SHORTEST_SINCE else digits
    _formatted = shortest if java_version >= FORMATS_SHORTEST_SINCE else _exact_enough


def shortest(value: float, significant: int = DOUBLE_BITS) -> Digits:
    """The fewest digits, but two at least, that are read back as this number; of those the nearest."""
    if significant == DOUBLE_BITS and len(_significand(repr(value))) > 1:
        return _parsed(repr(value))
    for count in range(1, 9):
        text = f"{value:.{count}e}"
        if significant == DOUBLE_BITS or c_float(float(text)).value == value:
            return _parsed(text)
    return _parsed(f"{value:.9e}")


def _significand(text: str) -> str:
    return text.partition("e")[0].replace(".", "").strip("0")


def _parsed(text: str) -> Digits:
    """The digits of a number as Python writes it."""
    mantissa, _, exponent = text.partition("e")
    whole, _, part = mantissa.partition(".")
    every = (whole + part).lstrip("0")
    leading = len(whole + part) - len(every)
    return every.rstrip("0") or "0", len(whole) - leading + int(exponent or 0)


def digits(value: float, significant: int = DOUBLE_BITS, compatible: bool = True) -> Digits:
    """The decimal digits of a finite positive number. `compatible` is false where a format will round them again."""
    mantissa, exponent, significant = _taken_apart(value, significant)
    tail_zeros = (mantissa & -mantissa).bit_length() - 1
    fraction_bits = DOUBLE_BITS - tail_zeros
    tiny_bits = max(0, fraction_bits - exponent - 1)
    if tiny_bits == 0 and MIN_SMALL_EXPONENT <= exponent <= MAX_SMALL_EXPONENT and fraction_bits < 64:
        return _whole_number(mantissa, exponent, significant)
    power = _estimated_power(mantissa, exponent)
    five_b, five_s = max(0, -power), max(0, power)
    two_b, two_s = five_b + tiny_bits + exponent, five_s + tiny_bits
    two_m = two_b - significant
    mantissa >>= tail_zeros
    two_b -= fraction_bits - 1
    common = min(two_b, two_s)
    two_b, two_s, two_m = two_b - common, two_s - common, two_m - common
    if fraction_bits == 1:  # below a power of two the numbers lie twice as close
        two_m -= 1
    if two_m < 0:
        two_b, two_s, two_m = two_b - two_m, two_s - two_m, 0
    needed = max(fraction_bits + two_b + _five_bits(five_b), two_s + 1 + _five_bits(five_s + 1))
    width = next((width for width in (32, 64) if needed < width), 0)
    return _generate(mantissa * 5**five_b << two_b, 5**five_s << two_s, 5**five_b << two_m, power, width, compatible)


def _taken_apart(value: float, significant: int) -> tuple[int, int, int]:
    """Mantissa with its first bit at 2^52, exponent, and how many bits are significant (fewer in subnormal numbers)."""
    if significant == DOUBLE_BITS:
        bits = struct.unpack(">Q", struct.pack(">d", value))[0]
        raw, mantissa, bias, width = bits >> 52 & 0x7FF, bits & (1 << 52) - 1, 1023, 52
    else:
        bits = struct.unpack(">I", struct.pack(">f", value))[0]
        raw, mantissa, bias, width = bits >> 23 & 0xFF, bits & (1 << 23) - 1, 127, 23
    if raw:
        return (mantissa | 1 << width) << 52 - width, raw - bias, significant
    shift = width + 1 - mantissa.bit_length()
    return mantissa << shift + 52 - width, 1 - bias - shift, significant - shift


def _five_bits(power: int) -> int:
    return BITS_OF_FIVES[power] if power < len(BITS_OF_FIVES) else power * 3


def _estimated_power(mantissa: int, exponent: int) -> int:
    """Floor of the decimal logarithm, or one more: FloatingDecimal's own estimate, constants included."""
    fraction = mantissa / (1 << 52)
    return math.floor((fraction - 1.5) * 0.289529654 + 0.176091259 + exponent * 0.301029995663981)


def _whole_number(mantissa: int, exponent: int, significant: int) -> Digits:
    """A number without a fraction: its decimal digits, those beyond the precision rounded away."""
    surplus = exponent - significant - 1
    dropped = int(surplus * 0.301029995663981) if exponent > significant and 1 < surplus < 64 else 0
    value = mantissa << exponent - 52 if exponent >= 52 else mantissa >> 52 - exponent
    if dropped:
        scale = 10**dropped
        value, residue = divmod(value, scale)
        value += residue >= scale >> 1
    text = str(value)
    return text.rstrip("0") or "0", len(text) + dropped


def _generate(b: int, s: int, m: int, power: int, width: int, compatible: bool) -> Digits:
    """Divide b / s digit by digit until what is left is less than half a unit in the last place, m.

    Where the original computes in ints or longs (`width`), its sums wrap around, and its output shows it.
    """
    tens = s * 10
    quotient, b = divmod(b, s)
    b, m = b * 10, _wrapped(m * 10, width)
    low, high = b < m, _reaches(b, m, tens, width)
    found = []
    if quotient == 0 and not high:
        power -= 1
    else:
        found.append(quotient)
    if not compatible or power < -3 or power >= 8:  # E notation has at least one digit behind the point
        low = high = False
    while not low and not high:
        quotient, b = divmod(b, s)
        b, m = b * 10, _wrapped(m * 10, width)
        low, high = (b < m, _reaches(b, m, tens, width)) if m > 0 else (True, True)
        found.append(quotient)
    if high:
        above = _wrapped(_wrapped(2 * b, width) - tens, width)
        if not low or above > 0 or (above == 0 and found[-1] & 1):
            power += _round_up(found)
    return "".join(map(str, found)), power + 1


def _wrapped(value: int, width: int) -> int:
    half = 1 << width - 1 if width else 0
    return ((value + half) & (1 << width) - 1) - half if width else value


def _reaches(b: int, m: int, tens: int, width: int) -> bool:
    """Whether rounding up gives a number near enough; big integers are compared a little differently."""
    return _wrapped(b + m, width) > tens if width else b + m >= tens


def _round_up(found: list[int]) -> int:
    """Add one to the last digit; 1 if that made a new first digit."""
    at = len(found) - 1
    while at > 0 and found[at] == 9:
        found[at] = 0
        at -= 1
    if found[at] == 9:
        found[at] = 1
        return 1
    found[at] += 1
    return 0


def _exact_enough(value: float, significant: int = DOUBLE_BITS) -> Digits:
    return digits(value, significant, compatible=False)


_shown, _formatted = digits, _exact_enough  # until `follow` says otherwise


def double_text(value: float) -> str:
    """Double.toString."""
    return _text(value, DOUBLE_BITS)


def float_text(value: float) -> str:
    """Float.toString; `value` is already rounded to a float."""
    return _text(value, FLOAT_BITS)


def _text(value: float, significant: int) -> str:
    if value != value:
        return "NaN"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if value == 0:
        return f"{sign}0.0"
    if math.isinf(value):
        return f"{sign}Infinity"
    return sign + layout(*_shown(abs(value), significant))


def layout(text: str, point: int) -> str:
    """Digits as Java lays them out: plainly between 10^-3 and 10^7, else with an exponent."""
    if 0 < point < 8:
        return f"{text[:point].ljust(point, '0')}.{text[point:] or '0'}"
    if -3 < point <= 0:
        return f"0.{'0' * -point}{text}"
    return f"{text[0]}.{text[1:] or '0'}E{point - 1}"


def rounded(text: str, point: int, places: int) -> Digits:
    """Digits rounded half up to `places` behind the point, as `%.2f` does to the digits that are shown."""
    keep = point + places
    if keep < 0:
        return "0", 1
    kept, rest = text[:keep].ljust(keep, "0"), text[keep:]
    number = int(kept or "0") + (rest[:1] >= "5")
    result = str(number).rjust(keep, "0")
    return result, point + len(result) - keep


def fixed(value: float, places: int, significant: int = DOUBLE_BITS) -> str:
    """A finite number's magnitude with exactly `places` digits behind the point."""
    text, point = rounded(*_formatted(abs(value), significant), places) if value else ("0" * (1 + places), 1)
    whole = text[:point].rjust(1, "0") if point > 0 else "0"
    part = text[point:] if point >= 0 else "0" * -point + text
    return f"{whole or '0'}.{part[:places].ljust(places, '0')}" if places else whole or "0"


def scientific(value: float, places: int) -> str:
    """A finite number's magnitude as d.ddde+xx with `places` digits behind the point."""
    if not value:
        return f"{'0.' + '0' * places if places else '0'}e+00"
    text, point = _formatted(abs(value))
    kept, rest = text[: places + 1].ljust(places + 1, "0"), text[places + 1 :]
    number = str(int(kept) + (rest[:1] >= "5"))
    exponent = point - 1 + len(number) - (places + 1)
    mantissa = number[: places + 1]
    sign = "-" if exponent < 0 else "+"
    return f"{mantissa[0]}{'.' + mantissa[1:] if places else ''}e{sign}{abs(exponent):02}"
