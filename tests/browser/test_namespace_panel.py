"""The reader's hands on lesson 06: predict, switch, rename; with the mouse, and with the keyboard alone."""

from __future__ import annotations

import socket

import pytest
from playwright.sync_api import Locator, expect
from screen import Screen, wait_for

from cutaway.linux import descendants, processes

LESSON = "notebooks/06-namespaces.ipynb"


@pytest.fixture
def panel(screen: Screen) -> Locator:
    """The panel of lesson 06, with uts, pid and user switched on."""
    screen.open(LESSON)
    screen.run_cells("setup", "panel-experiment")
    return screen.output("panel-experiment")


def row(panel: Locator, kind: str) -> Locator:
    return panel.get_by_role("row").filter(has=panel.page.get_by_role("rowheader", name=kind, exact=True))


def seen(panel: Locator, kind: str, side: str) -> Locator:
    """The cell that says what is seen through a kind from one side."""
    return row(panel, kind).get_by_role("cell").nth({"outside": 1, "inside": 2, "mark": 3}[side])


def test_each_change_is_seen_inside_and_not_outside(panel: Locator, screen: Screen) -> None:
    panel.get_by_label("host name", exact=True).fill("elsewhere")
    panel.get_by_label("host name", exact=True).press("Enter")
    expect(seen(panel, "uts", "inside")).to_have_text("elsewhere")
    expect(seen(panel, "uts", "outside")).to_have_text(socket.gethostname())
    expect(seen(panel, "net", "mark")).to_have_text("shared")
    panel.get_by_label("net: links").check()
    expect(seen(panel, "net", "mark")).to_have_text("private")
    expect(seen(panel, "net", "inside")).to_have_text("lo")
    panel.scroll_into_view_if_needed()
    screen.picture("namespace-panel")


def test_ps_tells_the_truth_once_mounts_are_private_too_and_the_keyboard_is_enough(panel: Locator) -> None:
    expect(seen(panel, "pid", "inside")).not_to_contain_text("1 python")
    panel.get_by_label("pid: processes").focus()
    panel.page.keyboard.press("Tab")
    expect(panel.get_by_label("mnt: mounts")).to_be_focused()
    panel.page.keyboard.press("Space")
    expect(seen(panel, "pid", "inside")).to_contain_text("1 python")


@pytest.mark.soak
def test_user_comes_back_while_others_need_it_and_the_panel_says_why(panel: Locator) -> None:
    panel.get_by_label("user: user id").click()
    expect(panel.get_by_role("status")).to_contain_text("brings the right to make the others")
    expect(panel.get_by_label("user: user id")).to_be_checked()


@pytest.mark.soak
def test_quick_switching_ends_in_the_last_state_and_leaves_nothing(panel: Locator, screen: Screen) -> None:
    for kind in ("net: links", "ipc: message queues", "net: links", "mnt: mounts", "net: links"):
        panel.get_by_label(kind).click()
    expect(panel.get_by_role("status")).to_contain_text("its own uts user pid mnt net ipc")
    expect(seen(panel, "net", "inside")).to_have_text("lo")
    wait_for(lambda: not enclosed_below(screen.lab.process.pid))


def enclosed_below(pid: int) -> list[str]:
    """The processes that keep namespaces for this server's pages."""
    commands = (processes.command(each.pid) for each in descendants(pid))
    return [command for command in commands if "stage.py" in command]


def test_a_prediction_stands_beside_what_happened_and_is_there_on_another_day(screen: Screen) -> None:
    screen.open(LESSON)
    screen.run_cells("setup", "uts-predict")
    question = screen.output("uts-predict")
    question.get_by_label("inner", exact=True).check()
    question.get_by_role("button", name="Keep my prediction").click()
    expect(question.get_by_role("status")).to_have_text("Your prediction: inner.")
    screen.picture("predict")
    screen.run_cells("uts-experiment")
    told = screen.output("uts-experiment").get_by_role("row")
    expect(told.first).to_contain_text("inner")
    expect(told.last).to_contain_text("its old name")
    another_day(screen)
    screen.run_cells("setup", "uts-predict")
    expect(screen.output("uts-predict").get_by_label("inner", exact=True)).to_be_checked()


def another_day(screen: Screen) -> None:
    """The page is closed, its process ends, and the page is opened again."""
    for session in screen.lab.ask("GET", "api/sessions"):
        screen.lab.ask("DELETE", f"api/sessions/{session['id']}")
    screen.open(LESSON)
