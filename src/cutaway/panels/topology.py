"""Networks drawn as they are, again whenever the kernel tells of a change; with a switch for every link of a pair.

The kernel tells of links, addresses and routes by itself; so nothing is asked for while nothing happens. While a cell
runs the page waits, and what the cell has changed is drawn when it ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from typing import Any

from ipywidgets import HTML, Button, Checkbox, GridBox, Layout, VBox

from cutaway.draw.render import image
from cutaway.draw.tables import Table
from cutaway.draw.topology import Networks, drawing, look
from cutaway.linux.networks import Network, changes
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

SETTLES_S = 0.1  # one change of ours is several to the kernel


class TopologyPanel:
    """The networks of `places`, each a name and a process; a button makes the `calls` and shows what came of them.

    In print it is the drawing as it was when the page was run.
    """

    def __init__(self, places: Mapping[str, int], calls: Callable[[], Mapping[str, str]] | None = None) -> None:
        self.places, self._calls = dict(places), calls
        self.switches: dict[tuple[str, str], Checkbox] = {}
        self._view, self._said, self._table = HTML(), HTML(), HTML()
        self._row = GridBox(layout=Layout(grid_template_columns="repeat(3, max-content)", grid_gap="0 1.5em"))
        self.call = Button(description="Make the calls")
        self.call.on_click(lambda _: self._make_the_calls())
        self._heard: list[socket.socket] = []
        self._ends: list[int] = []
        self._waits: asyncio.TimerHandle | None = None
        self._on_paper = drawing(look(self.places))
        self.refresh()

    def refresh(self) -> None:
        """Look, and draw what is there now."""
        try:
            seen = look(self.places)
        except OSError as ended:
            self._say(f"Nothing to see any more: {ended}")
            return
        drawn = drawing(seen)
        with suppress(Problem):  # without Graphviz the words remain
            self._view.value = image(drawn, drawn.svg)
        self._show_switches(seen)
        self._say(drawn.description)

    # --- Switches ----------------------------------------------------------

    def _show_switches(self, seen: Networks) -> None:
        links = {(name, each.name): each.up for name, one in seen.items() for each in one.links if each.kind == "veth"}
        for gone in self.switches.keys() - links.keys():
            del self.switches[gone]
        for (name, link), up in links.items():
            if (name, link) not in self.switches:
                self.switches[name, link] = self._switch(name, link, up)
            self.switches[name, link].value = up
        self._row.children = tuple(self.switches.values())

    def _switch(self, name: str, link: str, on: bool) -> Checkbox:
        switch = Checkbox(on, description=f"{link} of {name}", indent=False, layout=Layout(width="auto"))
        switch.observe(lambda change: self._turn(name, link, change["new"]), "value")
        return switch

    def _turn(self, name: str, link: str, on: bool) -> None:
        try:
            with Network(self.places[name]) as network:
                if next(each.up for each in network.links() if each.name == link) != on:
                    network.switch(link, on=on)
        except (OSError, LookupError, StopIteration) as refused:
            self._say(f"Not switched: {refused}")
        else:
            self.refresh()

    # --- Following ---------------------------------------------------------

    def follow(self) -> None:
        """Draw again after every change, until one of the processes ends; where no event loop runs, nothing happens."""
        if self._heard or not (loop := _running_loop()):
            return
        for pid in self.places.values():
            told, end = changes(pid), os.pidfd_open(pid)
            self._heard.append(told)
            self._ends.append(end)
            loop.add_reader(told, self._told, told)
            loop.add_reader(end, self.leave)

    def leave(self) -> None:
        """Follow no longer, and hold nothing."""
        loop = _running_loop()
        while self._heard:
            told, end = self._heard.pop(), self._ends.pop()
            if loop:
                loop.remove_reader(told)
                loop.remove_reader(end)
            told.close()
            os.close(end)
        self._say("These networks have ended.")

    def _told(self, told: socket.socket) -> None:
        """Something changed; look when it has settled."""
        with suppress(BlockingIOError):
            while told.recv(65536):
                pass
        if self._waits:
            self._waits.cancel()
        self._waits = asyncio.get_running_loop().call_later(SETTLES_S, self.refresh)

    # --- Showing -----------------------------------------------------------

    def _make_the_calls(self) -> None:
        said = self._calls() if self._calls else {}
        self._table.value = Table(("call", "what came of it"), tuple(said.items()))._repr_html_()

    def _say(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    def __repr__(self) -> str:
        return repr(self._on_paper)

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        self.follow()
        calls = [self.call, self._table] if self._calls else []
        box: Bundle = VBox([self._row, *calls, self._said, self._view])._repr_mimebundle_()
        return {**box, **self._on_paper._repr_mimebundle_()}


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
