"""Lab 03, A device for the hypervisor: what each task asks for, seen by guests on a machine of the check's own.

The machine stands here, in a process that never imports what a learner wrote, and runs on the processor in software,
which is to be had everywhere. It has two devices of the learner's kind. Only their answers come from the notebook:
for each read, the notebook is told every access that the guest has made so far, as plain numbers, and says what its
device would answer. The guests are made on the spot out of accesses with random values (cutaway.hypervisor.accesses),
and what is true of a device is computed here from the same accesses.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from typing import Any

from cutaway.check.bench import Bench
from cutaway.check.contract import Missed, asks
from cutaway.hypervisor.accesses import Access, guest_of
from cutaway.hypervisor.core import ANSWER, Machine, Memory

PLACES = (0x300, 0x340, 0xD0000, 0xD4000)  # two ports and two addresses: where the two devices are plugged in
REQUEST, TEXT = 0xA000, 0xA800  # in the guest's memory
REGISTERS = 16

# --- The machine -----------------------------------------------------------


class Remote:
    """A device of which the answers come from the learner's notebook."""

    length = REGISTERS

    def __init__(self, board: Board, which: int) -> None:
        self._board, self._which = board, which

    def read(self, offset: int, size: int) -> int:
        self._board.accesses.append([self._which, offset, size, None])
        answer = self._board.told()["answer"]
        if not isinstance(answer, int) or not 0 <= answer < 1 << 8 * size:
            raise missed(
                f"a read of {size} bytes at register {offset} was answered with {shown(answer)}",
                f"A guest that reads {size} bytes can be given a number from 0 to {(1 << 8 * size) - 1:#x}. "
                "What does your method return?",
            )
        return answer

    def write(self, offset: int, size: int, value: int) -> None:
        self._board.accesses.append([self._which, offset, size, value])
        if offset >= 12:  # this may change the guest's memory
            self._board.told()


class Board:
    """Two devices of one kind, in one machine: at two ports, or at two addresses where there is no memory."""

    def __init__(self, bench: Bench, kind: str, memory: Memory | None = None) -> None:
        self._bench, self._kind, self._memory = bench, kind, memory
        self._before = bytes(memory.pages) if memory else b""
        self.number, self.room = bench.learner.port, 3 + bench.learner.port % 5
        self.accesses: list[list[int | None]] = []
        self.printed = [b"", b""]

    def run(self, accesses: Sequence[tuple[int, ...]], by_address: bool = False) -> list[int]:
        """A guest makes these accesses, (device, register, size) or with a value; what it has read."""
        places = PLACES[2:] if by_address else PLACES[:2]
        guest = [Access(places[which] + offset, *rest) for which, offset, *rest in accesses]
        plugged: Any = {place: Remote(self, which) for which, place in enumerate(places)}
        memory = self._memory or Memory()
        where = {"mmio": plugged} if by_address else {"ports": plugged}
        with Machine(guest_of(guest), on="software", memory=memory, **where) as machine:
            machine.run(timeout_s=60)
            reads = sum(access.value is None for access in guest)
            return [memory.number(ANSWER + 4 * at) for at in range(reads)]

    def told(self) -> dict[str, Any]:
        """What the notebook says of all accesses so far; what its device did to the memory is done to the guest's."""
        accesses = [list(each) for each in self.accesses]
        told = self._bench.call("replay", self._kind, self.number, self.room, accesses, self._before.hex()).value
        if not isinstance(told, dict) or set(told) != {"answer", "memory", "printed"}:
            raise missed(f"replay returned {shown(told)}", "Leave `replay` as it was given.")
        if self._memory:
            self._take(told["memory"])
            self.printed = [bytes.fromhex(each) for each in told["printed"]]
        return told

    def _take(self, theirs: Any) -> None:
        """Do to the guest's memory what the device did to its copy."""
        assert self._memory
        try:
            after = bytes.fromhex(theirs)
        except (TypeError, ValueError):
            after = b""
        if len(after) != self._memory.size:
            raise missed("replay returned no memory", "Leave `replay` as it was given.")
        changed = [at for at, (old, new) in enumerate(zip(self._before, after, strict=True)) if old != new]
        for at in changed:
            self._memory.write(at, after[at : at + 1])
        self.changed = changed


