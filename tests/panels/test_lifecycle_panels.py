"""The panels over a real engine: what buttons say, what a second client does, and what is seen when the engine goes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from engines import PODMAN_LATER, begun, either, engine, fresh, until

from cutaway.ground import base, lifecycle
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine
from cutaway.ground.lifecycle import Mine
from cutaway.panels import BuildPanel, LifecyclePanel, LogPanel, StatsPanel

__all__ = ["either", "engine", "fresh"]

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]


@pytest.fixture
def mine(either: Engine) -> Iterator[Mine]:
    yours = Mine(either)
    yield yours
    yours.end(*yours.states())


@pytest.fixture
def panel(mine: Mine) -> Iterator[LifecyclePanel]:
    shown = LifecyclePanel(mine, "web")
    shown.follow()
    until(lambda: "The engine answers" in shown._said.value, "the panel follows")
    yield shown
    shown.follower.leave()


def test_buttons_take_a_container_round_and_the_drawing_follows_the_events(panel: LifecyclePanel) -> None:
    for word, state in (("create", "created"), ("start", "running"), ("kill", "exited"), ("rm", "gone")):
        panel.words[word].click()
        until(lambda state=state: f"It is {state} now" in panel._view.value, f"{state} is drawn")  # type: ignore[misc]
    last = {"docker": "destroy", "podman": "remove"}[panel.mine.engine.kind]
    until(lambda: f"web: {last}. It is gone now." in panel._said.value, "the last event is said")
    assert panel.chosen.options == ()


def test_a_second_client_moves_it_and_what_the_engine_refuses_is_said(panel: LifecyclePanel, mine: Mine) -> None:
    other = mine.engine.client()
    made = other.containers.run(base.NAME, "sleep 600", name="by-hand", labels=lifecycle.labels(), detach=True)
    until(lambda: panel.chosen.value == "by-hand", "what is new is chosen")
    until(lambda: "containerd-shim" in panel._sides.value or "conmon" in panel._sides.value, "both sides are shown")
    made.pause()
    until(lambda: (panel.drawn.before, panel.drawn.now) == ("running", "paused"), "its pause is drawn")
    until(lambda: panel._sides.value == "", "nothing is looked at where nothing goes on")
    panel.words["rm"].click()
    until(lambda: "rm by-hand: the engine refuses" in panel._said.value, "the refusal is said")
    other.close()


def test_curves_begin_when_the_program_does_and_end_with_it(mine: Mine) -> None:
    mine.create("fed", "sleep 600", mem_limit="32m")
    panel = StatsPanel(mine, "fed")
    panel.follower.start()
    until(lambda: "fed does not run. Start it" in panel._said.value, "it is said that it waits")
    assert repr(panel) == "metering fed: no program runs in it; start it first"
    mine.do("start", "fed")
    until(lambda: "processes: 1" in panel._view.value, "the curves are drawn")
    assert "at most 32" in panel._view.value
    assert "memory, MiB   at most 32" in repr(panel)
    mine.do("kill", "fed")
    until(lambda: "exit code 137. The curves end here" in panel._said.value, "their end is said")
    panel.follower.leave()


def test_events_and_log_come_as_they_happen(mine: Mine) -> None:
    panel = LogPanel(mine, "talks")
    panel.follower.start()
    until(lambda: "answers" in panel._said.value, "the panel follows")
    mine.run("talks", ["sh", "-c", "echo '<first>'; exec sleep 600"])
    until(lambda: "&lt;first&gt;" in panel._right.value, "the log is shown")
    mine.do("kill", "talks")
    until(lambda: "talks: die, exit code 137" in panel._left.value, "the end is shown")
    mine.do("start", "talks")
    until(lambda: panel.written.count("<first>") == 2, "after another start the log goes on")
    panel.follower.leave()


@pytest.mark.soak
def test_a_build_whose_engine_is_killed_has_failed(fresh: Engine) -> None:
    panel = BuildPanel(fresh, {"Dockerfile": f"FROM {base.NAME}\nRUN echo begun; sleep 600"}, "cutaway/broken:1")
    thread = threading.Thread(target=panel.build)
    thread.start()
    until(lambda: "begun" in repr(panel), "the step runs")
    engines.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert re.search(r"Failed: |building cutaway/broken:1 in ", panel._said.value), panel._said.value
    panel.build()
    assert "no engine answers at" in panel._said.value


@pytest.mark.parametrize("fresh", ["docker", PODMAN_LATER], indirect=True)
def test_each_panel_says_one_sentence_when_the_engine_goes_and_lives_again_when_it_comes_back(fresh: Engine) -> None:
    mine = Mine(fresh)
    mine.create("web", "sleep 600")
    panels = [LifecyclePanel(mine, "web"), StatsPanel(mine, "web"), LogPanel(mine, "web")]
    for each in panels:
        each.follower.start()
        until(lambda each=each: each._said.value, "it follows")  # type: ignore[misc]
    engines.stop()
    for each in panels:
        until(lambda each=each: "The engine has gone: no engine answers" in each._said.value, "it says so")  # type: ignore[misc]
    assert panels[0]._view.value == ""  # type: ignore[union-attr]
    panels[0].words["start"].click()  # type: ignore[union-attr]
    until(lambda: "start web: no engine answers" in panels[0]._said.value, "a button says so as well")
    begun(fresh.kind)
    for each in panels:
        until(lambda each=each: "has gone" not in each._said.value, "it notices")  # type: ignore[misc]
    mine.run("web", "sleep 600")
    until(lambda: panels[0].drawn.now == "running", "it follows again")  # type: ignore[union-attr]
    for each in panels:
        each.follower.leave()
