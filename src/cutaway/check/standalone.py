"""What a notebook defines, as a program that runs by itself: for labs whose answer another program has to start.

A definition is a function or a class of the notebook's own, a module of Python's or a name taken from one, and a name
in CAPITALS that stands for a plain value. All else stays where it is: what a cell tries, shows or checks.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

NOTEBOOK = "__main__"


def program(names: Mapping[str, Any], last: str) -> str:
    """The text of a program: the definitions among `names`, as they are now, and then the line `last`."""
    own = {name: value for name, value in names.items() if _is_own(value)}
    files = list(dict.fromkeys(file for value in own.values() for file in _files(value)))
    parts = [*_imports(names), *_constants(names), *(_source(value.__name__, files) for value in own.values()), last]
    return "\n\n".join([*parts, ""])


def _is_own(value: object) -> bool:
    return isinstance(value, FunctionType | type) and value.__module__ == NOTEBOOK


def _imports(names: Mapping[str, Any]) -> Iterator[str]:
    """Of Python's own modules only: others are not there when the program runs alone."""
    for name, value in names.items():
        home = str(getattr(value, "__name__" if isinstance(value, ModuleType) else "__module__", ""))
        if name.startswith("_") or home.partition(".")[0] not in sys.stdlib_module_names or _is_own(value):
            continue
        original = str(getattr(value, "__name__", ""))
        if isinstance(value, ModuleType):
            yield f"import {original} as {name}"
        elif name not in vars(builtins) and getattr(sys.modules.get(home), original, None) is value:
            yield f"from {home} import {original} as {name}"


def _constants(names: Mapping[str, Any]) -> Iterator[str]:
    for name, value in names.items():
        if name.isupper() and not name.startswith("_") and _plain(value):
            yield f"{name} = {value!r}"


def _plain(value: object) -> bool:
    if isinstance(value, dict):
        return _plain([*value, *value.values()])
    if isinstance(value, list | tuple | set):
        return all(map(_plain, value))
    return value is None or isinstance(value, str | bytes | int | float)


def _files(value: object) -> Iterator[str]:
    """Where the functions of something were written down; each cell is a file to Python."""
    for each in vars(value).values() if isinstance(value, type) else [value]:
        function = getattr(each, "fget", None) or getattr(each, "__func__", None) or each
        if isinstance(function, FunctionType):
            yield function.__code__.co_filename


def _source(name: str, files: Sequence[str]) -> str:
    """The last definition of that name, as it was written; nothing when nobody has kept it."""
    for file in reversed(files):
        text = "".join(linecache.getlines(file))
        for node in reversed(ast.parse(text).body):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return f"# {name} was defined where its text is not kept"
