"""The tests' side: runs test cells in a process that the submission has no part in, and judges there.

What a test does not define itself, and Python does not, is asked of the submission by name. Values come as copies;
functions, classes, objects and generators of the submission's come as proxies, which ask for each use. A proxy is
never equal to a value, orders with none, and an operation between the two never gives a value: whoever claims to be
everything must say what it is first. A module's name means this process's own module.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import importlib
import os
import re
import signal
import socket
import sys
import types
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from cutaway.grading import peer
from cutaway.grading.cells import Output, Recorder
from cutaway.grading.codec import EXCEPTIONS, NotPlain
from cutaway.grading.peer import Foreign, NoSuchName, Peer
from cutaway.grading.student import _unpack
from cutaway.grading.wire import Ended, Line

SHOWN_CHARACTERS = 200
NEVER_ASKED = ("__array", "__arrow", "__dlpack", "__cuda", "__dataframe", "_repr_", "_ipython", "__reduce", "__fspath")
MODULE = re.compile(r"[A-Za-z_][\w.]{0,80}")

# --- Things of the submission ----------------------------------------------


def _asks(operation: str) -> Any:
    def method(self: Proxy, *arguments: Any, **named: Any) -> Any:
        return self._peer.ask(operation, self._number, *arguments, **named)

    return method


def _asks_outside(operation: str) -> Any:
    """Where nothing is iterated nothing comes to its end, as in generators (PEP 479): a test's own loop would."""
    ask = _asks(operation)

    def method(self: Proxy, *arguments: Any, **named: Any) -> Any:
        try:
            return ask(self, *arguments, **named)
        except StopIteration as error:
            raise RuntimeError("the submission raised StopIteration") from error

    return method


def _refuse_unnamed(thing: Proxy, operation: str) -> None:
    if not {thing._kind, f"{thing._kind}.{operation.rstrip('_')}"} & _Examiner.classes:
        raise TypeError(f"{_kind(thing)} of the submission is not a value; {operation} is not asked of it")


def _asks_for(operation: str, kind: type | None = None) -> Any:
    """What turns a thing into a value; a thing that has heard one of ours could say that it is just this one."""

    def method(self: Proxy, *arguments: Any) -> Any:
        if self._has_heard:
            raise TypeError(f"{_kind(self)} of the submission was made from a value, and is none")
        value = self._peer.ask(operation, self._number, *arguments)
        if kind is not None and type(value) is not kind:
            raise TypeError(f"{operation}() of the submission gave {_kind(value)}, not {kind.__name__}")
        return value

    return method


def _between(operation: str) -> Any:
    """An operation with another thing of the submission gives anything. With a value of ours it is done for classes
    that the assignment names, gives a thing again, and that thing is not turned into a number: it has heard ours.
    """

    def method(self: Proxy, other: Any, *more: Any) -> Any:
        if isinstance(other, Foreign):
            return self._peer.ask(operation, self._number, other, *more)
        _refuse_unnamed(self, operation)
        result = self._peer.ask(operation, self._number, other, *more)
        if result is NotImplemented:
            return result
        if not isinstance(result, Proxy):
            raise TypeError(f"{_kind(self)} of the submission is not a value, and {operation} made one of it")
        object.__setattr__(result, "_has_heard", True)
        return result

    return method


def _kind(value: Any) -> str:
    name = value._kind if isinstance(value, Proxy) else type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


class Proxy(Foreign):
    """Stands for an object of the submission."""

    __slots__ = ("__weakref__", "_has_heard", "_kind")
    _kind: str
    _has_heard: bool

    def __getattr__(self, name: str) -> Any:
        if name.startswith(NEVER_ASKED):
            raise AttributeError(name)
        return self._peer.ask("attr", self._number, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._peer.ask("setattr", self._number, name, value)

    def __delattr__(self, name: str) -> None:
        self._peer.ask("delattr", self._number, name)

    def __eq__(self, other: object) -> Any:
        return self is other or (isinstance(other, Proxy) and self._peer.ask("eq", self._number, other))

    def __ne__(self, other: object) -> Any:
        return self is not other and (not isinstance(other, Proxy) or self._peer.ask("ne", self._number, other))

    def __hash__(self) -> int:
        return hash(("proxy", self._number))

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, Foreign):
            _refuse_unnamed(self, "contains")
        return self._peer.ask("contains", self._number, element) is True

    def _ordered(operation: str) -> Any:  # type: ignore[misc]  # noqa: N805
        def method(self: Proxy, other: Any) -> Any:
            return self._peer.ask(operation, self._number, other) if isinstance(other, Proxy) else NotImplemented

        return method

    __lt__, __le__, __gt__, __ge__ = _ordered("lt"), _ordered("le"), _ordered("gt"), _ordered("ge")
    del _ordered

    __call__, __getitem__, __setitem__ = _asks_outside("call"), _asks_outside("getitem"), _asks("setitem")
    __delitem__, __iter__, __reversed__ = _asks("delitem"), _asks("iter"), _asks("reversed")
    __enter__, __exit__, __neg__, __pos__ = _asks("enter"), _asks("exit"), _asks("neg"), _asks("pos")
    __abs__, __invert__, __round__, __dir__ = _asks_for("abs"), _asks("invert"), _asks_for("round"), _asks("dir")
    __bool__, __len__, __str__, __repr__ = (
        _asks_for("bool", bool),
        _asks_for("len", int),
        _asks_for("str", str),
        _asks_for("repr", str),
    )
    __format__, __int__, __float__, __index__ = (
        _asks_for("format", str),
        _asks_for("int", int),
        _asks_for("float", float),
        _asks_for("index", int),
    )

    def __instancecheck__(self, other: Any) -> bool:
        return isinstance(other, Foreign) and self._peer.ask("isinstance", self._number, other) is True

    def __subclasscheck__(self, other: Any) -> bool:
        return isinstance(other, Foreign) and self._peer.ask("issubclass", self._number, other) is True

    def _ipython_display_(self) -> None:
        """A test's last line may be one of these; the submission has no say in how that is shown."""
        sys.stdout.write(f"<{_kind(self)} of the submission>\n")


