"""Watch a method run on the dispatch loop: every state that it goes through, in words that nothing changes later.

    run = Watch(folder, "Sieve", "sieve", 20)
    run.moment(0).instruction         'iload_0'
    run.moment(run.last()).ended      'sieve returned 8'

Instructions of the program's own classes are moments; those of Java's library run in between and are not shown.
Objects change while a program runs, so a moment holds what they looked like, not the objects.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cutaway.jvm import classfile as cf
from cutaway.jvm import launcher
from cutaway.jvm.core import Loop
from cutaway.jvm.frames import Frame, Step
from cutaway.jvm.heap import Array, Klass, Method, Value
from cutaway.jvm.listing import Row, listing
from cutaway.jvm.machine import java_type
from cutaway.jvm.problems import Exit, JavaError, JvmProblem

MOST: Final = 20_000  # moments that are kept; some 20 MB
ELEMENTS: Final = 20  # of an array that are shown
RANGES: Final = {"B": 7, "S": 15, "I": 31, "J": 63}  # bits beside the sign


class NotWatched(JvmProblem):
    """What was asked for cannot be watched; the message says what can."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The state before one instruction; the last moment of a run has `ended` instead of one."""

    method: str = ""
    pc: int = -1
    line: int | None = None
    instruction: str = ""
    stack: tuple[str, ...] = ()  # the top is last
    locals: tuple[tuple[str, str], ...] = ()  # what each is called, and its value
    frames: tuple[str, ...] = ()  # the running method first, who called it below
    output: str = ""
    ended: str = ""
    code: tuple[Row, ...] = ()  # the whole method

    @property
    def depth(self) -> int:
        return len(self.frames)


class Watch:
    """A run of one static method, recorded as far as somebody has looked."""

    def __init__(self, folder: Path, class_name: str, method: str, *arguments: Any, source: Path | None = None) -> None:
        """Prepare to watch `method` of a class in `folder`; `source` is the Java file that it was compiled from."""
        self.source = tuple(source.read_text().splitlines()) if source else ()
        self.output = io.BytesIO()
        self.loop = Loop()
        self.machine = launcher.machine([folder], self.loop, io.BytesIO(), self.output, self.output)
        self.method = _method(self._class(folder, class_name), method, len(arguments))
        self.moments: list[Moment] = []
        self.codes: dict[Method, tuple[Row, ...]] = {}
        self._coming = self._run([self._value(*pair) for pair in zip(self.method.parameters, arguments, strict=True)])

    # Looking

    def moment(self, at: int) -> Moment:
        """The moment of that number, counted from 0; beyond the last one it is the last."""
        while len(self.moments) <= at and (coming := next(self._coming, None)):
            self.moments.append(coming)
        return self.moments[min(at, len(self.moments) - 1)]

    def last(self) -> int:
        """The number of the last moment, at which the method has ended."""
        self.moment(MOST + 1)
        return len(self.moments) - 1

    def after_line(self, at: int) -> int:
        """The number of the moment at which another line of the same frame begins, or of the caller's."""
        here = self.moment(at)
        while not (now := self.moment(at)).ended:
            if now.depth < here.depth or (now.depth == here.depth and now.line != here.line):
                return at
            at += 1
        return self.last()

    # Running

    def _run(self, arguments: list[Value]) -> Iterator[Moment]:
        """Every moment, and at last how it ended."""
        said = f"{self.method.name} returned"
        try:
            self.machine.initialise(self.method.klass)
            for number, step in enumerate(self._own_steps(arguments)):
                if number == MOST:
                    said = f"the panel keeps {MOST:,} instructions, and the method goes on; watch a smaller case"
                    break
                yield self._moment(step)
                if step.frame.caller is None and step.opcode.endswith("return"):
                    said = " ".join([f"{self.method.name} returned", *self.moments[-1].stack[-1:]])
        except Exit as exit_:
            said = f"the program ended itself with status {exit_.status}"
        except JvmProblem as problem:
            said = str(problem)
        except Exception as error:
            said = f"ended by {self.machine.text_of(self.loop.throwable(error))}, which nobody caught"
        yield Moment(_name(self.method), output=self._said(), ended=said, code=self._code(self.method))

    def _own_steps(self, arguments: list[Value]) -> Iterator[Step]:
        return (step for step in self.loop.steps(self.method, arguments) if not step.frame.klass.trusted)

    def _moment(self, step: Step) -> Moment:
        method = step.frame.method
        stack_kinds, local_kinds = self.machine.plan(method).states[step.pc]
        code = self._code(method)
        return Moment(
            method=_name(method),
            pc=step.pc,
            line=method.line(step.pc),
            instruction=next(row.text for row in code if row.pc == step.pc),
            stack=tuple(shown(value, kind) for value, kind in zip(step.stack, stack_kinds, strict=True)),
            locals=tuple(
                (method.local_name(slot, step.pc) or f"local {slot}", shown(value, kind))
                for slot, (value, kind) in enumerate(zip(step.locals, local_kinds, strict=True))
                if kind != "N"  # nothing yet, or a long's second half
            ),
            frames=_callers(step),
            output=self._said(),
            code=code,
        )

    def _code(self, method: Method) -> tuple[Row, ...]:
        if method not in self.codes:
            self.codes[method] = listing(self.machine, method)
        return self.codes[method]

    def _said(self) -> str:
        return self.output.getvalue().decode(errors="replace")

    # What the reader asked for

    def _class(self, folder: Path, name: str) -> Klass:
        try:
            return self.machine.klass(name.replace(".", "/"))
        except JavaError:
            there = ", ".join(sorted(path.stem for path in folder.glob("*.class"))) or "none"
            raise NotWatched(
                f"watching {name}: it cannot be loaded from {folder}, where the classes are: {there}; "
                "compile it there with `javac -g`"
            ) from None

    def _value(self, descriptor: str, given: Any) -> Value:
        """A Python value as Java's; NotWatched when the method cannot take it."""
        whole = isinstance(given, int)
        if descriptor in RANGES and whole and -(1 << RANGES[descriptor]) <= given < 1 << RANGES[descriptor]:
            return int(given)
        if (descriptor == "Z" and isinstance(given, bool)) or (descriptor == "C" and whole and 0 <= given < 1 << 16):
            return int(given)
        if descriptor in "FD" and isinstance(given, (int, float)):
            return float(given)
        if descriptor == "Ljava/lang/String;" and isinstance(given, str):
            return self.machine.string(cf.utf16_units(given))
        if descriptor == "[Ljava/lang/String;" and isinstance(given, list):
            return launcher.argument_array(self.machine, given)
        raise NotWatched(f"watching {self.method.name}: {given!r} is no {java_type(descriptor)}; give it one")


