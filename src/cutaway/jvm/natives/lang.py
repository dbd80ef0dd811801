"""java.lang: Object, Class, System, Throwable, Thread, Math and the boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cutaway.jvm import arithmetic as a
from cutaway.jvm import classfile as cf
from cutaway.jvm.decimals import double_text, float_text
from cutaway.jvm.heap import Array, Klass
from cutaway.jvm.natives import native
from cutaway.jvm.problems import Exit, JavaError, unsupported

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

# Object

OBJECT = "java/lang/Object"


@native(OBJECT, "<init>()V")
def object_init(this: Any) -> None:
    return None


@native(OBJECT, "getClass()Ljava/lang/Class;")
def get_class(vm: Machine, this: Any) -> Any:
    return vm.mirror(this.klass)


@native(OBJECT, "hashCode()I")
def identity_hash(this: Any) -> int:
    return 0 if this is None else id(this) >> 4 & 0x7FFFFFFF


@native(OBJECT, "clone()Ljava/lang/Object;")
def clone(vm: Machine, this: Any) -> Any:
    if isinstance(this, Array):
        return type(this)(this.data.copy())
    if vm.klass("java/lang/Cloneable") not in this.klass.ancestors:
        raise JavaError("java/lang/CloneNotSupportedException", this.klass.java_name)
    made = type(this)()
    made.__dict__.update(this.__dict__)
    return made


@native(OBJECT, "notify()V", "notifyAll()V")
def notify(this: Any) -> None:
    return None


@native(OBJECT, "wait()V", "wait(J)V")
def wait(this: Any, timeout: int = 0) -> None:
    raise unsupported("java.lang.Object.wait() (there are no threads)")


# Class

CLASS = "java/lang/Class"


def internal_name(name: str) -> str:
    return name.replace(".", "/")


@native(CLASS, "getName()Ljava/lang/String;")
def class_name(vm: Machine, this: Any) -> Any:
    return vm.intern(this.of.java_name)


@native(CLASS, "getTypeName()Ljava/lang/String;")
def type_name(vm: Machine, this: Any) -> Any:
    from cutaway.jvm.machine import java_type

    return vm.intern(java_type(this.of.descriptor))


@native(CLASS, "getCanonicalName()Ljava/lang/String;")
def canonical_name(vm: Machine, this: Any) -> Any:
    from cutaway.jvm.machine import java_type

    return vm.intern(java_type(this.of.descriptor).replace("$", "."))


@native(CLASS, "getSimpleName()Ljava/lang/String;")
def simple_name(vm: Machine, this: Any) -> Any:
    return vm.intern(simple(this.of))


def simple(klass: Klass) -> str:
    if klass.component:
        return simple(klass.component) + "[]"
    inner = klass.file.inner_flags() if klass.file else None
    return (inner[1] or "") if inner else klass.name.rpartition("/")[2]


@native(CLASS, "getPackageName()Ljava/lang/String;")
def package_name(vm: Machine, this: Any) -> Any:
    return vm.intern(this.of.java_name.rpartition(".")[0])


@native(CLASS, "desiredAssertionStatus()Z", "isHidden()Z", "isAnonymousClass0()Z")
def no(this: Any) -> int:
    return 0


@native(CLASS, "isInterface()Z")
def is_interface(this: Any) -> int:
    return int(this.of.is_interface)


@native(CLASS, "isArray()Z")
def is_array(this: Any) -> int:
    return int(this.of.component is not None)


@native(CLASS, "isPrimitive()Z")
def is_primitive(this: Any) -> int:
    return int(len(this.of.descriptor) == 1)


@native(CLASS, "isRecord()Z")
def is_record(this: Any) -> int:
    return int(bool(this.of.super and this.of.super.name == "java/lang/Record"))


@native(CLASS, "isEnum()Z")
def is_enum(this: Any) -> int:
    return int(bool(this.of.super and this.of.super.name == "java/lang/Enum"))


@native(CLASS, "isSealed()Z")
def is_sealed(this: Any) -> int:
    return int(bool(this.of.file and "PermittedSubclasses" in this.of.file.attributes))


@native(CLASS, "isAnonymousClass()Z")
def is_anonymous(this: Any) -> int:
    inner = this.of.file.inner_flags() if this.of.file else None
    return int(inner is not None and inner[1] is None)


@native(CLASS, "isInstance(Ljava/lang/Object;)Z")
def is_instance(this: Any, value: Any) -> int:
    return int(value is not None and value.klass.is_assignable_to(this.of))


@native(CLASS, "isAssignableFrom(Ljava/lang/Class;)Z")
def is_assignable_from(this: Any, other: Any) -> int:
    return int(other.of.is_assignable_to(this.of))


@native(CLASS, "getSuperclass()Ljava/lang/Class;")
def get_superclass(vm: Machine, this: Any) -> Any:
    return vm.mirror(this.of.super) if this.of.super and not this.of.is_interface else None


@native(CLASS, "getInterfaces()[Ljava/lang/Class;")
def get_interfaces(vm: Machine, this: Any) -> Any:
    return vm.array("[Ljava/lang/Class;", [vm.mirror(each) for each in this.of.interfaces])


@native(CLASS, "getComponentType()Ljava/lang/Class;", "componentType()Ljava/lang/Class;")
def get_component_type(vm: Machine, this: Any) -> Any:
    return vm.mirror(this.of.component) if this.of.component else None


@native(CLASS, "getModifiers()I")
def get_modifiers(this: Any) -> int:
    inner = this.of.file.inner_flags() if this.of.file else None
    return int((inner[0] if inner else this.of.access) & ~cf.ACC_SYNCHRONIZED)


@native(CLASS, "getPrimitiveClass(Ljava/lang/String;)Ljava/lang/Class;")
def get_primitive_class(vm: Machine, name: Any) -> Any:
    return vm.mirror(vm.klass(name.text))


@native(CLASS, "forName(Ljava/lang/String;)Ljava/lang/Class;",
        "forName(Ljava/lang/String;ZLjava/lang/ClassLoader;)Ljava/lang/Class;")  # fmt: skip
def for_name(vm: Machine, name: Any, initialise: int = 1, loader: Any = None) -> Any:
    try:
        klass = vm.klass(internal_name(name.text))
    except JavaError as error:
        if error.class_name != "java/lang/NoClassDefFoundError":
            raise
        raise JavaError("java/lang/ClassNotFoundException", name.text) from None
    vm.initialise(klass)
    return vm.mirror(klass)


@native(CLASS, "getEnumConstantsShared()[Ljava/lang/Object;")
def enum_constants_shared(vm: Machine, this: Any) -> Any:
    klass: Klass = this.of
    if not is_enum(this):
        return None
    vm.initialise(klass)
    return klass.methods[f"values()[L{klass.name};"].function()


native(CLASS, "getEnumConstants()[Ljava/lang/Object;")(enum_constants_shared)


@native(CLASS, "hashCode()I")
def class_hash(this: Any) -> int:
    return int(identity_hash(this))


@native("java/util/EnumMap", "getKeyUniverse(Ljava/lang/Class;)[Ljava/lang/Enum;")
@native("java/util/EnumSet", "getUniverse(Ljava/lang/Class;)[Ljava/lang/Enum;")
def enum_universe(vm: Machine, mirror: Any) -> Any:
    return enum_constants_shared(vm, mirror)


@native("java/lang/reflect/Array", "newArray(Ljava/lang/Class;I)Ljava/lang/Object;",
        "newInstance(Ljava/lang/Class;I)Ljava/lang/Object;")  # fmt: skip
def reflect_new_array(vm: Machine, mirror: Any, length: int) -> Any:
    return vm.new_array(vm.array_of(mirror.of), length)


@native("java/lang/reflect/Array", "getLength(Ljava/lang/Object;)I")
def reflect_length(array: Any) -> int:
    return len(array.data)


for _name in ("getDeclaredMethods()[Ljava/lang/reflect/Method;", "getMethods()[Ljava/lang/reflect/Method;",
              "getDeclaredFields()[Ljava/lang/reflect/Field;", "getFields()[Ljava/lang/reflect/Field;",
              "getDeclaredConstructors()[Ljava/lang/reflect/Constructor;",
              "getMethod(Ljava/lang/String;[Ljava/lang/Class;)Ljava/lang/reflect/Method;",
              "getDeclaredMethod(Ljava/lang/String;[Ljava/lang/Class;)Ljava/lang/reflect/Method;",
              "getDeclaredField(Ljava/lang/String;)Ljava/lang/reflect/Field;",
              "getField(Ljava/lang/String;)Ljava/lang/reflect/Field;",
              "getConstructor([Ljava/lang/Class;)Ljava/lang/reflect/Constructor;",
              "getDeclaredConstructor([Ljava/lang/Class;)Ljava/lang/reflect/Constructor;",
              "getRecordComponents()[Ljava/lang/reflect/RecordComponent;",
              "getAnnotation(Ljava/lang/Class;)Ljava/lang/annotation/Annotation;",
              "newInstance()Ljava/lang/Object;"):  # fmt: skip

    def _refuse(this: Any, *_: Any, name: str = _name) -> None:
        raise unsupported(f"reflection (java.lang.Class.{name.partition('(')[0]}())")

    native(CLASS, _name)(_refuse)

# System, Runtime, Thread

SYSTEM = "java/lang/System"

PROPERTIES = {
    "line.separator": "\n", "file.separator": "/", "path.separator": ":", "file.encoding": "UTF-8",
    "java.vendor": "Cutaway", "java.vm.name": "Cutaway", "java.specification.version": "17", "os.name": "Linux",
    "java.vm.specification.version": "17", "user.language": "en", "user.country": "US", "sun.jnu.encoding": "UTF-8",
    "native.encoding": "UTF-8", "stdin.encoding": "UTF-8", "stdout.encoding": "UTF-8", "stderr.encoding": "UTF-8",
    "java.home": "", "user.dir": ".", "user.home": ".", "user.name": "reader",
    "java.io.tmpdir": "/tmp", "os.arch": "amd64", "java.class.path": ".", "os.version": "1",
}  # fmt: skip


@native(SYSTEM, "<clinit>()V")
def system_init(vm: Machine) -> None:
    statics: Any = vm.klass(SYSTEM).statics
    for name, stream in (("f_out", vm.stdout), ("f_err", vm.stderr)):
        printer = vm.klass("java/io/PrintStream").python()
        printer.sink = stream
        setattr(statics, name, printer)
    statics.f_in = vm.klass("java/io/ByteArrayInputStream").python()
    statics.f_in = standard_input(vm)


def standard_input(vm: Machine) -> Any:
    """System.in is a BufferedInputStream in Java; here it is that class with natives behind it."""
    stream = vm.klass("java/io/BufferedInputStream").python()
    stream.source = vm.stdin
    return stream


@native(SYSTEM, "setOut0(Ljava/io/PrintStream;)V", "setOut(Ljava/io/PrintStream;)V")
def set_out(vm: Machine, stream: Any) -> None:
    vm.klass(SYSTEM).statics.f_out = stream  # type: ignore[attr-defined]


@native(SYSTEM, "setErr0(Ljava/io/PrintStream;)V", "setErr(Ljava/io/PrintStream;)V")
def set_err(vm: Machine, stream: Any) -> None:
    vm.klass(SYSTEM).statics.f_err = stream  # type: ignore[attr-defined]


@native(SYSTEM, "setIn0(Ljava/io/InputStream;)V", "setIn(Ljava/io/InputStream;)V")
def set_in(vm: Machine, stream: Any) -> None:
    vm.klass(SYSTEM).statics.f_in = stream  # type: ignore[attr-defined]


@native(SYSTEM, "currentTimeMillis()J")
def current_time_millis(vm: Machine) -> int:
    return int(vm.clock() * 1000)


@native(SYSTEM, "nanoTime()J")
def nano_time(vm: Machine) -> int:
    return int(vm.clock() * 1_000_000_000)


@native(SYSTEM, "identityHashCode(Ljava/lang/Object;)I")
def identity_hash_code(this: Any) -> int:
    return int(identity_hash(this))


@native(SYSTEM, "exit(I)V")
def system_exit(status: int) -> None:
    raise Exit(status)


@native("java/lang/Runtime", "exit(I)V", "halt(I)V")
def runtime_exit(this: Any, status: int) -> None:
    raise Exit(status)


@native("java/lang/Runtime", "availableProcessors()I")
def available_processors(this: Any) -> int:
    return 1


@native("java/lang/Runtime", "maxMemory()J", "totalMemory()J")
def total_memory(this: Any) -> int:
    return 256 << 20


@native("java/lang/Runtime", "freeMemory()J")
def free_memory(this: Any) -> int:
    return 128 << 20


@native("java/lang/Runtime", "gc()V")
def runtime_gc(this: Any) -> None:
    return None


@native(SYSTEM, "gc()V", "registerNatives()V")
def system_gc() -> None:
    return None


@native(SYSTEM, "getSecurityManager()Ljava/lang/SecurityManager;")
def get_security_manager() -> None:
    return None


@native(SYSTEM, "allowSecurityManager()Z")
def allow_security_manager() -> int:
    return 0


@native(SYSTEM, "lineSeparator()Ljava/lang/String;")
def line_separator(vm: Machine) -> Any:
    return vm.intern("\n")


@native(SYSTEM, "getProperty(Ljava/lang/String;)Ljava/lang/String;",
        "getProperty(Ljava/lang/String;Ljava/lang/String;)Ljava/lang/String;")  # fmt: skip
def get_property(vm: Machine, name: Any, default: Any = None) -> Any:
    if name.text == "java.version":
        return vm.intern(str(vm.java_version))
    return vm.intern(PROPERTIES[name.text]) if name.text in PROPERTIES else default


@native(SYSTEM, "getProperties()Ljava/util/Properties;")
@native("sun/security/action/GetPropertyAction", "privilegedGetProperties()Ljava/util/Properties;")
def get_properties(vm: Machine) -> Any:
    if "properties" not in vm.scratch:
        made = vm.scratch["properties"] = vm.new("java/util/Properties")
        key = "setProperty(Ljava/lang/String;Ljava/lang/String;)Ljava/lang/Object;"
        for name, value in PROPERTIES.items():
            vm.call(made, key, vm.intern(name), vm.intern(value))
    return vm.scratch["properties"]


@native(SYSTEM, "getenv(Ljava/lang/String;)Ljava/lang/String;")
def get_env(name: Any) -> None:
    return None


@native(SYSTEM, "getenv()Ljava/util/Map;")
def get_whole_env(vm: Machine) -> Any:
    return vm.new("java/util/HashMap")


@native(SYSTEM, "arraycopy(Ljava/lang/Object;ILjava/lang/Object;II)V")
def arraycopy(source: Any, start: int, target: Any, at: int, count: int) -> None:
    if source is None or target is None:
        raise JavaError("java/lang/NullPointerException")
    check_copy(source, start, target, at, count)
    component = target.klass.component
    if source.klass is not target.klass and len(component.descriptor) > 1:
        for offset, value in enumerate(source.data[start : start + count]):
            if value is not None and not value.klass.is_assignable_to(component):
                raise JavaError(
                    "java/lang/ArrayStoreException",
                    f"arraycopy: element type mismatch: can not cast one of the elements of "
                    f"{java_array(source.klass)} to the type of the destination array, {component.java_name}",
                )
            target.data[at + offset] = value
        return
    target.data[at : at + count] = source.data[start : start + count]


def java_array(klass: Klass) -> str:
    return f"{klass.component.java_name}[]" if klass.component else klass.java_name


def check_copy(source: Any, start: int, target: Any, at: int, count: int) -> None:
    """Types and bounds, refused in Java's words."""
    for array, role in ((source, "source"), (target, "destination")):
        if not isinstance(array, Array):
            raise JavaError(
                "java/lang/ArrayStoreException", f"arraycopy: {role} type {array.klass.java_name} is not an array"
            )
    mine, theirs = source.klass.component, target.klass.component
    primitive = [len(each.descriptor) == 1 for each in (mine, theirs)]
    if mine is not theirs and any(primitive):
        raise JavaError("java/lang/ArrayStoreException", "arraycopy: type mismatch: can not copy "
                        f"{array_text(mine)} into {array_text(theirs)}")  # fmt: skip
    if count < 0:
        raise JavaError("java/lang/ArrayIndexOutOfBoundsException", f"arraycopy: length {count} is negative")
    for array, klass, first, role, verb in (
        (source, mine, start, "source", "source"),
        (target, theirs, at, "destination", "destination"),
    ):
        length = len(array.data)
        kind = array_text(klass).replace("[]", f"[{length}]")
        if first < 0:
            raise JavaError(
                "java/lang/ArrayIndexOutOfBoundsException", f"arraycopy: {role} index {first} out of bounds for {kind}"
            )
        if first + count > length:
            last = "last source index" if verb == "source" else "last destination index"
            raise JavaError(
                "java/lang/ArrayIndexOutOfBoundsException",
                f"arraycopy: {last} {first + count} out of bounds for {kind}",
            )


