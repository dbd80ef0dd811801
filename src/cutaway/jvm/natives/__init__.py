"""The parts of Java's library that are Python here: what is native in the JDK too, and what makes starting quick.

A native is a function with the name of its class and its key (name and descriptor). One whose first parameter is
called `vm` is given the machine; the others need none and are called directly. Everything without a native is the JDK's
own bytecode. `HIDDEN` takes a method away, so that an inherited one is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cutaway.jvm.problems import unsupported

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine

Native = Callable[..., Any]

BODIES: Final[dict[str, dict[str, Native]]] = {}

HIDDEN: Final = {
    "java/io/InputStreamReader": ("read(Ljava/nio/CharBuffer;)I",),
    "java/lang/String": ("chars()Ljava/util/stream/IntStream;", "codePoints()Ljava/util/stream/IntStream;"),
    "java/lang/AbstractStringBuilder": (
        "chars()Ljava/util/stream/IntStream;",
        "codePoints()Ljava/util/stream/IntStream;",
    ),
}

# Classes that this machine leaves out; using one says so. A class that begins with one of these is refused too.
MISSING: Final = (
    "java/nio/file/Files", "java/nio/file/Paths", "java/nio/file/Path", "java/nio/file/FileSystems",
    "java/io/FileInputStream", "java/io/FileOutputStream", "java/io/RandomAccessFile", "java/io/FileReader",
    "java/io/FileWriter", "java/io/FileDescriptor", "java/lang/ProcessBuilder", "java/lang/Runtime$Version",
    "java/util/concurrent/ForkJoin", "java/util/concurrent/Executors", "java/util/concurrent/ThreadPoolExecutor",
    "java/util/concurrent/CompletableFuture", "java/util/Timer", "java/net/", "java/lang/invoke/MethodType",
    "java/lang/reflect/Proxy",
)  # fmt: skip


def native(owner: str, *keys: str) -> Callable[[Native], Native]:
    """Make a function the body of these methods of a class."""

    def register(function: Native) -> Native:
        for key in keys:
            BODIES.setdefault(owner, {})[key] = function
        return function

    return register


def for_class(name: str) -> dict[str, Native]:
    return BODIES.get(name, {})


def refuse_missing(name: str) -> None:
    """Say by name that a class is left out."""
    if name.startswith(MISSING):
        raise unsupported(name.replace("/", "."))


def bound(function: Native, vm: Machine, count: int) -> Native:
    """`function` as a method of `count` arguments, receiver included."""
    code = getattr(function, "__code__", None)
    if code is None:  # one of Python's own functions, which would not become a method of a class
        return lambda *arguments: function(*arguments)
    if code.co_varnames[:1] != ("vm",):
        return function
    match count:
        case 0:
            return lambda: function(vm)
        case 1:
            return lambda a: function(vm, a)
        case 2:
            return lambda a, b: function(vm, a, b)
        case 3:
            return lambda a, b, c: function(vm, a, b, c)
    return lambda *arguments: function(vm, *arguments)


# isort: off
from cutaway.jvm.natives import formats, internals, lang, newer, streams, strings, strict  # noqa: E402
# isort: on (they register themselves; `strict` betters what `lang` has)

__all__ = [
    "BODIES",
    "HIDDEN",
    "bound",
    "for_class",
    "formats",
    "internals",
    "lang",
    "native",
    "newer",
    "refuse_missing",
    "streams",
    "strict",
    "strings",
]
