"""nbgrader's library without what it loads on the side: half of what a grading command takes is its own start.

nbgrader's package begins by loading its four Jupyter server extensions, and with them a web server, its exporters and
every exchange: two thirds of the time that its gradebook takes to load. nbformat begins with two libraries that check
notebooks. Nothing of them is changed here: a package is entered without being started, and its modules are imported
one by one, each with what it needs itself. It starts when something is asked of it that only a start puts there.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import logging
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

UNCHECKED = (  # formats that jsonschema would know, and that no notebook has
    *("rfc3987_syntax", "rfc3986_validator", "rfc3339_validator", "isoduration", "uri_template", "webcolors", "fqdn"),
)
UNUSED: dict[str, dict[str, Any]] = {  # with what is wanted of them nevertheless
    "nbgrader.auth.jupyterhub": {},  # who is asked for students
    "setuptools.archive_util": {},  # how archives are opened
    "tornado.log": {"app_log": logging.getLogger("tornado.application")},
}
ENTERED = ("nbgrader", "nbformat")


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
    for name, wanted in UNUSED.items():
        vars(sys.modules.setdefault(name, _PutOff(name))).update(wanted)
    for name in ENTERED:
        if name not in sys.modules and (spec := importlib.util.find_spec(name)):
            package: Any = importlib.util.module_from_spec(spec)
            package.__class__ = _Entered
            sys.modules[name] = package


class _Entered(types.ModuleType):
    """A package that starts when a name is looked for that it does not have yet, and that is no module of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not (self.__spec__ and self.__spec__.loader):
            raise AttributeError(name)
        if importlib.util.find_spec(f"{self.__name__}.{name}"):
            return importlib.import_module(f"{self.__name__}.{name}")
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


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
