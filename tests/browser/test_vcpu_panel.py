"""The reader's hands on lesson 04: one instruction, to the next exit, to the end and back; with the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect
from screen import Screen

LESSON = "notebooks/04-a-hypervisor-in-python.ipynb"


@pytest.fixture
def panel(screen: Screen) -> Locator:
    """The panel of lesson 04, after three instructions."""
    screen.open(LESSON)
    screen.run_cells("setup", "panel")
    return screen.output("panel")


def test_an_instruction_an_exit_the_end_and_back(panel: Locator, screen: Screen) -> None:
    said = panel.get_by_role("status")
    expect(said).to_contain_text("3 instructions on")
    expect(panel.locator("li[aria-current=step]")).to_contain_text("1009 mov bx, ax")
    panel.get_by_role("button", name="To next exit").click()
    expect(said).to_contain_text("the last one brought out 0x3f8 <- 0x34")
    expect(panel.get_by_text("1 out", exact=True)).to_be_visible()
    panel.scroll_into_view_if_needed()
    screen.picture("vcpu-panel")
    panel.get_by_role("button", name="Run to end").click()
    expect(said).to_contain_text("the guest has halted")
    expect(panel.locator("li[aria-current=step]")).to_have_count(0)
    panel.get_by_role("button", name="Step back").click()
    expect(panel.locator("li[aria-current=step]")).to_contain_text("1013 hlt")


@pytest.mark.soak
def test_the_keyboard_is_enough(panel: Locator) -> None:
    panel.get_by_role("button", name="Back to start").focus()
    panel.page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_contain_text("0 instructions on")
    panel.page.keyboard.press("Tab")
    panel.page.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Step", exact=True)).to_be_focused()
    panel.page.keyboard.press("Enter")
    expect(panel.get_by_text("rax 0002*")).to_be_visible()
