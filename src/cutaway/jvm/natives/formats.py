"""String.format and printf (java.util.Formatter): `%[index$][flags][width][.precision]conversion`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm import decimals
from cutaway.jvm.natives import native
from cutaway.jvm.problems import JavaError, unsupported

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

SPECIFIER: Final = re.compile(r"%(\d+\$|<)?([-#+ 0,(<]*)?(\d+)?(\.\d+)?([tT])?([a-zA-Z%])")
WHOLE: Final = {"java/lang/Integer": 32, "java/lang/Long": 64, "java/lang/Short": 16, "java/lang/Byte": 8}
FLOATING: Final = ("java/lang/Double", "java/lang/Float")


@dataclass(slots=True)
class Spec:
    """One `%` of a format string, taken apart."""

    text: str
    index: str
    flags: str
    width: int
    precision: int
    conversion: str

    def pad(self, text: str) -> str:
        return text.ljust(self.width) if "-" in self.flags else text.rjust(self.width)


def problem(name: str, message: str) -> JavaError:
    return JavaError(f"java/util/{name}", message)


def formatted(vm: Machine, form: Any, arguments: Any, locale: Any = None) -> str:
    """The text that a format string and an Object[] make."""
    if form is None:
        raise JavaError("java/lang/NullPointerException")
    values = arguments.data if arguments is not None else [None]
    return "".join(_pieces(vm, form.text, values))


def _pieces(vm: Machine, form: str, values: list[Any]) -> list[str]:
    pieces, at, ordinary, last = [], 0, 0, -1
    while (percent := form.find("%", at)) >= 0:
        pieces.append(form[at:percent])
        found = SPECIFIER.match(form, percent)
        if not found:
            raise problem("UnknownFormatConversionException", f"Conversion = '{unknown(form, percent)}'")
        spec = read_spec(found)
        at = found.end()
        if spec.conversion in "n%":
            pieces.append("\n" if spec.conversion == "n" else spec.pad("%"))
            continue
        if spec.index == "<" or "<" in spec.flags:
            position = last
        elif spec.index:
            position = int(spec.index[:-1]) - 1
        else:
            position, ordinary = ordinary, ordinary + 1
        if not 0 <= position < len(values):
            raise problem("MissingFormatArgumentException", f"Format specifier '{spec.text}'")
        last = position
        pieces.append(convert(vm, spec, values[position]))
    return [*pieces, form[at:]]


def unknown(form: str, percent: int) -> str:
    rest = form[percent + 1 :].lstrip("-#+ 0,(<123456789.$")
    return rest[:1] or form[-1]


def read_spec(found: re.Match[str]) -> Spec:
    index, flags, width, precision, date, conversion = found.groups()
    if date or conversion in "tT":
        raise unsupported("the date conversion %t of java.util.Formatter")
    if conversion not in "bBhHsScCdoxXeEfgGaAn%":
        raise problem("UnknownFormatConversionException", f"Conversion = '{conversion}'")
    spec = Spec(
        found[0], index or "", flags or "", int(width or 0), int(precision[1:]) if precision else -1, conversion
    )
    for flag in spec.flags:
        if spec.flags.count(flag) > 1:
            raise problem("DuplicateFormatFlagsException", f"Flags = '{flag}'")
    if not spec.width and ("-" in spec.flags or "0" in spec.flags) and conversion != "n":
        raise problem("MissingFormatWidthException", spec.text)
    if ("-" in spec.flags and "0" in spec.flags) or ("+" in spec.flags and " " in spec.flags):
        raise problem("IllegalFormatFlagsException", f"Flags = '{spec.flags}'")
    if spec.precision >= 0 and conversion in "cCdoxXn%":
        raise problem("IllegalFormatPrecisionException", str(spec.precision))
    return spec


def convert(vm: Machine, spec: Spec, value: Any) -> str:
    """One converted argument; an upper-case conversion is the lower-case one in capitals."""
    conversion = spec.conversion.lower()
    if conversion == "b":
        truth = value.f_value if value is not None and value.klass.name == "java/lang/Boolean" else value is not None
        text = general(spec, "true" if truth else "false")
    elif conversion == "s":
        text = general(spec, vm.text_of(value))
    elif conversion == "h":
        text = general(spec, "null" if value is None else f"{vm.call(value, 'hashCode()I') & 0xFFFFFFFF:x}")
    elif conversion == "c":
        text = spec.pad(character(spec, value))
    elif value is None:
        text = spec.pad("null"[: spec.precision if spec.precision >= 0 else None])
    elif conversion in "dox":
        text = whole(vm, spec, value, conversion)
    else:
        text = floating(vm, spec, value, conversion)
    return text.upper() if spec.conversion.isupper() else text


def general(spec: Spec, text: str) -> str:
    if "#" in spec.flags and spec.conversion.lower() != "s":
        raise problem("FormatFlagsConversionMismatchException", f"Conversion = {spec.conversion}, Flags = #")
    bad = [flag for flag in spec.flags if flag in "+ 0,("]
    if bad:
        raise problem("FormatFlagsConversionMismatchException", f"Conversion = {spec.conversion}, Flags = {bad[0]}")
    return spec.pad(text[: spec.precision] if spec.precision >= 0 else text)


def mismatch(spec: Spec, value: Any) -> JavaError:
    return problem("IllegalFormatConversionException", f"{spec.conversion} != {value.klass.java_name}")


def character(spec: Spec, value: Any) -> str:
    from cutaway.jvm.classfile import utf16_units

    if value is None:
        return "null"
    if value.klass.name == "java/lang/Character" or (value.klass.name in WHOLE and WHOLE[value.klass.name] < 64):
        if not 0 <= value.f_value <= 0x10FFFF:
            raise problem("IllegalFormatCodePointException", f"Code point = {value.f_value & 0xFFFFFFFF:#x}")
        return utf16_units(chr(value.f_value))
    raise mismatch(spec, value)


def whole(vm: Machine, spec: Spec, value: Any, conversion: str) -> str:
    """`%d`, `%o`, `%x` of the integer boxes and BigInteger."""
    name = value.klass.name
    if name == "java/math/BigInteger":
        number = int(vm.text_of(value))
    elif name in WHOLE:
        number = value.f_value
        if conversion != "d":
            number &= (1 << WHOLE[name]) - 1
    else:
        raise mismatch(spec, value)
    if conversion == "d":
        if "#" in spec.flags:
            raise problem("FormatFlagsConversionMismatchException", "Conversion = d, Flags = #")
        digits = str(abs(number))
        return signed(spec, group(digits) if "," in spec.flags else digits, number < 0)
    bad = [flag for flag in spec.flags if flag in ",(+ "] if name in WHOLE else []
    if bad:
        raise problem("FormatFlagsConversionMismatchException", f"Conversion = {conversion}, Flags = {bad[0]}")
    prefix = {"o": "0", "x": "0x"}[conversion] if "#" in spec.flags else ""
    digits = format(abs(number), conversion)
    sign = "-" if number < 0 else ""
    if "0" in spec.flags:
        return sign + prefix + digits.rjust(spec.width - len(prefix) - len(sign), "0")
    return spec.pad(sign + prefix + digits)


def group(digits: str) -> str:
    """Thousands apart, by commas."""
    head, point, tail = digits.partition(".")
    return f"{int(head):,}{point}{tail}" if head else digits


def signed(spec: Spec, digits: str, negative: bool) -> str:
    """Sign, parentheses and zero padding round a number's digits."""
    before, after = ("(", ")") if negative and "(" in spec.flags else ("-" if negative else "", "")
    if not negative:
        before = "+" if "+" in spec.flags else " " if " " in spec.flags else ""
    if "0" in spec.flags:
        digits = digits.rjust(spec.width - len(before) - len(after), "0")
    return spec.pad(before + digits + after)


