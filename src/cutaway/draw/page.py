"""A whole drawing in its place: its boxes, and the arrows between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cutaway.draw.enclosures import Drawing
from cutaway.draw.layout import PADDING, Box, Point, lay_out
from cutaway.draw.roads import GAP, Address, Road, Roads, find_roads


@dataclass(frozen=True)
class Wire:
    """An arrow in its place: from `start` through its word, around `middle`, to `end`."""

    road: Road
    start: Point
    middle: Point
    end: Point


@dataclass(frozen=True)
class Page:
    """A whole drawing in its place; `boxes` from the outside in."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    width: float
    height: float


def arrange(drawing: Drawing) -> Page:
    """Give every box and every arrow its place. ValueError for an arrow that cannot be drawn."""
    roads = find_roads(drawing)
    boxes = lay_out(drawing, roads)
    places = {box.address: box for box in boxes}
    width, height = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    wires = [_wire(road, roads, places) for road in roads]
    return Page(tuple(boxes), tuple(_apart(wires)), width, height)


def _wire(road: Road, roads: Roads, places: dict[Address, Box]) -> Wire:
    """The road in its place; those that cross at the same place share the room evenly."""
    together = [other for other in roads if other.crossing == road.crossing]
    share = (together.index(road) + 1) / (len(together) + 1)
    source, target = places[road.source], places[road.target]
    if road.to_the_floor:
        return _down(road, source, target, share)
    wire = _across(road, source, target, places[road.crossing], share)
    if not road.docked:
        _require_clear(wire, places)
    return wire


def _down(road: Road, source: Box, around: Box, share: float) -> Wire:
    """From the bottom of a box to the word, which lies on the floor of what encloses it."""
    x, y = source.x + share * source.width, around.y + around.height - PADDING - road.size[1] / 2
    return Wire(road, (x, source.y + source.height), (x, y), (x, y))


def _across(road: Road, source: Box, target: Box, left: Box, share: float) -> Wire:
    """Level, within the height that both boxes have, else aslant; the word is in the gap to the right of `left`."""
    top, bottom = max(source.y, target.y), min(source.y + source.height, target.y + target.height)
    x, y = left.x + left.width + left.gap / 2, top + share * (bottom - top)
    rightwards = source.x < target.x
    start = source.x + source.width if rightwards else source.x
    end = target.x if rightwards else target.x + target.width
    if road.docked:
        (_, above), (_, below) = source.middle, target.middle
        return Wire(road, (start, above), (x, (above + below) / 2), (end, below))
    return Wire(road, (start, y), (x, y), (end, y))


def _apart(wires: list[Wire]) -> list[Wire]:
    """The same, where words of docked wires that stood on one another in a gap stand one below the other."""
    apart = list(wires)
    free: dict[Address, float] = {}  # below what stands in the gap already
    for at, wire in sorted(enumerate(wires), key=lambda each: each[1].middle[1]):
        if wire.road.docked:
            half = wire.road.size[1] / 2
            y = max(wire.middle[1], free.get(wire.road.crossing, 0) + half)
            free[wire.road.crossing] = y + half + GAP / 2
            apart[at] = replace(wire, middle=(wire.middle[0], y))
    return apart


def _require_clear(wire: Wire, places: dict[Address, Box]) -> None:
    """ValueError when the wire does not reach its ends level, or another box stands in its way."""
    (from_x, y), (to_x, _), road = wire.start, wire.end, wire.road
    crossed = {address for address, box in places.items() if box.is_crossed(min(from_x, to_x), max(from_x, to_x), y)}
    strange = [
        address for address in crossed if address not in (road.source[: len(address)], road.target[: len(address)])
    ]
    level = all(places[end].y <= y <= places[end].y + places[end].height for end in (road.source, road.target))
    if strange or not level:
        raise ValueError(f"arrow {road.word.words!r}: other boxes stand between its ends; draw them side by side")
