"""Functions of the C library, and bytes for them to look into, without the weight of ctypes.

ctypes describes every kind of number that C knows before it does anything. What does the work is its part in C,
`_ctypes`, and a container runtime, which starts often, makes do with that. calls.py says what is called.
"""

from __future__ import annotations

import _ctypes
from _ctypes import addressof, get_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Simple = _ctypes._SimpleCData[Any]
else:
    Simple = _ctypes._SimpleCData

__all__ = ["Int", "Long", "Text", "addressof", "buffer", "function", "get_errno", "strings"]


class Int(Simple):
    """int; the letters are those of the array module, but for z: a text that ends with a zero."""

    _type_ = "i"


class Long(Simple):
    """long, signed or not."""

    _type_ = "l"


class Text(Simple):
    """char *."""

    _type_ = "z"


class _Byte(Simple):
    _type_ = "c"


class _Library:
    _handle = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # all that this program was linked with


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = Int


def function(name: str, *takes: type[Simple], answers: type[Simple] = Int) -> Callable[..., int]:
    """A function of the C library; where it fails, `get_errno` says why."""
    found: Any = _Function((name, _Library))  # type: ignore[arg-type]
    if takes:
        found.argtypes = takes
    found.restype = answers
    return found  # type: ignore[no-any-return]


def buffer(content: bytes) -> Any:
    """These bytes where C may read and change them: `addressof` says where, `raw` what is there now."""
    made: Any = (_Byte * len(content))()
    made.raw = content
    return made


def strings(texts: Sequence[bytes]) -> Any:
    """A vector as execve(2) takes it: these texts, and nothing behind the last."""
    return (Text * (len(texts) + 1))(*texts, None)
