import random
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import pytest
from matplotlib.ft2font import FT2Font

from cutaway.draw import LAYERS, Arrow, Drawing, container, hardware, in_rows, kernel, process
from cutaway.draw.enclosures import Enclosure
from cutaway.draw.layout import PADDING, Box
from cutaway.draw.page import Page, arrange
from cutaway.draw.text import Text, heading_size


def page_of(*enclosures: Enclosure, arrows: list[Arrow] | None = None) -> Page:
    return arrange(Drawing(*enclosures, title="t", description="d", arrows=arrows or []))


def random_enclosure(dice: random.Random, depth: int) -> Enclosure:
    words = tuple("".join(dice.choices("aeimW 1", k=dice.randint(1, 20))) for _ in range(dice.randint(0, 3)))
    inside = [random_enclosure(dice, depth - 1) for _ in range(dice.randint(0, 4))] if depth else []
    return Enclosure(
        dice.choice(list(LAYERS)), "".join(words[:1]), words[1:], tuple(inside), None, dice.choice([None, 2])
    )


def overlap(one: Box, other: Box) -> bool:
    level = one.y < other.y + other.height and other.y < one.y + one.height
    return level and one.x < other.x + other.width and other.x < one.x + one.width


@pytest.mark.parametrize("seed", range(40))
def test_every_box_holds_its_text_above_its_inside_and_boxes_beside_each_other_never_overlap(seed):
    for box in page_of(random_enclosure(random.Random(seed), depth=4)).boxes:
        assert not [pair for pair in combinations(box.inside, 2) if overlap(*pair)]
        text_width, text_height = heading_size(box.enclosure)
        assert text_width <= box.width - 2 * PADDING + 0.01
        for inner in box.inside:
            assert box.x + PADDING - 0.01 <= inner.x
            assert inner.x + inner.width <= box.x + box.width - PADDING + 0.01
            assert box.y + text_height <= inner.y
            assert inner.y + inner.height <= box.y + box.height - PADDING + 0.01


def test_boxes_in_a_row_stand_on_one_floor():
    page = page_of(kernel(process("bare"), container("deep", container("deeper", process("in both")))))
    floors = {round(box.y + box.height, 3) for box in page.boxes[0].inside}
    assert len(floors) == 1


def test_boxes_in_a_grid_have_one_width_per_column_and_a_short_last_row_fills_it():
    tiles = [process("a"), process("a wide one"), process("b"), process("c"), process("last")]
    *grid, last = page_of(in_rows(kernel(*tiles), of=2)).boxes[0].inside
    assert [box.width for box in grid[:2]] == [box.width for box in grid[2:]]
    assert last.width == pytest.approx(grid[1].x + grid[1].width - grid[0].x)


def test_an_arrow_makes_room_for_its_word_between_its_ends():
    one, other = process("one"), process("other")
    plain = page_of(kernel(one, other))
    joined = page_of(kernel(one, other), arrows=[Arrow(one, "a rather long word", other)])
    assert joined.width > plain.width + Text("a rather long word", 12).width
    (wire,) = joined.wires
    assert wire.start[0] < wire.middle[0] < wire.end[0]
    assert wire.start[1] == wire.middle[1] == wire.end[1]


def test_a_system_call_ends_on_the_floor_of_the_kernel():
    caller = process("a program")
    asked = kernel("Linux", caller)
    (wire,) = page_of(hardware(asked), arrows=[Arrow(caller, "system call", asked)]).wires
    assert wire.start[0] == wire.middle[0]
    assert wire.middle[1] > wire.start[1]


def test_two_arrows_across_one_gap_keep_apart():
    one, other = process("client", "asks"), process("server", "answers")
    page = page_of(kernel(one, other), arrows=[Arrow(one, "request", other), Arrow(other, "answer", one)])
    assert abs(page.wires[0].middle[1] - page.wires[1].middle[1]) >= 15
    assert page.wires[1].start[0] > page.wires[1].end[0]


def test_an_arrow_that_cannot_be_drawn_is_refused_with_the_reason():
    one, between, other = process("one"), process("between"), process("other")
    whole = kernel(one, between, other)
    with pytest.raises(ValueError, match="other boxes stand between its ends"):
        page_of(whole, arrows=[Arrow(one, "a port", other)])
    with pytest.raises(ValueError, match="process gone is 0 times in 't'; draw it there, or take"):
        page_of(whole, arrows=[Arrow(one, "a port", process("gone"))])
    with pytest.raises(ValueError, match="process one is 2 times"):
        page_of(whole, one, arrows=[Arrow(one, "a port", other)])
    with pytest.raises(ValueError, match="its target lies inside its source"):
        page_of(whole, arrows=[Arrow(whole, "an interrupt", one)])


def test_an_arrow_between_rows_of_a_grid_is_refused():
    tiles = [process(name) for name in "abcd"]
    with pytest.raises(ValueError, match="other boxes stand between"):
        page_of(in_rows(kernel(*tiles), of=2), arrows=[Arrow(tiles[0], "a port", tiles[3])])


def test_text_is_given_at_least_the_room_that_the_widest_common_font_takes():
    font = pytest.importorskip("PIL.ImageFont", reason="needs Pillow to measure text")
    sample = [chr(code) for code in range(32, 127)] + ["—", "a shell, process 1", "HYPERVISOR", "WWW.example.com"]
    for bold, name in ((False, "DejaVuSans.ttf"), (True, "DejaVuSans-Bold.ttf")):
        try:
            measured = font.truetype(name, 1000)
        except OSError:
            pytest.skip(f"needs the font {name} to measure text")
        narrow = [text for text in sample if Text(text, 1000, bold).width < measured.getlength(text)]
        assert not narrow


def test_every_pair_of_neighbours_has_the_same_gap():
    boxes = page_of(kernel(*[process(name) for name in ("a", "longer", "the longest")])).boxes[0].inside
    gaps = {round(right.x - left.x - left.width, 3) for left, right in pairwise(boxes)}
    assert len(gaps) == 1


def test_who_draws_the_same_box_twice_is_told_to_name_them():
    twin = process("x")
    with pytest.raises(ValueError, match="process x is 2 times in 't'; give each of them a label of its own"):
        arrange(
            Drawing(
                kernel(twin, process("x"), process("y")),
                title="t",
                description="d",
                arrows=[Arrow(twin, "a word", process("y"))],
            )
        )


def test_a_row_holds_at_least_one_box():
    with pytest.raises(ValueError, match="rows of 0 boxes in kernel: a row holds one or more"):
        in_rows(kernel(process("x")), of=0)


LETTERS = [*map(chr, range(0x20, 0x180)), *map(chr, range(0x370, 0x500))]


@pytest.mark.parametrize(("font", "bold"), [("DejaVuSans.ttf", False), ("DejaVuSans-Bold.ttf", True)])
def test_no_latin_greek_or_cyrillic_letter_is_wider_than_the_room_it_is_given(font, bold):
    shown = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", font)))
    shown.set_size(1000, 72)  # points and dots per inch: a unit is then a thousandth of the size
    held = shown.get_charmap()
    width = {
        letter: shown.load_char(ord(letter)).linearHoriAdvance / 65536 for letter in LETTERS if ord(letter) in held
    }
    assert [letter for letter in width if letter.isprintable() and width[letter] > Text(letter, 1000, bold).width] == []
