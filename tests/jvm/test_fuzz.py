"""Random programs: our engines and `java` print the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from java_fuzz import Program, driver
from jvm_oracle import compile_java, our_java, real_java

from cutaway.jvm.launcher import ENGINES


def differences(seeds: range, folder: Path) -> list[str]:
    """Programs on which an engine and `java` differ, each with the first line that does."""
    programs = [Program(seed) for seed in seeds]
    for program in programs:
        (folder / f"{program.name}.java").write_text(program.source)
    (folder / "Driver.java").write_text(driver("Driver", programs))
    classes = folder / "classes"
    classes.mkdir()
    compile_java(sorted(folder.glob("*.java")), classes)
    expected = real_java(classes, "Driver")
    assert expected.status == 0, expected
    found = []
    for engine in ENGINES:
        lines = our_java(classes, "Driver", engine).stdout.splitlines()
        wanted = expected.stdout.splitlines()
        program = ""
        for ours, theirs in zip([*lines, *[""] * len(wanted)], wanted, strict=False):
            program = theirs if theirs.startswith("Fuzz") else program
            if ours != theirs:
                found.append(f"{program} on {engine}: java prints {theirs}, we print {ours}")
                break
    return found


@pytest.mark.slow
def test_forty_random_programs_run_alike(tmp_path: Path) -> None:
    assert differences(range(40), tmp_path) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_random_programs_run_alike(tmp_path: Path) -> None:
    found = []
    for start in range(1000, 2000, 100):
        folder = tmp_path / str(start)
        folder.mkdir()
        found += differences(range(start, start + 100), folder)
    assert found == []
