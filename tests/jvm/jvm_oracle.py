"""Java for the tests of the Java machine: compile with `javac`, and ask the real `java` what is right."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from cutaway.jvm import launcher
from cutaway.jvm.image import feature_version, java_home
from cutaway.jvm.problems import JvmProblem

PROGRAMS = Path(__file__).parent / "programs"
ENCODINGS = [f"-D{name}.encoding=UTF-8" for name in ("file", "stdout", "stderr")]
JAVA_OPTIONS = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", *ENCODINGS]


def programs() -> list[Path]:
    """The corpus, but for what is written for a newer Java than the one that is here (in a folder `since21`)."""
    here = feature_version(java_home()) if shutil.which("javac") else 17
    found = sorted(PROGRAMS.rglob("*.java"))
    return [path for path in found if int(path.parent.name.partition("since")[2] or 0) <= here]


@dataclass(frozen=True)
class Outcome:
    """What a program did: its output, its exit code and, where it ended badly, the line that says how."""

    stdout: str
    status: int
    complaint: str


def complaint(stderr: str) -> str:
    return next((line for line in stderr.splitlines() if line.startswith("Exception in thread")), "")


def compile_java(sources: list[Path], target: Path) -> None:
    """Compile with the real `javac`."""
    if not shutil.which("javac"):
        pytest.skip("javac is missing: install a JDK 17")
    listing = target.parent / f"{target.name}.sources"
    listing.write_text("\n".join(map(str, sources)))
    done = subprocess.run(
        ["javac", "-nowarn", "-encoding", "UTF-8", "-d", target, f"@{listing}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def real_java(classes: Path, name: str, stdin: bytes = b"") -> Outcome:
    """Run a program with the real `java`."""
    done = subprocess.run(["java", *JAVA_OPTIONS, "-cp", classes, name], input=stdin, capture_output=True, timeout=120)
    return Outcome(done.stdout.decode(), done.returncode, complaint(done.stderr.decode(errors="replace")))


def our_java(classes: Path, name: str, engine: str, stdin: bytes = b"") -> Outcome:
    """Run a program on our machine, in this process."""
    chosen, out, err = launcher.ENGINES[engine](), io.BytesIO(), io.BytesIO()

    def work() -> int:
        vm = launcher.machine([classes], chosen, io.BytesIO(stdin), out, err)
        return launcher.run(vm, name, [])

    try:
        status = launcher.with_deep_stack(work, chosen.recursion_limit)
    except JvmProblem as problem:
        err.write(str(problem).encode())
        status = 1
    return Outcome(out.getvalue().decode(), status, complaint(err.getvalue().decode(errors="replace")))
