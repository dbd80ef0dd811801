"""Dials for a control group: they write its limits, and three curves show what its files say then.

What is drawn is read back from the group, its limits too; a dial only says what was asked for. The panel reads while
somebody uses it: from the first touch until a while after the last one. In print it shows what was read so far.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from ipywidgets import HTML, Checkbox, HBox, IntSlider, Layout, VBox

from cutaway.draw.tables import Table
from cutaway.ground.groups import Group
from cutaway.ground.meter import Meter, Reading
from cutaway.linux import CommandFailed
from cutaway.panels.stepper import button
from cutaway.problem import Problem

Bundle = dict[str, Any]  # what IPython shows: media type -> content

KEPT = 240  # readings
WATCHED_S = 180  # after the last touch
PERIOD_US = 100_000  # of cpu.max
MIB = 1 << 20
DIALS = ("memory.max", "cpu.max", "pids.max", "cgroup.freeze")
LOADS = {  # a button, what it explains, and the line of shell that it starts in the group
    "Start a loop": ("One process that computes for ever", "while :; do :; done"),
    "Take 8 MiB": ("A process that fills 8 MiB and keeps them", "(head -c 8M /dev/zero; exec sleep 1000) | tail"),
    "Start 5 sleepers": ("Five processes that only wait", "for each in 1 2 3 4 5; do sleep 1000 & done; wait"),
}

# --- The panel -------------------------------------------------------------


class Curve(NamedTuple):
    """One quantity over time, and what it may be at most; None where nothing limits it."""

    what: str
    values: Sequence[float]
    limit: float | None

    @property
    def now(self) -> str:
        """The last value and its limit, in figures."""
        return f"{self.what}: {self.values[-1]:.0f}, {self.limit_in_words}"

    @property
    def limit_in_words(self) -> str:
        """What it may be at most."""
        return "no limit" if self.limit is None else f"at most {self.limit:.0f}"


class DialPanel:
    """A group's limits to turn, loads to start in it, and curves of what it uses."""

    def __init__(self, group: Group) -> None:
        self.group, self.readings = group, deque([Reading.of(group)], maxlen=KEPT)
        self.meter = Meter(partial(Reading.of, group), self._heard, self._say)
        now = self.readings[-1]
        self.memory = _dial("memory.max, MiB", (now.memory_max_bytes or 128 * MIB) // MIB, 4, 128)
        self.processors = _dial("cpu.max, %", round(100 * (now.processors_max or 1)), 5, 100)
        self.processes = _dial("pids.max", now.processes_max or 40, 1, 40)
        self.frozen = Checkbox(now.frozen, description="cgroup.freeze", indent=False, layout=Layout(width="auto"))
        self._on(self.memory, "memory.max", lambda mib: f"{mib * MIB}")
        self._on(self.processors, "cpu.max", lambda percent: f"{percent * PERIOD_US // 100} {PERIOD_US}")
        self._on(self.processes, "pids.max", str)
        self._on(self.frozen, "cgroup.freeze", lambda on: f"{on:d}")
        self._view, self._said = HTML(self.svg, layout=Layout(width="100%")), HTML()

    def load(self, name: str) -> None:
        """Start one of LOADS in the group."""
        self.group.start(LOADS[name][1])

    def watch(self, for_s: float) -> None:
        """Read for so long, and come back."""
        self.meter.read(for_s)

    def _on(self, dial: Any, file: str, text: Callable[[Any], str]) -> None:
        """Write to the file whenever the dial is turned."""
        dial.observe(lambda change: self._write(file, text(change.new)), "value")

    def _write(self, file: str, text: str) -> None:
        self._touched(lambda: self.group.write(file, text), f"{text} was written into {file}.")

    def _start(self, name: str) -> None:
        self._touched(lambda: self.load(name), f"{name}: done.")

    def _end(self) -> None:
        self._touched(self.group.kill, "1 was written into cgroup.kill.")

    def _touched(self, deed: Callable[[], None], sentence: str) -> None:
        """Do what the reader asks for, say so or why not, and read for a while."""
        try:
            deed()
        except (CommandFailed, Problem) as refused:
            self._say(str(refused))
        else:
            self._say(sentence)
            self.meter.start(WATCHED_S)

    def _heard(self, reading: Reading) -> None:
        self.readings.append(reading)
        self._view.value = self.svg

    # --- Showing

    def _say(self, sentence: str) -> None:
        """Tell the reader, also one who listens: a status line is read out when it changes."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>'

    @property
    def curves(self) -> list[Curve]:
        """What was read, in the units of the dials."""
        return curves(list(self.readings))

    @property
    def svg(self) -> str:
        """The curves side by side."""
        return pictured(list(self.readings))

    def __repr__(self) -> str:
        said = self.group.look(DIALS)
        return repr(Table(("file", "says"), tuple((file, said[file]) for file in DIALS)))

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        dials = VBox([self.memory, self.processors, self.processes, self.frozen])
        starts = [button(name, LOADS[name][0], partial(self._start, name)) for name in LOADS]
        loads = VBox([*starts, button("End all", "Kill all that runs in the group", self._end)])
        box: Bundle = VBox([HBox([dials, loads], layout=WRAPPED), self._said, self._view])._repr_mimebundle_()
        return {**box, "image/svg+xml": self.svg, "text/plain": repr(self)}


WRAPPED = Layout(flex_flow="row wrap", grid_gap="0 2em")


def _dial(file: str, value: int, least: int, most: int) -> Any:
    wide = Layout(width="24em")
    return IntSlider(
        value, least, most, description=file, continuous_update=False, style={"description_width": "9em"}, layout=wide
    )


# --- Curves ----------------------------------------------------------------


def curves(readings: Sequence[Reading]) -> list[Curve]:
    """What was read, in the units of the dials."""
    last = readings[-1]
    busy = [0.0, *(100 * late.processors_since(early) for early, late in pairwise(readings))]
    memory_max = None if last.memory_max_bytes is None else last.memory_max_bytes / MIB
    busy_max = None if last.processors_max is None else 100 * last.processors_max
    return [
        Curve("memory, MiB", [each.memory_bytes / MIB for each in readings], memory_max),
        Curve("processor, %", busy, busy_max),
        Curve("processes", [each.processes for each in readings], last.processes_max),
    ]


def pictured(readings: Sequence[Reading]) -> str:
    """The curves of what was read, side by side as one picture."""
    ages_s, shown = [readings[-1].at_s - each.at_s for each in readings], curves(readings)
    shown_s = max(LEAST_S, min(MOST_S, ages_s[0]))
    label = "; ".join(curve.now for curve in shown) + ("; frozen" if readings[-1].frozen else "")
    return side_by_side([drawn(curve, ages_s, shown_s) for curve in shown], label)


# --- Drawing ---------------------------------------------------------------

WIDTH, HEIGHT, HEAD, FOOT, LEFT, RIGHT = 250, 130, 26, 18, 10, 16
LEAST_S, MOST_S = 3.0, 30.0  # of a curve that is shown
# The variables are JupyterLab's, so that the curves follow its theme; the values after them are for other pages.
PAPER, INK = "var(--jp-layout-color0, #ffffff)", "var(--jp-content-font-color1, #1c1c1c)"
AXIS = "var(--jp-border-color1, #8a8a8a)"
USED, LIMIT = "var(--jp-brand-color1, #1565c0)", "var(--jp-error-color1, #b3261e)"
FONT = "var(--jp-ui-font-family, Helvetica, Arial, sans-serif)"


def drawn(curve: Curve, ages_s: Sequence[float], shown_s: float) -> str:
    """The end of a curve, from 0 upwards, and its limit as a broken line."""
    highest = 1.15 * max(1.0, *curve.values, curve.limit or 0)
    right, bottom = WIDTH - RIGHT, HEIGHT - FOOT

    def down(value: float) -> float:
        return bottom - (bottom - HEAD) * value / highest

    places = [
        (right - (right - LEFT) * age_s / shown_s, down(value))
        for age_s, value in zip(ages_s, curve.values, strict=True)
        if age_s <= shown_s
    ]
    line = " ".join(f"{across:.1f},{height:.1f}" for across, height in places)
    broken = f'<path d="M {LEFT} {down(curve.limit or 0):.1f} H {right}" stroke="{LIMIT}" stroke-dasharray="5 4"/>'
    return (
        f'<text x="{LEFT}" y="16" fill="{INK}">{curve.now}</text>'
        f'<path d="M {LEFT} {HEAD} V {bottom} H {right}" fill="none" stroke="{AXIS}"/>'
        f"{broken if curve.limit is not None else ''}"
        f'<polyline points="{line}" fill="none" stroke="{USED}" stroke-width="2" stroke-linejoin="round"/>'
        f'<circle cx="{places[-1][0]:.1f}" cy="{places[-1][1]:.1f}" r="3" fill="{USED}"/>'
        f'<text x="{LEFT}" y="{HEIGHT - 4}" fill="{INK}" font-size="10">{shown_s:.0f} s ago</text>'
        f'<text x="{right}" y="{HEIGHT - 4}" fill="{INK}" font-size="10" text-anchor="end">now</text>'
    )


def side_by_side(drawings: Sequence[str], label: str) -> str:
    """Several drawings in one row, as one picture that can be read out."""
    width = WIDTH * len(drawings)
    placed = "".join(f'<g transform="translate({WIDTH * at} 0)">{each}</g>' for at, each in enumerate(drawings))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img" '
        f'style="width: 100%; max-width: {width}px; font: 12px {FONT}" aria-label="{escape(label)}">'
        f'<rect width="{width}" height="{HEIGHT}" rx="10" fill="{PAPER}"/>{placed}</svg>'
    )
