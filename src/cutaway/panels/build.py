"""A build as it goes: its Dockerfile to be edited, each step with what became of it, and how far it is."""

from __future__ import annotations

from html import escape
from typing import Any

from ipywidgets import HTML, Button, Checkbox, HBox, IntProgress, Layout, Textarea, VBox

from cutaway.draw.tables import Table
from cutaway.ground import building
from cutaway.ground.building import Build, Files, How
from cutaway.ground.engine import Engine
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

SHOWN_LINES = 3  # of what a step printed, the last


class BuildPanel:
    """Builds `files` as the image `name`, when its button says so or `build` is called; in print, the steps as a table.

    What is typed into the Dockerfile counts from the next build on.
    """

    def __init__(self, engine: Engine, files: Files, name: str) -> None:
        self.engine, self.files, self.name = engine, dict(files), name
        self.built = Build()
        text = str(files["Dockerfile"])
        height = f"{1.5 * (text.count(chr(10)) + 2):g}em"
        self.dockerfile = Textarea(text, layout=Layout(width="100%", height=height), description="Dockerfile")
        self.dockerfile.add_class("jp-mod-monospace")
        self.anew = Checkbox(False, description="without the cache", indent=False)
        self.button = Button(description=f"Build {name}", layout=Layout(width="auto"))
        self.button.on_click(lambda _: self.build())
        self._bar = IntProgress(0, layout=Layout(width="100%"))
        self._view, self._said = HTML(), HTML()
        self._show()

    def build(self) -> None:
        """Build, and show each step as it comes."""
        files = {**self.files, "Dockerfile": self.dockerfile.value}
        self.button.disabled = True
        try:
            for built in building.following(self.engine, files, self.name, cache=not self.anew.value):
                self.built = built
                self._show()
        except Problem as problem:
            self._say(str(problem))
        finally:
            self.button.disabled = False

    def _show(self) -> None:
        self._bar.max, self._bar.value = max(1, self.built.number), len(self.built.steps)
        self._view.value = table(self.built)._repr_html_() if self.built.steps else ""
        self._say(summary(self.built))

    def _say(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    def __repr__(self) -> str:
        return f"{table(self.built)!r}\n{summary(self.built)}"

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        controls = HBox([self.button, self.anew])
        box: Bundle = VBox([self.dockerfile, controls, self._bar, self._said, self._view])._repr_mimebundle_()
        print_ = f"{table(self.built)._repr_html_()}<p>{escape(summary(self.built))}</p>"
        return {**box, "text/html": print_, "text/plain": repr(self)}


def table(built: Build) -> Table:
    """Each step in a row: its number, the instruction, what became of it, and the last of what it printed."""
    rows = (
        (str(number), step.instruction, step.how.value, "\n".join(step.said[-SHOWN_LINES:]))
        for number, step in enumerate(built.steps, 1)
    )
    return Table(("step", "instruction", "", "it printed"), tuple(rows))


def summary(built: Build) -> str:
    """How far it is, in a sentence."""
    if built.error:
        return f"Failed: {built.error}"
    if not built.steps:
        return "Not built yet."
    ran, cached = built.count(How.RAN), built.count(How.CACHE)
    return f"{len(built.steps)} of {built.number} steps: {ran} ran, {cached} from the cache."
