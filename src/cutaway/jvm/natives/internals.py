"""What the library asks of the JVM behind the curtain: Unsafe, VM, CDS, Reflection, AccessController, Cleaner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutaway.jvm.arithmetic import i32, i64
from cutaway.jvm.heap import Array
from cutaway.jvm.natives import native
from cutaway.jvm.problems import JavaError

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

UNSAFE, CDS = "jdk/internal/misc/Unsafe", "jdk/internal/misc/CDS"

# Unsafe: an "offset" is a number for a field's attribute, or an array's index


@native(UNSAFE, "<clinit>()V")
def unsafe_init(vm: Machine) -> None:
    klass = vm.klass(UNSAFE)
    statics: Any = klass.statics
    statics.f_theUnsafe = klass.python()
    for kind in ("BOOLEAN", "BYTE", "SHORT", "CHAR", "INT", "LONG", "FLOAT", "DOUBLE", "OBJECT"):
        setattr(statics, f"f_ARRAY_{kind}_BASE_OFFSET", 0)
        setattr(statics, f"f_ARRAY_{kind}_INDEX_SCALE", 1)
    statics.f_ADDRESS_SIZE = 8


@native(UNSAFE, "arrayBaseOffset(Ljava/lang/Class;)I", "arrayBaseOffset0(Ljava/lang/Class;)I")
def array_base_offset(this: Any, mirror: Any) -> int:
    return 0


@native(UNSAFE, "arrayIndexScale(Ljava/lang/Class;)I", "arrayIndexScale0(Ljava/lang/Class;)I")
def array_index_scale(this: Any, mirror: Any) -> int:
    return 1


@native(UNSAFE, "objectFieldOffset(Ljava/lang/Class;Ljava/lang/String;)J")
def object_field_offset(vm: Machine, this: Any, mirror: Any, name: Any) -> int:
    offsets: list[str] = vm.scratch.setdefault("offsets", [])
    field = next(field for field in mirror.of.fields.values() if field.name == name.text)
    offsets.append(field.attribute)
    return len(offsets) - 1


def read(vm: Machine, this: Any, owner: Any, offset: int) -> Any:
    if isinstance(owner, Array):
        return owner.data[offset]
    return getattr(owner, vm.scratch["offsets"][offset])


def write(vm: Machine, this: Any, owner: Any, offset: int, value: Any) -> None:
    if isinstance(owner, Array):
        owner.data[offset] = value
    else:
        setattr(owner, vm.scratch["offsets"][offset], value)


def compare_and_set(vm: Machine, this: Any, owner: Any, offset: int, expected: Any, value: Any) -> int:
    found = read(vm, this, owner, offset)
    if found is expected or (isinstance(found, int) and found == expected):
        write(vm, this, owner, offset, value)
        return 1
    return 0


def compare_and_exchange(vm: Machine, this: Any, owner: Any, offset: int, expected: Any, value: Any) -> Any:
    found = read(vm, this, owner, offset)
    compare_and_set(vm, this, owner, offset, expected, value)
    return found


def get_and_set(vm: Machine, this: Any, owner: Any, offset: int, value: Any) -> Any:
    found = read(vm, this, owner, offset)
    write(vm, this, owner, offset, value)
    return found


def get_and_add_int(vm: Machine, this: Any, owner: Any, offset: int, amount: int) -> int:
    found: int = read(vm, this, owner, offset)
    write(vm, this, owner, offset, i32(found + amount))
    return found


def get_and_add_long(vm: Machine, this: Any, owner: Any, offset: int, amount: int) -> int:
    found: int = read(vm, this, owner, offset)
    write(vm, this, owner, offset, i64(found + amount))
    return found


for _kind, _type in {
    "Int": "I", "Long": "J", "Reference": "Ljava/lang/Object;", "Boolean": "Z", "Byte": "B", "Short": "S", "Char": "C"
}.items():  # fmt: skip
    for _mode in ("", "Volatile", "Acquire", "Release", "Opaque"):
        native(UNSAFE, f"get{_kind}{_mode}(Ljava/lang/Object;J){_type}")(read)
        native(UNSAFE, f"put{_kind}{_mode}(Ljava/lang/Object;J{_type})V")(write)
    for _mode in ("", "Plain", "Acquire", "Release"):
        _weak = f"weakCompareAndSet{_kind}{_mode}(Ljava/lang/Object;J{_type}{_type})Z"
        native(UNSAFE, _weak)(compare_and_set)
        native(UNSAFE, f"compareAndExchange{_kind}{_mode}(Ljava/lang/Object;J{_type}{_type}){_type}")(
            compare_and_exchange
        )
    native(UNSAFE, f"compareAndSet{_kind}(Ljava/lang/Object;J{_type}{_type})Z")(compare_and_set)
    native(UNSAFE, f"getAndSet{_kind}(Ljava/lang/Object;J{_type}){_type}")(get_and_set)
native(UNSAFE, "getAndAddInt(Ljava/lang/Object;JI)I")(get_and_add_int)
native(UNSAFE, "getAndAddLong(Ljava/lang/Object;JJ)J")(get_and_add_long)


@native(UNSAFE, "fullFence()V", "loadFence()V", "storeFence()V", "storeStoreFence()V")
def fence(this: Any) -> None:
    return None


@native(UNSAFE, "allocateUninitializedArray(Ljava/lang/Class;I)Ljava/lang/Object;")
def allocate_array(vm: Machine, this: Any, mirror: Any, length: int) -> Any:
    return vm.new_array(vm.array_of(mirror.of), length)


@native(UNSAFE, "isBigEndian()Z")
def is_big_endian(this: Any) -> int:
    return 0


# The rest


@native(CDS, "<clinit>()V")
@native("jdk/internal/misc/VM", "<clinit>()V", "initialize()V", "initializeFromArchive(Ljava/lang/Class;)V")
@native("java/lang/ref/Reference", "<clinit>()V")
@native("java/lang/ref/Finalizer", "<clinit>()V")
@native("jdk/internal/reflect/Reflection", "ensureMemberAccess()V")
@native("java/util/concurrent/atomic/AtomicLong", "VMSupportsCS8()Z")
def nothing() -> int:
    return 0


@native(
    CDS, "initializeFromArchive(Ljava/lang/Class;)V", "defineArchivedModules(Ljava/lang/Object;Ljava/lang/Object;)V"
)
def initialize_from_archive(mirror: Any, other: Any = None) -> None:
    return None


@native(CDS, "getRandomSeedForDumping()J", "isDumpingClassList0()Z", "isDumpingArchive0()Z", "isSharingEnabled0()Z",
        "isDumpingClassList()Z", "isDumpingArchive()Z", "isSharingEnabled()Z")  # fmt: skip
def no_archive() -> int:
    return 0


@native("jdk/internal/misc/VM", "isBooted()Z", "isModuleSystemInited()Z")
def yes() -> int:
    return 1


@native("jdk/internal/misc/VM", "getSavedProperty(Ljava/lang/String;)Ljava/lang/String;")
@native("sun/security/action/GetPropertyAction", "privilegedGetProperty(Ljava/lang/String;)Ljava/lang/String;")
def saved_property(vm: Machine, name: Any) -> Any:
    from cutaway.jvm.natives.lang import get_property

    return get_property(vm, name)


@native("sun/security/action/GetPropertyAction",
        "privilegedGetProperty(Ljava/lang/String;Ljava/lang/String;)Ljava/lang/String;")  # fmt: skip
def saved_property_or(vm: Machine, name: Any, default: Any) -> Any:
    from cutaway.jvm.natives.lang import get_property

    return get_property(vm, name, default)


@native("java/security/AccessController", "doPrivileged(Ljava/security/PrivilegedAction;)Ljava/lang/Object;",
        "doPrivileged(Ljava/security/PrivilegedAction;Ljava/security/AccessControlContext;)"
        "Ljava/lang/Object;")  # fmt: skip
def do_privileged(vm: Machine, action: Any, context: Any = None) -> Any:
    return vm.call(action, "run()Ljava/lang/Object;")


@native("jdk/internal/reflect/Reflection", "getCallerClass()Ljava/lang/Class;")
def caller_class(vm: Machine) -> Any:
    places = vm.engine.trace(None)
    return vm.mirror(places[min(1, len(places) - 1)][0].klass)


@native(
    "java/lang/ref/Reference",
    "<init>(Ljava/lang/Object;Ljava/lang/ref/ReferenceQueue;)V",
    "<init>(Ljava/lang/Object;)V",
)
def reference_init(this: Any, referent: Any, queue: Any = None) -> None:
    this.f_referent = referent


@native("java/lang/ref/Reference", "get()Ljava/lang/Object;")
@native("java/lang/ref/SoftReference", "get()Ljava/lang/Object;")
def reference_get(this: Any) -> Any:
    return this.f_referent


@native("java/lang/ref/Reference", "refersTo(Ljava/lang/Object;)Z", "refersToImpl(Ljava/lang/Object;)Z")
def refers_to(this: Any, value: Any) -> int:
    return int(this.f_referent is value)


@native("java/lang/ref/Reference", "clear()V", "clear0()V")
def reference_clear(this: Any) -> None:
    this.f_referent = None


@native("java/lang/ref/ReferenceQueue", "poll()Ljava/lang/ref/Reference;")
def queue_poll(this: Any) -> None:
    return None


@native("java/util/concurrent/ThreadLocalRandom", "current()Ljava/util/concurrent/ThreadLocalRandom;")
def thread_local_random(vm: Machine) -> Any:
    return vm.scratch.get("tlr") or vm.scratch.setdefault("tlr", vm.new("java/util/Random"))


@native("java/util/stream/AbstractPipeline", "isParallel()Z")
def is_parallel(this: Any) -> int:
    """Without threads a parallel stream is a sequential one; its results are the same."""
    return 0


def sequential_sort(kind: str) -> Any:
    return lambda vm, array: vm.klass("java/util/Arrays").methods[f"sort({kind})V"].function(array)


for _kind in ("[B", "[S", "[C", "[I", "[J", "[F", "[D"):
    native("java/util/Arrays", f"parallelSort({_kind})V")(sequential_sort(_kind))
native("java/util/Arrays", "parallelSort([Ljava/lang/Comparable;)V")(sequential_sort("[Ljava/lang/Object;"))


@native("java/lang/NullPointerException", "getExtendedNPEMessage()Ljava/lang/String;")
def null_message(this: Any) -> None:
    """Nothing: what bytecode says of null is made by `explain`, and natives have no words for it."""


@native("java/util/Random", "next(I)I")
def random_next(this: Any, bits: int) -> int:
    """The linear congruential generator of java.util.Random, without its atomic loop."""
    seed = this.f_seed.f_value = (this.f_seed.f_value * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
    this.f_seed.f_value = seed
    return i32(seed >> (48 - bits))


@native("java/lang/StringCoding", "hasNegatives([BII)Z")
def has_negatives(raw: Any, offset: int, count: int) -> int:
    return int(any(byte < 0 for byte in raw.data[offset : offset + count]))


@native("java/lang/StringUTF16", "isBigEndian()Z")
def utf16_big_endian() -> int:
    return 0


@native("java/lang/StrictMath", "random()D")
def strict_random() -> float:
    raise JavaError("java/lang/UnsupportedOperationException", "StrictMath.random")


@native("jdk/internal/util/ArraysSupport", "vectorizedMismatch(Ljava/lang/Object;JLjava/lang/Object;JII)I")
def vectorized_mismatch(left: Any, left_at: int, right: Any, right_at: int, count: int, scale: int) -> int:
    """No element has been compared yet: the caller does it one by one."""
    return ~count


@native("jdk/internal/access/SharedSecrets", "<clinit>()V")
def shared_secrets_init(vm: Machine) -> None:
    statics: Any = vm.klass("jdk/internal/access/SharedSecrets").statics
    statics.f_javaLangAccess = vm.klass("java/lang/System$2").python()


@native("java/lang/System$2", "fastUUID(JJ)Ljava/lang/String;")
def fast_uuid(vm: Machine, this: Any, low: int, high: int) -> Any:
    digits = f"{high & 0xFFFFFFFFFFFFFFFF:016x}{low & 0xFFFFFFFFFFFFFFFF:016x}"
    return vm.string("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))


LATIN, UTF16 = "java/lang/StringLatin1", "java/lang/StringUTF16"


@native(LATIN, "newString([BII)Ljava/lang/String;")
def latin_string(vm: Machine, raw: Any, offset: int, count: int) -> Any:
    return vm.string("".join(chr(byte & 255) for byte in raw.data[offset : offset + count]))


@native("java/lang/String", "<init>([BB)V")
def coded_string(this: Any, raw: Any, coder: int) -> None:
    """A string from the JDK's own two forms: a byte for each Latin-1 character, or two for each UTF-16 unit."""
    content = bytes(byte & 255 for byte in raw.data)
    if coder == 0:
        this.text = content.decode("latin-1")
    else:
        this.text = "".join(chr(low | high << 8) for low, high in zip(content[::2], content[1::2], strict=False))


