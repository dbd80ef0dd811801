"""Switch each kind of namespace on and off, and see the same facts outside and inside.

Every change asks for a fresh child and ends it before it shows what the child saw, so nothing stays behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from ipywidgets import HTML, Checkbox, GridBox, Layout, Text, VBox

from cutaway.draw import Seen, View
from cutaway.draw.views import DECIDES
from cutaway.ground import sight
from cutaway.linux import CommandFailed, Kind

Bundle = dict[str, Any]  # what IPython shows: media type -> content

KINDS = tuple(map(Kind, DECIDES))  # in the order of the rows


class NamespacePanel:
    """Eight switches, a host name, and two views side by side; in print it says which tables are the child's own."""

    def __init__(self, kinds: Iterable[Kind] = (), hostname: str = "inner") -> None:
        start = set(kinds)
        self.switches = {kind: _switch(kind, kind in start) for kind in KINDS}
        self.hostname = Text(hostname, description="host name", continuous_update=False)
        self._view, self._said = HTML(), HTML()
        for control in (*self.switches.values(), self.hostname):
            control.observe(self._changed, "value")
        self._changed()

    @property
    def kinds(self) -> set[Kind]:
        """The kinds that are switched on."""
        return {kind for kind, switch in self.switches.items() if switch.value}

    def _changed(self, _change: object = None) -> None:
        if not self.kinds or Kind.USER in self.kinds:
            self._look()
            return
        self.switches[Kind.USER].value = True  # a change of its own, which looks
        if self._view.value:
            self._say("The kind user is on as well: it brings the right to make the others.")

    def _look(self) -> None:
        """Show what both sides see now, or say in a sentence why not."""
        try:
            outside, inside = sight.both_sides(self.kinds, self.hostname.value)
        except (OSError, CommandFailed) as refused:
            self._view.value = ""
            self._say(f"Nothing to see: {refused}")
        else:
            self._view.value = View(Seen(*outside), Seen(*inside)).html
            own = " ".join(kind.value for kind in KINDS if kind in self.kinds)
            self._say(f"Inside is a fresh child with its own {own}." if own else "Inside is a child that shares all.")

    def _say(self, sentence: str) -> None:
        """Show a sentence, which a screen reader reads out because it is a status."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    # --- Showing -----------------------------------------------------------

    def __repr__(self) -> str:
        return repr(self._on_paper())

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        four_in_a_row = Layout(grid_template_columns="repeat(4, max-content)", grid_gap="0 1.5em")
        switches = GridBox(list(self.switches.values()), layout=four_in_a_row)
        box: Bundle = VBox([switches, self.hostname, self._said, self._view])._repr_mimebundle_()
        return {**box, "text/html": self._on_paper().html, "text/plain": repr(self)}

    def _on_paper(self) -> View:
        """The state in words that are the same on every machine."""
        numbers = {kind.value: 0 for kind in KINDS}
        own = {kind.value for kind in self.kinds}
        inside = {kind: "its own" if kind in own else "the machine's" for kind in numbers}
        return View(
            Seen(numbers, dict.fromkeys(numbers, "the machine's")),
            Seen({kind: int(kind in own) for kind in numbers}, inside),
        )


def _switch(kind: Kind, on: bool) -> Checkbox:
    return Checkbox(on, description=f"{kind.value}: {DECIDES[kind.value]}", indent=False, layout=Layout(width="auto"))
