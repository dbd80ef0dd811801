"""What a container runtime needs of Python's library, without the weight: an engine starts it again and again.

`signal` and `json` are the parts in C that Python's own modules of these names are made of; those load enum, re and
more, which takes as long as starting Python itself. A test lists what may be loaded.
"""

from __future__ import annotations

import _json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import TracebackType
    from typing import Any
else:
    import _signal as signal

__all__ = ["dumps", "loads", "signal", "suppress"]


class suppress:  # noqa: N801  as in contextlib
    """Go on after a block that raises one of these."""

    def __init__(self, *errors: type[BaseException]) -> None:
        self.errors = errors

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> bool:
        return kind is not None and issubclass(kind, self.errors)


class _Reading:
    """How JSON is read: as json.loads does it."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float
    memo: dict[str, str] = {}  # noqa: RUF012


def loads(text: str) -> Any:
    """What a JSON text says; ValueError when it is none, in json's own words."""
    begun = text.lstrip()
    try:
        value, end = _json.make_scanner(_Reading)(begun, 0)  # type: ignore[arg-type]
        if not begun[end:].strip():
            return value
    except (StopIteration, SystemError, ValueError):  # the part in C has no words of its own
        pass
    import json

    return json.loads(text)


def _unknown(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def dumps(value: Any) -> str:
    """The JSON text of a value."""
    words = _json.encode_basestring_ascii
    write = _json.make_encoder(None, _unknown, words, None, ": ", ", ", False, False, False)
    return "".join(write(value, 0))
