"""Where each box of a drawing stands: the least room that holds its text and its inside, all on one floor.

The boxes of a row stand on the same line, so that what lies above a program shows how much there is between it and
the hardware. Graphviz's own `dot` also lays out nested clusters, but leaves uneven gaps, aligns nothing, and does it
differently with every font. Lengths are points; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cutaway.draw.enclosures import Drawing, Enclosure, Kind
from cutaway.draw.roads import GAP, Address, Roads, room_below, room_beside
from cutaway.draw.text import heading_size

PADDING = 14.0  # between a box's line and what it contains
ABOVE_HEADING = 0.7 * PADDING  # text has air of its own above

Point = tuple[float, float]  # x, y


def lay_out(drawing: Drawing, roads: Roads) -> list[Box]:
    """Every box in its place, from the outside in."""
    rows = _rows(drawing.enclosures, drawing.columns, (), roads)
    width = max(row.width for row in rows)
    return [box for outermost in _place_rows(rows, 0, 0, width) for box in outermost.walk()]


# --- Measure ---------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """An enclosure with the least room that it needs."""

    address: Address
    enclosure: Enclosure
    width: float
    height: float
    rows: tuple[Row, ...]
    room_below: float
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


def _measure(enclosure: Enclosure, address: Address, roads: Roads) -> Cell:
    rows = _rows(enclosure.inside, enclosure.columns, address, roads)
    if enclosure.kind is Kind.COLUMN:
        width, gap = max(row.width for row in rows), room_beside(address, roads)
        return Cell(address, enclosure, width, _total_height(rows), rows, room_below=0, gap=gap)
    extra = room_below(address, roads)
    width, height = heading_size(enclosure)
    return Cell(
        address,
        enclosure,
        width=max([width, *(row.width for row in rows)]) + 2 * PADDING,
        height=height + sum(GAP + row.height for row in rows) + extra + ABOVE_HEADING + PADDING,
        rows=rows,
        room_below=extra,
        gap=room_beside(address, roads),
    )


def _rows(enclosures: tuple[Enclosure, ...], columns: int | None, address: Address, roads: Roads) -> tuple[Row, ...]:
    cells = [_measure(enclosure, (*address, i), roads) for i, enclosure in enumerate(enclosures)]
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

    address: Address
    enclosure: Enclosure
    x: float
    y: float
    width: float
    height: float
    gap: float
    inside: tuple[Box, ...]

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def is_crossed(self, left: float, right: float, y: float) -> bool:
        """Whether a level line at `y` from `left` to `right` touches this box."""
        return self.y <= y <= self.y + self.height and self.x < right and left < self.x + self.width

    def walk(self) -> Iterator[Box]:
        """This box, then everything in it, from the outside in."""
        yield self
        for box in self.inside:
            yield from box.walk()


def _place(cell: Cell, x: float, y: float, width: float, height: float) -> Box:
    padding = 0 if cell.enclosure.kind is Kind.COLUMN else PADDING
    top = y + height - padding - cell.room_below - _total_height(cell.rows)
    inside = _place_rows(cell.rows, x + padding, top, width - 2 * padding)
    return Box(cell.address, cell.enclosure, x, y, width, height, cell.gap, tuple(inside))


def _place_rows(rows: tuple[Row, ...], x: float, y: float, width: float) -> Iterator[Box]:
    for row in rows:
        yield from _place_row(row, x, y + row.height, width)
        y += row.height + GAP


def _place_row(row: Row, x: float, foot: float, width: float) -> Iterator[Box]:
    spare = (width - row.width) / len(row.cells)
    for cell in row.cells:
        height = row.height if row.is_grid else cell.height
        yield _place(cell, x, foot - height, cell.width + spare, height)
        x += cell.width + spare + cell.gap


def _total_height(rows: tuple[Row, ...]) -> float:
    return sum(row.height for row in rows) + GAP * max(0, len(rows) - 1)
