"""Plain values: all that may cross between a learner's process and a checker's.

A plain value is None, a bool, an int, a float, a str, a list of plain values, or a dict from str to plain values,
each of exactly that type. An object of a class of somebody's own is none, whatever it claims to be equal to,
and neither is a subclass of int. A number of numpy's is sent as the Python number that it stands for. Values travel as
JSON text; nothing is ever unpickled.
"""

from __future__ import annotations

import json
import sys
from typing import Any

Plain = None | bool | int | float | str | list[Any] | dict[str, Any]

DEPTH = 32  # lists in lists in lists ...
LENGTH = 1 << 20  # characters of JSON text


class NotPlain(TypeError):
    """Something that cannot cross; the message says where in the value it stands and of what type it is."""


def dumps(value: object) -> str:
    """The value as one line of JSON; NotPlain when any part of it is more than plain."""
    value = _pythons(value, DEPTH)
    _inspect(value, "the value", DEPTH)
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:  # NaN, infinity, or an int of thousands of digits
        raise NotPlain(
            "a number in the value has no plain form; JSON knows no NaN, infinity or endless digits"
        ) from None
    if len(text) > LENGTH:
        raise NotPlain(f"the value is {len(text)} characters long; at most {LENGTH} can cross")
    return text


def loads(text: str | bytes) -> Plain:
    """The value that a line of JSON stands for; NotPlain when it stands for none."""
    try:
        value: Plain = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotPlain(f"what arrived is no plain value: {error}") from None
    return value


def _pythons(value: object, depth: int) -> object:
    """The value with Python's own numbers in place of numpy's."""
    if type(value) is list and depth:
        return [_pythons(each, depth - 1) for each in value]
    if type(value) is dict and depth:
        return {key: _pythons(each, depth - 1) for key, each in value.items()}
    numpy = sys.modules.get("numpy")  # whoever has not loaded it has none of its numbers
    return value.item() if numpy and isinstance(value, (numpy.number, numpy.bool_)) else value


def _inspect(value: object, place: str, depth: int) -> None:
    if depth == 0:
        raise NotPlain(f"{place} lies more than {DEPTH} levels deep; does the value contain itself?")
    if type(value) is list:
        for index, each in enumerate(value):
            _inspect(each, f"{place}[{index}]", depth - 1)
    elif type(value) is dict:
        for key, each in value.items():
            _inspect_key(key, place)
            _inspect(each, f"{place}[{key!r}]", depth - 1)
    elif value is not None and type(value) not in (bool, int, float, str):
        raise NotPlain(
            f"{place} is a {type(value).__name__}; only None, bool, int, float, str, list and dict can cross"
        )


def _inspect_key(key: object, place: str) -> None:
    if type(key) is not str:
        raise NotPlain(f"a key of {place} is a {type(key).__name__}; keys are str")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