def array_text(component: Klass) -> str:
    return f"{component.name}[]" if len(component.descriptor) == 1 else "object array[]"


THREAD = "java/lang/Thread"


@native(THREAD, "currentThread()Ljava/lang/Thread;")
def current_thread(vm: Machine) -> Any:
    if "thread" not in vm.scratch:
        thread = vm.scratch["thread"] = vm.klass(THREAD).python()
        thread.f_name = vm.intern("main")
        thread.f_priority, thread.f_tid = 5, 1
    return vm.scratch["thread"]


@native(THREAD, "<clinit>()V")
def thread_clinit() -> None:
    return None


@native(THREAD, "start()V", "join()V", "join(J)V", "interrupt()V", "setDaemon(Z)V")
def thread_start(this: Any, *_: Any) -> None:
    raise unsupported("java.lang.Thread.start()")


@native(THREAD, *(f"<init>({kinds})V" for kinds in (
    "", "Ljava/lang/Runnable;", "Ljava/lang/String;", "Ljava/lang/Runnable;Ljava/lang/String;")))  # fmt: skip
def thread_init(this: Any, *_: Any) -> None:
    raise unsupported("java.lang.Thread")


@native(THREAD, "sleep(J)V", "sleep(JI)V")
def thread_sleep(vm: Machine, millis: int, nanos: int = 0) -> None:
    vm.stdout.flush()
    vm.sleep(millis / 1000)


