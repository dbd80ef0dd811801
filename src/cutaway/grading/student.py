"""The submission's side of a sandbox: runs its cells, and lets its tests reach what they define.

Everything here shares its memory with what a student wrote, so nothing of it is trusted: it holds no test, no
expected answer and no mark. Whatever it says is at most an output of the student's, or a value.
"""

from __future__ import annotations

import ast
import base64
import builtins
import os
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any

from cutaway.grading import peer
from cutaway.grading.cells import Output, Recorder
from cutaway.grading.codec import EXCEPTIONS
from cutaway.grading.peer import Foreign, NoSuchName, Peer
from cutaway.grading.wire import Ended, Line, speaking

PRISTINE = dict(vars(builtins))  # as the warm parent has them


class Student:
    """Obeys the grader on one line and the tests on the other, one thing at a time."""

    def __init__(self, grader: socket.socket, tests: socket.socket | None, recorder: Recorder) -> None:
        self._grader, self._recorder, self._busy = Line(grader, patient=True), recorder, False
        self._tests = tests and Peer(Line(tests, patient=True), peer.EVERYTHING, described, _Passed, _raised)
        if self._tests:
            self._tests.allowed["name"] = self._named
            self._tests.before_speaking = (
                recorder.flush
            )  # what a call printed is there before what the test makes of it
        self._hooks = {name: [*hooks] for name, hooks in recorder.shell.events.callbacks.items()}

    def live(self) -> None:
        """Obey until the grader hangs up."""
        signal.signal(signal.SIGINT, self._interrupted)
        self._recorder.take_over(self._show)
        lines = [self._grader, *([self._tests.line] if self._tests else [])]
        while True:
            try:
                self._obey_one(speaking(lines)[0])
            except Ended:
                return

    def _obey_one(self, line: Line) -> None:
        if line is self._grader:
            self._obey(self._grader.receive())
        elif self._tests:
            request = self._tests.line.receive()
            self._busy = True
            try:
                self._tests.obey(request)
            finally:
                self._busy = False

    def _obey(self, order: dict[str, Any]) -> None:
        if "files" in order:
            _unpack(order["files"])
        if "imports" in order:
            self._import(order["imports"])
        if "test" in order:
            self._cleanse()
        if "run" in order:
            self._busy = True
            try:
                done = self._recorder.run(order["run"])
            finally:
                self._busy = False
            self._grader.send({"done": done, "line": self._recorder.failed_line, "of": order.get("of")})
        if "mark" in order:
            self._recorder.flush()
            self._grader.send({"marked": True, "of": order["of"]})

    def _interrupted(self, *_: object) -> None:
        if self._busy:
            raise KeyboardInterrupt

    def _show(self, output: Output) -> None:
        self._grader.send({"output": output})

    def _named(self, name: str) -> Any:
        """What the submission has given this name to, and nothing that IPython put there."""
        ours = self._recorder.shell.user_ns
        if name not in ours or name in self._recorder.shell.user_ns_hidden:
            raise NoSuchName(name)
        return ours[name]

    def _import(self, statements: list[str]) -> None:
        """What a test that students were given imports is there for later cells, as in a kernel."""
        for statement in statements:
            try:
                exec(statement, self._recorder.shell.user_ns)
            except Exception:
                continue  # the test itself will say what is missing

    def _cleanse(self) -> None:
        """Before a test runs here: built-in names and hooks of the shell as they were. No wall, only a broom."""
        sys.settrace(None)
        sys.setprofile(None)
        names = vars(builtins)
        names.update(PRISTINE)
        for name in set(names) - set(PRISTINE):
            del names[name]
        shell = self._recorder.shell
        shell.ast_transformers[:] = [_Strict()]
        shell.input_transformer_manager = type(shell.input_transformer_manager)()
        for name, hooks in shell.events.callbacks.items():
            hooks[:] = self._hooks.get(name, [])  # such as that by which figures are shown and closed after a cell
        shell.user_ns["_cutaway_equal"] = equal


def _unpack(files: list[list[Any]]) -> None:
    for name, data, mode in files:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))
        path.chmod(mode | 0o600)


# --- What things are -------------------------------------------------------


def described(thing: Any) -> list[Any]:
    """What the tests learn of a thing that stays here: its kind, the name of its class, and for classes what they are.

    A module is only named: the tests use their own.
    """
    kind = type(thing)
    if isinstance(thing, types.ModuleType):
        return ["m", str(thing.__name__)]
    if isinstance(thing, type):
        kinds = [name for each in type.mro(thing) for name, plain in EXCEPTIONS.items() if plain is each]
        return ["exception" if kinds else "class", str(thing.__name__), kinds[:1]]
    if kind is types.GeneratorType:
        return ["generator", "generator"]
    if kind in (types.FunctionType, types.BuiltinFunctionType, types.MethodType):
        return ["function", "function"]
    if hasattr(kind, "__next__") and hasattr(kind, "__iter__"):
        return ["iterator", kind.__name__]
    return ["object", kind.__name__]


class _Passed(Foreign):
    """A function or an iterator that a test has passed: it runs there."""

    __slots__ = ()

    def __new__(cls, other: Peer, encoded: list[Any]) -> Any:
        passed = object.__new__(cls if encoded[2] == "function" else _PassedIterator)
        passed._peer, passed._number = other, encoded[1]
        return passed

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._peer.ask("call", self._number, *arguments, **named)


class _PassedIterator(Foreign):
    __slots__ = ()

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self._peer.ask("next", self._number)


def _raised(other: Peer, report: dict[str, Any]) -> BaseException:
    kind = EXCEPTIONS.get(report["type"] or "Exception", Exception)
    return kind(*report["args"])


# --- Tests that run inside -------------------------------------------------


class _Strict(ast.NodeTransformer):
    """`==` and `!=` of a test that runs inside ask no class of the student's whether it equals a plain value."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return node
        compared = ast.Call(ast.Name("_cutaway_equal", ast.Load()), [node.left, *node.comparators], [])
        made = compared if isinstance(node.ops[0], ast.Eq) else ast.UnaryOp(ast.Not(), compared)
        return ast.fix_missing_locations(ast.copy_location(made, node))


PLAIN = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)


def equal(left: Any, right: Any) -> Any:
    """`left == right`, but what is plainly a value equals no object of a class that was defined here."""
    for one, other in ((left, right), (right, left)):
        if type(one) in PLAIN and type(other).__module__ == "__main__":
            return False
    return left == right


def live(grader: int, tests: int | None, recorder: Recorder) -> None:
    """The work of a submission's sandbox."""
    sys.path.insert(0, "")  # as in a notebook: what lies beside it can be imported
    os.environ["HOME"] = os.getcwd()  # noqa: PTH109 before the first cell everything counts
    line = socket.socket(fileno=tests) if tests is not None else None
    Student(socket.socket(fileno=grader), line, recorder).live()
