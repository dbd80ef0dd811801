"""The layer panel: fewer layers show more of what they hid, and what a screen reader is told is true."""

from __future__ import annotations

import re

from IPython.core.formatters import DisplayFormatter
from tars import layer, member

from cutaway.images.stack import Stack
from cutaway.panels import LayerPanel


def panel() -> LayerPanel:
    base = layer("etc/", "etc/key", "etc/motd", "bin/", "bin/sh", member("log", content=b"x" * 1234))
    return LayerPanel(Stack.of(base=base, top=layer("etc/", "etc/.wh.key", member("log", content=b"y"))))


def shown(it: LayerPanel) -> str:
    return re.sub(r"<[^>]+>", " ", it._view.value.partition("</style>")[2])


def test_a_hidden_file_says_who_hides_it_and_can_be_left_out() -> None:
    it = panel()
    assert re.search(r"key\s+base\s+7\s+hidden by top: whiteout", shown(it))
    it.hidden.value = False
    assert "key" not in shown(it)
    assert "motd" in shown(it)


def test_without_the_upper_layer_everything_is_there_again() -> None:
    it = panel()
    it.upto.value = 1
    assert "hidden by" not in shown(it)
    assert "of which 0 are hidden" in shown(it)


def test_the_sentence_counts_what_is_wasted() -> None:
    wasted = len("etc/key") + 1234
    assert f"of which {wasted:,} are hidden and wasted" in shown(panel())


def test_folders_are_open_where_layers_disagree_and_closed_elsewhere() -> None:
    opened = re.findall(r"<details( open)?><summary>.*?(\w+)/</span>", panel()._view.value)
    assert {name: bool(is_open) for is_open, name in opened} == {"bin": False, "etc": True}


def test_a_file_over_a_folder_stands_before_it_and_the_old_files_stay_in_the_folder() -> None:
    it = LayerPanel(Stack.of(base=layer("a/", "a/x", "no/name"), top=layer("a")))
    page = re.sub(r" (style|class)=\"[^\"]*\"", "", it._view.value.partition("</style>")[2])
    assert re.search(r"<span>a</span><span>top</span>.*<summary><span><span>a/</span><span>base</span>", page)
    assert re.search(r"hidden by top: replaced</span></span></summary><ul><li><span><span>x</span>", page)
    assert "<summary><span><span>no/</span><span></span>" in page, "a folder that no layer names"


def test_on_paper_it_is_a_table_with_all_that_is_hidden() -> None:
    data, _ = DisplayFormatter().format(panel())
    assert re.search(r"^  key +base +7 +hidden by top: whiteout$", data["text/plain"], re.MULTILINE)
    assert "<details" in data["text/html"]


def test_names_from_a_layer_cannot_write_on_the_page() -> None:
    it = LayerPanel(Stack.of(base=layer("<script>alert(1)</script>")))
    assert "<script>" not in it._view.value
