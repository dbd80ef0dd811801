"""A measurement as a drawing: trials as dots, outliers hollow, medians with intervals, predictions as diamonds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cutaway.measure import figures, statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cutaway.measure.trials import Measurement

TRIAL, MEDIAN, PREDICTED = "#4a7fb5", "#1d2b3a", "#b5542c"
WIDE = 20  # medians further apart than this are drawn on a logarithmic scale


class Plot:
    """Shown by Jupyter as a picture; its plain form and its alternative text are the measurement's table."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement

    def figure(self) -> Figure:
        """The drawing as a matplotlib figure, one row for each subject."""
        from matplotlib.figure import Figure

        subjects = list(self.measurement.trials)
        figure = Figure(figsize=(7.5, 1.1 + 0.55 * len(subjects)), layout="constrained", facecolor="white")
        axes = figure.subplots()
        for row, subject in enumerate(subjects):
            self._draw_row(axes, row, subject)
        self._label(axes, subjects)
        return figure

    def _draw_row(self, axes: Axes, row: int, subject: str) -> None:
        values = self.measurement.trials[subject]
        out, middle = statistics.outliers(values), self.measurement.median(subject)
        faces = ["none" if is_out else TRIAL for is_out in out]
        axes.scatter(values, [row] * len(values), s=26, facecolors=faces, edgecolors=TRIAL, alpha=0.7, zorder=2)
        axes.plot([middle.low, middle.high], [row, row], color=MEDIAN, linewidth=3, solid_capstyle="butt", zorder=3)
        axes.plot([middle.median] * 2, [row - 0.28, row + 0.28], color=MEDIAN, linewidth=2, zorder=3)
        if subject in self.measurement.prediction:
            axes.plot(self.measurement.prediction[subject], row, "D", color=PREDICTED, markersize=8, zorder=4)

    def _label(self, axes: Axes, subjects: list[str]) -> None:
        medians = [self.measurement.median(subject).median for subject in subjects]
        if max(medians) > WIDE * min(medians) > 0:
            axes.set_xscale("log")
        else:
            axes.set_xlim(left=0)
        axes.set_yticks(range(len(subjects)), subjects)
        axes.set_ylim(len(subjects) - 0.5, -0.5)
        axes.set_xlabel("seconds" + (" (diamond: predicted)" if self.measurement.prediction else ""))
        axes.set_title(self.measurement.title, loc="left", fontsize=11)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)

    def svg(self) -> str:
        """The drawing as SVG text; the same measurement gives the same text."""
        return figures.painted(self.figure(), self.measurement.title, repr(self))

    def __repr__(self) -> str:
        return repr(self.measurement)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return figures.mimebundle(self.figure(), self.measurement.title, repr(self))
