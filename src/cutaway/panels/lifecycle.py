"""A learner's containers, live: the state that each is in, moved by buttons, and by whoever else moves it.

The panel asks nothing again and again: the engine tells what happens, to this page as to every other client. Each
button says its word in a thread of its own, so that `kill` can be said while `stop` still waits.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any

from ipywidgets import HTML, HBox, Layout, Select, Text, VBox

from cutaway.draw.render import image
from cutaway.draw.states import States
from cutaway.draw.tables import Table
from cutaway.ground import lifecycle, sides
from cutaway.ground.lifecycle import GONE, MOVES, WORDS, Event, Follower, Mine
from cutaway.panels.stepper import button
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

SLEEPS = "sleep 600"
TIPS = {
    "create": "Make a container; its program does not run yet",
    "start": "Let its program run",
    "pause": "Freeze all its processes where they are",
    "unpause": "Let them go on",
    "stop": f"Ask its program to end by SIGTERM; after {lifecycle.STOP_S} s, kill it",
    "kill": "End its program by SIGKILL",
    "restart": "Stop it and start it again",
    "rm": "Remove the container and what it has written; not while it runs",
}


class LifecyclePanel:
    """The state of one of the learner's containers in the diagram of all states, and a button for every word.

    A `name` and a `command` are those of the container that `create` makes. In print it is the diagram as it was when
    the page was run.
    """

    def __init__(self, mine: Mine, name: str = "mine", command: str | list[str] = SLEEPS) -> None:
        self.mine, self.command = mine, command
        self.name = Text(name, description="name", layout=Layout(width="18em"))
        self.chosen = Select(description="yours", rows=5, layout=Layout(width="24em"))
        self.words = {word: button(word, TIPS[word], partial(self.say, word)) for word in WORDS}
        self._said, self._view, self._sides = HTML(), HTML(), HTML()
        self.drawn = _states(name, GONE, "")
        self._on_paper = _states(name, mine.look(name).state, "")
        self.follower = Follower(mine, self._heard, self._lost, self._found)
        self._listing = False
        self.chosen.observe(lambda _: self._pick(), "value")

    # --- Acting

    def say(self, word: str) -> None:
        """Say a word to the engine of the container that is chosen; what comes of it, the engine's events will tell."""
        threading.Thread(target=self._say, args=[word, self._name(word)], daemon=True).start()

    def _say(self, word: str, name: str) -> None:
        self._tell(f"{word} {name} ...")
        try:
            if word == "create":
                self.mine.create(name, self.command)
            else:
                self.mine.do(word, name)
        except Problem as problem:
            self._tell(str(problem))

    def _name(self, word: str) -> str:
        return str(self.name.value if word == "create" else self.chosen.value or self.name.value)

    # --- Following

    def follow(self) -> None:
        """Follow the engine from now on."""
        self.follower.start()

    def _found(self) -> None:
        self._list()
        self._tell("The engine answers. What happens to your containers is shown here, whoever causes it.")
        self._show()

    def _lost(self, sentence: str) -> None:
        self._list()
        self._view.value = self._sides.value = ""
        self._tell(sentence)

    def _heard(self, event: Event) -> None:
        self._tell(f"{event}. It is {event.now} now.")
        if event.before != event.now:
            self._list(event)
            if event.name == self.chosen.value or event.now == GONE:
                self._show(event)

    def _list(self, event: Event | None = None) -> None:
        """Name the containers with their states; a new one is chosen, and else the choice stays."""
        kept = event.name if event and event.before == GONE else self.chosen.value or self.name.value
        states = dict(self.follower.states)
        self._listing = True
        with self.chosen.hold_sync():
            self.chosen.options = [(f"{name}: {state}", name) for name, state in states.items()]
            self.chosen.value = kept if kept in states else None
        self._listing = False

    def _pick(self) -> None:
        """The reader has chosen another one."""
        if not self._listing:
            self._show()

    # --- Showing

    def _show(self, event: Event | None = None) -> None:
        """Draw the chosen container's state; where it has just come from is known from an event."""
        name = event.name if event else self._name("start")
        now = self.follower.states.get(name, GONE)
        self.drawn = _states(name, now, event.before if event else "")
        with suppress(Problem):  # without Graphviz the words remain
            self._view.value = image(self.drawn, self.drawn.svg)
        self._sides.value = self._both_sides(name) if now == "running" else ""

    def _both_sides(self, name: str) -> str:
        try:
            rows = sides.both(self.mine, name).rows
        except Problem:
            return ""  # it has ended meanwhile, or has nothing to be asked with
        return Table((f"the first process of {name}", "seen from inside", "seen from the machine"), rows)._repr_html_()

    def _tell(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    def __repr__(self) -> str:
        return f"{self._on_paper.title}: {self._on_paper.now}\n{self._on_paper!r}"

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        self.follow()
        wrapped = Layout(flex_flow="row wrap")
        hint = HTML(f"In a terminal, <code>docker run --label {lifecycle.mark()} ...</code> makes one of yours.")
        above = HBox([self.name, self.chosen], layout=wrapped)
        buttons = HBox(list(self.words.values()), layout=wrapped)
        box: Bundle = VBox([above, buttons, self._said, self._view, self._sides, hint])._repr_mimebundle_()
        return {**box, **self._on_paper._repr_mimebundle_(), "text/plain": repr(self)}


def _states(name: str, now: str, before: str) -> States:
    return States(MOVES, now, before, title=f"The life of {name}")
