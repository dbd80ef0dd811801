"""Each guest proves itself twice, by a register and by memory, on a real processor and on one in software."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import dataclass, field
from typing import Any

import pytest

from cutaway.hypervisor import Computer, GuestProblem, Memory, Mode, Outcome, Reason, guests
from cutaway.hypervisor.core import ANSWER

IMAGE = bytes(number * number % 251 for number in range(512))


def primes_below(number: int) -> int:
    return sum(all(n % divisor for divisor in range(2, math.isqrt(n) + 1)) for n in range(2, number))


@dataclass
class Proof:
    """What a guest must have found out, computed here; how often it comes back, and what it says."""

    guest: str
    answer: int
    exits: dict[Reason, int]
    says: bytes = b""
    given: dict[str, Any] = field(default_factory=dict)


OUT, IN, HALT = Reason.PORT_WRITE, Reason.PORT_READ, Reason.HALT
PROOFS = [
    Proof("add", 2 + 2, {OUT: 1, HALT: 1}, b"4"),
    Proof("factorial-16", math.factorial(8), {HALT: 1}),
    Proof("factorial-32", math.factorial(12), {HALT: 1}),
    Proof("factorial-64", math.factorial(20), {HALT: 1}),
    Proof("climb", 0x0123456789ABCDEF, {OUT: 3, HALT: 1}, b"rpl"),
    Proof("counter", 1 + 2 + 3, {Reason.MEMORY_READ: 3, Reason.MEMORY_WRITE: 1, HALT: 1}),
    Proof("echo", len("cutaway"), {IN: 2 * len("cutaway\n"), OUT: 7, HALT: 1}, b"CUTAWAY", {"typed": b"cutaway\n"}),
    Proof("disk-bytes", sum(IMAGE), {OUT: 1, IN: 512, HALT: 1}, given={"image": IMAGE}),
    Proof("disk-whole", sum(IMAGE), {OUT: 3, HALT: 1}, given={"image": IMAGE}),
    Proof("sieve", primes_below(1000), {OUT: 1}, given={"rdi": 1000}),
    Proof("count", 0, {OUT: 1}, given={"rcx": 1000}),
    Proof("exits", 0, {OUT: 101}, given={"rcx": 100}),
]


def machine(proof: Proof, on: str, **others: Any) -> Computer:
    return Computer(proof.guest, on=on, memory=Memory(1 << 17), **{**proof.given, **others})


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.guest)
def test_a_guest_proves_itself_by_a_register_and_by_memory(proof: Proof, on: str) -> None:
    with machine(proof, on) as computer:
        outcome = computer.run()
        assert outcome.registers.rax == proof.answer
        assert computer.memory.number(ANSWER, 8) == proof.answer
        assert outcome.exits == proof.exits
        assert computer.serial.said == proof.says
        assert outcome.processor == {"kvm": "KVM", "software": "software"}[on]


@pytest.mark.parametrize("guest", ["sieve", "count", "exits"])
def test_a_guest_gives_the_same_answer_without_privilege(guest: str, on: str) -> None:
    (proof,) = [proof for proof in PROOFS if proof.guest == guest]
    with machine(proof, on, mode=Mode.USER) as computer:
        assert computer.mode is Mode.USER
        outcome = computer.run()
        assert (outcome.registers.rax, computer.memory.number(ANSWER, 8)) == (proof.answer, proof.answer)
        assert outcome.code == proof.answer & 0xFF


def test_every_guest_that_ends_is_proved() -> None:
    assert {proof.guest for proof in PROOFS} == set(guests.names()) - {"spin", "fault", "privileged"}


def test_the_guest_that_climbs_has_been_in_three_modes(on: str) -> None:
    seen = []
    with Computer("climb", on=on) as computer:
        while not computer.ended:
            computer.step()
            if computer.mode not in seen:
                seen.append(computer.mode)
    assert seen == [Mode.REAL, Mode.PROTECTED, Mode.LONG]


@pytest.mark.parametrize("proof", PROOFS[:9], ids=lambda proof: proof.guest)
def test_step_by_step_both_processors_are_in_the_same_place_with_the_same_registers(proof: Proof, kvm: str) -> None:
    traces = []
    for on in (kvm, "software"):
        trace = []
        with machine(proof, on) as computer:
            while not computer.ended and len(trace) < 300:
                came = computer.step()
                trace.append((str(came), *computer.registers[:-1]))  # SDM leaves some flags undefined
        traces.append(trace)
    assert traces[0] == traces[1]


# --- Listings --------------------------------------------------------------


@pytest.mark.skipif(not (shutil.which("as") and shutil.which("ld")), reason="needs as and ld, of binutils")
@pytest.mark.parametrize("name", guests.names())
def test_the_bytes_that_are_kept_are_those_that_the_assembler_makes(name: str) -> None:
    assert repr(guests.assembled(guests.source(name), name)) == repr(guests.load(name))


def test_a_line_of_a_listing_is_found_by_its_address() -> None:
    line = guests.load("add").at(0x1010)
    assert line
    assert (line.code, line.text) == (b"\xee", "out dx, al")
    assert guests.load("add").at(0x1011 + 100) is None


@pytest.mark.skipif(not (shutil.which("as") and shutil.which("ld")), reason="needs as and ld, of binutils")
def test_a_guest_of_ones_own_runs(on: str) -> None:
    own = guests.assembled("# mode: real\n.intel_syntax noprefix\n.code16\nmov ax, 42\nmov [0x9000], ax\nhlt\n")
    with Computer(own, on=on) as computer:
        assert computer.run().registers.rax == computer.memory.number(ANSWER, 2) == 42


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mov ax, 1\n", "its first line is 'mov ax, 1'; it must say `# mode: ` and one of real, protected, long, user"),
        ("# mode: virtual\n", "its first line is '# mode: virtual'"),
        ("# mode: real\nbogus\n", r"assembling the guest 'yours': .*no such instruction: .bogus.*; mend that line"),
    ],
)
def test_a_source_that_cannot_be_assembled_is_one_sentence(text: str, says: str) -> None:
    with pytest.raises(GuestProblem) as problem:
        guests.assembled(text)
    assert re.search(says, str(problem.value))


def test_without_an_assembler_the_guests_run_and_the_reader_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with Computer("add", on="software") as computer:
        assert computer.run().registers.rax == 4
    with pytest.raises(GuestProblem, match="as and ld are not here; install the package binutils"):
        guests.assembled("# mode: real\nhlt\n")


def test_a_guest_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(GuestProblem, match="there is none of that name; there are add, climb,"):
        guests.load("nobody")


def test_an_outcome_says_on_what_it_was_made(on: str) -> None:
    with Computer("add", on=on) as computer:
        outcome = computer.run()
    assert isinstance(outcome, Outcome)
    assert repr(outcome) == f"on {computer.on}: halted with rax 0x4 after 1 out, 1 hlt"
