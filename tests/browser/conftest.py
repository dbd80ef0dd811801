"""JupyterLab as a reader sees it: `cutaway lab` on the real course, and a Chromium that looks at it.

A test asks for the fixture `screen` (see screen.py). Pictures, light and dark, are kept under `.artefacts/browser`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import PODMAN_LATER, begun
from lab_process import Lab, free_port
from playwright.sync_api import Browser, expect
from screen import HEIGHT, READY_S, WIDTH, Screen

from cutaway.ground import engine as engines
from cutaway.ground import private
from cutaway.ground.engine import Engine
from cutaway.ground.guest import cache

expect.set_options(timeout=READY_S * 1000)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The real course, open in a home of its own."""
    home = tmp_path_factory.mktemp("home")
    settings = home / ".jupyter"
    documents = settings / "lab" / "user-settings" / "@jupyterlab" / "docmanager-extension"
    documents.mkdir(parents=True)
    (settings / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
    # A save by the clock and one by us at the same time end in a dialog about a file that has changed on disk.
    (documents / "plugin.jupyterlab-settings").write_text(json.dumps({"autosave": False}))
    own = {"HOME": str(home), "CUTAWAY_STATE": str(home / "state"), "CUTAWAY_FOLDER": str(home / "work")}
    own["CUTAWAY_CACHE"] = str(cache.folder())  # what was fetched once is not fetched again
    with Lab("--no-engine", "--port", str(free_port()), env={**os.environ, **own}) as opened:
        yield opened


@pytest.fixture
def screen(lab: Lab, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A fresh browser window; afterwards the kernels that it started are ended."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    window = Screen(lab, context.new_page(), request.config.rootpath / ".artefacts" / "browser")
    yield window
    context.close()
    for session in lab.ask("GET", "api/sessions"):
        lab.ask("DELETE", f"api/sessions/{session['id']}")
    assert window.elsewhere == [], "JupyterLab asked the internet for something"


@pytest.fixture(params=["docker", PODMAN_LATER])
def second(request: pytest.FixtureRequest, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine that the reader's page will use, for a second client."""
    if request.param not in private.startable():
        pytest.skip(f"this user cannot start {request.param} here")
    monkeypatch.setenv("CUTAWAY_STATE", screen.lab.env["CUTAWAY_STATE"])
    monkeypatch.setenv(engines.CHOICE, "private")
    yield begun(request.param)
    engines.stop()
