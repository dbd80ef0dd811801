"""Show functions of the course as they are now, instead of copies that would grow old in a page."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any


class Source:
    """The live source of some functions, shown in the colours of code; with `folded`, behind this line of text."""

    def __init__(self, *functions: Callable[..., Any], folded: str = "") -> None:
        self.functions, self.folded = functions, folded

    def __repr__(self) -> str:
        return "\n\n\n".join(textwrap.dedent(inspect.getsource(each)).rstrip() for each in self.functions)

    def _repr_markdown_(self) -> str:
        code = f"```python\n{self!r}\n```"
        return f"<details><summary>{self.folded}</summary>\n\n{code}\n\n</details>" if self.folded else code
