"""The scribe's side of a sandbox: writes the tracebacks of errors that it is told of, as IPython does.

Nothing of a submission runs here: a cell is compiled, and its frame is caught before its first instruction. A
traceback that is made of this frame and the place that was told shows what the real one would.
"""

from __future__ import annotations

import ast
import dis
import socket
import sys
import types
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from cutaway.grading.cells import Recorder
from cutaway.grading.wire import Ended, Line

MOST_STATEMENTS = 50  # in one line


class _Begun(Exception):
    """The frame is there."""


def live(grader: int, _: int | None, recorder: Recorder) -> None:
    """Write until the grader hangs up."""
    line = Line(socket.socket(fileno=grader), patient=True)
    while True:
        try:
            order = line.receive()
        except Ended:
            return
        try:
            lines = written(recorder, order["source"], **order["told"])
        except Exception:  # of what is told anything may be wrong
            lines = []
        line.send({"lines": lines})


def written(recorder: Recorder, source: str, number: int, errors: list[Any]) -> list[str]:
    """The traceback of an error at the top of a cell, with those during whose handling it came up."""
    compiler = recorder.shell.compile
    name = compiler.cache(source, number, raw_code=source)
    tree = ast.parse(source, name)
    made = [_raised(recorder, tree, name, *each[:3]) for each in errors]
    for (outer, inner), (*_, is_cause, suppressed) in zip(pairwise(made), errors, strict=False):
        outer.__cause__, outer.__context__ = inner if is_cause else None, inner
        outer.__suppress_context__ = suppressed
    return recorder.formatted(type(made[0]), made[0], made[0].__traceback__, tb_offset=0)


def _raised(recorder: Recorder, tree: ast.Module, name: str, kind: str, text: str, place: list[Any]) -> Exception:
    """An error of this name that says this, as if it had come up there."""
    offset, operation, *where = place
    codes = _codes(recorder, tree, name, where[0])
    found = [(code, each) for code in codes for each in _there(code, tree, kind, where)]
    code, one = min(found, key=lambda each: (each[1].offset != offset, each[1].opname != operation, each[1].offset))
    line = (one.positions and one.positions.lineno) or where[0]
    error: Exception = type(kind, (Exception,), {})(text)
    return error.with_traceback(types.TracebackType(None, _frame(code), one.offset, line))


def _codes(recorder: Recorder, tree: ast.Module, name: str, line: int) -> Iterator[types.CodeType]:
    """The statements of a line, each compiled as IPython does."""
    for node in [node for node in tree.body if _first_line(node) <= line <= (node.end_lineno or 0)][:MOST_STATEMENTS]:
        is_shown = node is tree.body[-1] and isinstance(node, ast.Expr)
        mode = "single" if is_shown else "exec"
        yield recorder.shell.compile(ast.Interactive([node]) if is_shown else ast.Module([node], []), name, mode)  # type: ignore[arg-type]


def _there(code: types.CodeType, tree: ast.Module, kind: str, where: list[Any]) -> list[dis.Instruction]:
    """The instructions of what stands there in the source.

    An assert that was rewritten, to compare in a stricter way, fails with all of it; as it was written it raises from
    within, and an error of its comparison comes from that.
    """
    instructions = [(each, [*(each.positions or ())]) for each in dis.get_instructions(code)]
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert) and _range(node) == where]
    if asserts and kind == "AssertionError":
        return [each for each, place in instructions if each.opname == "RAISE_VARARGS" and _within(place, where)]
    places = [where, *(_range(node.test) for node in asserts)]
    return [each for each, place in instructions if place in places]


def _range(node: ast.stmt | ast.expr) -> list[Any]:
    return [node.lineno, node.end_lineno, node.col_offset, node.end_col_offset]


def _within(inner: list[Any], outer: list[Any]) -> bool:
    (line, last, column, end), (first, final, begin, close) = inner, outer
    return (first, begin) <= (line, column) and (last, end) <= (final, close)


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _frame(code: types.CodeType) -> types.FrameType:
    """A frame of it that has not run."""
    frames: list[types.FrameType] = []

    def stop(frame: types.FrameType, *_: Any) -> None:
        frames.append(frame)
        raise _Begun

    sys.settrace(stop)
    try:
        exec(code, {})
    except _Begun:
        pass
    finally:
        sys.settrace(None)
    return frames[0]