@native(THREAD, "yield()V", "onSpinWait()V")
def thread_yield() -> None:
    return None


@native(THREAD, "interrupted()Z")
def thread_interrupted() -> int:
    return 0


@native(THREAD, "isInterrupted()Z", "isDaemon()Z")
def thread_is_interrupted(this: Any) -> int:
    return 0


@native(THREAD, "isAlive()Z")
def thread_is_alive(this: Any) -> int:
    return 1


@native("java/lang/Runtime", "addShutdownHook(Ljava/lang/Thread;)V")
def add_shutdown_hook(this: Any, hook: Any) -> None:
    raise unsupported("java.lang.Runtime.addShutdownHook()")


# Throwable

THROWABLE = "java/lang/Throwable"


@native(THROWABLE, "fillInStackTrace()Ljava/lang/Throwable;")
def fill_in_stack_trace(vm: Machine, this: Any) -> Any:
    from cutaway.jvm.machine import trim_trace

    this.trace = trim_trace(this, vm.engine.trace(None))
    return this


@native(THROWABLE, "getOurStackTrace()[Ljava/lang/StackTraceElement;")
def our_stack_trace(vm: Machine, this: Any) -> Any:
    if "f_stackTrace" in this.__dict__ and this.f_stackTrace is not None and this.f_stackTrace.data:
        return this.f_stackTrace
    name = "java/lang/StackTraceElement"
    vm.klass(name)
    places = [(method.klass, method.name, method.line(pc)) for method, pc in getattr(this, "trace", [])]
    elements = [
        stack_trace_element(vm, klass, method, line) for klass, method, line in places if "$$" not in klass.name
    ]
    this.f_stackTrace = vm.array(f"[L{name};", elements)
    return this.f_stackTrace


