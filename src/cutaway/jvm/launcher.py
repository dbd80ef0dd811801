"""`java Main args`: run a program to its end, and answer with its exit code.

Java's stack is deep, and so is Python's here: the program runs in a thread with a large stack and a high recursion
limit, so that a StackOverflowError is Java's to catch.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from cutaway.jvm.classfile import utf16_units
from cutaway.jvm.closures import Closures
from cutaway.jvm.compiled import Compiled
from cutaway.jvm.core import Loop
from cutaway.jvm.heap import Method
from cutaway.jvm.image import ClassPath, Image, java_home
from cutaway.jvm.machine import Engine, Machine
from cutaway.jvm.problems import Exit, JavaError, JvmProblem

ENGINES: Final[dict[str, Callable[[], Engine]]] = {"loop": Loop, "closures": Closures, "compiled": Compiled}

MAIN: Final = "main([Ljava/lang/String;)V"
INSTANCE_MAIN_SINCE: Final = 25  # JEP 512
BROKEN_PIPE_STATUS = 141  # what a shell shows for a program that SIGPIPE ended
STACK_BYTES = 512 << 20  # address space, not memory: pages are used as the stack grows


def machine(
    folders: list[Path],
    engine: Engine | None = None,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Machine:
    """A machine on the library of the Java that is installed, and the program's classes in `folders`."""
    path = ClassPath(folders, Image(java_home() / "lib" / "modules"))
    return Machine(
        path, engine or Loop(), stdin or sys.stdin.buffer, stdout or sys.stdout.buffer, stderr or sys.stderr.buffer
    )


def run(vm: Machine, main_class: str, arguments: list[str]) -> int:
    """Run `main`; return the exit code that `java` would have."""
    try:
        start(vm, main_method(vm, main_class), arguments)
        status = 0
    except Exit as exit_:
        status = exit_.status
    except (OSError, JvmProblem):
        raise
    except Exception as error:
        status = uncaught(vm, error)
    vm.stdout.flush()
    vm.stderr.flush()
    return status & 255


def static_method(folder: Path, class_name: str, key: str, engine: Engine) -> Method:
    """A program's static method, such as `sieve(I)I`, on a machine of its own; its `function` is called like any."""
    vm = machine([folder], engine, io.BytesIO(), io.BytesIO(), io.BytesIO())
    klass = vm.klass(class_name)
    vm.initialise(klass)
    return klass.methods[key]


def launch(engine_name: str, folders: list[Path], main_class: str, arguments: list[str]) -> int:
    """Run a program on this process's own streams, as the command does; return its exit code."""
    engine = ENGINES[engine_name]()
    stdout, stderr = io.BufferedWriter(RawOutput(1), 1 << 16), io.BufferedWriter(RawOutput(2), 1 << 10)

    def work() -> int:
        vm = machine(folders, engine, sys.stdin.buffer if sys.stdin else io.BytesIO(), stdout, stderr)
        return run(vm, main_class.replace("/", "."), arguments)

    try:
        return with_deep_stack(work, engine.recursion_limit)
    except BrokenPipeError:
        return BROKEN_PIPE_STATUS
    except JvmProblem as problem:
        with contextlib.suppress(BrokenPipeError):
            stdout.flush()
            stderr.write(f"{problem}\n".encode())
            stderr.flush()
        return 1
    except KeyboardInterrupt:
        return 130


class RawOutput(io.RawIOBase):
    """A descriptor to write to, whatever Python made of its own streams and their encoding."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return os.write(self.descriptor, data)


def main_method(vm: Machine, name: str) -> Method:
    """`main` of a class, the class initialised; what is missing is said as `java` says it."""
    try:
        klass = vm.klass(name.replace(".", "/"))
    except JavaError as error:
        if error.class_name != "java/lang/NoClassDefFoundError":
            raise
        java = name.replace("/", ".")
        raise JvmProblem(
            f"Error: Could not find or load main class {java}\nCaused by: java.lang.ClassNotFoundException: {java}"
        ) from None
    method = klass.find_method(MAIN)
    if vm.java_version >= INSTANCE_MAIN_SINCE:
        method = method or klass.find_method("main()V")
    elif method and not method.is_static:
        method = None
    if method is None:
        raise JvmProblem(
            f"Error: Main method not found in class {klass.java_name}, please define the main method as:\n"
            "   public static void main(String[] args)"
        )
    vm.initialise(klass)
    return method


def start(vm: Machine, main: Method, arguments: list[str]) -> None:
    """Call it: on a new object where it is no static method, and without arguments where it takes none."""
    receiver = [] if main.is_static else [vm.new(main.klass.name)]
    main.function(*receiver, *([argument_array(vm, arguments)] if main.key == MAIN else []))


def argument_array(vm: Machine, arguments: list[str]) -> Any:
    return vm.array("[Ljava/lang/String;", [vm.string(utf16_units(argument)) for argument in arguments])


def uncaught(vm: Machine, error: BaseException) -> int:
    """Say of an exception that nobody caught what `java` says; the exit code is 1."""
    vm.stdout.flush()
    try:
        throwable = vm.engine.throwable(error)
        vm.stderr.write(b'Exception in thread "main" ')
        vm.call(throwable, "printStackTrace()V")
    except Exit as exit_:
        return exit_.status
    except Exception as second:
        if isinstance(second, (OSError, JvmProblem)):
            raise
        name = vm.caught(second).klass.java_name
        vm.stderr.write(f'Exception: {name} thrown from the UncaughtExceptionHandler in thread "main"\n'.encode())
    return 1


def with_deep_stack(work: Callable[[], int], recursion_limit: int = Loop.recursion_limit) -> int:
    """Run `work` in a thread whose stack and recursion limit suit Java."""
    outcome: list[Any] = []

    def body() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    old_limit, old_size = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
    sys.setrecursionlimit(recursion_limit)
    gc.set_threshold(50_000, 20, 50)
    try:
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old_size)
        with contextlib.suppress(RecursionError):
            sys.setrecursionlimit(old_limit)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return int(outcome[0])
