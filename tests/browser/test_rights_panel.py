"""The reader's hands on lesson 09: take a capability, refuse a call, give it back; by keyboard and mouse."""

from __future__ import annotations

from playwright.sync_api import Locator, expect
from screen import Screen

LESSON = "notebooks/09-privilege.ipynb"


def row(panel: Locator, line: str) -> Locator:
    return panel.get_by_role("row").filter(has=panel.page.get_by_role("rowheader", name=line, exact=True))


def test_what_is_taken_stops_its_own_command_and_comes_back(screen: Screen) -> None:
    screen.open(LESSON)
    ids = [cell["id"] for cell in screen.cells()]
    for cell in ("setup", "panel-experiment"):
        screen.page.evaluate("(i) => { jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", ids.index(cell))
        screen.command("notebook:run-cell")
        screen.wait_for_kernel()
    assert screen.errors() == []
    panel = screen.output("panel-experiment")
    expect(row(panel, "chroot / true")).to_contain_text("refused: Operation not permitted")
    expect(row(panel, "hostname box")).to_contain_text("works")
    panel.get_by_label("CAP_SYS_CHROOT", exact=True).focus()
    screen.page.keyboard.press("Space")
    expect(row(panel, "chroot / true")).to_contain_text("works")
    panel.get_by_label("sethostname", exact=True).uncheck()
    expect(row(panel, "hostname box")).to_contain_text("refused")
    expect(panel.get_by_role("status")).to_contain_text("the call sethostname and gains nothing, as it has a filter")
    panel.scroll_into_view_if_needed()
    screen.picture("privilege-panel")
