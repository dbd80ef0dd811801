"""nbgrader's library without what it loads on the side: half of what a grading command takes is its own start.

nbgrader's package begins by loading its four Jupyter server extensions, and with them a web server, its exporters and
every exchange: two thirds of the time that its gradebook takes to load. Nothing of it is changed here. The package is
entered without being started, and its modules are imported one by one, each with what it needs itself. For programs
that only grade: whoever serves nbgrader's pages needs it started.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

UNCHECKED = (  # formats that jsonschema would know, and that no notebook has
    *("rfc3987_syntax", "rfc3986_validator", "rfc3339_validator", "isoduration", "uri_template", "webcolors", "fqdn"),
)
UNUSED = ("nbgrader.auth.jupyterhub", "setuptools.archive_util")  # who is asked for students; how archives are opened


@contextmanager
def loading() -> Iterator[None]:
    """Load without all that, and without looking for cycles in what stays: now, later, or when this process ends."""
    leave_out()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def leave_out() -> None:
    """Do without all that in this process, as far as it is not loaded yet."""
    for name in UNCHECKED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # an import of it fails then, as it may
    for name in UNUSED:
        sys.modules.setdefault(name, _PutOff(name))
    spec = importlib.util.find_spec("nbgrader")
    if spec and "nbgrader" not in sys.modules:
        sys.modules["nbgrader"] = importlib.util.module_from_spec(spec)


class _PutOff(types.ModuleType):
    """A module whose names may be imported, and that is loaded when one of them is called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments: Any, **named: Any) -> Any:
            if sys.modules[self.__name__] is self:
                del sys.modules[self.__name__]
            return getattr(importlib.import_module(self.__name__), name)(*arguments, **named)

        return call
