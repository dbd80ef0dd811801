"""The reader's hands on lesson 12: buttons, a second client at the same time, and an engine that goes and returns."""

from __future__ import annotations

import os
import re

import pytest
from engines import begun
from playwright.sync_api import Locator, expect
from screen import Screen

from cutaway.ground import base, lifecycle
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine

LESSON = "notebooks/12-from-image-to-container.ipynb"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs Docker, which takes root here"),
]


@pytest.fixture
def panel(second: Engine, screen: Screen) -> Locator:
    """The lifecycle panel of the lesson, without what comes before it."""
    screen.open(LESSON)
    screen.run_cells("setup", "template-predict", "template-experiment", "life-panel")
    return screen.output("life-panel")


def is_now(panel: Locator, state: str) -> None:
    expect(panel.get_by_role("img")).to_have_attribute("alt", re.compile(f"It is {state} now"))


def test_buttons_a_second_client_and_an_engine_that_returns(panel: Locator, second: Engine, screen: Screen) -> None:
    said = panel.get_by_role("status")
    for word, state in (("create", "created"), ("start", "running"), ("pause", "paused")):
        panel.get_by_role("button", name=word, exact=True).click()
        is_now(panel, state)
    other = second.client()
    other.containers.get("yours").unpause()
    is_now(panel, "running")
    beside = {"docker": "containerd-shim", "podman": "conmon"}[second.kind]
    expect(panel.get_by_role("table")).to_contain_text(beside)
    panel.scroll_into_view_if_needed()
    screen.picture(f"lifecycle-panel-{second.kind}")
    panel.get_by_role("button", name="rm", exact=True).click()
    expect(said).to_contain_text("rm yours: the engine refuses")
    panel.get_by_role("button", name="stop", exact=True).focus()
    screen.page.keyboard.press("Enter")  # sleep ignores it, so there is time
    other.containers.get("yours").kill()
    is_now(panel, "exited")
    expect(said).to_contain_text("yours: ")
    other.close()
    engines.stop()
    expect(said).to_contain_text("The engine has gone: no engine answers")
    screen.picture("lifecycle-panel-engine-gone")
    begun(second.kind)
    expect(said).to_contain_text("The engine answers")
    panel.get_by_role("button", name="create", exact=True).click()
    is_now(panel, "created")


@pytest.fixture
def many(second: Engine) -> None:
    """Two hundred containers of the learner's, in the engine before the page is opened."""
    client = second.client()
    for number in range(200):
        client.containers.create(base.NAME, "sleep 600", name=f"many-{number:03}", labels=lifecycle.labels())
    client.close()


@pytest.mark.soak
def test_two_hundred_containers_do_not_choke_it(many: None, screen: Screen) -> None:
    screen.open(LESSON)
    screen.run_cells("setup", "template-predict", "template-experiment", "life-panel")
    panel = screen.output("life-panel")
    expect(panel.get_by_role("option", name="many-199: created")).to_be_attached()
    panel.get_by_role("button", name="create", exact=True).click()
    is_now(panel, "created")
    screen.picture("lifecycle-panel-200")


@pytest.mark.soak
def test_curves_events_and_log_follow_a_second_client_and_an_engine_that_returns(
    many: None, second: Engine, screen: Screen
) -> None:
    screen.open(LESSON)
    screen.run_cells("setup", "template-predict", "template-experiment", "policy-predict", "policy-experiment")
    screen.run_cells("policy-panel", "limits-experiment")
    other = second.client()
    log, stats = "policy-panel", "limits-experiment"
    expect(screen.output(stats).get_by_role("img").first).to_have_attribute("aria-label", re.compile("at most 32"))
    other.containers.get("fails").start()
    expect(screen.output(log).get_by_role("log", name="Events")).to_contain_text("fails: die, exit code 1")
    expect(screen.output(log).get_by_role("log", name="Log of fails")).to_contain_text("here I am")
    other.containers.get("metered").kill()
    expect(screen.output(stats).get_by_role("status")).to_contain_text("exit code 137. The curves end here.")
    other.close()
    engines.stop()
    for panel in (log, stats):
        expect(screen.output(panel).get_by_role("status")).to_contain_text("The engine has gone: no engine answers")
    begun(second.kind)
    expect(screen.output(log).get_by_role("status")).to_contain_text("The engine answers")
    expect(screen.output(stats).get_by_role("status")).to_contain_text("metered does not run")
