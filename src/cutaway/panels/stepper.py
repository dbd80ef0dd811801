"""Go through a Java method one instruction at a time: its source, its bytecode, and what the machine holds.

A view over `cutaway.jvm.watch.Watch`, which runs the method and keeps every moment; the panel only keeps which one
is shown. In print it is that one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from ipywidgets import HTML, Button, HBox, Layout, VBox

from cutaway.jvm.watch import Moment, Watch

Bundle = dict[str, Any]  # what IPython shows: media type -> content
Line = tuple[str, str, bool]  # its number, its text, whether the machine is there

MOST_ROWS = 25  # of the bytecode, with the instruction that comes next among them
HERE = "▶"

# The variables are JupyterLab's, so that the panel follows its theme; the values after them are for other pages.
STYLE = """<style>
.cutaway-step { display: grid; grid-template-columns: minmax(0, 12fr) minmax(0, 7fr) minmax(0, 8fr); gap: 0 1.2em;
  font: 13px/1.45 var(--jp-ui-font-family, Helvetica, Arial, sans-serif);
  color: var(--jp-content-font-color1, #1c1c1c); background: var(--jp-layout-color0, #ffffff); padding: 4px 8px; }
.cutaway-step h4 { font-size: 13px; font-weight: 600; margin: 4px 0; }
.cutaway-step ol { list-style: none; margin: 0 0 8px; padding: 0; min-height: 1.45em;
  font-family: var(--jp-code-font-family, Menlo, Consolas, "DejaVu Sans Mono", monospace); }
.cutaway-step li { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0 4px 0 5em; text-indent: -4.6em;
  border-left: 3px solid transparent; }
.cutaway-step li[aria-current] { font-weight: 600; border-left-color: currentColor;
  background: var(--jp-layout-color2, #e8e8e8); }
.cutaway-step .held li { padding-left: 1.2em; text-indent: -1.2em; }
.cutaway-step i { color: var(--jp-content-font-color2, #555555); }
@media (max-width: 700px) { .cutaway-step { grid-template-columns: minmax(0, 1fr); } }
</style>"""


class StepPanel:
    """Buttons over one run: an instruction, a line, to the end, and back."""

    def __init__(self, run: Watch, at: int = 0) -> None:
        self.run, self.at = run, 0
        self._view, self._said = HTML(layout=Layout(width="100%")), HTML()
        self._buttons = [
            button("Back to start", "Show the first instruction again", lambda: self.go(0)),
            button("Step back", "Show the instruction before this one", lambda: self.go(self.at - 1)),
            button("Step", "Carry out this instruction", lambda: self.go(self.at + 1)),
            button("Step over line", "Carry out the rest of this line, calls and all", self.over_line),
            button("Run to end", "Carry out everything that is left", lambda: self.go(self.run.last())),
        ]
        self.go(at)

    @property
    def moment(self) -> Moment:
        """What is shown."""
        return self.run.moment(self.at)

    def go(self, at: int) -> None:
        """Show that moment, counted from 0; where there is none, the nearest, and a sentence says so."""
        self.at = max(0, at)
        moment = self.moment
        beyond = self.at >= len(self.run.moments)
        self.at = min(self.at, len(self.run.moments) - 1)
        edge = " There is nothing before it." if at < 0 else " There is nothing after it." if beyond else ""
        self._view.value = on_page(moment, self.run.source)
        self._said.value = f'<span role="status">{escape(f"{self.at}: {sentence(moment)}.{edge}")}</span>'

    def over_line(self) -> None:
        """Show the moment at which the next line begins."""
        self.go(self.at + 1 if self.moment.ended else self.run.after_line(self.at))

    # --- Showing -----------------------------------------------------------

    def __repr__(self) -> str:
        return f"{self.at}: {in_words(self.moment, self.run.source)}"

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        box: Bundle = VBox([HBox(self._buttons, layout=WRAPPED), self._said, self._view])._repr_mimebundle_()
        paper = f"<p>{self.at}: {escape(sentence(self.moment))}.</p>{on_page(self.moment, self.run.source)}"
        return {**box, "text/html": paper, "text/plain": repr(self)}


WRAPPED = Layout(flex_flow="row wrap")


def button(label: str, explained: str, do: Callable[[], None]) -> Button:
    """A button as wide as its label."""
    made = Button(description=label, tooltip=explained, layout=Layout(width="max-content"))
    made.on_click(lambda _: do())
    return made


# --- One moment ------------------------------------------------------------


def sentence(moment: Moment) -> str:
    """Where the machine is, or how it ended."""
    if moment.ended:
        return moment.ended
    return f"{moment.method}, line {moment.line}, pc {moment.pc}, next is {moment.instruction}"


def in_words(moment: Moment, source: tuple[str, ...]) -> str:
    """The moment as lines of text."""
    line = source[moment.line - 1].strip() if moment.line and moment.line <= len(source) else ""
    rows = [
        ("source", line),
        ("operand stack", " | ".join(moment.stack) or "empty"),
        *((f"local {name}", value) for name, value in moment.locals),
        *(("frame", frame) for frame in moment.frames),
        ("printed", moment.output.rstrip("\n")),
    ]
    return "\n".join([sentence(moment), *(f"  {name}: {text}" for name, text in rows if text)])


def on_page(moment: Moment, source: tuple[str, ...]) -> str:
    """The moment for a page: source, bytecode, and what the machine holds, side by side."""
    holds = [
        part("Operand stack, top first", held(reversed(moment.stack))),
        part("Local variables", held(f"{name} = {value}" for name, value in moment.locals)),
        part("Frames, running one first", held(moment.frames)),
        part("Printed", held(moment.output.splitlines()[-6:])),
    ]
    columns = [
        part("Java source", numbered(_source(moment, source))),
        part(f"Bytecode of {moment.method}", numbered(_bytecode(moment))),
        f'<div class="held">{"".join(holds)}</div>',
    ]
    return f'{STYLE}<div class="cutaway-step">{"".join(columns)}</div>'


def part(title: str, items: str) -> str:
    """A list under its title."""
    return f"<div><h4>{escape(title)}</h4><ol>{items}</ol></div>"


def held(texts: Iterable[str]) -> str:
    """What a machine holds, one thing a line."""
    return "".join(f"<li>{escape(text)}</li>" for text in texts) or "<li><i>nothing</i></li>"


def numbered(lines: list[Line]) -> str:
    """Numbered lines, the one where the machine is marked by a sign, a bar and to a screen reader."""
    return "".join(map(_line, lines)) or held([])


def _line(line: Line) -> str:
    number, text, here = line
    opening = f'<li aria-current="step">{HERE}' if here else "<li> "
    return f"{opening} {number:>3} {escape(text)}</li>"


def _source(moment: Moment, source: tuple[str, ...]) -> list[Line]:
    """The lines of the method, as far as the source is at hand."""
    numbers = [row.line for row in moment.code if row.line is not None and row.line <= len(source)]
    if not numbers:
        return []
    first, last = max(1, min(numbers) - 1), min(len(source), max(numbers) + 1)
    margin = min((len(line) - len(line.lstrip()) for line in source[first - 1 : last] if line.strip()), default=0)
    return [(str(n), source[n - 1][margin:], n == moment.line) for n in range(first, last + 1)]


def _bytecode(moment: Moment) -> list[Line]:
    """The instructions of the method; of a long one those round the next."""
    here = next((at for at, row in enumerate(moment.code) if row.pc == moment.pc), len(moment.code) - 1)
    first = max(0, min(here - MOST_ROWS // 2, len(moment.code) - MOST_ROWS))
    return [(str(row.pc), row.text, row.pc == moment.pc) for row in moment.code[first : first + MOST_ROWS]]
