"""A browser window on the course, and what a test may do with it.

`screen.open(place)`, `screen.run_all()`, `screen.errors()`, `screen.picture(name)`; everything else is playwright's,
through `screen.page`. Every wait has a condition and a deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab_process import Lab
from playwright.sync_api import Locator, Page

READY_S, RUN_S = 90, 300  # on two busy cores
WIDTH, HEIGHT, TALLEST = 1280, 860, 16_300  # Chromium paints no picture that is taller than 16,384

BOTTOM = """() => {
    const document = window.jupyterapp.shell.currentWidget.node;
    document.querySelectorAll('.jp-WindowedPanel-outer, .jp-RenderedMarkdown').forEach(each => { each.scrollTop = 0; });
    const parts = [...document.querySelectorAll('.jp-Cell, .jp-RenderedMarkdown > *')];
    return Math.ceil(Math.max(...parts.map(each => each.getBoundingClientRect().bottom)));
}"""  # scrolls the open document to its first line, and says where its last one ends


class Screen:
    """A browser window on the course."""

    def __init__(self, lab: Lab, page: Page, artefacts: Path) -> None:
        self.lab, self.page, self.artefacts = lab, page, artefacts
        self.elsewhere: list[str] = []
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.lab.base, self.lab.base.replace("http", "ws"), "data:", "blob:", "about:")):
            self.elsewhere.append(url)

    # --- Opening and running -----------------------------------------------

    def open(self, place: str, reset: bool = True) -> None:
        """Open a file of the reader's folder, alone unless `reset` is off; a notebook's kernel is then idle."""
        self.page.goto(f"{self.lab.base}/lab/tree/{quote(place)}?{'reset&' * reset}token={self.lab.token}")
        self.until("(name) => window.jupyterapp?.shell.currentWidget?.context?.path === name", place)
        if place.endswith(".ipynb"):
            self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """The indicator says idle before the kernel is connected, and a run that starts then hangs: ask for both."""
        self.until(
            """() => {
                const session = window.jupyterapp.shell.currentWidget.sessionContext;
                const kernel = session?.session?.kernel;
                return session?.isReady && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
            }"""
        )

    def run_all(self, timeout_s: float = RUN_S) -> None:
        """Run every cell of the open notebook and wait until the last has ended."""
        self.command("notebook:run-all-cells", timeout_s=timeout_s)
        self.wait_for_kernel()

    def run_cells(self, *cell_ids: str) -> None:
        """Run some cells of the open notebook; none may err."""
        ids = [cell["id"] for cell in self.cells()]
        for each in cell_ids:
            at = ids.index(each)
            self.page.evaluate("(i) => { jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", at)
            self.command("notebook:run-cell")
            self.wait_for_kernel()
        assert self.errors() == []

    def command(self, name: str, arguments: dict[str, Any] | None = None, timeout_s: float = READY_S) -> None:
        """Have JupyterLab do one of its commands, and wait until it is done."""
        ended = self.page.evaluate(
            """([name, args, ms]) => Promise.race([
                window.jupyterapp.commands.execute(name, args).then(() => true),
                new Promise(resolve => setTimeout(() => resolve(false), ms)),
            ])""",
            [name, arguments or {}, timeout_s * 1000],
        )
        asked = self.page.get_by_role("dialog").all_inner_texts()
        assert ended, f"{name} had not ended after {timeout_s} s; JupyterLab asks: {asked}"

    def until(self, condition: str, argument: object = None, timeout_s: float = READY_S) -> None:
        """Wait until a function of the page says so."""
        self.page.wait_for_function(condition, arg=argument, timeout=timeout_s * 1000)

    # --- Looking -----------------------------------------------------------

    def cells(self) -> list[dict[str, Any]]:
        """The cells of the open notebook as JupyterLab holds them now."""
        cells: list[dict[str, Any]] = self.page.evaluate("() => jupyterapp.shell.currentWidget.model.toJSON().cells")
        return cells

    def errors(self) -> list[str]:
        """What went wrong in the open notebook, but for the errors that are the lesson."""
        return [
            f"{cell['id']}: {output['ename']}: {output['evalue']}"
            for cell in self.cells()
            for output in cell.get("outputs", [])
            if output["output_type"] == "error" and "raises-exception" not in cell["metadata"].get("tags", [])
        ]

    def output(self, cell_id: str) -> Locator:
        """The output area of one cell, scrolled into view."""
        index = [cell["id"] for cell in self.cells()].index(cell_id)
        self.page.evaluate("(index) => jupyterapp.shell.currentWidget.content.scrollToItem(index)", index)
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea').first

    def picture(self, name: str) -> list[Path]:
        """Keep the window as it is now, in light and in dark."""
        return [self._in_theme(name, scheme) for scheme in ("light", "dark")]

    def whole_picture(self, name: str) -> list[Path]:
        """Keep the open document from its first line to its last, in light and in dark."""
        self.page.set_viewport_size({"width": WIDTH, "height": TALLEST})
        bottoms = [-1, -2]
        while bottoms[-1] != bottoms[-2] and len(bottoms) < 50:  # cells take their height as they come into view
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
            bottoms.append(self.page.evaluate(BOTTOM))
        self.page.set_viewport_size({"width": WIDTH, "height": min(TALLEST, max(HEIGHT, bottoms[-1] + 60))})
        self.page.evaluate(BOTTOM)
        kept = self.picture(name)
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        return kept

    def _in_theme(self, name: str, scheme: str) -> Path:
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        self.until("(light) => document.body.dataset.jpThemeLight === light", str(scheme == "light").lower())
        self.artefacts.mkdir(parents=True, exist_ok=True)
        path = self.artefacts / f"{name}-{scheme}.png"
        self.page.screenshot(path=path, animations="disabled")
        return path


def wait_for(condition: Callable[[], object], timeout_s: float = READY_S) -> None:
    """Wait until `condition()` is true, for what no page can say."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{condition} was not true within {timeout_s} s"
        time.sleep(0.05)
