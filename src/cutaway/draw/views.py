"""What two processes see through their namespaces, side by side: outside and inside.

    outside = Seen(namespaces={"uts": 4026531838}, sees={"uts": "laptop"})
    inside = Seen(namespaces={"uts": 4026532267}, sees={"uts": "inner"})
    View(outside, inside)

Given plain values: whoever looks (a panel, a lesson) brings them. A notebook shows a table, a terminal its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cutaway.draw.enclosures import Sharing
from cutaway.draw.tables import Table, html_table

Value = str | int | Sequence[str]

DECIDES = {  # what each kind of namespace decides, in the words of its row
    "uts": "host name",
    "user": "user id",
    "pid": "processes",
    "mnt": "mounts",
    "net": "links",
    "ipc": "message queues",
    "cgroup": "control group",
    "time": "seconds since boot",
}

# The variables are JupyterLab's, so that the table follows its theme; the values after them are for other pages.
STYLE = """<style>
.cutaway-view { border-collapse: collapse; font: 13px/1.5 var(--jp-ui-font-family, Helvetica, Arial, sans-serif);
  color: var(--jp-content-font-color1, #1c1c1c); background: var(--jp-layout-color0, #ffffff); max-width: 100%; }
.cutaway-view caption { text-align: left; padding: 4px 10px; font-weight: 600; }
.cutaway-view th, .cutaway-view td { text-align: left !important; vertical-align: top; padding: 5px 10px;
  border: 0 solid var(--jp-border-color1, #b5b5b5); border-bottom-width: 1px; }
.cutaway-view td:nth-child(3), .cutaway-view td:nth-child(4) { max-width: 22em; overflow-wrap: anywhere;
  font-family: var(--jp-code-font-family, Menlo, Consolas, "DejaVu Sans Mono", monospace); }
.cutaway-view td:last-child span { display: inline-block; padding: 0 8px; border-radius: 9px; }
.cutaway-view .shared { border: 1px dashed currentColor; }
.cutaway-view .private { border: 2px solid currentColor; font-weight: 600; }
@media (max-width: 480px) { .cutaway-view { font-size: 12px; }
  .cutaway-view th, .cutaway-view td, .cutaway-view td:last-child span { padding: 1px 3px; } }
</style>"""


@dataclass(frozen=True)
class Seen:
    """What one process sees: the number of its namespace of each kind, and what it sees through that one."""

    namespaces: Mapping[str, int]
    sees: Mapping[str, Value]


@dataclass(frozen=True)
class View:
    """Two processes' views beside each other; a kind that neither was asked for has no row."""

    outside: Seen
    inside: Seen
    names: tuple[str, str] = ("outside", "inside")

    @property
    def table(self) -> Table:
        """One row for each kind: what it decides, seen from outside and from inside, shared or private."""
        kinds = [kind for kind in DECIDES if kind in self.outside.sees or kind in self.inside.sees]
        return Table(("namespace", "decides", *self.names, "shared?"), tuple(map(self._row, kinds)))

    def mark(self, kind: str) -> str:
        """Whether both have the same namespace of this kind, by its number: shared, private or unknown."""
        numbers = {self.outside.namespaces.get(kind), self.inside.namespaces.get(kind)}
        if None in numbers:
            return "unknown"
        return str((Sharing.SHARED if len(numbers) == 1 else Sharing.PRIVATE).value)

    @property
    def html(self) -> str:
        """The table for a page, in the colours of its theme."""
        return STYLE + _marked(html_table(self.table, "What two processes see", "cutaway-view"))

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.html

    def _row(self, kind: str) -> tuple[str, ...]:
        return kind, DECIDES[kind], _text(self.outside, kind), _text(self.inside, kind), self.mark(kind)


def _text(seen: Seen, kind: str) -> str:
    value = seen.sees.get(kind, "unknown")
    return str(value) if isinstance(value, str | int) else "\n".join(value) or "none"


def _marked(html: str) -> str:
    """The last cell of each row as a mark: a dashed line for shared, a heavy one for private."""
    for mark in ("shared", "private"):
        html = html.replace(f"<td>{mark}</td></tr>", f'<td><span class="{mark}">{mark}</span></td></tr>')
    return html