def floating(vm: Machine, spec: Spec, value: Any, conversion: str) -> str:
    """`%f`, `%e`, `%g`, `%a` of Double, Float and BigDecimal."""
    if value.klass.name == "java/math/BigDecimal":
        return big_decimal(vm, spec, value, conversion)
    if value.klass.name not in FLOATING:
        raise mismatch(spec, value)
    number: float = value.f_value
    if number != number or math.isinf(number):
        plain = Spec(spec.text, spec.index, spec.flags.replace("0", ""), spec.width, spec.precision, spec.conversion)
        return spec.pad("NaN") if number != number else signed(plain, "Infinity", number < 0)
    precision = 6 if spec.precision < 0 else spec.precision
    negative = math.copysign(1.0, number) < 0
    if conversion == "g":
        digits = general_number(number, precision or 1)
    elif conversion == "e":
        digits = decimals.scientific(number, precision)
    elif conversion == "f":
        digits = decimals.fixed(number, precision)
    else:
        return hexadecimal(vm, spec, number)
    if "#" in spec.flags and "." not in digits:
        digits += "."
    return signed(spec, group(digits) if "," in spec.flags else digits, negative)


def general_number(number: float, precision: int) -> str:
    """`%g`: plainly between 10^-4 and 10^precision, after rounding, else with an exponent."""
    if number == 0:
        return decimals.fixed(0.0, precision - 1)
    _, point = decimals.digits(abs(number), compatible=False)
    if 1e-4 <= abs(number) < 10**precision:
        return decimals.fixed(number, max(precision - point, 0))
    return decimals.scientific(number, precision - 1)