def number(size: int) -> int:
    """A number of `size` bytes, each of them another one and none 0."""
    return int.from_bytes(bytes(random.SystemRandom().sample(range(1, 256), size)), "little")


def missed(observed: str, hint: str) -> Missed:
    return Missed(observed, hint, final=True)


def shown(value: object) -> str:
    text = hex(value) if type(value) is int else repr(value)
    return text if len(text) <= 80 else f"{text[:70]} ..."


def same(saw: Sequence[int], right: Sequence[int], asked: str, hint: str) -> None:
    """The guest has read what it should have."""
    if list(saw) != list(right):
        raise missed(f"{asked}, a guest read {', '.join(map(hex, saw))}; right is {', '.join(map(hex, right))}", hint)


# --- Task 1: a badge ---------------------------------------------------------


@asks(task=1, points=2)
def the_badge_says_its_number(bench: Bench) -> None:
    saw = Board(bench, "Badge").run([(0, 0, 4)])
    same(
        saw, [bench.learner.port], "four bytes at register 0", "Which number is yours, and in which order do bytes lie?"
    )


@asks(task=1, points=1, needs=[the_badge_says_its_number])
def a_part_of_the_badge_is_that_part(bench: Bench, _: None) -> None:
    registers = bench.learner.port.to_bytes(4, "little") + bytes(REGISTERS)
    places = [(0, 1), (1, 1), (1, 2), (0, 2), (1, 4), (8, 4), (2, 2)]
    saw = Board(bench, "Badge").run([(0, *place) for place in places], by_address=True)
    right = [int.from_bytes(registers[offset : offset + size], "little") for offset, size in places]
    told = " and ".join(f"{size} at register {offset}" for offset, size in places)
    same(saw, right, f"asking for {told}", "Which of the four bytes lies at that register, and which beside it?")


@asks(task=1, points=1, needs=[the_badge_says_its_number])
def the_badge_cannot_be_written_to(bench: Bench, _: None) -> None:
    saw = Board(bench, "Badge").run([(0, 0, 4, number(4)), (0, 1, 1, number(1)), (0, 0, 4)])
    same(saw, [bench.learner.port], "after writing to the badge", "What does your device do with what is written?")


# --- Task 2: a notepad -------------------------------------------------------


@asks(task=2, points=1)
def the_notepad_keeps_a_number(bench: Bench) -> None:
    kept, half = number(4), number(2)
    saw = Board(bench, "Notepad").run([(0, 4, 4), (0, 4, 4, kept), (0, 4, 4), (0, 4, 2, half), (0, 4, 2)])
    same(saw, [0, kept, half], "before and after writing to register 4", "Where does a device keep what it is told?")


@asks(task=2, points=1, needs=[the_notepad_keeps_a_number])
def a_byte_that_is_written_changes_no_other(bench: Bench, _: None) -> None:
    whole, byte, pair = number(4), number(1), number(2)
    accesses = [(0, 4, 4, whole), (0, 6, 1, byte), (0, 4, 4), (0, 5, 1), (0, 5, 2, pair), (0, 4, 4)]
    one = whole & 0xFF00FFFF | byte << 16
    two = one & 0xFF0000FF | pair << 8
    saw = Board(bench, "Notepad").run(accesses, by_address=True)
    same(
        saw,
        [one, whole >> 8 & 0xFF, two],
        "after writing four bytes and then fewer in their middle",
        "How many bytes does a write bring, and to which registers do they go?",
    )


