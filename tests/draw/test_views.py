import re
from html.parser import HTMLParser

import pytest

from cutaway.draw import Seen, View

OUTSIDE = Seen(
    {"uts": 1, "pid": 2, "mnt": 3, "net": 4},
    {"uts": "laptop", "pid": ["1 systemd", "2 python"], "mnt": 28, "net": ["lo"]},
)
INSIDE = Seen({"uts": 11, "pid": 12, "mnt": 3}, {"uts": "inner", "pid": ["1 sh"], "mnt": 28, "net": []})
EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "wbr":
            self.texts.append("")

    def handle_data(self, data):
        self.texts[-1] += data


def test_in_a_terminal_the_two_views_stand_side_by_side():
    assert repr(View(OUTSIDE, INSIDE)).splitlines() == [
        "namespace  decides    outside    inside  shared?",
        "---------  ---------  ---------  ------  -------",
        "uts        host name  laptop     inner   private",
        "pid        processes  1 systemd  1 sh    private",
        "                      2 python",
        "mnt        mounts     28         28      shared",
        "net        links      lo         none    unknown",
    ]


def test_on_a_page_every_heading_is_marked_as_one():
    tags = Page(View(OUTSIDE, INSIDE).html).tags
    headings = [attributes for tag, attributes in tags if tag == "th"]
    assert [each["scope"] for each in headings] == ["col"] * 5 + ["row"] * 4
    assert "caption" in [tag for tag, _ in tags]


@pytest.mark.parametrize("evil", [EVIL, '"><img src=x onerror=alert(1)>', "&lt;b&gt;", "</td></tr></table>"])
def test_a_host_name_is_text_whatever_it_contains(evil):
    kinds = {"uts": 1, "pid": 2, "cgroup": 3}
    seen = Seen(kinds, {"uts": evil, "pid": [evil, evil], "cgroup": evil})
    page = Page(View(seen, seen).html)
    assert page.texts.count(evil) == 8
    assert {tag for tag, _ in page.tags} <= {*"style table caption thead tbody tr th td span br wbr".split()}  # noqa: SIM905


def test_shared_and_private_are_told_by_a_word_and_by_the_line():
    html = View(OUTSIDE, INSIDE).html
    assert html.count('<span class="shared">shared</span>') == 1
    assert html.count('<span class="private">private</span>') == 2
    assert ".shared { border: 1px dashed" in html


def test_a_host_called_private_is_not_taken_for_a_mark():
    seen = Seen({"uts": 1}, {"uts": "private"})
    assert 'class="private"' not in View(seen, seen).html.split("</style>")[1]


def test_a_kind_that_nobody_asked_for_has_no_row():
    assert len(View(Seen({"uts": 1}, {"uts": "a"}), Seen({"uts": 1}, {})).table.rows) == 1
    assert View(Seen({}, {}), Seen({}, {})).table.rows == ()


def test_every_colour_follows_the_theme_and_has_a_value_of_its_own_elsewhere():
    style = View(OUTSIDE, INSIDE).html.split("</style>")[0]
    used = re.findall(r"var\((--jp-[\w-]+)(,?)", style)
    assert used
    assert all(comma for _, comma in used)
    assert not re.findall(r"(?<!, )#[0-9a-f]{3,6}", style)
