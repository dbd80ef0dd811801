"""Where each box of a drawing stands: the least room that holds its text and its inside, all on one floor.

The boxes of a row stand on the same line, so that what lies above a program shows how much there is between it and
the hardware. Graphviz's own `dot` also lays out nested clusters, but leaves uneven gaps, aligns nothing, and does it
differently with every font. Lengths are points; y grows downwards.

Reading order: roads (the room that arrows need), measure, place, arrange.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cutaway.draw.enclosures import Arrow, Drawing, Enclosure
from cutaway.draw.text import DETAIL_SIZE, Text, heading_size

PADDING = 14.0  # between a box's line and what it contains
GAP = 12.0  # between neighbours
SHAFT = 24.0  # what is seen of an arrow on either side of its word

Point = tuple[float, float]  # x, y
Path = tuple[int, ...]  # which child of which child: (0, 2) is the third box inside the first


# --- Roads -----------------------------------------------------------------


@dataclass(frozen=True)
class Road:
    """An arrow between two places: across the gap between two neighbours, or down to the floor of what encloses."""

    word: Text
    source: Path
    target: Path

    @property
    def to_the_floor(self) -> bool:
        return self.source[: len(self.target)] == self.target

    @property
    def left(self) -> Path:
        """The left one of the two neighbours whose gap is crossed."""
        fork = next(i for i, (a, b) in enumerate(zip(self.source, self.target, strict=False)) if a != b)
        return min(self.source[: fork + 1], self.target[: fork + 1])

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the pill that holds the word."""
        return self.word.width + PADDING, self.word.height + 4


Roads = list[Road]


def find_roads(drawing: Drawing) -> Roads:
    """Each arrow with its two ends found. ValueError when an end is not in the drawing, or is there twice."""
    return [
        Road(Text(arrow.word, DETAIL_SIZE), _find(drawing, arrow, arrow.source), _find(drawing, arrow, arrow.target))
        for arrow in drawing.arrows
    ]


def _find(drawing: Drawing, arrow: Arrow, end: Enclosure) -> Path:
    found = [path for path, enclosure in _walk(drawing.enclosures) if enclosure == end]
    if len(found) != 1:
        raise ValueError(f"arrow {arrow}: {end.name} is {len(found)} times in {drawing.title!r}; it must be there once")
    return found[0]


def _walk(enclosures: tuple[Enclosure, ...], path: Path = ()) -> Iterator[tuple[Path, Enclosure]]:
    for i, enclosure in enumerate(enclosures):
        yield (*path, i), enclosure
        yield from _walk(enclosure.inside, (*path, i))


def _gap(left: Path, roads: Roads) -> float:
    """The space to the right of the box at `left`."""
    return max([GAP, *(road.size[0] + 2 * SHAFT for road in roads if not road.to_the_floor and road.left == left)])


def _floor(path: Path, roads: Roads) -> float:
    """The extra space at the bottom of the box at `path`."""
    return max([0.0, *(road.size[1] + SHAFT for road in roads if road.to_the_floor and road.target == path)])


# --- Measure ---------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """An enclosure with the least room that it needs."""

    path: Path
    enclosure: Enclosure
    width: float
    height: float
    rows: tuple[Row, ...]
    floor: float
    gap: float


@dataclass(frozen=True)
class Row:
    """Cells side by side; those of a grid are all as high as the row."""

    cells: tuple[Cell, ...]
    is_grid: bool

    @property
    def width(self) -> float:
        return sum(cell.width + cell.gap for cell in self.cells) - self.cells[-1].gap

    @property
    def height(self) -> float:
        return max(cell.height for cell in self.cells)


