"""Damaged class files end in one sentence: never a Python traceback, a hang or runaway memory."""

from __future__ import annotations

import contextlib
import io
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cutaway.jvm import launcher
from cutaway.jvm.classfile import ClassFile
from cutaway.jvm.image import ClassPath, Image, java_home
from cutaway.jvm.machine import Machine
from cutaway.jvm.problems import ClassFormatError, JavaError, JvmProblem, Thrown, VerifyError

VICTIMS = ("Loops", "Switches", "TryFinally", "Records", "Interfaces", "IntegerEdges", "Boxes", "InnerClasses")
SECONDS = 5  # of processor time, for a check that takes milliseconds


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes after one accident: cut short, or some bytes overwritten, put in or taken out."""
    kind = chance.randrange(6)
    at = chance.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes(chance.randrange(256) for _ in range(chance.randint(1, 4))) + data[at:]
    if kind == 2:
        return data[:at] + data[at + chance.randint(1, 8) :]
    if kind == 3:  # a whole index or length
        value = chance.choice([0, 1, 0x7FFF, 0xFFFF, chance.randrange(1 << 16)])
        return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def library() -> Image:
    return Image(java_home() / "lib" / "modules")


def outcome(data: bytes, name: str, folder: Path, image: Image) -> str:
    """Link the class and verify all its methods; say how that ended."""
    machine = Machine(ClassPath([folder], image), launcher.Loop(), io.BytesIO(), io.BytesIO(), io.BytesIO())
    try:
        klass = machine.define(data, name)
        for method in klass.methods.values():
            if method.runs_bytecode:
                machine.prepare(method)
                machine.plan(method)
    except (ClassFormatError, VerifyError) as problem:
        return type(problem).__name__ if f"{name}" in str(problem) else f"nameless: {problem}"
    except (JavaError, Thrown):
        return "a linkage error in Java"
    return "harmless"


def alarm(*_: Any) -> None:
    raise TimeoutError("the check of a damaged class hangs")


def damage(classes: Path, count: int, seed: int) -> dict[str, int]:
    chance, found, image = random.Random(seed), {}, library()
    originals = {name: (classes / f"{name}.class").read_bytes() for name in VICTIMS}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGPROF, alarm)
    for _ in range(count):
        name = chance.choice(VICTIMS)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        ended = outcome(mutated(originals[name], chance), name, classes, image)
        signal.setitimer(signal.ITIMER_PROF, 0)
        found[ended] = found.get(ended, 0) + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10, "memory ran away"
    assert not [ended for ended in found if ended.startswith("nameless")]
    print(found)
    return found


@pytest.mark.slow
def test_three_hundred_accidents_end_in_sentences(classes: Path) -> None:
    found = damage(classes, 300, seed=1)
    assert found["ClassFormatError"] > 60
    assert found["VerifyError"] > 5


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_accidents_end_in_sentences(classes: Path) -> None:
    found = damage(classes, 10_000, seed=2)
    assert found["ClassFormatError"] > 2000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_damaged_programs_that_still_link_run_without_a_traceback(seed: int, classes: Path, tmp_path: Path) -> None:
    chance, image, ran = random.Random(seed), library(), 0
    data = (classes / "TryFinally.class").read_bytes()
    while ran < 3:
        damaged = mutated(data, chance)
        if outcome(damaged, "TryFinally", classes, image) != "harmless":
            continue
        (tmp_path / "TryFinally.class").write_bytes(damaged)
        for engine in launcher.ENGINES:
            command = [sys.executable, "-m", "cutaway", "java", "--engine", engine, "-cp", str(tmp_path), "TryFinally"]
            with contextlib.suppress(subprocess.TimeoutExpired):  # a loop may have lost its end, in `java` as well
                done = subprocess.run(command, capture_output=True, timeout=10)
                assert b"Traceback" not in done.stderr, done.stderr.decode()
        ran += 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "ClassFormatError: X: magic number at byte 0x0: expected CAFEBABE, found nothing"),
        (b"\x7fELF" + bytes(20), "expected CAFEBABE, found 7F454C46"),
        (bytes.fromhex("cafebabe0000003d0002") + b"\x63\0\0", "constant #1 at byte 0xa: unknown tag 99"),
        (bytes.fromhex("cafebabe0000ffff0001"), "major version 65535 is not between 45 and"),
        (bytes.fromhex("cafebabe0000003d0003") + b"\1\0\1aX", "constant #2 at byte 0xe: the file ends here"),
    ],
)
def test_the_sentence_names_the_place(data: bytes, sentence: str) -> None:
    with pytest.raises(ClassFormatError) as caught:
        ClassFile(data, "X")
    assert sentence in str(caught.value)


def test_a_class_that_is_missing_is_said_as_java_says_it(tmp_path: Path) -> None:
    with pytest.raises(JvmProblem, match="Error: Could not find or load main class Nowhere"):
        launcher.main_method(launcher.machine([tmp_path]), "Nowhere")
