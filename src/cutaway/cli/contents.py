"""The page that opens first: every lesson and lab, where the reader stands, and where to go on.

It is Markdown that reads well anywhere. In JupyterLab, `jupyterlab/custom/custom.css` gives it its look, and the
extension beside that reads it anew whenever its tab comes to the front.
"""

from __future__ import annotations

from itertools import groupby

from cutaway.ground.progress import Standing, State, standings
from cutaway.ground.work import Handout, Work

PLACE = "notebooks/contents.md"
MARK = {State.NOT_YET: "○", State.BEGUN: "◐", State.DONE: "●", State.DAMAGED: "✕"}

HEAD = """\
<div class="cutaway-contents">

# Cutaway

See inside what runs your program.

![One program, four ways to run it: on bare metal, in an interpreter, in a virtual machine and in a container. What is
drawn round it is what stands between it and the hardware.](../diagrams/building.svg)

{way}

<label><progress value="{spent}" max="{minutes}"></progress> {remaining}</label>
"""

FOOT = """\
Run a page from the top. Where it asks you to predict, choose before you run the next cell.
A lesson is done when all its cells have run, a lab when its checks give every point.
What you change is yours and is never overwritten: in a terminal (File > New > Terminal), `cutaway reset NAME` gives you
a page as it was and keeps your version beside it.

</div>
"""


def write(work: Work) -> None:
    """Bring the contents page up to date; one that the reader has changed is kept aside first."""
    handout = Handout(PLACE, page(standings(work)).encode())
    with work.changing() as book:
        work.put_back(handout, book)


def page(units: list[Standing]) -> str:
    """The contents as Markdown."""
    minutes = sum(each.unit.minutes for each in units)
    spent = minutes - sum(each.minutes_left for each in units)
    head = HEAD.format(way=way(units), spent=spent, minutes=minutes, remaining=remaining(units))
    return "\n".join(
        [head, *(section(part, list(rows)) for part, rows in groupby(units, lambda each: each.unit.part)), FOOT]
    )


def way(units: list[Standing]) -> str:
    """The link to go on with: what was begun, else what comes next."""
    open_units = [each for each in units if each.state is not State.DONE]
    if not open_units:
        return "You have done all of it."
    chosen = next((each for each in open_units if each.state is State.BEGUN), open_units[0])
    verb = "Go on with" if any(each.state is not State.NOT_YET for each in units) else "Begin with"
    return f'<a class="cutaway-way" href="{_link(chosen)}">{verb} {title(chosen)}</a>'


def remaining(units: list[Standing]) -> str:
    """The minutes that are left, in all and on the short track."""
    short = _of([each for each in units if each.short_track])
    return f"{_of(units)} minutes remain ({short} on the short track)"


def _of(units: list[Standing]) -> str:
    return f"{sum(each.minutes_left for each in units)} of {sum(each.unit.minutes for each in units)}"


def title(standing: Standing) -> str:
    """The number and title of a lesson or lab."""
    return f"{'Lab ' if standing.is_lab else ''}{standing.unit.number} {standing.unit.title}"


def section(part: str, units: list[Standing]) -> str:
    """One part of the course as a table."""
    return "\n".join([f"## {part}", "", "| state | page | takes | notes |", "|:--|:--|--:|:--|", *map(_row, units), ""])


def _row(standing: Standing) -> str:
    notes = ["short track"] if standing.short_track else []
    if standing.newer:
        notes.append(f"a newer one is there: `cutaway reset {standing.unit.name}`")
    if standing.state is State.DAMAGED:
        notes.append(f"cannot be read: `cutaway reset {standing.unit.name}`")
    state = f"{MARK[standing.state]} {standing.state.value}"
    return (
        f"| {state} | [{title(standing)}]({_link(standing)}) | {standing.unit.minutes} minutes | {', '.join(notes)} |"
    )


def _link(standing: Standing) -> str:
    """From the contents page, which lies among the lessons."""
    return f"../{standing.place}" if standing.is_lab else standing.unit.path.name
