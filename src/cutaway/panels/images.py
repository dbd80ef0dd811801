"""The learner's images in an engine, one of them at a time, opened to its layers."""

from __future__ import annotations

from html import escape
from typing import Any

from ipywidgets import HTML, Button, Dropdown, HBox, Layout, VBox

from cutaway.ground import store
from cutaway.ground.engine import Engine, EngineGone
from cutaway.images.saved import Saved
from cutaway.panels.layers import LayerPanel
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

BASE = 1  # layers that come from the image named by FROM, as all of the course's do from one


class ImagePanel:
    """A choice among the images that bear the learner's label, and the layers of the one that was chosen.

    It reads and changes nothing. In print it is the layers of the image that it began with.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        there = store.names(engine)
        if name not in there:
            raise Problem(f"opening the image {name}: none of yours has that name; choose among {', '.join(there)}")
        self.choice = Dropdown(options=there, value=name, description="image", layout=Layout(width="auto"))
        self.again = Button(description="Look again", layout=Layout(width="auto"))
        self.again.on_click(lambda _: self.look())
        self.choice.observe(lambda _: self._open(), "value")
        self._said, self._place = HTML(), VBox()
        self._show(store.read(engine, name))
        self._on_paper = self.layers

    def look(self) -> None:
        """See which images there are now, and read the chosen one again."""
        try:
            there, chosen = store.names(self.engine), self.choice.value
        except EngineGone as problem:
            self._say(str(problem))
            return
        if there != [*self.choice.options]:
            self.choice.options = there  # which chooses the first
        if chosen in there:
            self.choice.value = chosen
        self._open()

    def _open(self) -> None:
        if self.choice.value is None:
            self._say("There is no image of yours here.")
            return
        try:
            self._show(store.read(self.engine, self.choice.value))
        except Problem as problem:
            self._say(str(problem))

    def _show(self, found: Saved) -> None:
        self.layers = LayerPanel(found.stack, BASE)
        self._place.children = (self.layers.box,)
        number = len(found.layers)
        self._say(f"{self.choice.value}, {found.digest[:19]}, {number} layer{'s' * (number != 1)}")

    def _say(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    def __repr__(self) -> str:
        return repr(self._on_paper)

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        box: Bundle = VBox([HBox([self.choice, self.again]), self._said, self._place])._repr_mimebundle_()
        paper = self._on_paper._repr_mimebundle_()
        return {**box, **{kind: paper[kind] for kind in ("text/html", "text/plain")}}