def hexadecimal(vm: Machine, spec: Spec, number: float) -> str:
    method = vm.klass("java/lang/Double").methods["toHexString(D)Ljava/lang/String;"]
    text = method.function(number).text
    return spec.pad(text)


def big_decimal(vm: Machine, spec: Spec, value: Any, conversion: str) -> str:
    """`%f` and `%e` of a BigDecimal, rounded half up as Java does."""
    from decimal import ROUND_HALF_UP, Decimal, localcontext

    precision = 6 if spec.precision < 0 else spec.precision
    with localcontext() as context:
        context.prec = 100_000
        exact = Decimal(vm.text_of(value))
        if conversion == "f":
            digits = f"{abs(exact).quantize(Decimal(1).scaleb(-precision), rounding=ROUND_HALF_UP):f}"
        else:
            context.rounding = ROUND_HALF_UP
            mantissa, _, exponent = f"{abs(exact):.{precision}e}".partition("e")
            digits = f"{mantissa}e{exponent[0]}{int(exponent[1:]):02}"
    return signed(spec, group(digits) if "," in spec.flags else digits, exact < 0)


FORMAT_PROBLEMS: Final = (
    "DuplicateFormatFlagsException", "FormatFlagsConversionMismatchException", "IllegalFormatCodePointException",
    "IllegalFormatConversionException", "IllegalFormatFlagsException", "IllegalFormatPrecisionException",
    "MissingFormatArgumentException", "MissingFormatWidthException", "UnknownFormatConversionException",
)  # fmt: skip


def format_message(this: Any) -> Any:
    """These exceptions make their message from what they were given; here it is given whole."""
    return this.f_detailMessage


for _name in FORMAT_PROBLEMS:
    native(f"java/util/{_name}", "getMessage()Ljava/lang/String;")(format_message)


@native("java/lang/String", "format(Ljava/lang/String;[Ljava/lang/Object;)Ljava/lang/String;")
def string_format(vm: Machine, form: Any, arguments: Any) -> Any:
    return vm.string(formatted(vm, form, arguments))


@native("java/lang/String", "formatted([Ljava/lang/Object;)Ljava/lang/String;")
def string_formatted(vm: Machine, this: Any, arguments: Any) -> Any:
    return vm.string(formatted(vm, this, arguments))


@native("java/lang/String", "format(Ljava/util/Locale;Ljava/lang/String;[Ljava/lang/Object;)Ljava/lang/String;")
def string_format_locale(vm: Machine, locale: Any, form: Any, arguments: Any) -> Any:
    return vm.string(formatted(vm, form, arguments, locale))


@native("java/util/Formatter", "<init>()V")
def formatter_init(vm: Machine, this: Any) -> None:
    this.f_a = vm.new("java/lang/StringBuilder")


@native("java/util/Formatter", "<init>(Ljava/lang/Appendable;)V")
def formatter_init_to(this: Any, target: Any) -> None:
    this.f_a = target


@native("java/util/Formatter", "format(Ljava/lang/String;[Ljava/lang/Object;)Ljava/util/Formatter;")
def formatter_format(vm: Machine, this: Any, form: Any, arguments: Any) -> Any:
    text = vm.string(formatted(vm, form, arguments))
    vm.call(this.f_a, "append(Ljava/lang/CharSequence;)Ljava/lang/Appendable;", text)
    return this


@native("java/util/Formatter", "format(Ljava/util/Locale;Ljava/lang/String;[Ljava/lang/Object;)Ljava/util/Formatter;")
def formatter_format_locale(vm: Machine, this: Any, locale: Any, form: Any, arguments: Any) -> Any:
    return formatter_format(vm, this, form, arguments)
