"""The reader's hands on lesson 13: a build watched and changed, a removed key found; a second client acts meanwhile."""

from __future__ import annotations

import os

import pytest
from engines import begun
from playwright.sync_api import expect
from screen import Screen

from cutaway.ground import base
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine

LESSON = "notebooks/13-images.ipynb"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs Docker, which takes root here"),
]


def test_a_build_is_watched_and_the_key_found_while_a_second_client_works(second: Engine, screen: Screen) -> None:
    screen.open(LESSON)
    screen.run_cells("setup", "layers-experiment")
    panel = screen.output("layers-experiment")
    said, build = panel.get_by_role("status"), panel.get_by_role("button", name="Build cutaway/notes:1")
    expect(said).to_have_text("6 of 6 steps: 5 ran, 0 from the cache.")
    build.click()
    expect(said).to_have_text("6 of 6 steps: 0 ran, 5 from the cache.")
    text = panel.get_by_role("textbox")
    text.fill(text.input_value().replace("blue", "red"))
    build.click()
    expect(said).to_have_text("6 of 6 steps: 2 ran, 3 from the cache.")
    panel.scroll_into_view_if_needed()
    screen.picture("build-panel")
    text.fill("FROM cutaway/base\nRUN echo so far; false")
    build.click()
    expect(said).to_contain_text("Failed: ")
    expect(panel.get_by_role("row").filter(has_text="RUN echo")).to_contain_text("failed")

    other = second.client()
    other.api.import_image_from_data(base.archive(base.contents()), "others/theirs:latest")
    screen.run_cells("key-predict", "key-experiment", "key-experiment-2")
    panel = screen.output("key-experiment-2")
    choice = panel.get_by_role("combobox")
    key = panel.locator(".row").filter(has=screen.page.get_by_text("key", exact=True))
    expect(choice).to_have_value("cutaway/leaky:1")
    expect(choice.get_by_role("option", name="others/theirs:latest")).to_have_count(0)
    expect(key).to_contain_text("hidden by layer 3 RUN rm /key: whiteout")
    panel.scroll_into_view_if_needed()
    screen.picture("image-panel")
    panel.locator(".noUi-handle").focus()
    screen.page.keyboard.press("ArrowLeft")
    expect(key).not_to_contain_text("hidden by")
    other.images.remove("cutaway/leaky:1")
    panel.get_by_role("button", name="Look again").click()
    expect(choice.get_by_role("option", name="cutaway/leaky:1")).to_have_count(0)
    expect(panel.get_by_role("status").first).to_contain_text("cutaway/base:latest")
    assert other.images.get("others/theirs:latest")
    other.close()


@pytest.mark.soak
def test_an_engine_with_much_in_it_goes_and_returns(second: Engine, screen: Screen) -> None:
    client = second.client()
    for number in range(200):
        client.containers.create(base.NAME, "true", name=f"many-{number:03}")
    client.close()
    screen.open(LESSON)
    screen.run_cells("setup", "layers-experiment", "key-predict", "key-experiment", "key-experiment-2")
    engines.stop()
    press(screen, "layers-experiment", "Build cutaway/notes:1", "no engine answers at")
    press(screen, "key-experiment-2", "Look again", "no engine answers at")
    begun(second.kind)
    press(screen, "layers-experiment", "Build cutaway/notes:1", "6 of 6 steps: 5 ran, 0 from the cache.")
    press(screen, "key-experiment-2", "Look again", "cutaway/base:latest")


def press(screen: Screen, cell: str, button: str, then: str) -> None:
    """Press a panel's button, and see what it says."""
    panel = screen.output(cell)
    panel.get_by_role("button", name=button).click()
    expect(panel.get_by_role("status").first).to_contain_text(then)
