"""A machine for the eye: how it booted, and a console to it."""

from __future__ import annotations

from html import escape
from typing import Any

from ipywidgets import HTML, Button, HBox, Layout, SelectionSlider, Text, VBox

from cutaway.ground.guest.timeline import Stage, timeline
from cutaway.ground.machine import Machine
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

PATIENCE_S = 20
MOST = 20_000  # bytes, of the end of what was said: a command may never stop talking
NO_BOOT = "This machine did not boot: it goes on from a saved one, whose kernel was up."

# The variables are JupyterLab's, so that the panels follow its theme; the values after them are for other pages.
STYLE = """<style>
.cutaway-boot { border-collapse: collapse; font: 13px/1.5 var(--jp-ui-font-family, Helvetica, Arial, sans-serif);
  color: var(--jp-content-font-color1, #1c1c1c); background: var(--jp-layout-color0, #ffffff); width: 100%; }
.cutaway-boot th, .cutaway-boot td { text-align: left !important; padding: 2px 10px 2px 0; font-weight: normal; }
.cutaway-boot td.time { text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap; }
.cutaway-boot td.bar { width: 45%; }
.cutaway-boot td.bar div { height: 0.7em; background: var(--jp-brand-color1, #1565c0); min-width: 2px; }
.cutaway-boot tr.ahead { opacity: 0.35; }
.cutaway-console { font: 13px/1.45 var(--jp-code-font-family, Menlo, Consolas, "DejaVu Sans Mono", monospace);
  color: var(--jp-content-font-color1, #1c1c1c); background: none; flex: none;
  padding: 0; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.cutaway-console-end { display: flex; flex-direction: column-reverse; max-height: 24em; overflow: auto;
  padding: 6px 10px; background: var(--jp-layout-color2, #f5f5f5); }
</style>"""


class BootTimeline:
    """How a machine booted, stage by stage, on its own clock; a slider goes through it."""

    def __init__(self, guest: Machine) -> None:
        self.stages = timeline(guest.console())
        named = [(stage.what, number) for number, stage in enumerate(self.stages)] or [("none", 0)]
        self._slider = SelectionSlider(
            options=named, value=len(named) - 1, description="stage", readout=False, layout=Layout(width="98%")
        )
        self._view = HTML(layout=Layout(width="100%"))
        self._slider.observe(lambda _: self._show(), "value")
        self._show()

    def _show(self) -> None:
        self._view.value = drawn(self.stages, self._slider.value)

    def __repr__(self) -> str:
        return "\n".join(stage.what for stage in self.stages) or NO_BOOT

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        if not self.stages:
            return {"text/html": f"<p>{NO_BOOT}</p>", "text/plain": NO_BOOT}
        box: Bundle = VBox([self._slider, self._view])._repr_mimebundle_()
        return {**box, "text/html": drawn(self.stages, len(self.stages)), "text/plain": repr(self)}


def drawn(stages: list[Stage], upto: int) -> str:
    """A row for each stage: when, what, and a bar as long as the time until then.

    Of the stage that the slider is at, the kernel's own words stand below.
    """
    whole = max((stage.at_s for stage in stages), default=1) or 1
    rows = "".join(
        f'<tr{"" if number <= upto else " class=ahead"}><td class="time">{stage.at_s:.2f} s</td>'
        f'<th scope="row" title="{escape(stage.line)}">{escape(stage.what)}</th>'
        f'<td class="bar">{_bar(stage.at_s / whole) if number <= upto else "not yet"}</td></tr>'
        for number, stage in enumerate(stages)
    )
    words = _words(stages[upto]) if upto < len(stages) else ""
    return f'{STYLE}<table class="cutaway-boot"><tbody>{rows}</tbody></table>{words}'


def _words(stage: Stage) -> str:
    said = f"<code>{escape(stage.line)}</code>"
    return f'<p role="status">{stage.at_s:.2f} s, {escape(stage.what)}. The kernel said: {said}</p>'


def _bar(share: float) -> str:
    return f'<div style="width: {100 * share:.0f}%"></div>'


class ConsolePanel:
    """A line for commands to a machine, and what they said; in print, what was said so far."""

    def __init__(self, guest: Machine, first: str = "uname -a") -> None:
        self.guest, self.said = guest, ""
        self.line = Text(first, description="root:", layout=Layout(flex="1 1 auto", min_width="0"))
        tooltip = "Run this line in the machine, as root"
        button = Button(description="Run", tooltip=tooltip, layout=Layout(width="max-content", flex="none"))
        self._view = HTML(layout=Layout(width="100%"))
        self._controls = HBox([self.line, button])
        button.on_click(lambda _: self.run())
        self.line.on_msg(lambda _, told, __: self.run() if told.get("event") == "submit" else None)  # the Enter key
        self.run()

    def run(self) -> None:
        """Run the line that stands there, and show it with its answer."""
        self._say(f"# {self.line.value}\n")
        self._say(self._answer(self.line.value))

    def _answer(self, line: str) -> str:
        said = bytearray()

        def hear(data: bytes) -> None:
            said.extend(data)
            del said[:-MOST]

        try:
            status = self.guest.converse(["sh", "-c", f"exec 2>&1; {line}"], None, hear, hear, PATIENCE_S)
            ended = f"still running after {PATIENCE_S} s; killed" if status is None else f"status {status}"
        except Problem as problem:
            status, ended = None, str(problem)
        text = said.decode(errors="replace").rstrip()
        return "\n".join(each for each in (text, "" if status == 0 else f"({ended})") if each) + "\n"

    def _say(self, text: str) -> None:
        """Add it, and show the end of all that was said."""
        self.said = (self.said + text)[-MOST:]
        log = f'<pre class="cutaway-console" role="log">{escape(self.said)}</pre>'
        self._view.value = f'{STYLE}<div class="cutaway-console-end">{log}</div>'

    def __repr__(self) -> str:
        return self.said.rstrip()

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        box: Bundle = VBox([self._controls, self._view])._repr_mimebundle_()
        return {**box, "text/html": self._view.value, "text/plain": repr(self)}
