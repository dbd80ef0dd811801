"""What a container uses, in bytes, beside what it may: curves from the files of its control groups, while it runs."""

from __future__ import annotations

from collections import deque
from functools import partial
from html import escape
from typing import Any

from ipywidgets import HTML, Layout, VBox

from cutaway.draw.tables import Table
from cutaway.ground import sides
from cutaway.ground.lifecycle import Event, Follower, Mine
from cutaway.ground.meter import Meter, Reading
from cutaway.panels.dials import KEPT, curves, pictured
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

WHILE_IT_RUNS_S = 24 * 3600


class StatsPanel:
    """Memory, processor and processes of the container `name`; it waits for it to be started. In print, its limits."""

    def __init__(self, mine: Mine, name: str) -> None:
        self.mine, self.name = mine, name
        self.readings: deque[Reading] = deque(maxlen=KEPT)
        self.meter: Meter | None = None
        self._said, self._view = HTML(), HTML(layout=Layout(width="100%"))
        self.follower = Follower(mine, self._heard, self._lost, self._found)

    def _found(self) -> None:
        if self.follower.states.get(self.name) in ("running", "paused"):
            self._read()
        else:
            self._tell(f"{self.name} does not run. Start it, and its curves begin.")

    def _lost(self, sentence: str) -> None:
        self._stop()
        self._tell(sentence)

    def _heard(self, event: Event) -> None:
        if event.name != self.name:
            return
        if event.what == "start":
            self._read()
        elif event.what == "die":
            self._stop()
            self._tell(f"{event}. The curves end here.")

    def _read(self) -> None:
        self._stop()
        try:
            its = sides.groups(self.mine, self.name)
        except Problem as problem:
            self._tell(str(problem))
            return
        self.readings.clear()
        self._tell(f"{self.name} runs. Its curves come from {next(iter(its.folders.values()))} and the like.")
        self.meter = Meter(partial(sides.used, self.name, its), self._metered, self._tell)
        self.meter.start(WHILE_IT_RUNS_S)

    def _stop(self) -> None:
        if self.meter:
            self.meter.stop()

    def _metered(self, reading: Reading) -> None:
        self.readings.append(reading)
        self._view.value = pictured(list(self.readings))

    def _tell(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    def __repr__(self) -> str:
        try:
            reading = sides.used(self.name, sides.groups(self.mine, self.name))
        except Problem as problem:
            return str(problem)
        rows = tuple((each.what, each.limit_in_words) for each in curves([reading]))
        return repr(Table(("of " + self.name, "at most"), rows))

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        self.follower.start()
        box: Bundle = VBox([self._said, self._view])._repr_mimebundle_()
        return {**box, "text/plain": repr(self)}
