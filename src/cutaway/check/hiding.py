"""Keep the modules that hold a lab's answer from being imported while the lab is done, checked or graded.

This is a reminder and no lock: the source is open, and whoever wants to get round it, can. The teacher's guide says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Hidden(ImportError):
    """The module, or what was asked of it, holds the answer of the lab."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [f"Hidden: {self}"]


class Hider:
    """A finder that comes first and refuses `modules` and all below them."""

    def __init__(self, lab: str, modules: Iterable[str]) -> None:
        self.lab, self.modules = lab, frozenset(modules)

    def hides(self, name: str) -> bool:
        return any(name == module or name.startswith(f"{module}.") for module in self.modules)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if self.hides(name):
            raise self.refusal(name)
        return None

    def refusal(self, name: str) -> Hidden:
        return Hidden(
            f"importing {name}: it holds the answer of lab {self.lab}; restart the kernel to use it elsewhere"
        )


def hide(lab: str, modules: Iterable[str]) -> None:
    """Refuse to import `modules` from now on, and take them, and what other modules hold of them, out of reach."""
    hider = Hider(lab, modules)
    sys.meta_path.insert(0, hider)
    for name in [name for name in sys.modules if hider.hides(name)]:
        del sys.modules[name]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == __package__.partition(".")[0]:
            _strip(module, hider)


def _strip(module: ModuleType, hider: Hider) -> None:
    """Forget what the module took from a hidden one; asking for it by name says why it is not there."""
    taken = {name for name, value in vars(module).items() if hider.hides(_home(value))}
    for name in taken:
        delattr(module, name)

    def missing(name: str) -> Any:
        if name in taken:
            raise hider.refusal(f"{module.__name__}.{name}")
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    if taken and "__getattr__" not in vars(module):
        module.__getattr__ = missing  # type: ignore[method-assign]


def _home(value: object) -> str:
    """The module that something is, or was defined in."""
    if isinstance(value, ModuleType):
        return value.__name__
    return str(getattr(value, "__module__", "") or "")
