"""What can go wrong below Java: one base class, and errors that name the place."""

from __future__ import annotations

from typing import Any

from cutaway.problem import Problem


class JvmProblem(Problem):
    """The machine cannot go on, and no Java program could have caught it."""


class ClassFormatError(JvmProblem):
    """Bytes that are no class file (JVMS 4); `place` says which structure, `offset` where it begins."""

    def __init__(self, name: str, place: str, offset: int, cause: str) -> None:
        self.name, self.place, self.offset, self.cause = name, place, offset, cause
        super().__init__(f"java.lang.ClassFormatError: {name}: {place} at byte {offset:#x}: {cause}")


class VerifyError(JvmProblem):
    """Bytecode that could leave the machine in a state the specification does not know (JVMS 4.10)."""

    def __init__(self, method: str, pc: int, cause: str) -> None:
        self.method, self.pc, self.cause = method, pc, cause
        super().__init__(f"java.lang.VerifyError: {method}: pc {pc}: {cause}")


class NoJava(JvmProblem):
    """There is no Java on this machine whose class library could be read."""


class JavaError(Exception):
    """A Java exception on its way: natives and operations raise it by class name; the machine makes the object."""

    def __init__(self, class_name: str, message: str | None = None) -> None:
        self.class_name, self.message = class_name, message
        super().__init__(f"{class_name}: {message}")


class Thrown(Exception):
    """A Java throwable travelling through Python frames; `throwable` is the object."""

    def __init__(self, throwable: Any) -> None:
        self.throwable = throwable
        super().__init__(throwable)


class Exit(BaseException):
    """`System.exit`: not an `Exception`, so that no Java handler sees it."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


def unsupported(what: str) -> JavaError:
    """The answer to a part of Java that this machine leaves out, by its name."""
    return JavaError("java/lang/UnsupportedOperationException", f"{what} is not part of cutaway's Java machine")


class NullHere(Exception):
    """An operation met null; the engine makes the message, because it knows the instruction."""


class Returned(Exception):
    """A frame that Python called has returned; `value` is the answer."""

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__(value)
