"""The reader's hands on lesson 07: a limit turned by keyboard, a load, a freeze and an end, all seen live."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from screen import Screen

LESSON = "notebooks/07-cgroups.ipynb"


def test_dials_write_limits_and_the_curves_follow(screen: Screen) -> None:
    screen.open(LESSON)
    ids = [cell["id"] for cell in screen.cells()]
    for cell in ("setup", "folder-predict", "folder-experiment", "dials"):
        screen.page.evaluate("(i) => { jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", ids.index(cell))
        screen.command("notebook:run-cell")
        screen.wait_for_kernel()
    assert screen.errors() == []
    panel = screen.output("dials")
    said, curves = panel.get_by_role("status"), panel.locator("svg[role=img]")
    expect(curves).to_have_attribute("aria-label", re.compile(r"memory, MiB: \d+, at most 48; .*, at most 20"))
    panel.locator(".noUi-handle").first.focus()
    screen.page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text(f"{47 << 20} was written into memory.max")
    expect(curves).to_have_attribute("aria-label", re.compile("memory, MiB: .*, at most 47;"))
    panel.get_by_role("button", name="Start 5 sleepers").click()
    expect(curves).to_have_attribute("aria-label", re.compile(r"processes: 1\d, at most 20"))
    panel.scroll_into_view_if_needed()
    screen.picture("dial-panel")
    panel.get_by_label("cgroup.freeze").check()
    expect(curves).to_have_attribute("aria-label", re.compile("frozen"))
    panel.get_by_role("button", name="End all").click()
    expect(curves).to_have_attribute("aria-label", re.compile("processes: 0, at most 20"))
