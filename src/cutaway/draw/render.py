"""Paint a drawing: its boxes and arrows as a Graphviz graph with fixed places, and that as an SVG for a page.

The SVG names itself to a screen reader, lies on a light panel of its own (so that it reads in a dark theme too),
and is never wider than the page. The same drawing gives the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from base64 import b64encode
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol
from xml.etree import ElementTree

from cutaway.draw.enclosures import LAYERS, Drawing, Kind, Sharing
from cutaway.draw.layout import ABOVE_HEADING, PADDING, Box, Point
from cutaway.draw.page import Page, Wire, arrange
from cutaway.draw.text import FONTS, Text, body_texts, heading_size, kind_text, sharing_text
from cutaway.ground import programs
from cutaway.problem import Problem

if TYPE_CHECKING:
    from graphviz import Digraph

TEXT, SOFT_TEXT = "#16202B", "#36424F"
PANEL, PANEL_LINE = "#FCFCFA", "#C9CED6"
MARGIN = 16
PATIENCE_S = 60  # a drawing takes a tenth of a second
SVG = "http://www.w3.org/2000/svg"
BACKSLASH = "\ue05c"  # stands for one until the graph is painted: Graphviz puts names of its own for \\N, \\G, \\L


class Told(Protocol):
    """A picture with a name, and in words: its text form, its painting."""

    title: str

    @property
    def words(self) -> str: ...

    @property
    def svg(self) -> str: ...


def mimebundle(drawing: Told) -> dict[str, str]:
    """What Jupyter shows: the edges as text, and the picture when it can be painted.

    The picture comes twice. JupyterLab prefers the page's form: it shows an SVG output without alternative text,
    as wide as it is, and only in notebooks that it trusts.
    """
    try:
        picture = drawing.svg
    except Problem as problem:
        return {"text/plain": f"{drawing!r}\n({problem})"}
    return {"text/plain": repr(drawing), "image/svg+xml": picture, "text/html": image(drawing, picture)}


def image(drawing: Told, picture: str) -> str:
    """The picture for a page, with the drawing in words as its alternative text."""
    data = b64encode(picture.encode()).decode()
    words = escape(f"{drawing.title}. {drawing.words}")
    return f'<img alt="{words}" style="max-width: 100%" src="data:image/svg+xml;base64,{data}">'


def svg(drawing: Drawing) -> str:
    """The drawing as one SVG element. Problem when Graphviz is missing or fails."""
    require_graphviz()
    page = arrange(drawing)
    return dress(paint(_graph(page), "neato", "-n2"), drawing, page.width, page.height)


def require_graphviz() -> None:
    """Problem when Graphviz, or its Python package, is missing."""
    if not shutil.which("dot"):
        raise Problem(f"painting a drawing: Graphviz's `dot` is not here; {programs.remedy('graphviz')}")
    if not find_spec("graphviz"):
        raise Problem("painting a drawing: the Python package graphviz is not here; set up anew with `make lab`")


# --- The graph -------------------------------------------------------------


def _graph(page: Page) -> Digraph:
    import graphviz

    graph = graphviz.Digraph(
        engine="neato",
        graph_attr={"pad": "0", "splines": "line", "bgcolor": "transparent", "fontname": FONTS},
        node_attr={"shape": "box", "fixedsize": "true", "fontname": FONTS},
        edge_attr={"color": TEXT, "penwidth": "1.4", "arrowsize": "0.8"},
    )
    for box in page.boxes:
        if len(box.address) == 1:
            _add_box(graph, box, page)
    for number, wire in enumerate(page.wires):
        _add_arrow(graph, f"arrow {number}", wire, page)
    return graph


def _add_box(graph: Digraph, box: Box, page: Page) -> None:
    """A cluster, whose corners are the box's, with a node for the word in its right corner, if any; no column's."""
    if box.enclosure.kind is Kind.COLUMN:
        for inner in box.inside:
            _add_box(graph, inner, page)
        return
    with graph.subgraph(name=f"cluster {box.address}") as cluster:
        cluster.attr(**_box_style(box), **_box_place(box, page), label=_heading(box))
        if box.enclosure.sharing:
            cluster.node(f"corner {box.address}", **_corner(box, page))
        for inner in box.inside:
            _add_box(cluster, inner, page)


def _box_style(box: Box) -> dict[str, str]:
    layer, sharing = LAYERS[box.enclosure.kind], box.enclosure.sharing
    dashes = ",dashed" if sharing is Sharing.SHARED else ""
    width = "2.4" if sharing is Sharing.PRIVATE else "1.3"
    return {"style": f"rounded,filled{dashes}", "fillcolor": layer.fill, "color": layer.ink, "penwidth": width}


def _box_place(box: Box, page: Page) -> dict[str, str]:
    """The box's corners, and the middle of its heading; Graphviz counts upwards."""
    bottom, top = page.height - box.y - box.height, page.height - box.y
    heading = top - ABOVE_HEADING - heading_size(box.enclosure)[1] / 2
    return {
        "bb": f"{box.x:.1f},{bottom:.1f},{box.x + box.width:.1f},{top:.1f}",
        "lp": f"{box.middle[0]:.1f},{heading:.1f}",
    }


def _corner(box: Box, page: Page) -> dict[str, str]:
    """Shared or private, against the right edge: Graphviz's `\\r`, which holds in every font."""
    text, kind = sharing_text(box.enclosure), kind_text(box.enclosure)
    middle = (box.x + box.width - PADDING - text.width / 2, box.y + ABOVE_HEADING + kind.height / 2)
    place = _node_place(middle, page, (text.width, text.height))
    return {"shape": "plaintext", "margin": "0", **_plain(text, LAYERS[box.enclosure.kind].ink, "\\r"), **place}


