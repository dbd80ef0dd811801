"""The states of a thing and the moves between them, with a mark where it is now; the same marks for ear and eye.

    States([Move("created", "start", "running"), ...], now="running", before="created", title="The life of web")

A move is three words: from where, by which word, to where. Moves between the same two states share an arrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from cutaway.draw.enclosures import LAYERS, Kind
from cutaway.draw.render import PANEL, SOFT_TEXT, TEXT, dress, mimebundle, paint, require_graphviz
from cutaway.draw.text import FONTS

if TYPE_CHECKING:
    from graphviz import Digraph

Move = tuple[str, str, str]  # the state before, the word, the state after

NOW = LAYERS[Kind.CONTAINER]
KEPT = 64  # painted pictures; there are few states


class States:
    """A drawing of states; `repr` is its sorted list of moves. Where `before` is known, the last move is marked."""

    def __init__(self, moves: Sequence[Move], now: str, before: str = "", *, title: str = "States") -> None:
        self.moves = tuple(moves)
        self.now, self.before, self.title = now, before, title

    @property
    def words(self) -> str:
        """Where it is, where it was, and where it can go, for those who do not see it."""
        here = f"It is {self.now} now" + (f", and was {self.before} before" if self.before else "")
        onwards = [f"by {word} it becomes {target}" for source, word, target in self.moves if source == self.now]
        return ". ".join([here, *onwards, "All moves", *repr(self).splitlines()])

    @property
    def svg(self) -> str:
        """The picture. Problem when Graphviz is missing."""
        return _svg(self.moves, self.now, self.before, self.title)

    def __repr__(self) -> str:
        return "\n".join(sorted(f"{source} -> {target}: {word}" for source, word, target in self.moves))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return mimebundle(self)


@lru_cache(KEPT)
def _svg(moves: tuple[Move, ...], now: str, before: str, title: str) -> str:
    require_graphviz()
    drawing = States(moves, now, before, title=title)
    painted = paint(_graph(drawing), "dot")
    _, _, width, height = map(float, ElementTree.fromstring(painted).attrib["viewBox"].split())
    return dress(painted, drawing, width, height)


def _graph(drawing: States) -> Digraph:
    import graphviz

    font = {"fontname": FONTS, "fontsize": "13"}
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "pad": "0", "bgcolor": "transparent", "nodesep": "0.5", "ranksep": "0.7"},
        node_attr={"shape": "box", "style": "rounded,filled", "margin": "0.2,0.1", **font},
        edge_attr={"color": SOFT_TEXT, "fontcolor": TEXT, "arrowsize": "0.8", **font, "fontsize": "12"},
    )
    for state in dict.fromkeys(end for source, _, target in drawing.moves for end in (source, target)):
        graph.node(state, **_box(state, drawing))
    for (source, target), words in _arrows(drawing.moves).items():
        last = (source, target) == (drawing.before, drawing.now)
        graph.edge(source, target, label="\n".join(f" {word} " for word in words), penwidth="2.6" if last else "1.1")
    return graph


def _box(state: str, drawing: States) -> dict[str, str]:
    if state != drawing.now:
        return {"fillcolor": PANEL, "color": SOFT_TEXT, "fontcolor": TEXT}
    marked = f"<<B>{state}</B><BR/><FONT POINT-SIZE='11' COLOR='{NOW.ink}'>NOW</FONT>>"
    return {"label": marked, "fillcolor": NOW.fill, "color": NOW.ink, "fontcolor": TEXT, "penwidth": "2.4"}


def _arrows(moves: Sequence[Move]) -> dict[tuple[str, str], list[str]]:
    """The words of each arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for source, word, target in moves:
        arrows.setdefault((source, target), []).append(word)
    return arrows
