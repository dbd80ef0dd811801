"""A stack of layers for the eye: one tree, which layer each file comes from, and what lies there unseen."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Any

from ipywidgets import HTML, Checkbox, IntSlider, Layout, VBox

from cutaway.draw.tables import Table
from cutaway.images.stack import Kind, Piece, Place, Stack, shown

Bundle = dict[str, Any]  # what IPython shows: media type -> content

# The variables are JupyterLab's, so that the panel follows its theme; the values after them are for other pages.
STYLE = """<style>
.cutaway-layers { font: 13px/1.6 var(--jp-ui-font-family, Helvetica, Arial, sans-serif); max-width: 60em;
  color: var(--jp-content-font-color1, #1c1c1c); background: var(--jp-layout-color0, #ffffff); padding: 4px 6px; }
.cutaway-layers ul { margin: 0; padding: 0; }
.cutaway-layers li { list-style: none; }
.cutaway-layers details > summary { cursor: pointer; }
.cutaway-layers .row { display: inline-grid;
  grid-template-columns: minmax(9em, 1fr) minmax(7em, 14em) 7em minmax(9em, 1fr);
  width: calc(100% - 1.4em); column-gap: 10px; vertical-align: top; }
.cutaway-layers > .row, .cutaway-layers li > .row { padding-left: 1.1em; }
.cutaway-layers .name { padding-left: calc(1.3em * var(--depth)); overflow-wrap: anywhere;
  font-family: var(--jp-code-font-family, Menlo, Consolas, "DejaVu Sans Mono", monospace); }
.cutaway-layers .bytes { text-align: right; font-variant-numeric: tabular-nums; }
.cutaway-layers .hidden .name { text-decoration: line-through; }
.cutaway-layers .hidden { color: var(--jp-content-font-color2, #5f5f5f); }
.cutaway-layers .head { font-weight: 600; }
.cutaway-layers p { margin: 4px 0; }
</style>"""


class LayerPanel:
    """A slider for the number of layers, a switch for what is hidden, and the tree; in print, all of it as a table.

    Of the lowest `base` layers only that is shown which the layers above touch; a switch brings the rest.
    """

    def __init__(self, stack: Stack, base: int = 0) -> None:
        self.stack, self.base = stack, base
        most = len(stack.layers)
        self.upto = IntSlider(most, min=1, max=max(1, most), description="layers")
        self.hidden = Checkbox(True, description="show what is hidden", indent=False)
        self.whole = Checkbox(not base, description="show the untouched files of the base", indent=False)
        self._view = HTML(layout=Layout(width="100%"))
        self.box = VBox([self.upto, self.hidden, *([self.whole] if base else []), self._view])
        for control in (self.upto, self.hidden, self.whole):
            control.observe(lambda _: self._show(), "value")
        self._show()

    def _show(self) -> None:
        base = 0 if self.whole.value else self.base
        self._view.value = drawn(self.stack.upto(self.upto.value), hidden=self.hidden.value, base=base)

    def __repr__(self) -> str:
        return repr(table(self.stack, self.base))

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        box: Bundle = self.box._repr_mimebundle_()
        return {**box, "text/html": drawn(self.stack, base=self.base), "text/plain": repr(self)}


def touched(stack: Stack, base: int) -> list[Piece]:
    """The pieces that are not in the lowest `base` layers or are hidden, and the folders on the way to them."""
    changed = [piece for piece in stack.pieces if piece.layer >= base or not piece.visible]
    ways = {piece.place[:length] for piece in changed for length in range(1, len(piece.place) + 1)}
    return [piece for piece in stack.pieces if piece.place in ways]


def table(stack: Stack, base: int = 0) -> Table:
    """Every piece in a row of its own, indented as it lies."""
    rows = (
        ("  " * (len(piece.place) - 1) + shown(piece), stack.layers[piece.layer].name, size(piece), stack.said(piece))
        for piece in touched(stack, base)
    )
    return Table(("path", "from", "bytes", ""), tuple(rows))


def size(piece: Piece) -> str:
    """The bytes of a file; nothing for what has none of its own."""
    return f"{piece.size_bytes:,}" if piece.kind is Kind.FILE and not piece.same_as else ""


# --- For a page ------------------------------------------------------------


def drawn(stack: Stack, *, hidden: bool = True, base: int = 0) -> str:
    """The tree as nested lists; a folder is open where the layers do not agree about it."""
    pieces = [piece for piece in touched(stack, base) if hidden or piece.visible]
    head = '<span class="row head"><span>path</span><span>from</span><span class="bytes">bytes</span></span>'
    return f'{STYLE}<div class="cutaway-layers">{head}{_list(stack, pieces, ())}{_sum(stack)}</div>'


def _sum(stack: Stack) -> str:
    """What there is and what of it is wasted, in a sentence, which a screen reader reads out when it changes."""
    whole, wasted = stack.size_bytes(), stack.wasted_bytes()
    each = ", ".join(f"{escape(layer.name)} {stack.size_bytes(n):,}" for n, layer in enumerate(stack.layers))
    return f'<p role="status">{whole:,} bytes ({each}), of which {wasted:,} are hidden and wasted.</p>'


def _list(stack: Stack, pieces: list[Piece], above: Place) -> str:
    """The pieces below one place, each name with what lies below it."""
    names = groupby(pieces, key=lambda piece: piece.place[len(above)])  # they are sorted by place
    items = (_item(stack, list(those), (*above, name)) for name, those in names)
    return f"<ul>{''.join(items)}</ul>"


def _item(stack: Stack, pieces: list[Piece], place: Place) -> str:
    """All that layers have at one place; a layer may have files in a folder that none of them names."""
    below = [piece for piece in pieces if piece.place != place]
    files = "".join(_row(stack, piece) for piece in pieces if piece.place == place and piece.kind is not Kind.FOLDER)
    folders = [_row(stack, piece) for piece in pieces if piece.place == place and piece.kind is Kind.FOLDER]
    if not below:
        return f"<li>{files}{''.join(folders)}</li>"
    first, *others = folders or [_cells(f"{place[-1]}/", len(place) - 1)]
    agreed = len({piece.layer for piece in pieces}) == 1 and all(piece.visible for piece in pieces)
    inner = f"<summary>{first}</summary>{_list(stack, below, place)}"
    return f"<li>{files}<details{'' if agreed else ' open'}>{inner}</details>{''.join(others)}</li>"


def _row(stack: Stack, piece: Piece) -> str:
    cells = shown(piece), stack.layers[piece.layer].name, size(piece), stack.said(piece)
    return _cells(cells[0], len(piece.place) - 1, cells[1:], css="row" if piece.visible else "row hidden")


def _cells(name: str, depth: int, rest: Iterable[str] = ("", "", ""), css: str = "row") -> str:
    layer, size_bytes, fate = map(escape, rest)
    return (
        f'<span class="{css}"><span class="name" style="--depth: {depth}">{escape(name)}</span>'
        f'<span>{layer}</span><span class="bytes">{size_bytes}</span><span>{fate}</span></span>'
    )