@native("java/lang/String", "coder()B")
def coder(this: Any) -> int:
    return int(any(char > "\xff" for char in this.text))


@native("java/lang/String", "value()[B")
def value_bytes(vm: Machine, this: Any) -> Any:
    kind = "utf-16-le" if coder(this) else "latin-1"
    from cutaway.jvm.arithmetic import i8

    return vm.array("[B", [i8(byte) for byte in this.text.encode(kind, "surrogatepass")])


@native("java/lang/String", "isLatin1()Z")
def is_latin1(this: Any) -> int:
    return 1 - int(coder(this))


@native("java/util/Random", "<clinit>()V")
def random_init(vm: Machine) -> None:
    statics: Any = vm.klass("java/util/Random").statics
    statics.f_seedUniquifier = vm.new("java/util/concurrent/atomic/AtomicLong", "(J)V", 8682522807148012)


# VarHandle: a field or an array's elements, as java.util.concurrent uses them

LOOKUP = "java/lang/invoke/MethodHandles$Lookup"


@native("java/lang/invoke/MethodHandles", "lookup()Ljava/lang/invoke/MethodHandles$Lookup;")
def lookup(vm: Machine) -> Any:
    return vm.klass(LOOKUP).python()


@native(LOOKUP, "<clinit>()V")
@native("java/lang/invoke/MethodHandles", "<clinit>()V")
@native("java/lang/invoke/VarHandle", "<clinit>()V")
@native("java/lang/invoke/MethodHandle", "<clinit>()V")
def no_init() -> None:
    return None


