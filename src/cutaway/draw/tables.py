"""A small table of plain values that reads well in a terminal, in a notebook and to a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

# JupyterLab sets tables flush right, by a rule that is too specific to be outdone without the word.
STYLE = "<style>.cutaway-table th, .cutaway-table td { text-align: left !important; }</style>"

UNBROKEN = '<span style="white-space: nowrap">'
NO_FORMULAS = "mathjax_ignore"  # MathJax's own word: else a command with two dollar signs is shown as a formula


@dataclass(frozen=True)
class Table:
    """Rows of text under `headings`; the first cell of a row names the row, and a cell may have several lines."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        lines = [self.headings, *(line for row in self.rows for line in _lines(row))]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, tuple("-" * width for width in widths))
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        return STYLE + html_table(self, css_class="cutaway-table")


def html_table(table: Table, caption: str = "", css_class: str = "") -> str:
    """The table for a page, its headings marked as such, every value escaped; paths may be broken after a slash."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in table.headings)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    named = f' class="{NO_FORMULAS} {css_class}"'
    body = "".join(map(_html_row, table.rows))
    return f"<table{named}>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_row(row: tuple[str, ...]) -> str:
    name, *rest = map(_html_cell, row)
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'


def _html_cell(cell: str) -> str:
    """The text, with what stands between backquotes set as code, in which only a blank may be broken."""
    parts = escape(cell).replace("\n", "<br>").split("`")
    if len(parts) % 2 == 0:  # a backquote without its other half is a character
        parts = ["`".join(parts)]
    return "".join(_html_code(part) if code % 2 else part.replace("/", "/<wbr>") for code, part in enumerate(parts))


def _html_code(code: str) -> str:
    return f"<code>{' '.join(f'{UNBROKEN}{word}</span>' for word in code.split(' '))}</code>"


def _lines(row: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return zip_longest(*(cell.split("\n") for cell in row), fillvalue="")