for _name in peer.BETWEEN_TWO[:13]:
    setattr(Proxy, f"__{_name.rstrip('_')}__", _between(_name))
    setattr(Proxy, f"__r{_name.rstrip('_')}__", _between(f"r{_name.rstrip('_')}"))


class ClassProxy(Proxy):
    """Stands for a class of the submission, and is one for isinstance."""

    __slots__ = ()
    __class__ = property(lambda _: type)


class FunctionProxy(Proxy):
    """Stands for a function of the submission, and is one for isinstance."""

    __slots__ = ()
    __class__ = property(lambda _: types.FunctionType)


class IteratorProxy(Proxy):
    """Stands for an iterator of the submission."""

    __slots__ = ()
    __next__ = _asks("next")

    def __iter__(self) -> Any:
        return self


class GeneratorProxy(IteratorProxy):
    """Stands for a generator of the submission, and is one for isinstance."""

    __slots__ = ()
    send, throw, close = _asks("send"), _asks("throw"), _asks("close")
    __class__ = property(lambda _: types.GeneratorType)


PROXIES = {"class": ClassProxy, "function": FunctionProxy, "iterator": IteratorProxy, "generator": GeneratorProxy}


def proxy(other: Peer, encoded: list[Any]) -> Any:
    """What stands here for a thing of the submission's."""
    if encoded[0] == "m":
        return own_module(encoded[1])
    _, number, kind, name, *more = encoded
    if kind == "exception":
        return _exception_class(other, number, str(name)[:SHOWN_CHARACTERS], more[0])
    made = object.__new__(PROXIES.get(kind, Proxy))
    object.__setattr__(made, "_peer", other)
    object.__setattr__(made, "_number", number)
    object.__setattr__(made, "_has_heard", False)
    object.__setattr__(made, "_kind", str(name)[:SHOWN_CHARACTERS])
    return made


def own_module(name: str) -> Any:
    """The module of this name as this process imports it, which is never that of the tests themselves."""
    if type(name) is not str or not MODULE.fullmatch(name) or name.startswith(("cutaway.", "__")):
        raise NotPlain("what arrived is no value: a module that cannot be imported here")
    try:
        return importlib.import_module(name)
    except ImportError:
        raise NotPlain(f"the module {name!r} is the submission's own") from None


def _exception_class(other: Peer, number: int, name: str, kinds: list[str]) -> Any:
    """A class of exceptions of the submission: caught by its own name, and by that of the built-in one it extends."""

    def attribute(self: Any, what: str) -> Any:
        if what.startswith("_foreign"):
            raise AttributeError(what)
        return other.ask("attr", self._foreign, what)

    def make(*arguments: Any) -> Any:
        return other.ask("call", number, *arguments)

    body = {"__getattr__": attribute, "_foreign_class": number}
    kind = EXCEPTIONS[kinds[0]] if kinds else Exception
    try:
        made = type(name, (kind,), {**body, "_foreign": None, "made_there": staticmethod(make)})
    except TypeError:
        made = type("Exception", (Exception,), body)
    return made


def _raised(other: Peer, report: Any) -> BaseException:
    """What the submission raised, as an exception of the same type here."""
    if not isinstance(report, dict) or not isinstance(report.get("args"), list):
        raise NotPlain("what arrived is no exception")
    read = other.reader()
    arguments = [read.value(each) for each in report["args"]]
    text = str(report.get("text"))[: 1 << 16]
    if report.get("type") in EXCEPTIONS:
        try:
            return EXCEPTIONS[report["type"]](*arguments)
        except TypeError:
            return RuntimeError(text)
    kind = read.value(report["class"])
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        raise NotPlain("what arrived is no exception")
    try:
        error = kind.__new__(kind, *arguments)
        error.args = tuple(arguments)
    except TypeError:
        return RuntimeError(text)
    error._foreign = report["of"][1]  # type: ignore[attr-defined]
    return error