@asks(task=2, points=1, needs=[the_notepad_keeps_a_number])
def the_badge_beside_the_notepad_is_untouched(bench: Bench, _: None) -> None:
    port, across = bench.learner.port, number(4)
    end, low = number(1), across >> 16
    accesses = [(0, 2, 4, across), (0, 0, 4), (0, 2, 4), (0, 4, 2), (0, 7, 2, 0xAA00 | end), (0, 7, 1), (0, 8, 4)]
    saw = Board(bench, "Notepad").run(accesses)
    same(
        saw,
        [port, port >> 16 | low << 16, low, end, 0],
        "after writing across both ends of the notepad",
        "Go through a write byte by byte: which of them belong to the notepad?",
    )


@asks(task=2, points=1, needs=[the_notepad_keeps_a_number])
def two_devices_have_a_notepad_each(bench: Bench, _: None) -> None:
    one, other = number(4), number(4)
    saw = Board(bench, "Notepad").run([(0, 4, 4, one), (1, 4, 4), (1, 4, 4, other), (0, 4, 4), (1, 4, 4)])
    same(
        saw,
        [0, one, other],
        "from two devices in turn",
        "Does what you keep belong to the class or to one device of it?",
    )


# --- Task 3: a mailbox -------------------------------------------------------

DATA, STATUS = 8, 9
WAITS, FULL = 1, 2


@asks(task=3, points=1)
def first_in_is_first_out(bench: Bench) -> None:
    first, second, third = number(3).to_bytes(3, "little")
    accesses = [
        (0, DATA, 1, first),
        (0, DATA, 1, second),
        (0, DATA, 1),
        (0, DATA, 1, third),
        (0, DATA, 1),
        (0, DATA, 1),
    ]
    saw = Board(bench, "Mailbox").run(accesses)
    same(saw, [first, second, third], "taking what was sent", "Which of the bytes has waited longest?")


@asks(task=3, points=1, needs=[first_in_is_first_out])
def the_status_says_whether_a_byte_waits_and_takes_none(bench: Bench, _: None) -> None:
    byte = number(1)
    accesses = [(0, STATUS, 1), (0, DATA, 1, byte), (0, STATUS, 1), (0, STATUS, 1), (0, DATA, 1), (0, STATUS, 1)]
    saw = Board(bench, "Mailbox").run(accesses, by_address=True)
    same(
        saw,
        [0, WAITS, WAITS, byte, 0],
        "asking for the status before, twice during and after a byte waits",
        "What is bit 0 of the status, and when does it change?",
    )


@asks(task=3, points=1, needs=[first_in_is_first_out])
def an_empty_mailbox_gives_0_and_goes_on_working(bench: Bench, _: None) -> None:
    byte, note = number(1), number(4)
    accesses = [(0, DATA, 1), (0, DATA, 1), (0, DATA, 1, byte), (0, 4, 4, note), (0, DATA, 1), (0, DATA, 1), (0, 4, 4)]
    saw = Board(bench, "Mailbox").run(accesses)
    same(
        saw,
        [0, 0, byte, 0, note],
        "taking from an empty mailbox, sending a byte, writing a note, and taking again",
        "What is there to take when nothing waits? And who looks after the notepad?",
    )


@asks(task=3, points=1, needs=[the_status_says_whether_a_byte_waits_and_takes_none])
def a_full_mailbox_says_so_and_loses_what_is_too_much(bench: Bench, _: None) -> None:
    room = 3 + bench.learner.port % 5
    sent = [secrets.randbelow(255) + 1 for _ in range(room + 2)]
    before = [(0, DATA, 1, byte) for byte in sent[: room - 1]]
    after = [(0, DATA, 1, byte) for byte in sent[room - 1 :]]
    taking = [(0, DATA, 1)] * room
    saw = Board(bench, "Mailbox").run([*before, (0, STATUS, 1), *after, (0, STATUS, 1), *taking, (0, STATUS, 1)])
    same(
        saw,
        [WAITS, WAITS | FULL, *sent[:room], 0],
        f"with room for {room} bytes, of which {room + 2} were sent",
        "How many bytes has it when it is full? Which bytes are lost: those that came early, or late?",
    )


