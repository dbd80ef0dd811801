"""What an engine tells of the learner's containers, and what the program of one writes, as both come."""

from __future__ import annotations

import threading
from collections import deque
from html import escape
from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from cutaway.ground.lifecycle import GONE, Event, Follower, Mine
from cutaway.panels.machine import STYLE
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

KEPT = 200  # lines
HALF = Layout(width="50%")


class LogPanel:
    """Events on the left, of every container of the learner's; on the right what the program of `name` writes."""

    def __init__(self, mine: Mine, name: str) -> None:
        self.mine, self.name = mine, name
        self.events: deque[str] = deque(maxlen=KEPT)
        self.written = ""
        self._said, self._left, self._right = HTML(), HTML(layout=HALF), HTML(layout=HALF)
        self._reader: threading.Thread | None = None
        self.follower = Follower(mine, self._heard, self._lost, self._found)

    def _found(self) -> None:
        self._tell("The engine answers.")
        if self.follower.states.get(self.name, GONE) != GONE:
            self._read()
        self._show()

    def _lost(self, sentence: str) -> None:
        self._tell(sentence)

    def _heard(self, event: Event) -> None:
        self.events.append(str(event))
        self._show()
        if event.name == self.name and event.what == "start":
            self._read()

    def _read(self) -> None:
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        """The log from its beginning; it ends with the program, and another start finds another thread."""
        self.written = ""
        try:
            for piece in self.mine.log(self.name):
                if self._reader is not threading.current_thread():
                    return
                lines = f"{self.written}{piece}".splitlines(keepends=True)
                self.written = "".join(lines[-KEPT:])
                self._show()
        except Problem as problem:
            self._tell(str(problem))

    def _show(self) -> None:
        self._left.value = _listed("Events", "\n".join(self.events))
        self._right.value = _listed(f"Log of {self.name}", self.written)

    def _tell(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    def __repr__(self) -> str:
        return "\n".join([*self.events, self.written]).strip() or "nothing yet"

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        self.follower.start()
        box: Bundle = VBox([self._said, HBox([self._left, self._right])])._repr_mimebundle_()
        return {**box, "text/plain": repr(self)}


def _listed(heading: str, lines: str) -> str:
    label = escape(heading)
    return f'{STYLE}<p>{label}</p><pre class="cutaway-console" role="log" aria-label="{label}">{escape(lines)}</pre>'
