"""Errors that are alike: told by what they are made of, and written out as tracebacks once for all who have them.

Half of a class fails the same assertion, and to write and colour its traceback takes longer than the test. When
everything that was under way lies at the top of one cell, the traceback can be told in a few words: the place in the
cell, and the error. A sandbox then only tells; the grader has a scribe write it, who runs nothing of a submission's,
so what one of them tells is shown for all who tell the same, and what it makes up only for itself.
"""

from __future__ import annotations

import dis
import inspect
import json
import linecache
import threading
import time
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cutaway.grading.restored import is_shallow
from cutaway.grading.wire import Broken, Ended

if TYPE_CHECKING:
    from cutaway.grading.executor import Sandbox

MOST, MOST_CHARACTERS = 256, 1 << 14  # that are kept, and of a cell and its error; longer ones are not told
MOST_ERRORS = 8  # of a chain, in which each came up while the next was handled; it may lead back to its beginning
USES, SCRIBES = 500, 3  # of one scribe, who forgets nothing; and how many are begun for one that ends
WRITTEN_S = 5.0
SHELL = "IPython.core.interactiveshell"  # whose frames no traceback shows

Told = dict[str, Any]  # "number": the cell's; "errors": of each its type, text, place, and how the next belongs to it

# --- In a sandbox ----------------------------------------------------------


def told(
    error: BaseException | None, trace: types.TracebackType | None, source: str, numbers: Mapping[str, int]
) -> Told | None:
    """All that its traceback depends on, when each of its errors came up at the top of this cell; else None.

    `numbers` are those of cells, by the names of the files for which Python takes them.
    """
    errors: list[Any] = []
    number = None
    while error is not None:
        code, place = _place(trace)
        if code is None or not _is_of(code, source):
            return None
        number = numbers.get(code.co_filename)
        if isinstance(error, BaseExceptionGroup | SyntaxError) or hasattr(error, "__notes__"):
            return None
        try:
            text = str(error)
        except Exception:  # an error may be unable to say what it is
            return None
        errors.append([type(error).__name__, text, place, bool(error.__cause__), error.__suppress_context__])
        error = error.__cause__ or error.__context__
        trace = error.__traceback__ if error else None
        if len(errors) > MOST_ERRORS or len(source) + len(text) > MOST_CHARACTERS:
            return None
    return {"number": number, "errors": errors} if number else None


def _place(trace: types.TracebackType | None) -> tuple[types.CodeType | None, list[Any]]:
    """The code of the only frame, and of its instruction the offset, the name, the lines and the columns.

    See dis, and co_positions().
    """
    found = []
    while trace:
        if trace.tb_frame.f_globals.get("__name__") != SHELL:
            found.append(trace)
        trace = trace.tb_next
    if len(found) != 1:
        return None, []
    code, offset = found[0].tb_frame.f_code, found[0].tb_lasti
    while (operation := dis.opname[code.co_code[offset]]) == "CACHE":  # which belongs to the instruction before it
        offset -= 2
    return code, [offset, operation, *[*code.co_positions()][offset // 2]]


def _is_of(code: types.CodeType, source: str) -> bool:
    """Whether it is a statement of just this cell, in which nothing was written that only IPython understands."""
    lines = linecache.getlines(code.co_filename)
    waits = code.co_flags & inspect.CO_COROUTINE
    return code.co_name == "<module>" and not waits and lines == [f"{line}\n" for line in source.splitlines()]


# --- The grader ------------------------------------------------------------


class Tracebacks:
    """What a scribe has written so far, by cell and error. A scribe that has ended is replaced."""

    def __init__(self, begin: Callable[[], Sandbox]) -> None:
        self._begin, self._lock = begin, threading.Lock()
        self._written: dict[str, list[str]] = {}
        self._scribe: Sandbox | None = None
        self._used = 0

    def of(self, source: str, told: Any) -> list[str]:
        """The lines of a traceback; none when it cannot be written. What is told may be anything."""
        if not is_shallow(told) or len(source) > MOST_CHARACTERS:
            return []
        order = {"source": source, "told": told}
        key = json.dumps(order)
        if len(key) > 4 * MOST_CHARACTERS:
            return []
        with self._lock:
            if key not in self._written:
                if len(self._written) >= MOST:
                    self._written.clear()
                self._written[key] = self._asked(order)
            return self._written[key]

    def _asked(self, order: dict[str, Any]) -> list[str]:
        for _ in range(SCRIBES):
            if self._used >= USES:
                self.close()
            self._scribe = self._scribe or self._begin()
            self._used += 1
            try:
                deadline = time.monotonic() + WRITTEN_S
                self._scribe.line.send(order, deadline)
                lines: list[str] = self._scribe.line.receive(deadline)["lines"]
            except Ended:
                self.close()
            except (Broken, TimeoutError):
                self.close()
                break
            else:
                return lines
        return []

    def close(self) -> None:
        """Let go of the scribe."""
        if self._scribe:
            self._scribe.drop()
        self._scribe, self._used = None, 0