# --- Task 4: a printer that fetches ------------------------------------------


class Job:
    """A text in the guest's memory, and the request for it."""

    def __init__(self, memory: Memory, turn: int, outside: bool = False) -> None:
        self.text = secrets.token_hex(5 + turn).encode()
        self.request, at = REQUEST + 64 * turn, memory.size - 4 if outside else TEXT + 64 * turn
        memory.write(at, self.text[: memory.size - at])
        memory.write(self.request, at.to_bytes(4, "little") + len(self.text).to_bytes(4, "little") + b"\xee" * 4)

    @property
    def access(self) -> tuple[int, int, int, int]:
        return 0, 12, 4, self.request

    def became(self, memory: Memory) -> int:
        """What the device has written into the request."""
        return memory.number(self.request + 8)


@asks(task=4, points=1)
def the_text_that_a_request_points_at_is_printed(bench: Bench) -> None:
    memory = Memory()
    job = Job(memory, 0)
    board = Board(bench, "Printer", memory)
    board.run([job.access])
    prints(board, [job], "At which address is the request, and at which the text? Which of its numbers is the length?")


@asks(task=4, points=1, needs=[the_text_that_a_request_points_at_is_printed])
def the_request_is_marked_and_nothing_else_is_touched(bench: Bench, _: None) -> None:
    memory = Memory()
    job = Job(memory, secrets.randbelow(4))
    board = Board(bench, "Printer", memory)
    board.run([job.access], by_address=True)
    elsewhere = [at for at in board.changed if not job.request + 8 <= at < job.request + 12]
    if job.became(memory) != 1 or elsewhere:
        where = f", and memory at {elsewhere[0]:#x} was changed" if elsewhere else ""
        raise missed(
            f"the last part of the request is {job.became(memory):#x} afterwards, and should be 1{where}",
            "How many bytes has that part, and where does it begin?",
        )


@asks(task=4, points=1, needs=[the_text_that_a_request_points_at_is_printed])
def texts_are_printed_in_turn_and_each_once(bench: Bench, _: None) -> None:
    memory, note = Memory(), number(4)
    jobs = [Job(memory, turn) for turn in (2, 0, 1)]
    board = Board(bench, "Printer", memory)
    saw = board.run([jobs[0].access, (0, 4, 4, note), jobs[1].access, jobs[2].access, (0, 4, 4)])
    prints(board, jobs, "What happens to the texts of earlier requests when another one comes?")
    same(
        saw, [note], "from the notepad, between requests", "Which writes are requests, and who looks after the others?"
    )


@asks(task=4, points=1, needs=[the_request_is_marked_and_nothing_else_is_touched])
def a_text_outside_of_memory_is_refused_and_the_next_one_served(bench: Bench, _: None) -> None:
    memory = Memory()
    outside, inside = Job(memory, 0, outside=True), Job(memory, 1)
    board = Board(bench, "Printer", memory)
    board.run([outside.access, inside.access], by_address=True)
    marks = [outside.became(memory), inside.became(memory)]
    if marks != [2, 1]:
        raise missed(
            f"a request for a text that begins in memory and ends beyond it, and a good one, were marked "
            f"{marks[0]:#x} and {marks[1]:#x}; right is 2 and 1",
            "Where does a text end that begins near the end of memory? Who must find that out, and when?",
        )
    prints(board, [inside], "What is printed of a text that does not lie in memory?")


def prints(board: Board, jobs: Sequence[Job], hint: str) -> None:
    """The first device has printed these texts, and the second nothing."""
    right = b"".join(job.text for job in jobs)
    if board.printed != [right, b""]:
        told = " and ".join(shown(each.decode("ascii", "replace")) for each in board.printed)
        raise missed(f"the two devices printed {told}; right is {shown(right.decode())} and ''", hint)
