"""What a drawing says: enclosures one inside the other, who shares them, and the arrows between them.

    web = private(container("web", process("nginx")))
    database = private(container("database", process("MariaDB")))
    Drawing(
        hardware(shared(kernel(web, database))),
        title="Two containers",
        description="Two containers on one kernel; the first asks the second through a port.",
        arrows=[Arrow(web, "port 3306", database)],
    )

A string in an enclosure is a line of text in its box; the first names it. Everything else in it lies inside.
Reading order: kinds, enclosures, the vocabulary, drawings. Then `text`, `roads`, `layout` and `page` give each
box and arrow its place, and `render` paints them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from cutaway.draw.tables import Table

# --- Kinds -----------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """What a kind of enclosure is, and its one colour: `fill` for the box, `ink` for its line and its word."""

    meaning: str
    fill: str
    ink: str


class Kind(Enum):
    """The kinds of enclosure that a drawing may show; the value is the word that stands in the box."""

    HARDWARE = "hardware"
    HYPERVISOR = "hypervisor"
    KERNEL = "kernel"
    GUEST_KERNEL = "guest kernel"
    ENGINE = "engine"
    CONTAINER = "container"
    NAMESPACE = "namespace"
    GROUP = "control group"
    LINK = "link"
    PROCESS = "process"
    INTERPRETER = "interpreter"
    PROGRAM = "program"
    COLUMN = "column"  # no layer, and so no box: what stands one above the other


LAYERS = {
    Kind.HARDWARE: Layer("processors, memory, disks, network", "#E6E9ED", "#44505E"),
    Kind.HYPERVISOR: Layer("makes one machine look like several", "#E8E0F4", "#65399B"),
    Kind.KERNEL: Layer("shares the hardware out among programs", "#DAE7F6", "#1B5592"),
    Kind.GUEST_KERNEL: Layer("a second kernel, on a machine that a hypervisor shows it", "#D2EEF0", "#0B6370"),
    Kind.ENGINE: Layer("makes and keeps containers", "#F8DFDB", "#9C3527"),
    Kind.CONTAINER: Layer("processes with private views of one kernel", "#DBEEDD", "#276A33"),
    Kind.NAMESPACE: Layer("what some processes share of what a kernel has once", "#EDF0CF", "#585F10"),
    Kind.GROUP: Layer("processes that the kernel counts and limits together", "#F6E0EC", "#8C2560"),
    Kind.LINK: Layer("what data goes out and comes in by", "#ECE0D6", "#5E3A20"),
    Kind.PROCESS: Layer("a running program, as its kernel knows it", "#FFFFFF", "#2A3441"),
    Kind.INTERPRETER: Layer("carries out another program's instructions", "#FBEAC4", "#7E5200"),
    Kind.PROGRAM: Layer("the instructions themselves", "#FFFBEF", "#5B5648"),
}


class Sharing(Enum):
    """Whether others use the same one: told by a word and by the line, dashed for shared and heavy for private."""

    SHARED = "shared"
    PRIVATE = "private"


def _printable(line: str) -> str:
    """A line as a drawing can hold it: names in /proc may contain control characters, which XML forbids."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


# --- Enclosures ------------------------------------------------------------


@dataclass(frozen=True)
class Enclosure:
    """One layer, drawn as a box round what it contains; `columns` is how many boxes stand in one row inside."""

    kind: Kind
    label: str = ""
    details: tuple[str, ...] = ()
    inside: tuple[Enclosure, ...] = ()
    sharing: Sharing | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", _printable(self.label))
        object.__setattr__(self, "details", tuple(map(_printable, self.details)))

    @property
    def name(self) -> str:
        """The kind and what it is called: `container web`."""
        return f"{self.kind.value} {self.label}".rstrip()

    @property
    def edges(self) -> list[str]:
        """What contains what, here and further in: `kernel > container web`."""
        direct = [] if self.kind is Kind.COLUMN else [f"{self.name} > {each.name}" for each in self.inside]
        return direct + [edge for each in self.inside for edge in each.edges]

    def outline(self, depth: int = 0) -> Iterator[str]:
        """One line for each enclosure, indented by how far in it lies."""
        if self.kind is Kind.COLUMN:
            depth -= 1
        else:
            mark = f" ({self.sharing.value})" if self.sharing else ""
            yield "  " * depth + ", ".join([self.name + mark, *self.details])
        for each in self.inside:
            yield from each.outline(depth + 1)


def shared(enclosure: Enclosure) -> Enclosure:
    """The same enclosure, marked as used by others too."""
    return replace(enclosure, sharing=Sharing.SHARED)


def private(enclosure: Enclosure) -> Enclosure:
    """The same enclosure, marked as nobody else's."""
    return replace(enclosure, sharing=Sharing.PRIVATE)


def in_rows(enclosure: Enclosure, of: int) -> Enclosure:
    """The same enclosure with `of` boxes to a row inside; a short last row is spread over the full width."""
    if of < 1:
        raise ValueError(f"rows of {of} boxes in {enclosure.name}: a row holds one or more; say in_rows(..., of=1)")
    return replace(enclosure, columns=of)


# --- Vocabulary ------------------------------------------------------------

Part = str | Enclosure