def _method(klass: Klass, name: str, count: int) -> Method:
    """The static method of that name (or name and descriptor) that takes so many arguments."""
    static = [each for each in klass.methods.values() if each.is_static and not each.name.startswith("<")]
    fitting = [each for each in static if name in (each.name, each.key) and len(each.parameters) == count]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(_signature(each) for each in static) or "none"
    which = "more than one method fits; name it with its descriptor" if fitting else "there is no such static method"
    arguments = f"{count} argument{'' if count == 1 else 's'}"
    raise NotWatched(f"watching {klass.java_name}.{name} with {arguments}: {which}; there are: {there}")


def _signature(method: Method) -> str:
    return f"{method.name}({', '.join(map(java_type, method.parameters))})"


def _name(method: Method) -> str:
    return f"{method.klass.java_name}.{method.name}"


def _callers(step: Step) -> tuple[str, ...]:
    """The frames of the program's own methods, the running one first, each with the line that it is at."""
    found: list[str] = []
    frame: Frame | None = step.frame
    while frame:
        if not frame.klass.trusted:
            found.append(f"{_name(frame.method)}, line {frame.method.line(frame.at if found else step.pc)}")
        frame = frame.caller
    return tuple(found)


def shown(value: Value, kind: str) -> str:
    """A Java value for the eye; `kind` is the letter that the verifier has for it."""
    if kind != "A":
        return f"{value} ({ {'J': 'long', 'F': 'float', 'D': 'double'}[kind] })" if kind in "JFD" else str(value)
    if value is None:
        return "null"
    if isinstance(value, Array):
        return f"{java_type(value.klass.name[1:])}[{len(value.data)}] {_elements(value)}"
    text = getattr(value, "text", None)
    return f'"{text}"' if isinstance(text, str) else f"a {value.klass.java_name}"


def _elements(array: Array) -> str:
    more = " ..." if len(array.data) > ELEMENTS else ""
    kind = "A" if array.klass.name[1] in "L[" else "I"
    return " ".join(_brief(each, kind) for each in array.data[:ELEMENTS]) + more


def _brief(value: Value, kind: str) -> str:
    return "[...]" if isinstance(value, Array) else shown(value, kind)
