"""Exits, counted and plotted: for each run one bar, and in it a part for each reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cutaway.draw.tables import Table
from cutaway.hypervisor import Outcome, Reason

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Exits, counted"
LOOKS = {  # told apart by hatching as well as by colour
    Reason.PORT_WRITE: ("#4a7fb5", ""),
    Reason.PORT_READ: ("#a9c6e2", "//"),
    Reason.MEMORY_WRITE: ("#b5742c", ""),
    Reason.MEMORY_READ: ("#e3c49c", "\\\\"),
    Reason.HALT: ("#1d2b3a", ""),
    Reason.STEP: ("#9a9a9a", ".."),
}


class ExitPlot:
    """How often each of several guests came back, and why. Its plain form is a table."""

    def __init__(self, **runs: Outcome) -> None:
        self.exits: dict[str, Mapping[Reason, int]] = {
            name.replace("_", " "): outcome.exits for name, outcome in runs.items()
        }
        self.processors = {name.replace("_", " "): outcome.processor for name, outcome in runs.items()}

    @property
    def reasons(self) -> list[Reason]:
        """Those for which any of them came back."""
        return [reason for reason in Reason if any(reason in exits for exits in self.exits.values())]

    @property
    def table(self) -> Table:
        """One row for each run, with its processor and its counts."""
        rows = [
            (name, self.processors[name], *(str(exits.get(reason, 0)) for reason in self.reasons))
            for name, exits in self.exits.items()
        ]
        return Table(("guest", "ran on", *(reason.value for reason in self.reasons)), tuple(rows))

    def figure(self) -> Figure:
        """The drawing as a matplotlib figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.5, 1.2 + 0.5 * len(self.exits)), layout="constrained", facecolor="white")
        axes = figure.subplots()
        names = list(self.exits)
        left = [0] * len(names)
        for reason in self.reasons:
            colour, hatch = LOOKS[reason]
            counts = [self.exits[name].get(reason, 0) for name in names]
            axes.barh(names, counts, left=left, color=colour, hatch=hatch, edgecolor="white", label=reason.value)
            left = [before + count for before, count in zip(left, counts, strict=True)]
        for row, total in enumerate(left):
            axes.text(total, row, f" {total}", va="center")
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel("exits")
        axes.legend(ncols=len(self.reasons), loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
        return figure

    def svg(self) -> str:
        """The drawing as SVG text; the same runs give the same text."""
        from cutaway.measure import figures  # which brings all of SciPy, and most pages draw no such plot

        return figures.painted(self.figure(), TITLE, repr(self))

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from cutaway.measure import figures

        return figures.mimebundle(self.figure(), TITLE, repr(self))