def stack_trace_element(vm: Machine, klass: Klass, method: str, line: int | None) -> Any:
    element = vm.klass("java/lang/StackTraceElement").python()
    source = klass.file.source_file() if klass.file else None
    element.f_declaringClass, element.f_methodName = vm.intern(klass.java_name), vm.intern(method)
    element.f_fileName = vm.intern(source) if source else None
    element.f_lineNumber = -1 if line is None else line
    element.f_moduleName = vm.intern("java.base") if klass.trusted else None
    element.f_format = 3  # neither loader nor module version is printed
    return element


# Numbers: text, bits, and the functions of Math

INTEGER, LONG, FLOAT, DOUBLE = "java/lang/Integer", "java/lang/Long", "java/lang/Float", "java/lang/Double"


@native(INTEGER, "toString(I)Ljava/lang/String;")
@native(LONG, "toString(J)Ljava/lang/String;")
def int_to_string(vm: Machine, value: int) -> Any:
    return vm.string(str(value))


@native(INTEGER, "toString()Ljava/lang/String;")
@native(LONG, "toString()Ljava/lang/String;")
def boxed_to_string(vm: Machine, this: Any) -> Any:
    return vm.string(str(this.f_value))


@native(INTEGER, "parseInt(Ljava/lang/String;)I")
def parse_int(text: Any) -> int:
    return parsed(text, a.INT_MIN, a.INT_MAX)


