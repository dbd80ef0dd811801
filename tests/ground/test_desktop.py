"""The same tests of an engine in a machine, as an ordinary user and as ourselves; and what is said where it lacks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from machines import skip_without_machines
from ordinary import Run, theirs

from cutaway.ground import desktop, programs
from cutaway.ground.guest import engine, kernel
from cutaway.problem import Problem

__all__ = ["theirs"]

CASES = Path(__file__).with_name("desktop_cases.py")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")


@pytest.fixture
def cached(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started from here on finds the ordinary user's saved machines."""
    monkeypatch.setenv("CUTAWAY_CACHE", str(theirs))


@pytest.mark.soak  # in the proof, lesson 15 does as much
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("machine of an ordinary user")
def test_an_engine_in_a_machine_serves_an_ordinary_user(cached: None, as_ordinary_user: Run):
    skip_without_programs()
    done = as_ordinary_user(*PYTEST, CASES)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_it_serves_us():
    skip_without_programs()
    done = subprocess.run([sys.executable, *PYTEST, CASES], capture_output=True, text=True, check=False)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


def skip_without_programs() -> None:
    skip_without_machines()
    if engine.missing() or not programs.path("docker"):
        pytest.skip("needs the programs of docker.io")


def test_without_an_engines_programs_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    skip_without_machines()
    here = programs.path
    monkeypatch.setattr(programs, "path", lambda name: None if name in ("dockerd", "runc") else here(name))
    with pytest.raises(Problem, match=r"building a guest with an engine: no dockerd, runc here; .*docker"):
        engine.ready(kernel.find())


def test_without_the_command_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match="running docker: the command is not here; "):
        desktop.command()