def _measure(enclosure: Enclosure, path: Path, roads: Roads) -> Cell:
    rows = _rows(enclosure.inside, enclosure.columns, path, roads)
    floor = _floor(path, roads)
    width, height = heading_size(enclosure)
    return Cell(
        path,
        enclosure,
        width=max([width, *(row.width for row in rows)]) + 2 * PADDING,
        height=height + sum(GAP + row.height for row in rows) + floor + 1.7 * PADDING,  # text has air of its own above
        rows=rows,
        floor=floor,
        gap=_gap(path, roads),
    )


def _rows(enclosures: tuple[Enclosure, ...], columns: int | None, path: Path, roads: Roads) -> tuple[Row, ...]:
    cells = [_measure(enclosure, (*path, i), roads) for i, enclosure in enumerate(enclosures)]
    if columns is None:
        return (Row(tuple(cells), is_grid=False),) if cells else ()
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    full = [row for row in rows if len(row) == columns]
    widths = [max(cell.width for cell in column) for column in zip(*full, strict=True)]
    aligned = [[replace(cell, width=width) for cell, width in zip(row, widths, strict=True)] for row in full]
    return tuple(Row(tuple(row), is_grid=True) for row in aligned + rows[len(full) :])


# --- Place -----------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """An enclosure in its place."""

    path: Path
    enclosure: Enclosure
    x: float
    y: float
    width: float
    height: float
    inside: tuple[Box, ...]

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def walk(self) -> Iterator[Box]:
        """This box, then everything in it, from the outside in."""
        yield self
        for box in self.inside:
            yield from box.walk()


def _place(cell: Cell, x: float, y: float, width: float, height: float) -> Box:
    top = y + height - PADDING - cell.floor - _total_height(cell.rows)
    inside = _place_rows(cell.rows, x + PADDING, top, width - 2 * PADDING)
    return Box(cell.path, cell.enclosure, x, y, width, height, tuple(inside))


def _place_rows(rows: tuple[Row, ...], x: float, y: float, width: float) -> Iterator[Box]:
    for row in rows:
        yield from _place_row(row, x, y + row.height, width)
        y += row.height + GAP


def _place_row(row: Row, x: float, floor: float, width: float) -> Iterator[Box]:
    spare = (width - row.width) / len(row.cells)
    for cell in row.cells:
        height = row.height if row.is_grid else cell.height
        yield _place(cell, x, floor - height, cell.width + spare, height)
        x += cell.width + spare + cell.gap


def _total_height(rows: tuple[Row, ...]) -> float:
    return sum(row.height + GAP for row in rows) - GAP


# --- Arrange ---------------------------------------------------------------


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
    """Give every box and every arrow its place."""
    roads = find_roads(drawing)
    rows = _rows(drawing.enclosures, drawing.columns, (), roads)
    width = max(row.width for row in rows)
    boxes = [box for outermost in _place_rows(rows, 0, 0, width) for box in outermost.walk()]
    places = {box.path: box for box in boxes}
    return Page(tuple(boxes), tuple(_wire(road, places) for road in roads), width, _total_height(rows))


def _wire(road: Road, places: dict[Path, Box]) -> Wire:
    source, target = places[road.source], places[road.target]
    return _down(road, source, target) if road.to_the_floor else _across(road, source, target, places[road.left])


def _down(road: Road, source: Box, floor: Box) -> Wire:
    """From the bottom of a box to the word, which lies on the floor of what encloses it."""
    x, y = source.middle[0], floor.y + floor.height - PADDING - road.size[1] / 2
    return Wire(road, (x, source.y + source.height), (x, y), (x, y))


def _across(road: Road, source: Box, target: Box, left: Box) -> Wire:
    """Level, at the middle of the height that both boxes have; the word stands in the gap to the right of `left`."""
    top, bottom = max(source.y, target.y), min(source.y + source.height, target.y + target.height)
    y, x = (top + bottom) / 2, left.x + left.width + SHAFT + road.size[0] / 2
    rightwards = source.x < target.x
    start = source.x + source.width if rightwards else source.x
    end = target.x if rightwards else target.x + target.width
    return Wire(road, (start, y), (x, y), (end, y))