@native(LONG, "parseLong(Ljava/lang/String;)J")
def parse_long(text: Any) -> int:
    return parsed(text, a.LONG_MIN, a.LONG_MAX)


def parsed(text: Any, low: int, high: int) -> int:
    if text is None:
        raise JavaError("java/lang/NumberFormatException", "Cannot parse null string")
    digits = text.text[1:] if text.text[:1] in ("+", "-") else text.text
    if not (digits and digits.isdecimal()) or not low <= (value := int(text.text)) <= high:
        radix = " under radix 10" if digits.isdecimal() and digits and high == a.INT_MAX else ""
        raise JavaError("java/lang/NumberFormatException", f'For input string: "{text.text}"{radix}')
    return value


for _owner, _kind, _bits in ((INTEGER, "I", 32), (LONG, "J", 64)):
    _mask = (1 << _bits) - 1
    native(_owner, f"bitCount({_kind})I")(lambda value, mask=_mask: (value & mask).bit_count())
    native(_owner, f"numberOfLeadingZeros({_kind})I")(
        lambda value, mask=_mask, bits=_bits: bits - (value & mask).bit_length()
    )
    native(_owner, f"numberOfTrailingZeros({_kind})I")(
        lambda value, mask=_mask, bits=_bits: (value & -value & mask).bit_length() - 1 if value else bits
    )
    for _letters, _form in (("toBinaryString", "b"), ("toHexString", "x"), ("toOctalString", "o")):

        def _based(vm: Machine, value: int, mask: int = _mask, form: str = _form) -> Any:
            return vm.string(format(value & mask, form))

        native(_owner, f"{_letters}({_kind})Ljava/lang/String;")(_based)


