"""Draw where this line of code runs, from what the machine itself shows."""

from __future__ import annotations

from collections.abc import Sequence

from cutaway.draw.enclosures import Drawing, Enclosure, Kind
from cutaway.draw.evidence import Found, look
from cutaway.draw.tables import Table


def here() -> Drawing:
    """The enclosures round this very line, from the outside in; `.evidence` says what each was concluded from."""
    return drawing_of(look())


def drawing_of(found: Sequence[Found]) -> Drawing:
    """The drawing of what was found, here or in another process."""
    return Drawing(
        *nested(found),
        title="You are here",
        description="The layers round this program, concluded from what it can read about itself.",
        evidence=table(found),
    )


def nested(found: Sequence[Found], innermost: tuple[Enclosure, ...] = ()) -> tuple[Enclosure, ...]:
    """Each found layer as a box round the next, and round all of `innermost`."""
    for layer in reversed(found):
        innermost = (Enclosure(Kind(layer.kind), layer.label, layer.details, innermost),)
    return innermost


def table(found: Sequence[Found]) -> Table:
    """What each layer was concluded from."""
    rows = [(layer.kind, fact.claim, fact.file, fact.seen) for layer in found for fact in layer.facts]
    return Table(("enclosure", "claim", "file", "what was seen"), tuple(rows))
