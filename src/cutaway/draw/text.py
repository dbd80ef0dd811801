"""The text in a box: its lines, their sizes, and how much room they take."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cutaway.draw.enclosures import Enclosure

FONTS = "Helvetica,Arial,sans-serif"
KIND_SIZE, LABEL_SIZE, DETAIL_SIZE = 11, 14, 12
LINE_HEIGHT = 1.4
ACCENT = 0.1  # what an accent may add at the side, as in the letter l with a caron
WIDEST = 1.25  # Cyrillic's omega with titlo
BOLD = 1.13  # bold letters are at most so much wider


@dataclass(frozen=True)
class Text:
    """One line of text, `size` points high."""

    words: str
    size: int
    bold: bool = False

    @property
    def width(self) -> float:
        """At least its width in DejaVu Sans, the widest of the common sans serifs: other fonts then fit as well.

        Of Latin, Greek and Cyrillic letters; what else a name may contain can be wider than its box.
        """
        return self.size * sum(map(_em, self.words)) * (BOLD if self.bold else 1)

    @property
    def height(self) -> float:
        return self.size * LINE_HEIGHT


def _em(letter: str) -> float:
    """A letter's width as a part of its size: an upper bound for Latin, Greek and Cyrillic."""
    plain = unicodedata.normalize("NFD", letter)[0]  # the letter without its accents
    if plain != letter:
        return _em(plain) + ACCENT
    if letter in " ,.'Iijl-/:;|\\":
        return 0.37
    if letter in '!()[]frt"J*_`':
        return 0.5
    if letter in "mwMW@%—" or ord(letter) > 0x2E80:  # the widest Latin letters; Chinese, Japanese, Korean
        return 1.0
    if not letter.isascii():
        return WIDEST
    return 0.84 if letter in "ABCDGHKNOQRUVXZ&#+<=>^~" else 0.65


def kind_text(enclosure: Enclosure) -> Text:
    """The word in the left corner of a box."""
    return Text(enclosure.kind.value.upper(), KIND_SIZE, bold=True)


def sharing_text(enclosure: Enclosure) -> Text:
    """The word in the right corner: shared, private, or nothing."""
    return Text(enclosure.sharing.value if enclosure.sharing else "", KIND_SIZE)


def body_texts(enclosure: Enclosure) -> list[Text]:
    """The lines below the kind."""
    label = [Text(enclosure.label, LABEL_SIZE, bold=True)] if enclosure.label else []
    return label + [Text(detail, DETAIL_SIZE) for detail in enclosure.details]


def heading_size(enclosure: Enclosure) -> tuple[float, float]:
    """Width and height of all text in a box."""
    corner, body = kind_text(enclosure), body_texts(enclosure)
    top = corner.width + 2 * sharing_text(enclosure).size + sharing_text(enclosure).width
    return max([top, *(text.width for text in body)]), sum(text.height for text in [corner, *body])