@native(DOUBLE, "toString(D)Ljava/lang/String;")
def double_to_string(vm: Machine, value: float) -> Any:
    return vm.string(double_text(value))


@native(FLOAT, "toString(F)Ljava/lang/String;")
def float_to_string(vm: Machine, value: float) -> Any:
    return vm.string(float_text(value))


@native(DOUBLE, "parseDouble(Ljava/lang/String;)D")
def parse_double(text: Any) -> float:
    return parse_floating(text)


@native(FLOAT, "parseFloat(Ljava/lang/String;)F")
def parse_float(text: Any) -> float:
    return float_nearest(parse_floating(text), text.text)


def float_nearest(value: float, text: str) -> float:
    """Text to a float in one rounding: by way of a double, a tie of the second rounding is settled by the text."""
    from fractions import Fraction

    near = a.f32(value)
    if near == value or math.isinf(value) or value != value or math.isinf(near) or "x" in text.lower():
        return near
    other = a.bits_float(a.float_bits(near) + (1 if (value > near) == (near >= 0) else -1))
    if math.isinf(other) or Fraction(near) + Fraction(other) != 2 * Fraction(value):
        return near
    exact, middle = Fraction(text.strip().rstrip("fFdD")), Fraction(value)
    if exact == middle:
        return near
    return max(near, other) if exact > middle else min(near, other)


@native("jdk/internal/math/FloatingDecimal", "parseDouble(Ljava/lang/String;)D")
def floating_parse(text: Any) -> float:
    return parse_floating(text)


def parse_floating(text: Any) -> float:
    import re

    if text is None:
        raise JavaError("java/lang/NullPointerException")
    trimmed = text.text.strip("".join(map(chr, range(33))))
    if not trimmed:
        raise JavaError("java/lang/NumberFormatException", "empty String")
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?", trimmed, re.ASCII):
        return float(trimmed.rstrip("fFdD"))
    if re.fullmatch(r"[+-]?(NaN|Infinity)", trimmed):
        return float(trimmed.replace("Infinity", "inf"))
    if re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?\d+[fFdD]?", trimmed):
        return float.fromhex(trimmed.rstrip("fFdD") if trimmed[-1] in "fFdD" else trimmed)
    raise JavaError("java/lang/NumberFormatException", f'For input string: "{text.text}"')


