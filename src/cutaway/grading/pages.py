"""A page of one file that needs nothing else: light or dark as its reader has it, and as good to hear as to see."""

from __future__ import annotations

import html
from collections.abc import Iterable

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 25%, transparent) }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
h1 { line-height: 1.2 } h2 { margin-top: 2.5rem }
pre, .wide { overflow-x: auto }
pre { margin: 0; padding: .5rem .75rem; border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% } caption { text-align: left; padding: .25rem .5rem }
th, td { text-align: left; padding: .35rem .5rem; vertical-align: top; overflow-wrap: break-word }
tr { border-bottom: 1px solid var(--line) } tbody th { font-weight: 600 }
td.n { text-align: right; white-space: nowrap }
small { color: color-mix(in srgb, currentColor 75%, transparent) }
td:has(code) { min-width: 14rem } td code span { white-space: normal !important; overflow-wrap: anywhere }
svg { max-width: 100%; height: auto }
details { margin: .75rem 0 } summary { cursor: pointer; padding: .25rem 0 }
mark { background: light-dark(#ffe08a, #6b4e00); color: inherit }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem }
@media (max-width: 40rem) { body { margin: 1rem auto } .pair { grid-template-columns: 1fr } }
"""  # noqa: E501


def page(title: str, body: str) -> bytes:
    """The whole file; what no UTF-8 can hold, because a student wrote it, is shown as a question mark."""
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{safe(title)}</h1>{body}</main></body></html>\n"
    )
    return text.encode(errors="replace")


def safe(text: str) -> str:
    """The text as it may stand in a page."""
    return html.escape(text)


def paragraph(text: str) -> str:
    """One of plain text; nothing for nothing."""
    return f"<p>{safe(text)}</p>" if text else ""


def bullets(title: str, lines: Iterable[str]) -> str:
    """A heading and a list below it; nothing for no lines."""
    items = "".join(f"<li>{safe(line)}</li>" for line in lines)
    return f"<h2>{safe(title)}</h2><ul>{items}</ul>" if items else ""
