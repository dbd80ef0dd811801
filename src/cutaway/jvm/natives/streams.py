"""java.io where it meets the world: System.out, System.err and System.in.

A PrintStream with a `sink` writes to it; one that a program made writes to its own stream, as the JDK's class does.
Text goes out as UTF-8 whatever the locale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutaway.jvm.arithmetic import i8
from cutaway.jvm.classfile import utf16_units
from cutaway.jvm.decimals import double_text, float_text
from cutaway.jvm.natives import native
from cutaway.jvm.natives.formats import formatted
from cutaway.jvm.natives.strings import encode

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

PRINT = "java/io/PrintStream"


def emit(vm: Machine, this: Any, text: str) -> None:
    """Write text where this stream writes."""
    sink = getattr(this, "sink", None)
    if sink is not None:
        sink.write(text.encode() if text.isascii() else encode(text))
        return
    raw = encode(text)
    array = vm.array("[B", [i8(byte) for byte in raw])
    vm.call(this.f_out, "write([BII)V", array, 0, len(raw))


@native(PRINT, "<init>(Ljava/io/OutputStream;)V", "<init>(Ljava/io/OutputStream;Z)V",
        "<init>(Ljava/io/OutputStream;ZLjava/lang/String;)V",
        "<init>(Ljava/io/OutputStream;ZLjava/nio/charset/Charset;)V")  # fmt: skip
def print_init(this: Any, out: Any, autoflush: int = 0, charset: Any = None) -> None:
    this.f_out = out


@native(PRINT, "print(Ljava/lang/String;)V")
def print_string(vm: Machine, this: Any, text: Any) -> None:
    emit(vm, this, "null" if text is None else text.text)


@native(PRINT, "println(Ljava/lang/String;)V")
def println_string(vm: Machine, this: Any, text: Any) -> None:
    emit(vm, this, "null\n" if text is None else text.text + "\n")


@native(PRINT, "write(Ljava/lang/String;)V")
def write_string(vm: Machine, this: Any, text: Any) -> None:
    emit(vm, this, text.text)


@native(PRINT, "writeln(Ljava/lang/String;)V")
def writeln(vm: Machine, this: Any, text: Any) -> None:
    emit(vm, this, text.text + "\n")


@native(PRINT, "print(I)V", "print(J)V")
def print_int(vm: Machine, this: Any, value: int) -> None:
    emit(vm, this, str(value))


@native(PRINT, "println(I)V", "println(J)V")
def println_int(vm: Machine, this: Any, value: int) -> None:
    emit(vm, this, f"{value}\n")


@native(PRINT, "print(C)V")
def print_char(vm: Machine, this: Any, value: int) -> None:
    emit_unit(vm, this, chr(value))


@native(PRINT, "println(C)V")
def println_char(vm: Machine, this: Any, value: int) -> None:
    emit_unit(vm, this, chr(value) + "\n")


def emit_unit(vm: Machine, this: Any, text: str) -> None:
    """A pair of surrogates that is printed in two halves is still one character."""
    if "\ud800" <= text[0] <= "\udbff" and len(text) == 1:
        this.half = text
    elif "\udc00" <= text[0] <= "\udfff" and getattr(this, "half", None):
        emit(vm, this, this.half + text)
        this.half = None
    else:
        emit(vm, this, text)


@native(PRINT, "print(Z)V")
def print_boolean(vm: Machine, this: Any, value: int) -> None:
    emit(vm, this, "true" if value else "false")


@native(PRINT, "println(Z)V")
def println_boolean(vm: Machine, this: Any, value: int) -> None:
    emit(vm, this, "true\n" if value else "false\n")


@native(PRINT, "print(D)V")
def print_double(vm: Machine, this: Any, value: float) -> None:
    emit(vm, this, double_text(value))


@native(PRINT, "println(D)V")
def println_double(vm: Machine, this: Any, value: float) -> None:
    emit(vm, this, double_text(value) + "\n")


@native(PRINT, "print(F)V")
def print_float(vm: Machine, this: Any, value: float) -> None:
    emit(vm, this, float_text(value))


@native(PRINT, "println(F)V")
def println_float(vm: Machine, this: Any, value: float) -> None:
    emit(vm, this, float_text(value) + "\n")


@native(PRINT, "print([C)V")
def print_chars(vm: Machine, this: Any, chars: Any) -> None:
    emit(vm, this, "".join(map(chr, chars.data)))


@native(PRINT, "println([C)V")
def println_chars(vm: Machine, this: Any, chars: Any) -> None:
    emit(vm, this, "".join(map(chr, chars.data)) + "\n")


@native(PRINT, "println()V", "newLine()V")
def println(vm: Machine, this: Any) -> None:
    emit(vm, this, "\n")


@native(PRINT, "println(Ljava/lang/Object;)V")
def println_object(vm: Machine, this: Any, value: Any) -> None:
    emit(vm, this, vm.text_of(value) + "\n")


@native(PRINT, "print(Ljava/lang/Object;)V")
def print_object(vm: Machine, this: Any, value: Any) -> None:
    emit(vm, this, vm.text_of(value))


@native(PRINT, "printf(Ljava/lang/String;[Ljava/lang/Object;)Ljava/io/PrintStream;",
        "format(Ljava/lang/String;[Ljava/lang/Object;)Ljava/io/PrintStream;")  # fmt: skip
def printf(vm: Machine, this: Any, form: Any, arguments: Any) -> Any:
    emit(vm, this, formatted(vm, form, arguments))
    return this


@native(PRINT, "printf(Ljava/util/Locale;Ljava/lang/String;[Ljava/lang/Object;)Ljava/io/PrintStream;",
        "format(Ljava/util/Locale;Ljava/lang/String;[Ljava/lang/Object;)Ljava/io/PrintStream;")  # fmt: skip
def printf_locale(vm: Machine, this: Any, locale: Any, form: Any, arguments: Any) -> Any:
    emit(vm, this, formatted(vm, form, arguments, locale))
    return this


@native(PRINT, "write(I)V")
def write_byte(vm: Machine, this: Any, byte: int) -> None:
    if getattr(this, "sink", None) is not None:
        this.sink.write(bytes([byte & 255]))
    else:
        vm.call(this.f_out, "write(I)V", byte)


@native(PRINT, "write([BII)V")
def write_bytes(vm: Machine, this: Any, raw: Any, offset: int, count: int) -> None:
    if getattr(this, "sink", None) is not None:
        this.sink.write(bytes(byte & 255 for byte in raw.data[offset : offset + count]))
    else:
        vm.call(this.f_out, "write([BII)V", raw, offset, count)


@native(PRINT, "flush()V", "close()V", "ensureOpen()V")
def flush(vm: Machine, this: Any) -> None:
    if getattr(this, "sink", None) is not None:
        this.sink.flush()
    elif this.f_out is not None:
        vm.call(this.f_out, "flush()V")


@native(PRINT, "checkError()Z")
def check_error(this: Any) -> int:
    return 0


# Standard input

INPUT, READER = "java/io/BufferedInputStream", "java/io/InputStreamReader"


def source_of(this: Any) -> Any:
    return this.__dict__.get("source")


@native(READER, "<init>(Ljava/io/InputStream;)V", "<init>(Ljava/io/InputStream;Ljava/lang/String;)V",
        "<init>(Ljava/io/InputStream;Ljava/nio/charset/Charset;)V")  # fmt: skip
def reader_init(this: Any, stream: Any, charset: Any = None) -> None:
    this.f_lock = this
    this.stream, this.pending = stream, ""


@native(READER, "read([CII)I")
def reader_read(vm: Machine, this: Any, target: Any, offset: int, count: int) -> int:
    if count and not this.pending:
        this.pending = next_text(vm, this.stream)
    if count and not this.pending:
        return -1
    part, this.pending = this.pending[:count], this.pending[count:]
    target.data[offset : offset + len(part)] = map(ord, part)
    return len(part)


def next_text(vm: Machine, stream: Any) -> str:
    """The next line of standard input, or all that another stream holds."""
    source = source_of(stream)
    if source is not None:
        vm.stdout.flush()
        return utf16_units(source.readline().decode("utf-8", "replace"))
    raw = vm.call(stream, "readAllBytes()[B")
    return utf16_units(bytes(byte & 255 for byte in raw.data).decode("utf-8", "replace"))


@native(READER, "read()I")
def reader_read_one(vm: Machine, this: Any) -> int:
    if not this.pending:
        this.pending = next_text(vm, this.stream)
    if not this.pending:
        return -1
    first, this.pending = this.pending[0], this.pending[1:]
    return ord(first)


@native(READER, "ready()Z")
def reader_ready(vm: Machine, this: Any) -> int:
    if not this.pending:
        this.pending = next_text(vm, this.stream)
    return int(bool(this.pending))


@native(READER, "close()V")
def reader_close(this: Any) -> None:
    return None


@native(INPUT, "read()I")
def input_read(vm: Machine, this: Any) -> int:
    vm.stdout.flush()
    byte = source_of(this).read(1)
    return byte[0] if byte else -1


@native(INPUT, "read([BII)I")
def input_read_some(vm: Machine, this: Any, target: Any, offset: int, count: int) -> int:
    vm.stdout.flush()
    raw = source_of(this).readline(count)
    target.data[offset : offset + len(raw)] = [i8(byte) for byte in raw]
    return len(raw) if raw or not count else -1


@native(INPUT, "available()I", "close()V")
def input_available(this: Any) -> int:
    return 0


@native("java/util/Scanner", "useLocale(Ljava/util/Locale;)Ljava/util/Scanner;")
def scanner_use_locale(vm: Machine, this: Any, locale: Any) -> Any:
    """How numbers look in English, which the JDK would ask its locale data for."""
    forms = {"groupSeparator": r"\x{2c}", "decimalSeparator": r"\x{2e}", "nanString": r"\QNaN\E",
             "infinityString": r"\Q∞\E", "positivePrefix": "", "negativePrefix": r"\Q-\E", "positiveSuffix": "",
             "negativeSuffix": ""}  # fmt: skip
    for name, form in forms.items():
        setattr(this, f"f_{name}", vm.intern(form))
    return this
