"""The reader's hands on lesson 02: one instruction, one line, to the end and back; with the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect
from screen import Screen

LESSON = "notebooks/02-a-machine-in-a-program.ipynb"
CELLS = ("set-up", "two-compilers", "class-predict", "class-experiment", "javap", "stepper")


@pytest.fixture
def panel(screen: Screen) -> Locator:
    """The panel of lesson 02, at the moment before 4 is crossed off."""
    screen.open(LESSON)
    screen.run_cells(*CELLS)
    return screen.output("stepper")


def here(panel: Locator) -> list[str]:
    """The lines at which the machine is: of the source, and of the bytecode."""
    return [text.lstrip("▶ ") for text in panel.locator("li[aria-current=step]").all_inner_texts()]


def test_an_instruction_a_line_the_end_and_back(panel: Locator, screen: Screen) -> None:
    said = panel.get_by_role("status")
    expect(said).to_contain_text("next is bastore")
    assert "45 bastore" in here(panel)[1]
    panel.scroll_into_view_if_needed()
    screen.picture("stepper-panel")
    panel.get_by_role("button", name="Step", exact=True).click()
    expect(said).to_contain_text("pc 46, next is lload")
    expect(panel.get_by_text("crossed = boolean[20] 0 0 0 0 1 0 0")).to_be_visible()
    panel.get_by_role("button", name="Step back").click()
    expect(said).to_contain_text("next is bastore")
    panel.get_by_role("button", name="Step over line").click()
    expect(said).to_contain_text("line 6")
    panel.get_by_role("button", name="Run to end").click()
    expect(said).to_contain_text("sieve returned 8")
    screen.picture("stepper-panel-end")
    panel.get_by_role("button", name="Step", exact=True).click()
    expect(said).to_contain_text("There is nothing after it.")
    panel.get_by_role("button", name="Back to start").click()
    expect(said).to_contain_text("pc 0, next is iload_0")


@pytest.mark.soak
def test_the_keyboard_is_enough_and_the_focus_stays(panel: Locator) -> None:
    said = panel.get_by_role("status")
    panel.get_by_role("button", name="Back to start").focus()
    panel.page.keyboard.press("Space")
    expect(said).to_contain_text("pc 0, next is iload_0")
    panel.page.keyboard.press("Tab")
    panel.page.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Step", exact=True)).to_be_focused()
    panel.page.keyboard.press("Space")
    expect(said).to_contain_text("pc 1, next is newarray")
    panel.page.keyboard.press("Enter")
    expect(said).to_contain_text("pc 3, next is astore_1")
    expect(panel.get_by_role("button", name="Step", exact=True)).to_be_focused()
