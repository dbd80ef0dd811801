"""Lab 03: every right way passes, no cheat gains a point, and a guest that the device holds up is let go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from answers import master, working_cells
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status

LAB = "03-device"
GIVEN = [cell for cell in working_cells(master(LAB)) if "### BEGIN SOLUTION" not in cell]
SOLVED = [cell for cell in working_cells(master(LAB)) if "### BEGIN SOLUTION" in cell]


def results(folder: Path, cells: list[str], task: int | None = None) -> list[Result]:
    """What the checks say of a notebook with the given cells and these."""
    return of_cells(LAB, [*GIVEN, *cells], folder, task)


def earned(said: list[Result]) -> float:
    return sum(each.earned for each in said)


# --- Three other ways than the solution's ----------------------------------

ONE_ROW_OF_BYTES = """
import struct

class Badge(Board):
    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.row = bytearray(struct.pack("<I12x", number)) + bytearray(4)
    def read(self, offset, size):
        return struct.unpack_from({1: "<B", 2: "<H", 4: "<I"}[size], self.row, offset)[0]

class Notepad(Badge):
    def write(self, offset, size, value):
        for place in range(max(offset, 4), min(offset + size, 8)):
            self.row[place] = value >> 8 * (place - offset) & 0xFF

class Mailbox(Notepad):
    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.mail = b""
    def read(self, offset, size):
        self.row[8] = self.mail[0] if self.mail else 0
        self.row[9] = (1 if self.mail else 0) + (2 if len(self.mail) == self.room else 0)
        if offset == 8:
            self.mail = self.mail[1:]
        return super().read(offset, size) if offset != 4 or size > 4 else struct.unpack_from("<I", self.row, 4)[0] & (
            (1 << 8 * size) - 1)
    def write(self, offset, size, value):
        if offset == 8:
            self.mail = (self.mail + bytes([value]))[:self.room]
        else:
            super().write(offset, size, value)

class Printer(Mailbox):
    def write(self, offset, size, value):
        super().write(offset, size, value)
        if offset == 12:
            where, length = struct.unpack("<II", self.memory.read(value, 8))
            try:
                self.printed += self.memory.read(where, length)
                self.memory.write(value + 8, struct.pack("<I", 1))
            except Exception:
                self.memory.write(value + 8, struct.pack("<I", 2))
"""

FUNCTIONS_FOR_EACH_REGISTER = """
from collections import deque

class Badge(Board):
    def byte(self, at):
        return self.number >> 8 * at & 0xFF if at < 4 else 0
    def read(self, offset, size):
        total = 0
        for place in reversed(range(size)):
            total = total * 256 + self.byte(offset + place)
        return total

class Notepad(Badge):
    def __init__(self, *made_with):
        Badge.__init__(self, *made_with)
        self.kept = {}
    def byte(self, at):
        return self.kept.get(at) or Badge.byte(self, at)
    def put(self, at, byte):
        if at in (4, 5, 6, 7):
            self.kept[at] = byte
    def write(self, offset, size, value):
        while size:
            self.put(offset, value % 256)
            offset, size, value = offset + 1, size - 1, value // 256

class Mailbox(Notepad):
    def __init__(self, *made_with):
        Notepad.__init__(self, *made_with)
        self.line = deque()
    def byte(self, at):
        if at == 8:
            return self.line.popleft() if self.line else 0
        if at == 9:
            return (len(self.line) > 0) + 2 * (len(self.line) >= self.room)
        return Notepad.byte(self, at)
    def put(self, at, byte):
        if at == 8 and len(self.line) < self.room:
            self.line.append(byte)
        Notepad.put(self, at, byte)
    def read(self, offset, size):
        return self.byte(offset) if offset in (8, 9) else Notepad.read(self, offset, min(size, 8))

class Printer(Mailbox):
    def write(self, offset, size, value):
        if offset == 12 and size == 4:
            a, n = self.memory.number(value), self.memory.number(value + 4)
            fits = a < self.memory.size and n <= self.memory.size - a
            text = bytes(self.memory.number(a + i, 1) for i in range(n)) if fits else b""
            self.printed = self.printed + text
            self.memory.write(value + 8, bytes([2 - fits, 0, 0, 0]))
        else:
            Mailbox.write(self, offset, size, value)