@native(LOOKUP, "findVarHandle(Ljava/lang/Class;Ljava/lang/String;Ljava/lang/Class;)Ljava/lang/invoke/VarHandle;")
def find_var_handle(vm: Machine, this: Any, owner: Any, name: Any, kind: Any) -> Any:
    handle = vm.klass("java/lang/invoke/VarHandle").python()
    handle.attribute = next(field.attribute for field in owner.of.fields.values() if field.name == name.text)
    return handle


@native("java/lang/invoke/MethodHandles", "arrayElementVarHandle(Ljava/lang/Class;)Ljava/lang/invoke/VarHandle;")
def array_var_handle(vm: Machine, kind: Any) -> Any:
    handle = vm.klass("java/lang/invoke/VarHandle").python()
    handle.attribute = None
    return handle


def handle_get(handle: Any, place: list[Any]) -> Any:
    return getattr(place[0], handle.attribute) if handle.attribute else place[0].data[place[1]]


def handle_set(handle: Any, place: list[Any], value: Any) -> None:
    if handle.attribute:
        setattr(place[0], handle.attribute, value)
    else:
        place[0].data[place[1]] = value


def var_handle_body(name: str, descriptor: str) -> Any:
    """The body of one of VarHandle's methods, which take any descriptor; None for one that is left out."""
    wrap = i64 if descriptor.endswith("J") else i32

    def get(handle: Any, *place: Any) -> Any:
        return handle_get(handle, list(place))

    def put(handle: Any, *rest: Any) -> None:
        handle_set(handle, list(rest[:-1]), rest[-1])

    def swap(handle: Any, *rest: Any) -> Any:
        found = handle_get(handle, list(rest[:-1]))
        handle_set(handle, list(rest[:-1]), rest[-1])
        return found

    def exchange(handle: Any, *rest: Any) -> Any:
        *place, expected, value = rest
        found = handle_get(handle, place)
        if found is expected or (isinstance(found, int) and found == expected):
            handle_set(handle, place, value)
        return found

    def test(handle: Any, *rest: Any) -> int:
        found, expected = exchange(handle, *rest), rest[-2]
        return int(found is expected or (isinstance(found, int) and found == expected))

    def add(handle: Any, *rest: Any) -> Any:
        found = handle_get(handle, list(rest[:-1]))
        handle_set(handle, list(rest[:-1]), wrap(found + rest[-1]))
        return found

    for prefix, body in (("compareAndSet", test), ("weakCompareAndSet", test), ("compareAndExchange", exchange),
                         ("getAndSet", swap), ("getAndAdd", add), ("get", get), ("set", put)):  # fmt: skip
        if name.startswith(prefix) and not name.startswith("getAndBitwise"):
            return body
    return None
