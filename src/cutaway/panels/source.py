"""Show a function of the course as it is now, instead of a copy that would grow old in a page."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, repr=False)
class Source:
    """The live source of a function, shown in the colours of code."""

    function: Callable[..., Any]

    def __repr__(self) -> str:
        return textwrap.dedent(inspect.getsource(self.function)).rstrip()

    def _repr_markdown_(self) -> str:
        return f"```python\n{self!r}\n```"
