"""Take capabilities and system calls from a box, one by one, and see which of its commands still work.

Every change asks for a fresh box and ends it before it shows what became of the commands, so nothing stays behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from ipywidgets import HTML, Checkbox, GridBox, Layout, VBox

from cutaway.draw.tables import Table
from cutaway.ground import allowance
from cutaway.ground.allowance import CALLS, GAINING
from cutaway.linux import CommandFailed
from cutaway.linux.powers import POWERS

Bundle = dict[str, Any]  # what IPython shows: media type -> content

CAPABILITIES = tuple(power.capability for power in POWERS)
TAKES = {**{power.line: f"CAP_{power.capability}" for power in POWERS}, GAINING: "a program that is marked"}


class PrivilegePanel:
    """A switch for each capability, for no_new_privs and for some system calls; in print, what the box was given."""

    def __init__(self, without: Iterable[str] = (), refused_calls: Iterable[str] = (), *, gaining: bool = True) -> None:
        lost, refused = set(without), set(refused_calls)
        self.capabilities = {name: _switch(f"CAP_{name}", name not in lost) for name in CAPABILITIES}
        self.calls = {name: _switch(name, name not in refused) for name in CALLS}
        self.no_new_privs = _switch("no_new_privs", not gaining)
        self._view, self._said = HTML(), HTML()
        for switch in (*self.capabilities.values(), *self.calls.values(), self.no_new_privs):
            switch.observe(self._look, "value")
        self._look()

    @property
    def without(self) -> set[str]:
        """The capabilities that the box lacks."""
        return {name for name, switch in self.capabilities.items() if not switch.value}

    @property
    def refused_calls(self) -> set[str]:
        """The system calls that its filter refuses."""
        return {name for name, switch in self.calls.items() if not switch.value}

    def _look(self, _change: object = None) -> None:
        """Show what becomes of every command now, or say in a sentence why nothing can be shown."""
        gaining = not self.no_new_privs.value
        try:
            answers = allowance.answers(self.without, self.refused_calls, gaining=gaining)
        except (OSError, CommandFailed) as refused:
            self._view.value = ""
            self._say(f"Nothing to see: {refused}")
            return
        rows = tuple((f"`{line}`", TAKES[line], _word(answer)) for line, answer in answers.items())
        self._view.value = Table(("in the box", "takes", "result"), rows)._repr_html_()
        working = sum(answer.worked for answer in answers.values())
        self._say(f"{working} of {len(answers)} commands work. {self._given()}")

    def _given(self) -> str:
        """In a sentence, what the box lacks."""
        lost = [f"CAP_{name}" for name in CAPABILITIES if name in self.without]
        refused = [f"the call {name}" for name in CALLS if name in self.refused_calls]
        filtered = ["gains nothing, as it has a filter"] if refused else []
        kept = ["gains nothing, as no_new_privs is on"] if self.no_new_privs.value else filtered
        lacks = [f"without {', '.join([*lost, *refused])}"] if lost or refused else ["with all that there is"]
        return f"The box is {' and '.join([*lacks, *kept])}."

    def _say(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    # --- Showing -----------------------------------------------------------

    def __repr__(self) -> str:
        return f"{self._given()}\n{self._on_paper()!r}"

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        box: Bundle = VBox([
            HTML("<b>capabilities that the box has</b>"), _grid(self.capabilities.values(), 3),
            HTML("<b>system calls that its filter lets pass</b>"), _grid(self.calls.values(), 4),
            HTML("<b>a switch that stays on</b>"), self.no_new_privs, self._said, self._view,
        ])._repr_mimebundle_()  # fmt: skip
        return {**box, "text/html": self._on_paper()._repr_html_(), "text/plain": repr(self)}

    def _on_paper(self) -> Table:
        """Which switches are on, in words that are the same on every machine."""
        held = {name: "lacks" if name in self.without else "has" for name in CAPABILITIES}
        rows = [(power.line, f"CAP_{power.capability}", held[power.capability]) for power in POWERS]
        return Table(("in the box", "takes", "which it"), tuple(rows))


def _word(answer: allowance.Answer) -> str:
    return "works" if answer.worked else f"refused: {answer.said}" if answer.said else "gains nothing"


def _grid(switches: Iterable[Checkbox], columns: int) -> GridBox:
    layout = Layout(grid_template_columns=f"repeat({columns}, max-content)", grid_gap="0 1.5em")
    return GridBox(list(switches), layout=layout)


def _switch(name: str, on: bool) -> Checkbox:
    return Checkbox(on, description=name, indent=False, layout=Layout(width="auto"))
