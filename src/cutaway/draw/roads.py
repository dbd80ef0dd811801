"""The room that the arrows of a drawing need: which gap each one crosses, or on which floor it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cutaway.draw.enclosures import Arrow, Drawing, Enclosure
from cutaway.draw.text import DETAIL_SIZE, Text

GAP = 12.0  # between neighbours; lengths are points
SHAFT = 24.0  # what is seen of an arrow on either side of its word
AROUND_WORD = 14.0, 4.0  # what a word's pill is wider and higher than its text

Address = tuple[int, ...]  # which child of which child: (0, 2) is the third box inside the first


@dataclass(frozen=True)
class Road:
    """An arrow between two places: across the gap between two neighbours, or down to the floor of what encloses."""

    word: Text
    source: Address
    target: Address
    has_head: bool = True
    docked: bool = False

    @property
    def to_the_floor(self) -> bool:
        return self.source[: len(self.target)] == self.target

    @property
    def crossing(self) -> Address:
        """What it may have in common with other roads: its source, or the gap, named by the box to the left of it."""
        fork = next((i for i, (a, b) in enumerate(zip(self.source, self.target, strict=False)) if a != b), None)
        return self.source if fork is None else min(self.source[: fork + 1], self.target[: fork + 1])

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the pill that holds the word."""
        return self.word.width + AROUND_WORD[0], self.word.height + AROUND_WORD[1]


Roads = list[Road]


def find_roads(drawing: Drawing) -> Roads:
    """The road of each arrow. ValueError when an end is not there, is there twice, or lies inside the source."""
    return [_road(drawing, arrow) for arrow in drawing.arrows]


def _road(drawing: Drawing, arrow: Arrow) -> Road:
    source, target = _find(drawing, arrow, arrow.source), _find(drawing, arrow, arrow.target)
    if target[: len(source)] == source:
        raise ValueError(f"arrow {arrow}: its target lies inside its source; draw it the other way round")
    if arrow.docks:
        source, target = (
            _dock(arrow, end, address, label)
            for end, address, label in zip((arrow.source, arrow.target), (source, target), arrow.docks, strict=True)
        )
        fork = next(i for i, (a, b) in enumerate(zip(source, target, strict=False)) if a != b)
        if abs(source[fork] - target[fork]) != 1:
            raise ValueError(f"arrow {arrow}: other boxes stand between its docks; draw its ends side by side")
    return Road(Text(arrow.word, DETAIL_SIZE), source, target, not arrow.mutual, bool(arrow.docks))


def _find(drawing: Drawing, arrow: Arrow, end: Enclosure) -> Address:
    found = [address for address, enclosure in _walk(drawing.enclosures) if enclosure == end]
    if len(found) != 1:
        mend = "give each of them a label of its own" if found else "draw it there, or take the arrow away"
        raise ValueError(f"arrow {arrow}: {end.name} is {len(found)} times in {drawing.title!r}; {mend}")
    return found[0]


def _dock(arrow: Arrow, end: Enclosure, address: Address, label: str) -> Address:
    """Where in an end an arrow docks."""
    found = [inner for inner, enclosure in _walk(end.inside, address) if enclosure.label == label]
    if len(found) != 1:
        raise ValueError(f"arrow {arrow}: {label!r} is {len(found)} times in {end.name}; an arrow docks at one")
    return found[0]


def _walk(enclosures: tuple[Enclosure, ...], address: Address = ()) -> Iterator[tuple[Address, Enclosure]]:
    for i, enclosure in enumerate(enclosures):
        yield (*address, i), enclosure
        yield from _walk(enclosure.inside, (*address, i))


def room_beside(left: Address, roads: Roads) -> float:
    """The space to the right of the box at `left`."""
    return max([GAP, *(road.size[0] + 2 * SHAFT for road in roads if not road.to_the_floor and road.crossing == left)])


def room_below(address: Address, roads: Roads) -> float:
    """The extra space at the bottom of the box at `address`."""
    return max([0.0, *(road.size[1] + SHAFT for road in roads if road.to_the_floor and road.target == address)])