def column(*enclosures: Enclosure) -> Enclosure:
    """Enclosures one above the other, with nothing round them."""
    return Enclosure(Kind.COLUMN, inside=enclosures, columns=1)


def hardware(*parts: Part) -> Enclosure:
    """Processors, memory, disks and network."""
    return _enclosure(Kind.HARDWARE, parts)


def hypervisor(*parts: Part) -> Enclosure:
    """What makes one machine look like several."""
    return _enclosure(Kind.HYPERVISOR, parts)


def kernel(*parts: Part) -> Enclosure:
    """What shares the hardware out among programs: they reach devices through it alone."""
    return _enclosure(Kind.KERNEL, parts)


def guest_kernel(*parts: Part) -> Enclosure:
    """A second kernel, on a machine that a hypervisor shows it."""
    return _enclosure(Kind.GUEST_KERNEL, parts)


def engine(*parts: Part) -> Enclosure:
    """What makes and keeps containers: Docker, Podman."""
    return _enclosure(Kind.ENGINE, parts)


def container(*parts: Part) -> Enclosure:
    """Processes with private views of one kernel."""
    return _enclosure(Kind.CONTAINER, parts)


def namespace(*parts: Part) -> Enclosure:
    """An instance of what a kernel has once, drawn round the processes that share it."""
    return _enclosure(Kind.NAMESPACE, parts)


def group(*parts: Part) -> Enclosure:
    """A control group, drawn round the processes and groups that it counts and limits together."""
    return _enclosure(Kind.GROUP, parts)


def link(*parts: Part) -> Enclosure:
    """What data goes out of a network and comes in by; a bridge is drawn round its ports."""
    return _enclosure(Kind.LINK, parts)


def process(*parts: Part) -> Enclosure:
    """A running program, as its kernel knows it."""
    return _enclosure(Kind.PROCESS, parts)


def interpreter(*parts: Part) -> Enclosure:
    """A program that carries out another program's instructions."""
    return _enclosure(Kind.INTERPRETER, parts)


def program(*parts: Part) -> Enclosure:
    """Instructions: a file, bytecode, a cell."""
    return _enclosure(Kind.PROGRAM, parts)


def _enclosure(kind: Kind, parts: tuple[Part, ...]) -> Enclosure:
    label, *details = [part for part in parts if isinstance(part, str)] or [""]
    return Enclosure(kind, label, tuple(details), tuple(part for part in parts if isinstance(part, Enclosure)))


# --- Drawings --------------------------------------------------------------


@dataclass(frozen=True)
class Arrow:
    """A relation from one enclosure to another, with its word: a system call, a port, a shared disk.

    The two stand beside each other, or the second encloses the first. A `mutual` one has no head: a wire. One with
    `docks`, two labels, begins and ends at what has these labels in the two.
    """

    source: Enclosure
    word: str
    target: Enclosure
    mutual: bool = False
    docks: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "word", _printable(self.word))

    def __str__(self) -> str:
        return f"{self.source.name} {'--' if self.mutual else '->'} {self.target.name}: {self.word}"


class Drawing:
    """Enclosures side by side; Jupyter shows the picture, and `repr` is its sorted list of edges.

    `evidence` is the table of what a drawing made from a machine was concluded from; empty in others.
    """

    def __init__(
        self,
        first: Enclosure,
        *others: Enclosure,
        title: str,
        description: str,
        arrows: Sequence[Arrow] = (),
        columns: int | None = None,
        evidence: Table | None = None,
    ) -> None:
        self.enclosures = (first, *others)
        self.title = title
        self.description = description
        self.arrows = tuple(arrows)
        self.columns = columns
        self.evidence = evidence or Table((), ())

    @property
    def edges(self) -> list[str]:
        """What contains what and what points where, sorted; a drawing of one box has that box alone."""
        outermost = [one for each in self.enclosures for one in (each.inside if each.kind is Kind.COLUMN else [each])]
        nested = [edge for each in outermost for edge in each.edges or [each.name]]
        return sorted([*nested, *map(str, self.arrows)])

    @property
    def words(self) -> str:
        """The drawing in words, for those who do not see it: its description, then what lies in what."""
        outline = [line for each in self.enclosures for line in each.outline()]
        return "\n".join([self.description, *outline, *map(str, self.arrows)])

    @property
    def svg(self) -> str:
        """The picture. Problem when Graphviz is missing."""
        from cutaway.draw.render import svg  # Graphviz is asked for only when something is painted

        return svg(self)

    def __repr__(self) -> str:
        return "\n".join(self.edges)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from cutaway.draw.render import mimebundle

        return mimebundle(self)


def legend() -> Drawing:
    """Every kind of enclosure with its colour, its word and its meaning."""
    kinds = [Enclosure(kind, details=(layer.meaning,)) for kind, layer in LAYERS.items()]
    marks = [
        shared(Enclosure(Kind.PROCESS, details=("shared: others use the same one; a dashed line",))),
        private(Enclosure(Kind.PROCESS, details=("private: nobody else's; a heavy line",))),
    ]
    return Drawing(
        *kinds,
        *marks,
        title="Legend",
        description="Each kind of enclosure has one colour, and its word in the corner of its box.",
        columns=2,
    )
