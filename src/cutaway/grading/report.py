"""A class's results for its teacher: one content, shown in a terminal, as a page or as a notebook.

Each part of the report is a `Section`: a sentence, perhaps a drawing, and a table that says the same as the drawing.
The page is made of them, and the notebook's cells show them. Reading order: sections, the drawings, page and notebook.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from subprocess import DEVNULL
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cutaway.draw.tables import Table, html_table
from cutaway.grading import nbcourse, outcomes, pages
from cutaway.grading.outcomes import Cause, Outcomes, Question
from cutaway.measure import figures
from cutaway.problem import Problem, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = 10  # at most, of the distribution
MOST_CAUSES, MOST_NAMED, MOST_SLOW = 40, 6, 10
CELL_S = 600  # of the notebook
INK, BAR = "#1d2b3a", "#4a7fb5"
LEFT = 'style="text-align:left"'  # in each cell: JupyterLab sets tables to the right
ALONE = "It quotes tests that students were not given: keep it to yourself."

# --- Sections --------------------------------------------------------------


@dataclass(frozen=True)
class Drawing:
    """Bars, each with its name and its length in `unit`; `upright` or lying."""

    title: str
    names: tuple[str, ...]
    lengths: tuple[float, ...]
    unit: str
    upright: bool = False

    def figure(self, face: str = "white") -> Figure:
        """The bars as a matplotlib figure."""
        from matplotlib.figure import Figure

        height = 2.6 if self.upright else 0.9 + 0.32 * len(self.names)
        figure = Figure(figsize=(7.5, height), layout="constrained", facecolor=face)
        axes = figure.subplots()
        axes.set_facecolor(face)
        places = range(len(self.names))
        if self.upright:
            axes.bar(places, self.lengths, color=BAR, width=0.9)
            axes.set_xticks(places, self.names)
            axes.set_ylabel(self.unit)
        else:
            axes.barh(places, self.lengths, color=BAR, height=0.7)
            axes.set_yticks(places, self.names)
            axes.set_ylim(len(self.names) - 0.5, -0.5)
            axes.set_xlim(0, 100)
            axes.set_xlabel(self.unit)
        self._plain(axes)
        return figure

    def _plain(self, axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.spines[["top", "right"]].set_visible(False)
        for spine in axes.spines.values():
            spine.set_color(INK)
        axes.tick_params(colors=INK, length=0 if self.upright else 3)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        if self.upright:
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))

    @property
    def words(self) -> str:
        """The same for those who do not see it."""
        return "; ".join(f"{name}: {length:.0f}" for name, length in zip(self.names, self.lengths, strict=True))

    def inline(self) -> str:
        """For a page: its ink is that of the text round it."""
        painted = figures.painted(self.figure("none"), self.title, self.words)
        svg = re.sub(r' id="[a-z]+_\d+"', "", painted[painted.index("<svg") :]).replace(INK, "currentColor")
        words = pages.safe(f"{self.title}, {self.unit}: {self.words}")
        return svg.replace("<svg", f'<svg role="img" aria-label="{words}"', 1)


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    title: str
    said: str
    table: Table | None = None
    drawing: Drawing | None = None

    def __repr__(self) -> str:
        return "\n".join(filter(None, [self.said, repr(self.table) if self.table else ""]))

    def _repr_html_(self) -> str:
        """For a notebook, whose page has colours of its own, and drops a style sheet until somebody trusts it."""
        drawn = self.drawing
        picture = figures.mimebundle(drawn.figure(), drawn.title, drawn.words)["text/html"] if drawn else ""
        table = re.sub(r"<(td|th)\b", rf"<\1 {LEFT}", html_table(self.table)) if self.table else ""
        return f"{pages.paragraph(self.said)}{picture}{table}"

    def html(self) -> str:
        """For a page."""
        picture = f'<div class="wide">{self.drawing.inline()}</div>' if self.drawing else ""
        table = f'<div class="wide">{html_table(self.table)}</div>' if self.table else ""
        return f"<section><h2>{pages.safe(self.title)}</h2>{pages.paragraph(self.said)}{picture}{table}</section>"


@dataclass(frozen=True, repr=False)
class Report:
    """The results of one assignment, section by section."""

    found: Outcomes

    @classmethod
    def of(cls, course: str | Path, assignment: str) -> Report:
        """The report of an assignment that has been graded."""
        return cls(outcomes.gathered(nbcourse.Course(Path(course)), assignment))

    def sections(self) -> Iterator[Section]:
        """All of it, in order."""
        yield from (getattr(self, name) for name in SECTIONS)

    def __repr__(self) -> str:
        return "\n\n".join(f"{each.title}\n\n{each!r}" for each in self.sections())

    # --- What it says ------------------------------------------------------

    @property
    def overview(self) -> Section:
        """How many, and how well."""
        scores, students = self.found.scores, self.found.students
        rows = [
            ("graded", f"{len(students)}"),
            ("with a mark", f"{len(scores)}"),
            ("points possible", _number(self.found.points)),
            ("mean", _number(fmean(scores)) if scores else "-"),
            ("median", _number(median(scores)) if scores else "-"),
            ("lowest and highest", f"{_number(min(scores))} and {_number(max(scores))}" if scores else "-"),
            ("marks that a person has yet to give", f"{sum(each.waiting for each in self.found.questions)}"),
            ("handed in and not graded yet", _names(self.found.not_graded)),
            ("known to the gradebook, handed nothing in", _names(self.found.not_handed_in)),
        ]
        said = "Scores are the gradebook's: marks by hand and lateness count."
        return Section("Overview", said, Table(("", self.found.assignment), tuple(rows)))

    @property
    def distribution(self) -> Section:
        """How many have which score."""
        scores, names, counts = self.found.scores, *_bins(self.found)
        if not scores:
            return Section("Scores", "Nobody has a mark yet.")
        drawing = Drawing("How many students have which score", names, counts, "students", upright=True)
        rows = tuple((name, f"{count:.0f}") for name, count in zip(names, counts, strict=True))
        said = f"{len(scores)} scores of {_number(self.found.points)} points; a bar begins at its first number."
        return Section("Scores", said, Table(("points", "students"), rows), drawing)

    @property
    def questions(self) -> Section:
        """How hard each question was."""
        asked = [each for each in self.found.questions if each.share is not None]
        drawing = None
        if asked:
            shares = tuple(100 * (each.share or 0.0) for each in asked)
            names = tuple(_drawn(each.name) for each in asked)
            drawing = Drawing("The share of its points that each question gave", names, shares, "percent of the points")
        headed = len({each.heading for each in self.found.questions}) > 2  # one says nothing, and one is for the rest
        rows = tuple(_question(each, headed) for each in self.found.questions)
        head = ("question", "points", "mean share", "all of it", "nothing", "waiting")
        marked = [each for each in asked if not each.waiting]
        hardest = min(marked, key=lambda each: each.share or 0.0, default=None)
        said = f"The hardest was {hardest.name}." if hardest else "No question has all of its marks yet."
        return Section("Questions", said, Table(head, rows), drawing)

    @property
    def causes(self) -> Section:
        """What went wrong, the most frequent first."""
        found = self.found.causes()
        rows = tuple(map(_cause, found[:MOST_CAUSES]))
        more = f" The {MOST_CAUSES} most frequent of {len(found)} are shown." if len(found) > MOST_CAUSES else ""
        said = f"{len(found)} ways to go wrong.{more} {ALONE}" if found else "Nothing failed."
        head = ("question or cell", "what went wrong", "in the test", "students", "who")
        return Section("What went wrong", said, Table(head, rows) if rows else None)

    @property
    def slowest(self) -> Section:
        """Whose submissions took longest."""
        timed = sorted((each for each in self.found.students if each.seconds), key=lambda each: -each.seconds)
        if not timed:
            return Section("Slowest", "No times were recorded; `cutaway grade --force` records them.")
        middle = median(each.seconds for each in timed)
        rows = tuple((printable(each.student), f"{each.seconds:.1f} s") for each in timed[:MOST_SLOW])
        said = f"By the clock on the wall, beside whatever else ran. Half of them took less than {middle:.1f} s."
        return Section("Slowest", said, Table(("student", "took"), rows))

    @property
    def flagged(self) -> Section:
        """What a person should look at."""
        students = self.found.students
        times = Counter(flag for each in students for flag in each.flags)
        usual = {flag: count for flag, count in times.items() if count > max(MOST_NAMED, len(students) / 2)}
        own = [(each, [flag for flag in each.flags if flag not in usual]) for each in students]
        rows = tuple(
            (printable(each.student), "no mark" if each.score is None else _number(each.score),
             "\n".join(map(printable, flags)))
            for each, flags in own if flags or each.score is None
        )  # fmt: skip
        said = [f"Of {count} submissions, and not said again: {printable(flag)}." for flag, count in usual.items()]
        said += [f"{len(rows)} of {len(students)} submissions."] if rows else []
        table = Table(("student", "score", "noticed"), rows) if rows else None
        return Section("Flagged", " ".join(said) or "Nothing was noticed.", table)


SECTIONS = ("overview", "distribution", "questions", "causes", "slowest", "flagged")


def _bins(found: Outcomes) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The first score of each bar, and how many lie in it; the last holds whatever is more."""
    top = max(found.points, 1.0)
    width = math.ceil(top / BARS) if top > BARS else 1
    starts = range(0, math.ceil(top), width)
    counts = [0.0] * len(starts)
    for score in found.scores:
        counts[min(int(score // width), len(counts) - 1)] += 1
    last = f"{starts[-1]}–{_number(top)}"
    return (*(f"{start}" for start in starts[:-1]), last), tuple(counts)


def _cause(each: Cause) -> tuple[str, ...]:
    stopped, kind = ("stopped: " if each.kind.startswith("stopped: ") else ""), each.kind.removeprefix("stopped: ")
    said = each.example if each.example.startswith(kind) else "\n".join(filter(None, [kind, each.example]))
    line = f"`{each.line}`" if each.line and "`" not in each.line else each.line
    return each.question, f"{stopped}{said}", line, f"{len(each.students)}", _names(each.students)


def _question(each: Question, headed: bool) -> tuple[str, ...]:
    name = f"{each.name}\n{each.heading}" if each.heading and headed else each.name
    share = "-" if each.share is None else f"{each.share:.0%}"
    return name, _number(each.points), share, f"{each.whole}", f"{each.nothing}", f"{each.waiting}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(printable, names[:MOST_NAMED]))
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown or "-"


def _drawn(name: str) -> str:
    """A name as matplotlib writes it: no part of it is a formula."""
    return name.replace("$", r"\$")


# --- As a page, and as a notebook ------------------------------------------


def page(report: Report) -> bytes:
    """The report as one HTML file."""
    title = f"{report.found.assignment}: how the class did"
    return pages.page(title, "".join(each.html() for each in report.sections()))


def notebook(course: Path, assignment: str) -> dict[str, Any]:
    """The same as a notebook that has been run: its cells make the report anew whenever they are run again."""
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import run_sync
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError

    made: Callable[..., Any] = nbformat.v4.new_notebook
    set_up = (
        f"from cutaway.grading.report import Report\n\nreport = Report.of({str(course.resolve())!r}, {assignment!r})"
    )
    cells = [
        nbformat.v4.new_markdown_cell(f"# {assignment}: how the class did", id="title"),
        nbformat.v4.new_code_cell(set_up, id="set-up"),
    ]
    for name in SECTIONS:
        title = name.capitalize()
        cells.append(nbformat.v4.new_markdown_cell(f"## {title}", id=f"{name}-title"))
        cells.append(nbformat.v4.new_code_cell(f"report.{name}", id=name))
    python = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    page = made(cells=cells, metadata={"kernelspec": python})  # else JupyterLab asks which kernel to start
    with TemporaryDirectory(prefix="cutaway-") as folder:  # sockets in it: a port that was free may be taken by now
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
        try:
            NotebookClient(page, km=manager, timeout=CELL_S).execute(stdout=DEVNULL, stderr=DEVNULL)
        except (DeadKernelError, AssertionError) as error:  # nbclient cleans up a dead kernel by tripping over it
            raise Problem(
                f"running the notebook on {assignment!r}: its kernel ended; is memory short? Try again"
            ) from error
        finally:
            run_sync(manager.shutdown_kernel)(now=True)
    return dict(page)
