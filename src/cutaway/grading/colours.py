"""The tables by which IPython colours a traceback, made once instead of for each traceback.

A failing test shows a traceback, and half of a class's tests fail. What is shown stays the same to the byte: only a
style, its escape sequences and a lexer's rules are kept that would be worked out again from the same things. That
was half of the time that a traceback takes, and more memory touched in each sandbox than all else together.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import stack_data
from pygments.formatters.terminal256 import Terminal256Formatter  # type: ignore[import-untyped]
from pygments.lexer import RegexLexerMeta  # type: ignore[import-untyped]


def remember() -> None:
    """From now on each table is made once in this process, and in its forks not at all."""
    make = functools.cache(stack_data.style_with_executing_node)  # type: ignore[attr-defined]
    stack_data.style_with_executing_node = make  # type: ignore[attr-defined]
    Terminal256Formatter._setup_styles = _escapes(Terminal256Formatter._setup_styles)
    RegexLexerMeta.process_tokendef = _rules(RegexLexerMeta.process_tokendef)


def _escapes(work_out: Callable[[Any], None]) -> Callable[[Any], None]:
    """A formatter's escape sequences: those of its style."""
    known: dict[Any, Any] = {}

    def recall(formatter: Any) -> None:
        key = (formatter.style, formatter.usebold, formatter.useunderline, formatter.useitalic)
        if key not in known:
            work_out(formatter)
            known[key] = formatter.style_string
        formatter.style_string = known[key]

    return recall


def _rules(work_out: Callable[..., Any]) -> Callable[..., Any]:
    """A lexer's rules: those of the class that it extends, when it adds none."""

    def recall(lexer: Any, name: str, tokens: Any = None) -> Any:
        extended = vars(lexer.__mro__[1])
        if "tokens" in vars(lexer) or "_tokens" not in extended:
            return work_out(lexer, name, tokens)
        return extended["_tokens"]

    return recall
