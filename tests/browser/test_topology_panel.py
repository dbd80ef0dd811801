"""The reader's hands on lesson 10: a plug is pulled with the mouse, and the drawing follows what a cell does."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from screen import Screen

LESSON = "notebooks/10-networks.ipynb"
WIRED = ("setup", "world-begins", "veth-predict", "veth-experiment")


def run(screen: Screen, *cells: str) -> None:
    """Run some cells of the open page, one after the other."""
    ids = [cell["id"] for cell in screen.cells()]
    for cell in cells:
        screen.page.evaluate("(i) => { jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", ids.index(cell))
        screen.command("notebook:run-cell")
        screen.wait_for_kernel()
    assert screen.errors() == []


def test_a_plug_is_pulled_and_what_a_cell_changes_is_drawn(screen: Screen) -> None:
    screen.open(LESSON)
    run(screen, *WIRED, "panel-experiment")
    panel = screen.output("panel-experiment")
    expect(panel.get_by_role("img")).to_be_visible()
    expect(panel.get_by_role("status")).to_contain_text("eth0 of web to veth-web of host")
    panel.get_by_label("veth-web of host").click()
    expect(panel.get_by_role("img")).to_have_attribute("alt", re.compile("link veth-web, 10.10.0.1/24, switched off"))
    panel.get_by_label("veth-web of host").click()
    panel.scroll_into_view_if_needed()
    screen.picture("topology-panel")
    run(screen, "bridge-made")
    panel = screen.output("panel-experiment")
    expect(panel.get_by_role("img")).to_have_attribute("alt", re.compile("link bridge0, 10.10.0.1/24"))
