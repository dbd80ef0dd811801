"""Show functions of the course as they are now, instead of copies that would grow old in a page."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any


class Source:
    """The live source of some functions, shown in the colours of code."""

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self.functions = functions

    def __repr__(self) -> str:
        return "\n\n\n".join(textwrap.dedent(inspect.getsource(each)).rstrip() for each in self.functions)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self!r}\n```"
