"""The machine around an engine: it loads, links and initialises classes, resolves names and makes objects (JVMS 5).

What differs between the three engines is only how a method's code is run. Everything that a method can ask for while
it runs is here: `klass` loads by name, `initialise` runs static initialisers in the specification's order, `resolve`
turns a constant pool index into the class, field, method or constant that it names, and remembers it.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import IO, Any, Protocol

from cutaway.jvm import classfile as cf
from cutaway.jvm import decimals, natives, spin, verify
from cutaway.jvm.heap import (
    DEFAULTS,
    PRIMITIVES,
    Array,
    Field,
    Function,
    Klass,
    Method,
    Ref,
    State,
    Value,
    link_vtable,
)
from cutaway.jvm.image import ClassPath, feature_version
from cutaway.jvm.problems import ClassFormatError, JavaError, JvmProblem, Thrown, VerifyError, unsupported

Place = tuple[Method, int]  # a method and the pc in it: one line of a stack trace

MAX_ARRAY_LENGTH = 1 << 28  # elements; beyond it the machine answers OutOfMemoryError, as a small heap would


class Engine(Protocol):
    """One way to run code: it binds every method that has code to a function."""

    recursion_limit: int  # Python frames in which some 9,000 Java frames fit

    def attach(self, machine: Machine) -> None: ...

    def bind(self, method: Method) -> Function:
        """A Python function that runs `method` on Java arguments."""

    def throwable(self, error: BaseException) -> Any:
        """The Java throwable that a Python exception stands for; one that stands for none goes on its way."""

    def trace(self, traceback: TracebackType | None) -> list[Place]:
        """Where Java is now, innermost first; `traceback` adds the frames that an error has already left."""


class Machine:
    """A Java virtual machine with one engine, one class path and three streams."""

    def __init__(
        self,
        classpath: ClassPath,
        engine: Engine,
        stdin: IO[bytes],
        stdout: IO[bytes],
        stderr: IO[bytes],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.classpath, self.engine = classpath, engine
        self.stdin, self.stdout, self.stderr, self.clock, self.sleep = stdin, stdout, stderr, clock, sleep
        self.java_version = feature_version(classpath.image.path.parent.parent)
        decimals.follow(self.java_version)
        self.classes: dict[str, Klass] = {}
        self.attributes: dict[str, str] = {}
        self.literals: dict[str, Ref] = {}
        self.scratch: dict[str, Any] = {}  # what natives keep between calls
        engine.attach(self)
        self.string_python: type[Any] = self.klass("java/lang/String").python

    # Classes: load and link

    def klass(self, name: str) -> Klass:
        """The linked class of that internal name; an unknown one is a NoClassDefFoundError in Java."""
        klass = self.classes.get(name)
        if klass is None:
            klass = self.classes[name] = self._load(name)
        return klass

    def _load(self, name: str) -> Klass:
        if name.startswith("["):
            return self._array_class(name)
        if name in PRIMITIVES:
            return Klass(name, None, [], cf.ACC_PUBLIC | cf.ACC_FINAL | cf.ACC_ABSTRACT)
        found = self.classpath.find(name)
        if found is None:
            raise JavaError("java/lang/NoClassDefFoundError", name)
        data, trusted = found
        return self.define(data, name, trusted)

    def define(self, data: bytes, name: str, trusted: bool = False) -> Klass:
        """Link a class from its bytes; what is not the library's is checked in full."""
        file = cf.ClassFile(data, name)
        if not trusted:
            file.check()
            if file.name != name:
                raise JavaError("java/lang/NoClassDefFoundError", f"{name} (wrong name: {file.name})")
        parents = self._parents(file)
        klass = Klass(name, parents[0], parents[1], file.access)
        klass.file, klass.trusted = file, trusted
        bodies = natives.for_class(name)
        for member in file.methods:
            klass.methods[member.name + member.descriptor] = Method(
                klass, member, bodies.get(member.name + member.descriptor)
            )
        for hidden in natives.HIDDEN.get(name, ()):
            klass.methods.pop(hidden, None)
        return self.finish(klass, file.fields)

    def _parents(self, file: cf.ClassFile) -> tuple[Klass | None, list[Klass]]:
        """Superclass and interfaces, loaded first; a class that is its own ancestor is refused."""
        names = [file.super_name, *file.interfaces] if file.super_name else file.interfaces
        if file.name in self.scratch.setdefault("loading", []):
            raise JavaError("java/lang/ClassCircularityError", file.name)
        self.scratch["loading"].append(file.name)
        try:
            parents = [self.klass(name) for name in names]
        finally:
            self.scratch["loading"].pop()
        if file.super_name is None:
            if file.name != "java/lang/Object":
                raise ClassFormatError(file.name, "superclass", 0, "only java.lang.Object has none")
            return None, parents
        if parents[0].is_interface or parents[0].access & cf.ACC_FINAL:
            raise JavaError(
                "java/lang/IncompatibleClassChangeError", f"class {file.name} cannot inherit from {parents[0].name}"
            )
        for parent in parents[1:]:
            if not parent.is_interface:
                raise JavaError("java/lang/IncompatibleClassChangeError", f"{parent.name} is not an interface")
        return parents[0], parents[1:]

    def finish(self, klass: Klass, fields: list[cf.Member]) -> Klass:
        """Give a class its Python class, its fields and its method table."""
        base = klass.super.python if klass.super else Ref
        slots: dict[str, Any] = {"__slots__": ()} if klass.super is None else {}
        if klass.name == "java/lang/String":
            slots = {"__slots__": ("text", "hash")}
        klass.python = type(klass.name, (base,), {**slots, "klass": klass})
        for member in fields:
            self._add_field(klass, member)
        link_vtable(klass)
        for method in klass.methods.values():
            method.attribute = self.attribute(method.key)
            method.function = self.bind(method)
        if not klass.is_interface:
            for key, method in klass.vtable.items():
                if klass.super is None or klass.super.vtable.get(key) is not method:
                    setattr(klass.python, self.attribute(key), method.function)
                    method.holders.append(klass.python)
        return klass

    def _add_field(self, klass: Klass, member: cf.Member) -> None:
        attribute = "f_" + identifier(member.name)
        if member.access & cf.ACC_STATIC:
            setattr(klass.statics, attribute, self._initial(klass, member))
        else:
            if hasattr(klass.python, attribute):  # it hides a field of a superclass
                attribute += f"_{len(list(klass.lineage()))}"
            setattr(klass.python, attribute, DEFAULTS.get(member.descriptor))
        klass.fields[member.name + ":" + member.descriptor] = Field(klass, member, attribute)

    def _initial(self, klass: Klass, member: cf.Member) -> Value:
        constant = klass.file.constant_value(member) if klass.file else None
        if isinstance(constant, cf.Number):
            return constant.value
        return self.intern(constant.text) if constant else DEFAULTS.get(member.descriptor)

    def _array_class(self, name: str) -> Klass:
        parent = self.klass("java/lang/Object")
        interfaces = [self.klass("java/lang/Cloneable"), self.klass("java/io/Serializable")]
        klass = Klass(name, parent, interfaces, cf.ACC_PUBLIC | cf.ACC_FINAL | cf.ACC_ABSTRACT)
        klass.component = self.klass(element_name(name[1:]))
        klass.state = State.READY
        table = {self.attribute(key): method.function for key, method in klass.vtable.items()}
        klass.python = type(name, (Array,), {"__slots__": (), "klass": klass, **table})
        for method in klass.vtable.values():
            method.holders.append(klass.python)
        return klass

    def attribute(self, key: str) -> str:
        """The Python name under which methods of one name and descriptor stand in every class."""
        found = self.attributes.get(key)
        if found is None:
            found = self.attributes[key] = f"m_{identifier(key.partition('(')[0])}_{len(self.attributes)}"
        return found

    def bind(self, method: Method) -> Function:
        if method.native:
            return natives.bound(method.native, self, len(method.parameters))
        if method.is_abstract:
            return _raiser("java/lang/AbstractMethodError", repr(method))
        if method.name in ("registerNatives", "initIDs"):  # how the JDK binds its own natives
            return lambda: None
        if method.access & cf.ACC_NATIVE:
            return _missing(f"{method.klass.java_name}.{method.name}()")
        return self.engine.bind(method)

    # Classes: prepare and initialise

    def prepare(self, method: Method) -> None:
        """Read a method's code, check it unless it is the library's, and plan it where values and words differ."""
        file = method.klass.file
        source = method.spun_code or (file.code(method.member) if file else None)
        if source is None:
            raise JavaError("java/lang/AbstractMethodError", repr(method))
        method.source, method.max_locals, method.code = source, source.max_locals, source.code
        if not method.klass.trusted or verify.needs_plan(source.code):
            method.code = self.plan(method).code

    def plan(self, method: Method) -> verify.Plan:
        """The method's code with the kinds on the stack at each instruction."""
        if method.plan is None:
            if method.source is None:
                self.prepare(method)
            if method.plan is None and method.source is not None:
                pool = self.constant_of(method.klass)
                method.plan = verify.plan(repr(method), method.source, method.parameters, method.result, pool)
        assert method.plan is not None
        return method.plan

    def constant_of(self, klass: Klass) -> Callable[[int], Any]:
        """How to read the constants of a class: from its file, or from what `spin` laid over it."""
        overlay, file = klass.pool_overlay, klass.file
        return lambda index: overlay[index] if index in overlay else file.pool[index] if file else None

    def initialise(self, klass: Klass) -> None:
        """Run the static initialiser, superclasses first, once (JVMS 5.5)."""
        if klass.state in (State.READY, State.INITIALISING):
            return
        if klass.state is State.FAILED:
            raise JavaError("java/lang/NoClassDefFoundError", f"Could not initialize class {klass.java_name}")
        natives.refuse_missing(klass.name)
        klass.state = State.INITIALISING
        try:
            if not klass.is_interface:
                if klass.super:
                    self.initialise(klass.super)
                for interface in klass.superinterfaces():
                    if any(not method.is_abstract and not method.is_static for method in interface.methods.values()):
                        self.initialise(interface)
            initialiser = klass.methods.get("<clinit>()V")
            if initialiser:
                initialiser.function()
        except Exception as error:
            klass.state = State.FAILED
            thrown = self.engine.throwable(error)
            if not thrown.klass.is_assignable_to(self.klass("java/lang/Error")):
                thrown = self.new("java/lang/ExceptionInInitializerError", "(Ljava/lang/Throwable;)V", thrown)
            raise Thrown(thrown) from None
        klass.state = State.READY

    # Constants: what an index in a constant pool means

    def resolve(self, klass: Klass, index: int) -> Any:
        """The class, constant or call site at `index`, found once."""
        found = klass.resolved.get(index)
        if found is None:
            found = klass.resolved[index] = self._resolve(klass, self.constant_of(klass)(index))
        return found

    def _resolve(self, klass: Klass, entry: Any) -> Any:
        match entry:
            case cf.Number():
                return entry.value
            case cf.StringRef():
                return self.intern(entry.text)
            case cf.ClassRef():
                return self.klass(entry.name)
            case cf.CallSiteRef():
                return spin.call_site(self, klass, entry)
            case cf.MemberRef():
                return self.resolve_method(entry) if entry.descriptor.startswith("(") else self.resolve_field(entry)
        raise unsupported(f"the constant {entry}")

    def resolve_field(self, ref: cf.MemberRef) -> Field:
        field = self.klass(ref.owner).find_field(ref.name, ref.descriptor)
        if field is None:
            raise JavaError("java/lang/NoSuchFieldError", ref.name)
        return field

    def resolve_method(self, ref: cf.MemberRef) -> Method:
        key = ref.name + ref.descriptor
        owner = self.klass(ref.owner)
        method = owner.find_method(key) or (
            self.klass("java/lang/Object").methods.get(key) if owner.is_interface else None
        )
        if method is None:
            method = self._any_signature(owner, ref)
        if method is None:
            raise JavaError("java/lang/NoSuchMethodError", f"'{signature(ref)}'")
        return method

    def _any_signature(self, owner: Klass, ref: cf.MemberRef) -> Method | None:
        """Methods that take any descriptor (JVMS 2.9.3): VarHandle's are here, `MethodHandle.invoke` is left out."""
        if owner.name == "java/lang/invoke/VarHandle":
            body = natives.internals.var_handle_body(ref.name, ref.descriptor)
            if body:
                member = cf.Member(cf.ACC_PRIVATE, ref.name, ref.descriptor, {})  # private: selected as named
                method = Method(owner, member, body)
                method.function = body
                return method
        if owner.name in ("java/lang/invoke/MethodHandle", "java/lang/invoke/VarHandle"):
            raise unsupported(f"{owner.java_name}.{ref.name}()")
        return None

    def resolve_static(self, klass: Klass, index: int) -> Any:
        """A static field or method, its class initialised."""
        found = klass.resolved.get(index) or self.resolve(klass, index)
        if found.klass.state is not State.READY:
            self.initialise(found.klass)
        return found

    def resolve_special(self, klass: Klass, index: int) -> Method:
        """What `invokespecial` runs: the named method, or for `super.m()` the one of the nearest superclass (6.5)."""
        method: Method = self.resolve(klass, index)
        if method.name == "<init>" or method.is_private or method.klass is klass or klass.super is None:
            return method
        if method.klass.is_interface:
            return method
        return klass.super.vtable.get(method.key, method)

    def select(self, receiver: Any, named: Method) -> Method:
        """The method that a virtual call runs: by the receiver's class, unless the named one is private."""
        if named.is_private:
            return named
        method: Method | None = receiver.klass.vtable.get(named.key)
        if method is None:
            raise JavaError("java/lang/IncompatibleClassChangeError", f"{receiver.klass.name} has no {named.key}")
        return method

    def array_of(self, klass: Klass) -> Klass:
        """The class of arrays of `klass`."""
        return self.klass("[" + klass.descriptor)

    def loaded(self, klass: Klass, index: int) -> Value:
        """What `ldc` pushes: a class constant is pushed as its `java.lang.Class` object."""
        constant = self.resolve(klass, index)
        if isinstance(constant, Klass):
            return self.mirror(constant)
        return constant.function() if isinstance(constant, Method) else constant

    # Objects

    def string(self, text: str) -> Any:
        """A new String object."""
        string = self.string_python()
        string.text = text
        return string

    def intern(self, text: str) -> Any:
        """The one String object of that text: what literals are."""
        found = self.literals.get(text)
        if found is None:
            found = self.literals[text] = self.string(text)
        return found

    def array(self, class_name: str, data: list[Any]) -> Array:
        array: Array = self.klass(class_name).python(data)
        return array

    def new_array(self, klass: Klass, length: int) -> Array:
        """An array of class `klass` filled with its element type's default."""
        if length < 0:
            raise JavaError("java/lang/NegativeArraySizeException", str(length))
        if length > MAX_ARRAY_LENGTH:
            raise JavaError("java/lang/OutOfMemoryError", "Java heap space")
        array: Array = klass.python([DEFAULTS.get(klass.name[1:])] * length)
        return array

    def new_multi(self, klass: Klass, lengths: list[int]) -> Array:
        """Arrays of arrays, as deep as there are lengths."""
        for length in lengths:
            if length < 0:
                raise JavaError("java/lang/NegativeArraySizeException", str(length))
        array = self.new_array(klass, lengths[0])
        if len(lengths) > 1 and klass.component:
            inner = klass.component
            array.data = [self.new_multi(inner, lengths[1:]) for _ in array.data]
        return array

    def new(self, class_name: str, constructor: str = "()V", *arguments: Value) -> Any:
        klass = self.klass(class_name)
        self.initialise(klass)
        made = klass.python()
        klass.methods["<init>" + constructor].function(made, *arguments)
        return made

    def allocate(self, klass: Klass) -> Any:
        """What `new` does before the constructor runs."""
        if klass.access & (cf.ACC_ABSTRACT | cf.ACC_INTERFACE):
            raise JavaError("java/lang/InstantiationError", klass.java_name)
        self.initialise(klass)
        return klass.python()

    def call(self, receiver: Any, key: str, *arguments: Value) -> Value:
        """Call a method of an object by name and descriptor."""
        if receiver is None:
            raise JavaError("java/lang/NullPointerException")
        method = receiver.klass.vtable.get(key)
        if method is None:
            raise JavaError("java/lang/AbstractMethodError", f"{receiver.klass.name}.{key}")
        return method.function(receiver, *arguments)

    def text_of(self, value: Any) -> str:
        """`String.valueOf` of a reference."""
        if value is None:
            return "null"
        if type(value) is self.string_python:
            return str(value.text)
        text = self.call(value, "toString()Ljava/lang/String;")
        return "null" if text is None else str(text.text)

    def mirror(self, klass: Klass) -> Any:
        """The `java.lang.Class` object of a class."""
        if klass.mirror is None:
            klass.mirror = self.klass("java/lang/Class").python()
            klass.mirror.of = klass
        return klass.mirror

    # Exceptions

    def throwable(self, error: JavaError) -> Any:
        """The Java object for an error that a native or an operation raised."""
        klass = self.klass(error.class_name)
        self.initialise(klass)
        made = klass.python()
        message = natives.newer.worded(error.class_name, error.message, self.java_version)
        text = None if message is None else self.string(cf.utf16_units(message))
        if "<init>(Ljava/lang/String;)V" in klass.methods and text is not None:
            klass.methods["<init>(Ljava/lang/String;)V"].function(made, text)
            made.f_detailMessage = text
        elif "<init>()V" in klass.methods:
            klass.methods["<init>()V"].function(made)
            made.f_detailMessage = text
        else:
            made.f_cause = made
            made.f_detailMessage = text
        return made

    def caught(self, error: BaseException) -> Any:
        """The Java throwable that a Python exception stands for; one that stands for none goes on its way."""
        if isinstance(error, Thrown):
            return error.throwable
        if isinstance(error, (RecursionError, MemoryError)):
            return self._emergency(error)
        if isinstance(error, JavaError):
            throwable = self.throwable(error)
        elif isinstance(error, (VerifyError, ClassFormatError)):
            name = f"java/lang/{type(error).__name__}"
            throwable = self.throwable(JavaError(name, str(error).partition(": ")[2]))
        elif isinstance(error, (AttributeError, TypeError)) and "NoneType" in str(error):
            throwable = self.throwable(JavaError("java/lang/NullPointerException"))
        elif not isinstance(error, Exception) or isinstance(error, (OSError, JvmProblem)):
            raise error
        else:
            throwable = self.throwable(self._unforeseen(error))
        throwable.trace = trim_trace(throwable, self.engine.trace(error.__traceback__))
        return throwable

    def _unforeseen(self, error: Exception) -> JavaError:
        """Code that javac would not make can confuse objects of different classes; Python notices, and this says it."""
        attribute = getattr(error, "name", None)
        for key, known in self.attributes.items():
            if known == attribute:
                return JavaError("java/lang/NoSuchMethodError", f"'{key}'")
        return JavaError("java/lang/InternalError", f"{type(error).__name__}: {error}")

    def _emergency(self, error: BaseException) -> Any:
        """Out of stack or memory: an object made without running any Java."""
        name = "java/lang/StackOverflowError" if isinstance(error, RecursionError) else "java/lang/OutOfMemoryError"
        klass = self.klass(name)
        made = klass.python()
        made.f_cause = made
        made.f_stackTrace = self.klass("java/lang/Throwable").statics.f_UNASSIGNED_STACK  # type: ignore[attr-defined]
        made.f_suppressedExceptions = self.klass("java/lang/Throwable").statics.f_SUPPRESSED_SENTINEL  # type: ignore[attr-defined]
        made.trace = self.engine.trace(error.__traceback__)[:1024]
        return made


