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
from cutaway.ground.engine import CHOICE
from cutaway.ground.guest import engine, kernel
from cutaway.ground.private import Kind
from cutaway.ground.probes import machines
from cutaway.ground.probes.finding import Lacking
from cutaway.problem import Problem

__all__ = ["theirs"]

CASES = Path(__file__).with_name("desktop_cases.py")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")


@pytest.fixture
def cached(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started from here on finds the ordinary user's saved machines."""
    monkeypatch.setenv("CUTAWAY_CACHE", str(theirs))


@pytest.fixture(params=["docker", "podman"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """The engine that the machine is given."""
    skip_without_machines()
    wanted: Kind = request.param
    if lacking := [*engine.missing(wanted), *([] if programs.path("docker") else ["the docker command"])]:
        pytest.skip(f"needs {', '.join(lacking)}")
    monkeypatch.setenv(CHOICE, wanted)
    return wanted


@pytest.mark.soak  # in the proof, lesson 15 does as much with Docker
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("machine of an ordinary user")
def test_an_engine_in_a_machine_serves_an_ordinary_user(kind: Kind, cached: None, as_ordinary_user: Run):
    done = as_ordinary_user(*PYTEST, CASES)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_it_serves_us(kind: Kind):
    done = subprocess.run([sys.executable, *PYTEST, CASES], capture_output=True, text=True, check=False)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """This computer has no such programs."""
    here = programs.path
    monkeypatch.setattr(programs, "path", lambda name: None if name in names else here(name))
    monkeypatch.delenv(CHOICE, raising=False)


def test_without_dockers_programs_the_machine_is_given_a_podman(monkeypatch: pytest.MonkeyPatch):
    if engine.missing("podman"):
        pytest.skip(f"needs {', '.join(engine.missing('podman'))}")
    without(monkeypatch, "dockerd")
    assert desktop.chosen() == "podman"
    assert "all those of podman are here" in machines.engine_programs()


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_one_is_given_the_engine_that_one_asks_for(kind: Kind, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(CHOICE, kind)
    assert desktop.chosen() == kind


def test_without_an_engines_programs_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    skip_without_machines()
    without(monkeypatch, "dockerd", "runc", "podman", "conmon")
    assert desktop.chosen() == "docker"
    with pytest.raises(Problem, match=r"building a guest with an engine: no dockerd, runc here; .*docker"):
        engine.ready(kernel.find(), "docker")
    with pytest.raises(Problem, match=r"building a guest with an engine: no podman, conmon here; .*podman"):
        engine.ready(kernel.find(), "podman")
    with pytest.raises(Lacking, match="dockerd, runc: not here"):
        machines.engine_programs()


def test_without_a_driver_in_the_guests_kernel_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    skip_without_machines()
    monkeypatch.setitem(engine.RECIPES, "podman", engine.RECIPES["podman"]._replace(drivers=("no_nat",)))
    with pytest.raises(
        Problem, match=r"building a guest with podman in it: \S+ has no no_nat in .*; set CUTAWAY_GUEST_K"
    ):
        engine._build(kernel.find(), "podman", [], tmp_path)


def test_without_the_command_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match="running docker: the command is not here; "):
        desktop.command()
