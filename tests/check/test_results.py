"""Results are plain data, and read the same as text and as a table."""

import json
import re
from html.parser import HTMLParser

from cutaway.check.contract import Result, Status
from cutaway.check.results import Results

MIXED = Results(
    "04-isolate",
    "ada",
    (
        Result("a process runs", 1, 1, 1, Status.PASSED),
        Result("its name is <b>its own</b>", 1, 2, 0, Status.FAILED, "<script>alert(1)</script>", "Ask & see."),
        Result("its mounts are its own", 2, 1.5, 0, Status.NOT_REACHED, "waits for “a process runs” (task 1)"),
        Result("KVM is there", 3, 1, 0, Status.ERROR, "cannot run here: there is no /dev/kvm"),
    ),
)


def test_results_go_through_json_and_come_back() -> None:
    assert Results.of(json.loads(json.dumps(MIXED.plain()))) == MIXED


def test_the_totals_are_sums() -> None:
    assert (MIXED.earned, MIXED.points, MIXED.passed) == (1, 5.5, False)


def test_what_could_not_be_judged_is_said_beside_the_points() -> None:
    assert MIXED.summary == "04-isolate, ada: 1 of 5.5 points; 1 check could not be made here, so this is no mark"


def test_the_text_says_everything_in_words() -> None:
    assert repr(MIXED) == (
        "04-isolate, ada: 1 of 5.5 points; 1 check could not be made here, so this is no mark\n"
        "\n"
        "Task 1: 1 of 3\n"
        "  ✓ passed       a process runs  (1 of 1)\n"
        "  ✗ failed       its name is <b>its own</b>  (0 of 2)\n"
        "      seen: <script>alert(1)</script>\n"
        "      hint: Ask & see.\n"
        "\n"
        "Task 2: 0 of 1.5\n"
        "  – not reached  its mounts are its own  (0 of 1.5)\n"
        "      waits for “a process runs” (task 1)\n"
        "\n"
        "Task 3: 0 of 1\n"
        "  ! error        KVM is there  (0 of 1)\n"
        "      cannot run here: there is no /dev/kvm"
    )


class Text(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def test_the_table_says_the_same_words_as_the_text() -> None:
    words = Text(MIXED._repr_html_()).words.split()
    assert set(re.findall(r"\w+", repr(MIXED))) <= set(re.findall(r"\w+", " ".join(words)))


def test_what_a_learner_made_is_text_on_the_page_and_never_markup() -> None:
    tags = set(Text(MIXED._repr_html_()).tags)
    assert tags == {"table", "caption", "thead", "tbody", "tr", "th", "td", "br", "small"}


def test_the_table_sets_no_colour_and_so_follows_the_theme() -> None:
    assert not re.search(r"color|background|#[0-9a-f]{3}", MIXED._repr_html_())
