"""Drawings: enclosures round what they contain; the same few kinds, words and colours everywhere."""

from cutaway.draw.diagrams import diagram
from cutaway.draw.enclosures import (
    LAYERS,
    Arrow,
    Drawing,
    Enclosure,
    Kind,
    Sharing,
    column,
    container,
    engine,
    group,
    guest_kernel,
    hardware,
    hypervisor,
    in_rows,
    interpreter,
    kernel,
    legend,
    link,
    namespace,
    private,
    process,
    program,
    shared,
)
from cutaway.draw.here import here
from cutaway.draw.states import States
from cutaway.draw.tables import Table
from cutaway.draw.topology import topology
from cutaway.draw.views import Seen, View

__all__ = [
    "LAYERS",
    "Arrow",
    "Drawing",
    "Enclosure",
    "Kind",
    "Seen",
    "Sharing",
    "States",
    "Table",
    "View",
    "column",
    "container",
    "diagram",
    "engine",
    "group",
    "guest_kernel",
    "hardware",
    "here",
    "hypervisor",
    "in_rows",
    "interpreter",
    "kernel",
    "legend",
    "link",
    "namespace",
    "private",
    "process",
    "program",
    "shared",
    "topology",
]
