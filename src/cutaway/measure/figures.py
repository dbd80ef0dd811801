"""A figure as a notebook shows it: painted, with a name, and in words for those who do not see it."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def painted(figure: Figure, title: str, words: str) -> str:
    """The figure as SVG text, which holds its title and its `words`; the same figure gives the same text."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "cutaway", "svg.fonttype": "none"}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Title": title, "Description": words})
    return out.getvalue()


def mimebundle(figure: Figure, title: str, words: str) -> dict[str, str]:
    """What Jupyter shows: the words as text, and the picture.

    The picture comes twice. JupyterLab prefers the page's form: an SVG output has no alternative text there.
    """
    picture = painted(figure, title, words)
    data = b64encode(picture.encode()).decode()
    alternative = escape(f"{title}. {words}")
    html = f'<img alt="{alternative}" style="max-width: 100%" src="data:image/svg+xml;base64,{data}">'
    return {"text/plain": words, "image/svg+xml": picture, "text/html": html}
