"""What a kernel did from its first line to its first program, read from what it wrote on its console."""

from __future__ import annotations

import re
from typing import NamedTuple

LINE = re.compile(r"^\[ *(\d+\.\d+)\] (.*)$", re.MULTILINE)

STAGES = {
    "Linux version": "the kernel's first line",
    "BIOS-provided physical RAM map": "it asks what memory there is",
    "Calibrating delay loop": "it finds out how fast it runs",
    "smp: Brought up": "its processors are up",
    "PCI: Using configuration": "it looks for devices",
    "Trying to unpack rootfs": "it unpacks its first files, from memory",
    "Run /init": "it starts the first program",
    "9pnet: Installing": "that loads drivers: shared folders",
}  # the words of a line, and what they mean


class Stage(NamedTuple):
    """A moment of a boot, in seconds of the guest's clock."""

    at_s: float
    what: str
    line: str


def timeline(console: str) -> list[Stage]:
    """The stages that the console tells of, in their order."""
    found: list[Stage] = []
    for at, line in LINE.findall(console.replace("\r", "")):
        what = next((what for words, what in STAGES.items() if words in line), None)
        if what and what not in [stage.what for stage in found]:
            found.append(Stage(float(at), what, line))
    return found