def described(thing: Any) -> list[Any]:
    """What the submission learns of a thing of ours: that it can be called or iterated, and nothing else can be."""
    if isinstance(thing, collections.abc.Iterator):
        return ["iterator"]
    if callable(thing) and not isinstance(thing, type):
        return ["function"]
    raise NotPlain(f"{_kind(thing)} of the tests cannot be passed to the submission; it has no plain form")


# --- Names -----------------------------------------------------------------


class Names(dict[str, Any]):
    """The built-in names, and behind them those of the submission.

    Python looks here for what a test does not define itself; a KeyError becomes its NameError. See names.py for those
    that are `kept` from the submission, and for those that it has `redefined`.
    """

    def __init__(self, submission: Peer) -> None:
        super().__init__(vars(builtins))
        self._submission, self._kept, self._redefined = submission, frozenset[str](), frozenset[str]()

    def divide(self, kept: list[str], redefined: list[str]) -> None:
        """Say whose a name is where that is not told by where it stands."""
        self._kept, self._redefined = frozenset(kept), frozenset(redefined)
        for name in redefined:
            self.pop(name, None)

    def __missing__(self, name: str) -> Any:
        if name in vars(builtins) and name not in self._redefined:
            return vars(builtins)[name]
        if name.startswith("__") or name in self._kept:
            raise KeyError(name)
        try:
            return self._submission.ask("name", None, name)
        except NoSuchName:
            raise KeyError(name) from None


class _Assertions(ast.NodeTransformer):
    """Lets a failing `assert a == b` tell what was expected and what came; when it holds, nothing is different."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        test = node.test
        if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
            return node
        here = {name: getattr(node, name) for name in node._attributes}
        later = ast.Lambda(
            ast.arguments([], [], None, [], [], None, []), node.msg or ast.Constant(None, **here), **here
        )
        name = ast.Name("_cutaway_compared", ast.Load(), **here)
        return ast.Expr(ast.Call(name, [test.left, test.comparators[0], later], [], **here), **here)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return node if isinstance(node, ast.expr) else super().generic_visit(node)


def shown(value: Any) -> str:
    """A value as a report shows it."""
    if isinstance(value, Foreign):
        return f"<{_kind(value)}>"
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


# --- The examiner ----------------------------------------------------------


class _Examiner:
    classes: frozenset[str] = frozenset()  # of the submission, whose behaviour the assignment asks for

    def __init__(self, grader: socket.socket, submission: socket.socket, recorder: Recorder) -> None:
        self._grader, self._recorder = Line(grader, patient=True), recorder
        self._peer = Peer(Line(submission, patient=True), peer.MEETING, described, proxy, _raised)
        self._compared: dict[str, str] = {}
        self._names = Names(self._peer)

    def live(self) -> None:
        """Obey until the grader hangs up."""
        self._recorder.take_over(self._show)
        shell = self._recorder.shell
        self._recorder.rewrite = _Assertions().visit
        shell.user_ns["_cutaway_compared"] = self._compare
        shell.user_ns["__builtins__"] = self._names
        while True:
            try:
                self._obey(self._grader.receive())
            except Ended:
                return

    def _obey(self, order: dict[str, Any]) -> None:
        if "files" in order:
            _unpack(order["files"])
        if "classes" in order:
            type(self).classes = frozenset(order["classes"])
        if "own" in order:
            self._names.divide(order["kept"], order["redefined"])
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                self._own(order["own"])
        if "run" in order:
            self._compared = {}
            signal.signal(signal.SIGINT, signal.default_int_handler)
            done = self._recorder.run(order["run"])
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            found = {"compared": self._compared, "line": self._recorder.failed_line}
            self._grader.send({"done": done, "of": order.get("of"), **found})

    def _own(self, statements: list[str]) -> None:
        """Have what the release gives and students may not change here as well, where a test can trust it."""
        for statement in statements:
            try:
                exec(compile(statement, "<given>", "exec"), self._recorder.shell.user_ns)
            except Exception:
                continue  # then the name is asked of the submission

    def _compare(self, left: Any, right: Any, message: Any) -> None:
        if left == right:
            return
        self._compared = {"got": shown(left), "expected": shown(right)}
        said = message()
        raise AssertionError(*([] if said is None else [said]))

    def _show(self, output: Output) -> None:
        self._grader.send({"output": output})


def live(grader: int, submission: int, recorder: Recorder) -> None:
    """The work of the tests' sandbox, in which the teacher's files lie, and none of the submission's."""
    sys.path.insert(0, "")
    os.environ["HOME"] = str(Path.cwd())
    _Examiner(socket.socket(fileno=grader), socket.socket(fileno=submission), recorder).live()
