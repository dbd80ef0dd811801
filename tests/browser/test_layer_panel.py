"""The reader's hands on lesson 08: take a layer off, find the key, leave out what is hidden; by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import expect
from screen import Screen

LESSON = "notebooks/08-root-filesystems.ipynb"
EXPERIMENTS = ("needs", "copy", "gone", "tar", "waste", "panel")


def test_the_key_comes_back_when_the_layer_that_hid_it_is_taken_off(screen: Screen) -> None:
    screen.open(LESSON)
    ids = [cell["id"] for cell in screen.cells()]
    for cell in ("setup", *(f"{name}-{part}" for name in EXPERIMENTS for part in ("predict", "experiment"))):
        if cell in ids:
            screen.page.evaluate(
                "(i) => { jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", ids.index(cell)
            )
            screen.command("notebook:run-cell")
            screen.wait_for_kernel()
    assert screen.errors() == []
    panel = screen.output("panel-experiment")
    key, said = panel.locator(".row").filter(has_text="key"), panel.get_by_role("status")
    expect(key).to_contain_text("hidden by upper: whiteout")
    expect(said).to_contain_text("69,639 are hidden and wasted")
    panel.scroll_into_view_if_needed()
    screen.picture("layer-panel")
    panel.locator(".noUi-handle").focus()
    screen.page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text("of which 0 are hidden")
    expect(key).not_to_contain_text("hidden by")
    screen.page.keyboard.press("ArrowRight")
    expect(key).to_contain_text("hidden by upper: whiteout")
    panel.get_by_label("show what is hidden").focus()
    screen.page.keyboard.press("Space")
    expect(key).to_have_count(0)
    expect(panel.locator(".row").filter(has_text="visits")).to_have_count(1)
