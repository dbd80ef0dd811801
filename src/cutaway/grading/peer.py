"""Two processes that speak of each other's things: values by copy, everything else by handle.

Either end may ask the other to do something with a thing that stayed there: call it, take its next element, read an
attribute. While it waits for the answer it obeys what the other asks in the meantime, so calls nest as in one
process. What a call did to the lists, dicts, sets and arrays that it was given is done to the caller's own as well,
so that a function which sorts in place has sorted.

Which operations an end allows is its own decision (`allowed`): a submission allows all of them on its own things,
its tests allow calling and iterating what they passed, and nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from cutaway.grading import codec
from cutaway.grading.codec import NotPlain, Read, Written
from cutaway.grading.wire import Line

NESTING = 60  # calls within calls; Python's own stack ends at a thousand frames

Operation = Callable[..., Any]
Request = dict[str, Any]


def _call(thing: Any, *arguments: Any, **named: Any) -> Any:
    return thing(*arguments, **named)


def _swapped(operation: Operation) -> Operation:
    return lambda mine, other: operation(other, mine)


MEETING: dict[str, Operation] = {"call": _call, "iter": iter, "next": next}  # allowed on what a test has passed
BETWEEN_TWO = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"),
    *("lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge", "iadd", "isub", "imul"),
)
EVERYTHING: dict[str, Operation] = {
    **MEETING,
    **{name: getattr(operator, name) for name in BETWEEN_TWO},
    **{f"r{name.rstrip('_')}": _swapped(getattr(operator, name)) for name in BETWEEN_TWO[:13]},
    "attr": getattr, "setattr": setattr, "delattr": delattr, "dir": dir, "len": len, "bool": bool, "str": str,
    "repr": repr, "format": format, "hash": hash, "abs": abs, "int": int, "float": float, "complex": complex,
    "index": operator.index, "round": round, "neg": operator.neg, "pos": operator.pos, "invert": operator.invert,
    "getitem": operator.getitem, "setitem": operator.setitem, "delitem": operator.delitem,
    "contains": operator.contains, "isinstance": lambda mine, other: isinstance(other, mine),
    "issubclass": lambda mine, other: issubclass(other, mine), "reversed": reversed, "divmod": divmod,
    "enter": lambda thing: thing.__enter__(), "exit": lambda thing, *how: thing.__exit__(*how),
    "send": lambda thing, value: thing.send(value), "throw": lambda thing, error: thing.throw(error),
    "close": lambda thing: thing.close(),
}  # fmt: skip


class NoSuchName(Exception):
    """The submission has not defined this name."""


class Foreign:
    """What a proxy of a thing at the other end must have: whose it is, and its number there."""

    __slots__ = ("_number", "_peer")
    _peer: Peer
    _number: int


class Peer:
    """One end. `describe` says what a thing of ours is, `proxy` makes what stands here for one of theirs."""

    def __init__(
        self,
        line: Line,
        allowed: Mapping[str, Operation],
        describe: Callable[[Any], list[Any]],
        proxy: Callable[[Peer, list[Any]], Any],
        raised: Callable[[Peer, Any], BaseException],
    ) -> None:
        self.line, self.allowed = line, dict(allowed)
        self._describe, self._proxy, self._raised = describe, proxy, raised
        self._ours: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._theirs: dict[int, Any] = {}
        self._depth = 0
        self.before_speaking: Callable[[], object] = lambda: None

    # --- Asking ------------------------------------------------------------

    def ask(self, do: str, of: int | None, *arguments: Any, **named: Any) -> Any:
        """Have the other end do something with its thing number `of`; its value, or what it raised."""
        written = Written(self._refer)
        request = {
            "do": do,
            "of": of,
            "with": [written.value(each) for each in arguments],
            "named": {name: written.value(each) for name, each in named.items()},
        }
        self._depth += 1
        try:
            if self._depth > NESTING:
                raise RecursionError("calls between the submission and its tests are nested too deep")
            self.before_speaking()
            self.line.send(request)
            while "do" in (answer := self.line.receive()):
                self.obey(answer)
        finally:
            self._depth -= 1
        return self._understood(answer, dict(enumerate(written.containers)))

    def _understood(self, answer: Any, containers: dict[int, Any]) -> Any:
        read = Read(self._stand_in)
        read.containers = dict(containers)
        if "raised" in answer:
            raise self._raised(self, answer["raised"])
        if "missing" in answer:
            raise NoSuchName
        value = read.value(answer.get("value"))
        changed = answer.get("changed", {})
        if not isinstance(changed, dict):
            raise NotPlain("what arrived is no answer")
        for number, content in changed.items():
            if (ours := containers.get(int(number))) is None:
                raise NotPlain("what arrived changes what was not sent")
            try:
                read.fill(ours, content)
            except (TypeError, ValueError, KeyError, IndexError) as error:
                raise NotPlain(f"what arrived is no value: {error}") from None
        return value

    # --- Obeying -----------------------------------------------------------

    def obey(self, request: Request) -> None:
        """Do what the other end asks, and answer it; what it is asked in the meantime is done as well."""
        try:
            answer = self._done(request)
        except NoSuchName:
            answer = {"missing": True}
        except BaseException as error:
            answer = {"raised": self._reported(error)}
        self.before_speaking()
        self.line.send(answer)

    def _done(self, request: Request) -> dict[str, Any]:
        read = Read(self._stand_in)
        arguments = [read.value(each) for each in request["with"]]
        named = {name: read.value(each) for name, each in request["named"].items()}
        if request["do"] not in self.allowed:
            raise NotPlain(f"{request['do']!r} is not done for the other side")
        thing = [] if request["of"] is None else [self._ours[request["of"]]]
        before = self._contents(read)[1] if read.containers else {}
        value = self.allowed[request["do"]](*thing, *arguments, **named)
        written, after = self._contents(read)
        return {
            "value": written.value(value),
            "changed": {number: content for number, content in after.items() if content != before[number]},
        }

    def _contents(self, read: Read) -> tuple[Written, dict[int, Any]]:
        """What is in each container that was received, each by its number."""
        written = Written(self._refer)
        for number in sorted(read.containers):
            written._numbers[id(read.containers[number])] = number
            written.containers.append(read.containers[number])
        return written, {number: written.content(read.containers[number]) for number in sorted(read.containers)}

    def _reported(self, error: BaseException) -> Any:
        try:
            text = str(error)
        except BaseException:
            text = ""
        kind = type(error)
        plain = codec.TYPE_NAMES.get(kind)
        written = Written(self._refer)
        try:
            arguments = [written.value(each) for each in error.args]
        except BaseException:
            arguments = [text]
        return {"type": plain, "args": arguments, "text": text, "class": None if plain else self._refer(kind),
                "of": None if plain else self._refer(error)}  # fmt: skip

    def reader(self) -> Read:
        """What reads the values of a message from the other end."""
        return Read(self._stand_in)

    # --- Speaking of things ------------------------------------------------

    def _refer(self, thing: Any) -> list[Any]:
        if isinstance(thing, Foreign):
            return ["o", thing._number]
        if (number := vars(thing).get("_foreign") if isinstance(thing, BaseException) else None) is not None:
            return ["o", number]
        if isinstance(thing, type) and (number := thing.__dict__.get("_foreign_class")) is not None:
            return ["o", number]
        description = self._describe(thing)
        if description[0] == "m":
            return description
        if id(thing) not in self._numbers:
            self._numbers[id(thing)] = len(self._ours)
            self._ours.append(thing)
        return ["h", self._numbers[id(thing)], *description]

    def _stand_in(self, encoded: list[Any]) -> Any:
        if encoded[0] == "o" and type(encoded[1]) is int:
            return self._ours[encoded[1]]
        if encoded[0] == "m":
            return self._proxy(self, encoded)
        if encoded[0] != "h" or type(encoded[1]) is not int:
            raise NotPlain("what arrived is no value")
        if encoded[1] not in self._theirs:
            self._theirs[encoded[1]] = self._proxy(self, encoded)
        return self._theirs[encoded[1]]
