"""A whole drawing in its place: its boxes, and the arrows between them."""

from __future__ import annotations

from dataclasses import dataclass

from cutaway.draw.enclosures import Drawing
from cutaway.draw.layout import PADDING, Box, Point, lay_out
from cutaway.draw.roads import Address, Road, Roads, find_roads


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
    return Page(tuple(boxes), tuple(_wire(road, roads, places) for road in roads), width, height)


def _wire(road: Road, roads: Roads, places: dict[Address, Box]) -> Wire:
    """The road in its place; those that cross at the same place share the room evenly."""
    together = [other for other in roads if other.crossing == road.crossing]
    share = (together.index(road) + 1) / (len(together) + 1)
    source, target = places[road.source], places[road.target]
    if road.to_the_floor:
        return _down(road, source, target, share)
    wire = _across(road, source, target, places[road.crossing], share)
    _require_clear(wire, places)
    return wire


def _down(road: Road, source: Box, around: Box, share: float) -> Wire:
    """From the bottom of a box to the word, which lies on the floor of what encloses it."""
    x, y = source.x + share * source.width, around.y + around.height - PADDING - road.size[1] / 2
    return Wire(road, (x, source.y + source.height), (x, y), (x, y))


def _across(road: Road, source: Box, target: Box, left: Box, share: float) -> Wire:
    """Level, within the height that both boxes have; the word stands in the gap to the right of `left`."""
    top, bottom = max(source.y, target.y), min(source.y + source.height, target.y + target.height)
    x, y = left.x + left.width + left.gap / 2, top + share * (bottom - top)
    rightwards = source.x < target.x
    start = source.x + source.width if rightwards else source.x
    end = target.x if rightwards else target.x + target.width
    return Wire(road, (start, y), (x, y), (end, y))


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
