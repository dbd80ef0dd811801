"""Tracebacks that are alike: made by the first examiner that has one, and known to the examiners after it.

Half of a class fails the same assertion, and to format and colour its traceback takes longer than the test. What a
traceback is made of can be told beforehand when it lies in the test's cell alone: that cell, the place in it, and the
error. Only examiners share; nothing that a submission's own process has formatted is ever shown for another's.
"""

from __future__ import annotations

import types
from typing import Any

MOST, MOST_CHARACTERS = 16, 1 << 14  # of one test, and of one traceback; more of them are made each time
MOST_ERRORS = 8  # of a chain, in which each came up while the next was handled; it may lead back to its beginning
SHELL = "IPython.core.interactiveshell"  # whose frames no traceback shows

Tracebacks = dict[str, list[str]]  # by what they are made of


def made_of(error: BaseException | None, trace: types.TracebackType | None, cell: Any) -> str:
    """All that a traceback depends on, when each frame of it is at the top of a cell with these names; else ""."""
    parts: list[Any] = []
    while error is not None and len(parts) < MOST_ERRORS:
        places = _places(trace, cell)
        if places is None or isinstance(error, BaseExceptionGroup) or hasattr(error, "__notes__"):
            return ""
        try:
            parts.append([type(error).__name__, str(error), places, bool(error.__cause__), error.__suppress_context__])
        except Exception:  # an error may be unable to say what it is
            return ""
        error = error.__cause__ or error.__context__
        trace = error.__traceback__ if error else None
    return repr(parts) if error is None else ""


def _places(trace: types.TracebackType | None, cell: Any) -> list[tuple[str, int, int]] | None:
    places = []
    while trace:
        frame = trace.tb_frame
        if frame.f_globals is cell and frame.f_code.co_name == "<module>":
            places.append((frame.f_code.co_filename, trace.tb_lineno, trace.tb_lasti))
        elif frame.f_globals.get("__name__") != SHELL:
            return None
        trace = trace.tb_next
    return places


class Known:
    """The grader's: what examiners have made so far, by the test's source."""

    def __init__(self) -> None:
        self._tracebacks: dict[str, Tracebacks] = {}

    def of(self, test: str) -> Tracebacks:
        return self._tracebacks.get(test, {})

    def add(self, test: str, made: Any) -> None:
        """Take in what an examiner says it has made."""
        before = self.of(test)
        if isinstance(made, dict) and len(before) < MOST:
            kept = {key: lines for key, lines in made.items() if isinstance(lines, list) and _fits(lines)}
            self._tracebacks[test] = {**kept, **before}  # another one: somebody may be sending the one before


def _fits(lines: list[Any]) -> bool:
    return all(isinstance(line, str) for line in lines) and sum(map(len, lines)) <= MOST_CHARACTERS