def _add_arrow(graph: Digraph, name: str, wire: Wire, page: Page) -> None:
    """Start, word, end; an arrow down to a floor ends at its word."""
    style = {"style": "rounded,filled", "color": TEXT, "fillcolor": PANEL, **_plain(wire.road.word, TEXT)}
    graph.node(name, **style, **_node_place(wire.middle, page, wire.road.size))
    _add_point(graph, f"{name} starts", wire.start, page)
    graph.edge(f"{name} starts", name, arrowhead="normal" if wire.road.to_the_floor else "none")
    if not wire.road.to_the_floor:
        _add_point(graph, f"{name} ends", wire.end, page)
        graph.edge(name, f"{name} ends", arrowhead="normal" if wire.road.has_head else "none")


def _add_point(graph: Digraph, name: str, point: Point, page: Page) -> None:
    graph.node(name, label="", style="invis", **_node_place(point, page))


def _node_place(middle: Point, page: Page, size: tuple[float, float] = (0, 0)) -> dict[str, str]:
    points_per_inch = 72
    return {
        "pos": f"{middle[0]:.1f},{page.height - middle[1]:.1f}",
        "width": f"{size[0] / points_per_inch:.4f}",
        "height": f"{size[1] / points_per_inch:.4f}",
    }


# --- Text ------------------------------------------------------------------


def _heading(box: Box) -> str:
    """A table as wide as the box's inside, a row for each line of text: the kind, the label, the details."""
    kind, width = kind_text(box.enclosure), box.width - 2 * PADDING
    rows = [_row(kind, LAYERS[box.enclosure.kind].ink, width)]
    rows += [_row(text, TEXT if text.bold else SOFT_TEXT, width) for text in body_texts(box.enclosure)]
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{"".join(rows)}</TABLE>>'


def _row(text: Text, color: str, width: float) -> str:
    words = f"<B>{_safe(text)}</B>" if text.bold else _safe(text)
    font = f'<FONT POINT-SIZE="{text.size}" COLOR="{color}">{words}</FONT>'
    return f'<TR><TD ALIGN="LEFT" WIDTH="{width:.0f}" HEIGHT="{text.height:.0f}">{font}</TD></TR>'


def _plain(text: Text, color: str, justify: str = "") -> dict[str, str]:
    """A line of text as a node's label."""
    return {"label": _safe(text) + justify, "fontsize": str(text.size), "fontcolor": color}


def _safe(text: Text) -> str:
    """The words with nothing in them that Graphviz takes for its own."""
    return escape(text.words).replace("\\", BACKSLASH)


# --- The picture -----------------------------------------------------------


def paint(graph: Digraph, engine: str, *options: str) -> str:
    """The graph as one of Graphviz's engines paints it: neato with `-n2` leaves every box where it was put."""
    command = ["dot", f"-K{engine}", *options, "-q", "-Tsvg"]
    try:
        done = subprocess.run(
            command, input=str(graph.source), capture_output=True, encoding="utf-8", timeout=PATIENCE_S, check=True
        )
    except subprocess.TimeoutExpired as late:
        raise Problem(
            f"painting a drawing: `dot` had not ended after {PATIENCE_S} s; try again when this machine is less busy"
        ) from late
    except subprocess.CalledProcessError as failure:
        said = f"exited with {failure.returncode}: {failure.stderr.strip()}"
        blame = "where `dot -V` prints a version, the drawing is at fault: please report it"
        raise Problem(f"painting a drawing: `dot` {said}; {blame}") from failure
    return done.stdout


def dress(painted: str, drawing: Told, inner_width: float, inner_height: float) -> str:
    """The painted graph as an image with a name and a description, on its own panel, as wide as the page allows."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(painted.replace(BACKSLASH, "\\"))
    _strip(root)
    identity = hashlib.sha256(drawing.words.encode()).hexdigest()[:8]
    width, height = round(inner_width + 2 * MARGIN), round(inner_height + 2 * MARGIN)
    root.attrib.update(
        {
            "width": str(width),
            "height": str(height),
            "viewBox": f"{-MARGIN} {-MARGIN} {width} {height}",
            "style": "max-width: 100%; height: auto",
            "role": "img",
            "aria-labelledby": f"title-{identity} desc-{identity}",
        }
    )
    root[:0] = [
        _element("title", drawing.title, id=f"title-{identity}"),
        _element("desc", drawing.words, id=f"desc-{identity}"),
        _panel(width, height),
    ]
    return ElementTree.tostring(root, encoding="unicode")


def _strip(root: ElementTree.Element) -> None:
    """Remove what Graphviz adds for its own use: titles that would pop up, and ids that other drawings repeat."""
    for parent in list(root.iter()):
        parent.attrib.pop("id", None)
        for title in parent.findall(f"{{{SVG}}}title"):
            parent.remove(title)


def _element(tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    element = ElementTree.Element(f"{{{SVG}}}{tag}", attributes)
    element.text = text
    element.tail = "\n"
    return element


def _panel(width: int, height: int) -> ElementTree.Element:
    corner, size = str(0.5 - MARGIN), {"width": str(width - 1), "height": str(height - 1)}
    return _element("rect", x=corner, y=corner, **size, rx="10", fill=PANEL, stroke=PANEL_LINE)
