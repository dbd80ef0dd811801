"""The oracle corpus: every program does on each of our engines what it does on the real `java`, in the same run."""

from __future__ import annotations

from pathlib import Path

import pytest
from jvm_oracle import PROGRAMS, Outcome, our_java, programs, real_java

from cutaway.jvm.launcher import ENGINES

NAMES = sorted(path.relative_to(PROGRAMS).with_suffix("").as_posix() for path in programs())


def test_the_corpus_has_its_120_programs() -> None:
    assert len(NAMES) >= 120
    assert len({name.rpartition("/")[2] for name in NAMES}) == len(NAMES), "one class name for each program"


@pytest.mark.parametrize("program", NAMES)
def test_every_engine_does_what_java_does(program: str, classes: Path) -> None:
    name = program.rpartition("/")[2]
    given = PROGRAMS / f"{program}.in"
    stdin = given.read_bytes() if given.exists() else b""
    expected = real_java(classes, name, stdin)
    found: dict[str, Outcome] = {engine: our_java(classes, name, engine, stdin) for engine in ENGINES}
    for engine, outcome in found.items():
        assert outcome.stdout == expected.stdout, f"{program} on {engine}"
        assert outcome.status == expected.status, f"{program} on {engine}"
        assert outcome.complaint == expected.complaint, f"{program} on {engine}"
