"""Ask the reader what will happen, before it happens; show the answer beside what did.

A prediction is worth making only before the experiment, and worth keeping until the page is read again:
it is written beside the lesson, in `.predictions.json`, under the key that the cell gives.
Where nobody answers (a page that is executed, printed, or read on a code host) the question stands there as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Button, Layout, RadioButtons, VBox

Bundle = dict[str, Any]  # what IPython shows: media type -> content

KEPT = ".predictions.json"  # in the folder in which the kernel was started: the reader's own


# --- What was predicted, what happened -------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A prediction beside what happened; `predicted` is None where nobody predicted."""

    happened: str
    predicted: str | None = None

    @property
    def lines(self) -> dict[str, str]:
        foreseen = {"You predicted": self.predicted} if self.predicted else {}
        return {**foreseen, "Outcome": self.happened}

    def __repr__(self) -> str:
        return "\n".join(f"{label}: {text}" for label, text in self.lines.items())

    def _repr_html_(self) -> str:
        rows = "".join(f'<tr><th scope="row">{a}</th><td>{escape(b)}</td></tr>' for a, b in self.lines.items())
        return f"<table>{rows}</table>"


# --- The question ----------------------------------------------------------


class Predict:
    """A question with its possible answers, for the reader to choose from before the experiment.

    Shown as the last value of a cell. `reveal` is called by the experiment's cell and never waits for a reader.
    """

    def __init__(self, question: str, options: Sequence[str], key: str) -> None:
        self.question, self.options, self.key = question, tuple(options), key
        self.folder = Path.cwd()
        self._answers = RadioButtons(options=self.options, layout=Layout(width="auto"), tooltip=question)
        self._answers.value = self.choice
        self._button = Button(description="Keep my prediction", layout=Layout(width="max-content"))
        self._said = HTML()
        self._button.on_click(lambda _: self._press())
        self._box = VBox([HTML(self._heading()), self._answers, self._button, self._said])
        self._say()

    @property
    def choice(self) -> str | None:
        """The answer that the reader kept, now or on an earlier day."""
        kept = _kept(self.folder).get(self.key)
        return kept if kept in self.options else None

    def commit(self, choice: str) -> None:
        """Keep this answer, in place of an earlier one."""
        if choice not in self.options:
            raise ValueError(f"predicting {choice!r}: the answers are {', '.join(self.options)}")
        kept = {**_kept(self.folder), self.key: choice}
        (self.folder / KEPT).write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")

    def reveal(self, happened: str) -> Outcome:
        """What happened, beside the reader's prediction where there is one."""
        return Outcome(happened, self.choice)

    # --- Showing -----------------------------------------------------------

    def __repr__(self) -> str:
        return "\n".join([f"Predict: {self.question}", *(f"  ( ) {option}" for option in self.options)])

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        widget: Bundle = self._box._repr_mimebundle_()
        return {**widget, "text/html": self._on_paper(), "text/plain": repr(self)}

    def _heading(self) -> str:
        question = re.sub(r"`(.+?)`", r"<code>\1</code>", escape(self.question))
        return f"<p><b>Predict.</b> {question}</p>"

    def _on_paper(self) -> str:
        answers = "".join(f"<li>{escape(option)}</li>" for option in self.options)
        return f"{self._heading()}<ul>{answers}</ul>"

    def _press(self) -> None:
        if self._answers.value is None:
            self._say("Choose one of the answers first.")
            return
        try:
            self.commit(self._answers.value)
        except OSError as refused:
            self._say(f"Your prediction could not be kept: writing {KEPT}: {refused.strerror}.")
        else:
            self._say()

    def _say(self, sentence: str = "") -> None:
        """Tell the reader, also one who listens: a status line is read out when it changes."""
        kept = f"Your prediction: {self.choice}." if self.choice else "Nothing predicted yet."
        self._said.value = f'<span role="status">{escape(sentence or kept)}</span>'


def _kept(folder: Path) -> dict[str, str]:
    """Every prediction kept in this folder; none where there is no such file or it is damaged."""
    try:
        kept = json.loads((folder / KEPT).read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