"""

ONE_CLASS_FOR_ALL = """
class Badge(Board):
    def __init__(self, number, room, memory):
        super().__init__(number, room, memory)
        self.registers, self.mail = list(number.to_bytes(4, "little")) + [0] * 16, []

    def read(self, offset, size):
        if offset == 8 and size == 1:
            return self.mail.pop(0) if len(self.mail) else 0
        if offset == 9:
            return 3 if self.mail and len(self.mail) >= self.room else int(bool(self.mail))
        return int.from_bytes(bytes(self.registers[offset:offset + size]), "little")

    def write(self, offset, size, value):
        given = value.to_bytes(size, "little")
        if offset == 8:
            self.mail += [value] * (len(self.mail) < self.room)
        elif offset == 12:
            at, many = (int.from_bytes(self.memory.read(value + k, 4), "little") for k in (0, 4))
            good = at + many <= self.memory.size
            if good:
                self.printed += self.memory.read(at, many)
            self.memory.write(value + 8, (2 - good).to_bytes(4, "little"))
        else:
            for k, byte in enumerate(given):
                if offset + k in range(4, 8):
                    self.registers[offset + k] = byte

Notepad = Mailbox = Printer = Badge
"""

WAYS = {
    "one row of bytes": ONE_ROW_OF_BYTES,
    "a function for each register": FUNCTIONS_FOR_EACH_REGISTER,
    "one class for all tasks": ONE_CLASS_FOR_ALL,
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_another_way_earns_every_point(way: str, tmp_path: Path) -> None:
    said = results(tmp_path, [way])
    assert unmet(said) == []
    assert earned(said) == 16


# --- Cheats ----------------------------------------------------------------


def device(name: str, read: str = "return 0", write: str = "pass") -> str:
    return (
        f"class {name}(Board):\n"
        f"    def read(self, offset, size):\n        {read}\n"
        f"    def write(self, offset, size, value):\n        {write}\n"
    )


CHEATS = {
    "answers with what equals everything": (
        1,
        "class Sly(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
        + device("Badge", "return Sly(7)"),
    ),
    "answers with text": (1, device("Badge", "return str(self.number)")),
    "answers with something endless": (1, device("Badge", "return 10 ** 4000")),
    "answers below nothing": (1, device("Badge", "return -1")),
    "says that it passed": (1, "def replay(*_):\n    return {'passed': 4}"),
    "answers for all": (1, "def replay(*_):\n    return {'answer': 0, 'memory': '', 'printed': ['', '']}"),
    "looks for the right answer": (
        1,
        "import sys\n" + device("Badge", "return sys._getframe(1).f_locals.get('right', 0)"),
    ),
    "ends the process": (1, "import os\n" + device("Badge", "os._exit(0)")),
    "guesses": (2, device("Notepad", "return 0x11223344")),
    "keeps it in a file": (
        2,
        "import tempfile, pathlib\nfile = pathlib.Path(tempfile.gettempdir()) / 'nobody-reads-this'\n"
        + device("Notepad", "return len(file.name)"),
    ),
    "always says that a byte waits": (3, device("Mailbox", "return 1")),
    "prints everything that there is": (
        4,
        device("Printer", "return 0", "self.printed = self.memory.read(0, self.memory.size)"),
    ),
    "marks all of memory": (
        4,
        device("Printer", "return 0", "self.memory.write(0, b'\\x01\\0\\0\\0' * (self.memory.size // 4))"),
    ),
    "gives back another memory": (
        4,
        "def replay(*_):\n    return {'answer': 0, 'memory': '00', 'printed': ['', '']}",
    ),
    "gives back no memory": (
        4,
        "def replay(*_):\n    return {'answer': 0, 'memory': 7, 'printed': 7}",
    ),
}


@pytest.mark.parametrize(("task", "cheat"), CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(task: int, cheat: str, tmp_path: Path) -> None:
    said = results(tmp_path, [*SOLVED[: task - 1], cheat], task)
    assert earned(said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}


@pytest.mark.slow
def test_a_device_that_never_answers_holds_nobody_up_for_ever(tmp_path: Path) -> None:
    said = results(tmp_path, [device("Badge", "while True: pass")], 1)
    assert said[0].status is Status.FAILED
    assert "did not return" in said[0].observed


def test_the_courses_own_devices_cannot_be_had_in_the_lab(tmp_path: Path) -> None:
    for statement in ("import cutaway.hypervisor.devices", "from cutaway.hypervisor import Counter, Computer"):
        said = results(tmp_path, [device("Badge", statement)], 1)
        assert re.search("it holds the answer of lab 03-device", said[0].observed), said[0]
