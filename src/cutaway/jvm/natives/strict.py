"""StrictMath.log, to the last bit: Java fixes its result to that of fdlibm, which C libraries have since bettered.

Source: fdlibm 5.3, e_log.c (Sun Microsystems, 1993), which `java.lang.StrictMath` names as its definition.
`Random.nextGaussian` is made of it, so that one seed gives the same numbers everywhere.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from cutaway.jvm import arithmetic as a
from cutaway.jvm.natives import native

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ODD: Final = (6.666666666666735130e-01, 2.857142874366239149e-01, 1.818357216161805012e-01, 1.479819860511658591e-01)
EVEN: Final = (3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01)
FRACTION, ONE = 0xFFFFF, 0x3FF00000  # of a double's upper half: the bits of its fraction; the value 1.0


@native("java/lang/StrictMath", "log(D)D")
def log(value: float) -> float:
    if value == 0:
        return -a.INFINITY
    if value < 0 or value != value or math.isinf(value):
        return a.NAN if value < 0 else value
    power, high, f = reduced(value)
    if 0x000FFFFF & (2 + high) < 3:
        rest = f * f * (0.5 - 0.33333333333333333 * f)
        return power * LN2_HIGH - ((rest - power * LN2_LOW) - f) if f else power * LN2_HIGH + power * LN2_LOW
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    series = z * (ODD[0] + w * (ODD[1] + w * (ODD[2] + w * ODD[3]))) + w * (EVEN[0] + w * (EVEN[1] + w * EVEN[2]))
    if (high - 0x6147A) | (0x6B851 - high) > 0:
        half = 0.5 * f * f
        return power * LN2_HIGH - ((half - (s * (half + series) + power * LN2_LOW)) - f)
    return power * LN2_HIGH - ((s * (f - series) - power * LN2_LOW) - f)


def reduced(value: float) -> tuple[int, int, float]:
    """`power`, the upper fraction bits, and f, where value = 2**power * (1 + f) and 1 + f is near 1."""
    power = 0
    if value < 2.2250738585072014e-308:  # subnormal
        power, value = -54, value * 2.0**54
    low, high = struct.unpack("<II", struct.pack("<d", value))
    power += (high >> 20) - 1023
    high &= FRACTION
    carry = (high + 0x95F64) & 0x100000
    power += carry >> 20
    (scaled,) = struct.unpack("<d", struct.pack("<II", low, high | (carry ^ ONE)))
    return power, high, scaled - 1.0
