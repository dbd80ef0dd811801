"""Go through a guest one instruction at a time: its listing, its processor's registers, its memory, its exits.

A view over `cutaway.hypervisor.watch.Watch`, which steps the machine and keeps every moment; the panel only keeps
which one is shown. In print it is that one moment.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from cutaway.hypervisor import Computer, Mode
from cutaway.hypervisor.watch import Moment, Watch
from cutaway.panels.stepper import MOST_ROWS, WRAPPED, Line, button, held, numbered, part
from cutaway.panels.stepper import STYLE as STEPS

Bundle = dict[str, Any]  # what IPython shows: media type -> content

SHOWN = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rip")
DIGITS = {Mode.REAL: 4, Mode.PROTECTED: 8, Mode.LONG: 16, Mode.USER: 16}
GAP = re.compile(r" {2,}")  # before a comment; there is no room for it beside the registers
STYLE = f"""{STEPS}<style>@media (min-width: 701px) {{
  .cutaway-vcpu {{ grid-template-columns: minmax(0, 1fr) max-content max-content; }}
}}</style>"""  # registers and memory are read by columns, so only the listing may be broken
CHANGED = "*"  # beside a register that the last instruction changed


class VcpuPanel:
    """Buttons over one run of a guest: an instruction, to the next exit, to the end, and back."""

    def __init__(self, computer: Computer, at: int = 0) -> None:
        self.run, self.at = Watch(computer), 0
        self._view, self._said = HTML(layout=Layout(width="100%")), HTML()
        self._buttons = [
            button("Back to start", "Show the first instruction again", lambda: self.go(0)),
            button("Step back", "Show the instruction before this one", lambda: self.go(self.at - 1)),
            button("Step", "Carry out this instruction", lambda: self.go(self.at + 1)),
            button("To next exit", "Carry on until a device is asked", lambda: self.go(self.run.after_exit(self.at))),
            button("Run to end", "Carry out everything that is left", lambda: self.go(self.run.last())),
        ]
        self.go(at)

    @property
    def moment(self) -> Moment:
        """What is shown."""
        return self.run.moment(self.at)

    def go(self, at: int) -> None:
        """Show the moment after `at` instructions, or the nearest that there is."""
        self.run.moment(at)
        self.at = max(0, min(at, len(self.run.moments) - 1))
        self._view.value = self._on_page()
        self._said.value = f'<span role="status">{escape(self.sentence)}</span>'

    @property
    def sentence(self) -> str:
        """Where the processor is, what it runs on, and what the last instruction brought."""
        moment = self.moment
        brought = f"; the last one brought {moment.came}" if moment.came and moment.came.size else ""
        ended = f"; {moment.ended}" if moment.ended else ""
        return f"{self.at} instructions on {self.run.computer.on}, in {moment.mode.value}{brought}{ended}."

    # --- Showing -----------------------------------------------------------

    def __repr__(self) -> str:
        line = self.run.guest.at(self.moment.registers.rip)
        rows = [
            ("next", line.text if line and not self.moment.ended else ""),
            ("registers", "  ".join(self._registers())),
            *(("memory", row) for row in self._memory()),
            *(("exits", row) for row in self._exits()),
            ("serial port", self.moment.said),
        ]
        return "\n".join([self.sentence, *(f"  {name}: {text}" for name, text in rows if text)])

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        box: Bundle = VBox([HBox(self._buttons, layout=WRAPPED), self._said, self._view])._repr_mimebundle_()
        paper = f"<p>{escape(self.sentence)}</p>{self._on_page()}"
        return {**box, "text/html": paper, "text/plain": repr(self)}

    def _on_page(self) -> str:
        devices = [
            part(f"Memory at {self.run.memory_at:#x}", held(self._memory())),
            part("Exits so far", held(self._exits())),
            part("Serial port", held([self.moment.said] if self.moment.said else [])),
        ]
        columns = [
            part(f"Guest {self.run.guest.name}", numbered(self._listing())),
            f'<div class="held">{part("Registers", held(self._registers()))}</div>',
            f'<div class="held">{"".join(devices)}</div>',
        ]
        return f'{STYLE}<div class="cutaway-step cutaway-vcpu">{"".join(columns)}</div>'

    def _listing(self) -> list[Line]:
        """The lines of the guest; of a long one those round the next instruction."""
        lines, rip = self.run.guest.lines, self.moment.registers.rip
        here = next((at for at, line in enumerate(lines) if line.address == rip), len(lines) - 1)
        first = max(0, min(here - MOST_ROWS // 2, len(lines) - MOST_ROWS))
        shown = lines[first : first + MOST_ROWS]
        ended = self.moment.ended
        return [(f"{each.address:x}", GAP.sub("  ", each.text), each.address == rip and not ended) for each in shown]

    def _registers(self) -> list[str]:
        moment, digits = self.moment, DIGITS[self.moment.mode]
        values = ((name, getattr(moment.registers, name)) for name in SHOWN)
        return [f"{name} {value:0{digits}x}{CHANGED * (name in moment.changed)}" for name, value in values]

    def _memory(self) -> list[str]:
        rows = range(0, len(self.moment.memory), 8)
        return [f"{self.run.memory_at + row:x}  {self.moment.memory[row : row + 8].hex(' ')}" for row in rows]

    def _exits(self) -> list[str]:
        return [f"{count} {reason.value}" for reason, count in self.moment.exits.items()]
