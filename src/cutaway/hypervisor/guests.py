"""Guests: small programs for a machine of our own, in assembly, and the bytes that they become.

Each is a source `guests/NAME.s`, whose first line says in which mode it begins, and a listing `guests/NAME.lst`:
every line of the source that became bytes, with its address. The listings are made by GNU as and ld and kept beside
the sources, so that guests run where there is no assembler; a test makes them anew and compares.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cutaway import ledger
from cutaway.hypervisor.core import ENTRY, Address, Mode
from cutaway.hypervisor.problems import GuestProblem

# --- Words -----------------------------------------------------------------

FOLDER = Path(__file__).with_name("guests")
MODES = {mode.name.lower(): mode for mode in Mode}  # as the first line of a source says it: `# mode: long`

LISTED = re.compile(r"([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )+) *(.*)")  # a line of ours: address, bytes, source
PRINTED = re.compile(r" *(\d+) ([0-9a-f]{4}) ")  # how a line of as begins that became bytes: its number, their offset


@dataclass(frozen=True)
class Line:
    """A line of a source and what it became."""

    address: Address
    code: bytes
    text: str

    def __str__(self) -> str:
        return f"{self.address:04x}  {self.code.hex(' ') + ' ':<30} {self.text}"


@dataclass(frozen=True)
class Guest:
    """A program for the machine, to be loaded at ENTRY."""

    name: str
    mode: Mode
    lines: tuple[Line, ...]

    @property
    def code(self) -> bytes:
        """Its bytes."""
        return b"".join(line.code for line in self.lines)

    def at(self, address: Address) -> Line | None:
        """The line that begins at this address."""
        return next((line for line in self.lines if line.address == address), None)

    def __repr__(self) -> str:
        return "\n".join([f"# mode: {self.mode.name.lower()}", *map(str, self.lines)])


# --- Those that are there --------------------------------------------------


def names() -> list[str]:
    """Our guests, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.s"))


def load(name: str) -> Guest:
    """One of our guests, from its listing; GuestProblem when there is none of that name."""
    if name not in names():
        raise GuestProblem(f"loading the guest {name!r}: there is none of that name; there are {', '.join(names())}")
    mode, *lines = (FOLDER / f"{name}.lst").read_text().splitlines()
    return Guest(name, _mode(mode, name), tuple(_listed(line) for line in lines))


def source(name: str) -> str:
    """The assembly of one of our guests."""
    return (FOLDER / f"{load(name).name}.s").read_text()


def _listed(line: str) -> Line:
    found = LISTED.fullmatch(line)
    if found is None:
        raise GuestProblem(f"reading a listing: {line!r} is no line of one; make it anew with tools/guests.py")
    return Line(int(found[1], 16), bytes.fromhex(found[2]), found[3])


def _mode(first_line: str, name: str) -> Mode:
    said = first_line.removeprefix("# mode: ").strip()
    if said not in MODES:
        raise GuestProblem(
            f"reading the guest {name!r}: its first line is {first_line!r}; it must say `# mode: ` and one of "
            f"{', '.join(MODES)}"
        )
    return MODES[said]


# --- Making one ------------------------------------------------------------


def assembled(text: str, name: str = "yours") -> Guest:
    """A guest from its source, by GNU as and ld. GuestProblem with their words when they do not understand it."""
    if not (shutil.which("as") and shutil.which("ld")):
        raise GuestProblem(f"assembling the guest {name!r}: as and ld are not here; install the package binutils")
    mode = _mode(text.partition("\n")[0], name)
    folder = ledger.state_folder() / f"guest-{secrets.token_hex(4)}"
    with ledger.kept("folder", "the parts of a guest", path=folder):
        folder.mkdir()
        path = folder / name
        path.with_suffix(".s").write_text(text)
        printed = _run(name, folder, ["as", "--64", "-aln", "-o", f"{name}.o", f"{name}.s"])
        _run(name, folder, ["ld", "-Ttext", hex(ENTRY), "-e", "0", "--oformat", "binary", "-o", name, f"{name}.o"])
        return Guest(name, mode, tuple(_lines(text, printed, path.read_bytes())))


def _lines(text: str, printed: str, code: bytes) -> Iterator[Line]:
    """The lines of the source that became bytes, with these as the linker has made them."""
    offsets: dict[int, int] = {}
    for match in filter(None, map(PRINTED.match, printed.splitlines())):
        offsets.setdefault(int(match[1]), int(match[2], 16))  # as breaks the bytes of a long line
    ends = [*offsets.values(), len(code)][1:]
    for (number, begin), end in zip(offsets.items(), ends, strict=True):
        yield Line(ENTRY + begin, code[begin:end], text.splitlines()[number - 1].strip())


def _run(name: str, folder: Path, argv: list[str]) -> str:
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode:
        said = " ".join(done.stderr.replace("Assembler messages:", "").split())
        raise GuestProblem(f"assembling the guest {name!r}: {said}; mend that line")
    return done.stdout