def trim_trace(throwable: Any, places: list[Place]) -> list[Place]:
    """A stack trace without the frames that were making the exception itself."""
    lineage = set(throwable.klass.lineage())
    at = 0
    while at < len(places) and places[at][0].klass in lineage and places[at][0].name in ("<init>", "fillInStackTrace"):
        at += 1
    return places[at : at + 1024]


def python_frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    """Python frames and the line each is at, innermost first: those that an error left, then those running."""
    running: FrameType | None = sys._getframe(1)
    left = list(walk_tb(traceback))[::-1]
    if left:
        yield from left
        running = left[-1][0].f_back
    while running:
        yield running, running.f_lineno
        running = running.f_back


def identifier(name: str) -> str:
    """A Java name as part of a Python identifier."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: "_" if found[0] in "$<>-" else f"_{ord(found[0]):x}", name)


def element_name(descriptor: str) -> str:
    """The class name behind an array's element descriptor."""
    if descriptor.startswith("L"):
        return descriptor[1:-1]
    return next((name for name, letter in PRIMITIVES.items() if letter == descriptor), descriptor)


def signature(ref: cf.MemberRef) -> str:
    """A method as Java's messages write it: `int Main.f(java.lang.String)`."""
    parameters, result = cf.parse_descriptor(ref.descriptor)
    return f"{java_type(result)} {ref.owner.replace('/', '.')}.{ref.name}({', '.join(map(java_type, parameters))})"


def java_type(descriptor: str) -> str:
    element = descriptor.lstrip("[")
    return element_name(element).replace("/", ".") + "[]" * (len(descriptor) - len(element))


def _raiser(class_name: str, message: str) -> Function:
    def refuse(*_: Value) -> Value:
        raise JavaError(class_name, message)

    return refuse


def _missing(what: str) -> Function:
    def refuse(*_: Value) -> Value:
        raise unsupported(what)

    return refuse
