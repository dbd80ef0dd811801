"""How a notebook in a machine is asked, and timed by that clock; with a kernel of this computer in its place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from engines import until
from jupyter_client.manager import AsyncKernelManager
from machines import skip_without_machines

from cutaway.check import in_machine, notebook
from cutaway.check.contract import Missed
from cutaway.check.in_machine import LineThere, Timekeeper
from cutaway.check.learner import Learner
from cutaway.check.notebook import CELL_S, NOTEBOOK_S
from cutaway.ground import course
from cutaway.ground.guest import exports, kernel
from cutaway.linux.processes import Process
from cutaway.problem import Problem

CELL = """
import os, time
seen = []
def add(one):
    seen.append(one)
    return [one, None, len(seen)]
def slow(seconds):
    time.sleep(seconds)
def stuck():
    raise RuntimeError("no")
def leave():
    os._exit(0)
"""


def real_time() -> float:
    """The clock of a machine that has a computer for itself."""
    return time.monotonic()


def gone() -> float:
    """That of a machine that has ended."""
    raise Problem("asking bench: the machine has ended")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[LineThere]:
    """The line to a kernel that has run CELL."""
    manager = AsyncKernelManager(kernel_name="python3", connection_file=str(tmp_path / "kernel.json"))
    cells = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    client = notebook.client_of(manager, cells, tmp_path, cell_s=None)
    with client.setup_kernel(cleanup_kc=True):
        process = Process.of(manager.provisioner.pid)
        assert list(notebook.run(client, process)) == []
        yield LineThere(client, process, real_time)


@pytest.mark.slow
def test_a_notebooks_kernel_is_asked_over_its_own_channel(line: LineThere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_machine, "LOOK_S", 0.1)
    assert [line.call("add", [each], 30).value for each in (1, True)] == [[1, None, 1], [True, None, 1]]
    for function, arguments, within_s, said in (
        ("slow", [600], 0.3, "did not return within 0.3 s"),
        ("stuck", [], 30, "raised RuntimeError: no"),
        ("gone", [], 30, "has no function gone"),
        ("leave", [], 30, "ended its own process"),
    ):
        with pytest.raises(Missed, match=said):
            line.call(function, arguments, within_s)
    assert line.call("add", [2], 30).value == [2, None, 1], "a call changes no name of the notebook"

    line.now = lambda: 0.0  # a machine on a computer that has no time for it
    assert line.call("slow", [0.5], 0.2).value is None, "it was not the function that was slow"

    line.close()
    line.now = gone
    with pytest.raises(Problem, match="the machine has ended"):
        line.call("add", [3], 0.2)


# --- Limits of time ----------------------------------------------------------


class Machine:
    """A machine's clock, and what was done to the notebook in it."""

    def __init__(self) -> None:
        self.time, self.interrupted, self.killed = 1000.0, 0, False

    def clock(self) -> float:
        return gone() if self.killed else self.time

    def interrupt(self) -> None:
        self.interrupted += 1

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(in_machine, "LOOK_S", 0.01)
    return Machine()


def test_a_cell_is_interrupted_and_a_notebook_ended_by_the_clock_of_the_machine(machine: Machine) -> None:
    with Timekeeper(machine.clock, machine.interrupt, machine.kill) as timekeeper:
        machine.time += CELL_S
        timekeeper.begin_cell()
        machine.time += CELL_S
        assert not machine.interrupted, "it has had its time, and no more"
        machine.time += 1
        until(lambda: machine.interrupted, "the cell is interrupted")
        assert not machine.killed
        machine.time += NOTEBOOK_S
        until(lambda: machine.killed, "the notebook is ended")
    assert timekeeper.killed


def test_nobody_is_interrupted_while_the_clock_of_the_machine_stands(machine: Machine) -> None:
    looked = []

    def clock() -> float:
        looked.append(1)
        return machine.time

    with Timekeeper(clock, machine.interrupt, machine.kill):
        until(lambda: len(looked) > 10, "it has looked often")
    assert (machine.interrupted, machine.killed) == (0, False)


# --- What there is -----------------------------------------------------------


def test_a_machine_for_submissions_is_lent_no_lab_and_no_check() -> None:
    skip_without_machines()
    lent = [each.source for each in exports.lent_to_a_submission(kernel.find())]
    secrets = [course.root() / name for name in ("grading", "labs", ".git")]
    assert not [path for path in lent for secret in secrets if secret.is_relative_to(path)]
    assert any(Path(exports.__file__).is_relative_to(path) for path in lent), "the course's own package is"


def test_the_machine_is_for_labs_that_take_an_engine_and_nothing_else(tmp_path: Path) -> None:
    assert [each.name for each in course.labs() if each.written and in_machine.carries(each.name)] == ["10-lifecycle"]
    learner = Learner("04-isolate", "ada")
    with (
        pytest.raises(Problem, match="checking 04-isolate in a machine: that has an engine, and it needs "),
        in_machine.opened(course.unit("04-isolate").path, learner, tmp_path),
    ):
        pass