native(FLOAT, "floatToIntBits(F)I", "floatToRawIntBits(F)I")(a.float_bits)
native(DOUBLE, "doubleToLongBits(D)J", "doubleToRawLongBits(D)J")(a.double_bits)
native(FLOAT, "intBitsToFloat(I)F")(a.bits_float)
native(DOUBLE, "longBitsToDouble(J)D")(a.bits_double)


def power(base: float, exponent: float) -> float:
    """Math.pow, which differs from C where one argument is NaN or the base is 1."""
    if exponent == 0:
        return 1.0
    if base != base or exponent != exponent or (abs(base) == 1 and math.isinf(exponent)):
        return a.NAN
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -a.INFINITY if base < 0 and exponent % 2 == 1 else a.INFINITY
    except ValueError:  # a negative base with a broken exponent, or zero to a negative power
        if base == 0:
            return -a.INFINITY if math.copysign(1, base) < 0 and exponent % 2 == 1 else a.INFINITY
        return a.NAN


def guarded(function: Any, at_overflow: float = a.INFINITY) -> Any:
    """A function of Python's `math` that answers NaN where Python raises."""

    def apply(value: float) -> float:
        try:
            result: float = function(value)
            return result
        except ValueError:
            return a.NAN
        except OverflowError:
            return math.copysign(at_overflow, value) if function is math.sinh else at_overflow

    return apply


def logarithm(function: Any) -> Any:
    return lambda value: -a.INFINITY if value == 0 else a.NAN if value < 0 or value != value else function(value)


def rint(value: float) -> float:
    return math.copysign(float(round(value)), value) if abs(value) < 1 << 52 else value


def exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return a.INFINITY


def cbrt(value: float) -> float:
    """The cube root nearest to exact, from C's by one step of integers."""
    if value == 0 or value != value or math.isinf(value):
        return value
    from fractions import Fraction

    guess = math.copysign(abs(value) ** (1 / 3), value)
    candidates = [guess, math.nextafter(guess, a.INFINITY), math.nextafter(guess, -a.INFINITY)]
    exact = Fraction(value)
    return min(candidates, key=lambda each: abs(Fraction(each) ** 3 - exact))


for _owner in ("java/lang/Math", "java/lang/StrictMath"):
    for _name, _function in {
        "sqrt": lambda value: math.sqrt(value) if value >= 0 else a.NAN,
        "sin": guarded(math.sin), "cos": guarded(math.cos), "tan": guarded(math.tan), "asin": guarded(math.asin),
        "acos": guarded(math.acos), "atan": math.atan, "exp": exp, "log": logarithm(math.log),
        "log10": logarithm(math.log10), "sinh": guarded(math.sinh), "cosh": guarded(math.cosh), "tanh": math.tanh,
        "cbrt": cbrt, "rint": rint, "abs": abs,
        "floor": lambda value: math.copysign(float(math.floor(value)), value) if abs(value) < 1 << 52 else value,
        "ceil": lambda value: math.copysign(float(math.ceil(value)), value) if abs(value) < 1 << 52 else value,
    }.items():  # fmt: skip
        native(_owner, f"{_name}(D)D")(_function)
    native(_owner, "pow(DD)D")(power)
    native(_owner, "atan2(DD)D")(math.atan2)
    native(_owner, "hypot(DD)D")(math.hypot)
    native(_owner, "IEEEremainder(DD)D")(
        lambda x, y: (
            a.NAN if x != x or y != y or y == 0 or math.isinf(x) else x if math.isinf(y) else math.remainder(x, y)
        )
    )
    native(_owner, "max(II)I", "max(JJ)J")(lambda x, y: x if x >= y else y)
    native(_owner, "min(II)I", "min(JJ)J")(lambda x, y: x if x <= y else y)
    native(_owner, "abs(I)I")(lambda value: value if value >= 0 or value == a.INT_MIN else -value)
    native(_owner, "abs(J)J")(lambda value: value if value >= 0 or value == a.LONG_MIN else -value)
    native(_owner, "floorMod(II)I")(lambda x, y: x % y if y else a.remainder(x, y))


@native("java/lang/Math", "random()D")
def math_random(vm: Machine) -> float:
    import random

    generator: random.Random = vm.scratch.setdefault("random", random.Random())
    return generator.random()
