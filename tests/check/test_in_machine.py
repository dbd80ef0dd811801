"""How a notebook in a machine is asked, and timed by that clock; with a kernel of this computer in its place."""

from __future__ import annotations

import calendar
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import nbformat
import pytest
from engines import until
from jupyter_client.manager import AsyncKernelManager
from machines import skip_without_machines

from cutaway.check import contract, in_machine, notebook
from cutaway.check.bench import Unreachable
from cutaway.check.contract import CannotRun, Missed, Status, asks
from cutaway.check.in_machine import OURS_S, PROCESSOR_S, LineThere, Timekeeper, Watch
from cutaway.check.learner import Learner
from cutaway.check.notebook import CELL_S, NOTEBOOK_S
from cutaway.ground import course
from cutaway.ground import machine as machines
from cutaway.ground.guest import exports, kernel, qmp, workbench
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
        yield LineThere(client, guest_with(process), real_time)


def guest_with(kernel: object, **more: Any) -> Any:
    """As much of a machine as is told of it."""
    return SimpleNamespace(running=SimpleNamespace(process=kernel), **more)


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


# --- Files and ports -----------------------------------------------------------


def test_a_check_writes_and_looks_where_the_notebook_is(tmp_path: Path) -> None:
    """The guest is this computer: what its root is told to do, is done here."""
    ran: list[list[str]] = []

    def converse(argv: list[str], *_: object) -> int:
        ran.append(argv)
        return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode

    there = LineThere(cast("Any", None), guest_with(None, converse=converse), real_time)
    folder = tmp_path / "it's a" / "folder"
    there.make_folder(folder)
    there.write(folder / "empty", "")
    assert not there.holds_files(folder)
    there.write(folder / "full", "it's $HOME\n")
    assert there.holds_files(folder)
    assert (folder / "full").read_text() == "it's $HOME\n"
    with pytest.raises(CannotRun, match="mkdir could not do what the check asked it for"):
        there.make_folder(folder / "full")


def test_a_port_of_the_notebooks_loopback_is_reached_through_a_relay_of_its_own() -> None:
    ran: list[list[str]] = []
    guest = guest_with(None, converse=lambda argv, *_: bool(ran.append(argv)), publish=lambda at: 50_000 + at)
    there = LineThere(cast("Any", None), guest, real_time)
    assert [there.port(number) for number in (8001, 8002)] == [52_400, 52_401]
    assert [argv[4:6] for argv in ran] == [["2400", "8001"], ["2401", "8002"]]


# --- Limits of time ----------------------------------------------------------


class Machine:
    """A machine's clock, what else is told of it, how often it was looked at, and what was done to the notebook."""

    def __init__(self) -> None:
        self.time, self.interrupted, self.killed = 1000.0, 0, False
        self.used_s, self.ours, self.looks = 0.0, 7.0, 0
        self.watch = Watch(self.clock, self.processor_s, lambda: self.ours)

    def clock(self) -> float:
        self.looks += 1
        return gone() if self.killed else self.time

    def processor_s(self) -> float:
        return self.used_s

    def alive(self) -> bool:
        return not self.killed

    def looked_at(self) -> None:
        """Return when somebody has looked often since this was called."""
        enough = self.looks + 10
        until(lambda: self.looks > enough, "it was looked at often")

    def interrupt(self) -> None:
        self.interrupted += 1

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(in_machine, "LOOK_S", 0.01)
    return Machine()


def test_a_cell_is_interrupted_and_a_notebook_ended_by_the_clock_of_the_machine(machine: Machine) -> None:
    with Timekeeper(machine.watch, machine.interrupt, machine.kill) as timekeeper:
        machine.time += CELL_S
        timekeeper.begin_cell()
        machine.time += CELL_S
        machine.looked_at()
        assert not machine.interrupted, "it has had its time, and no more"
        machine.time += 1
        until(lambda: machine.interrupted, "the cell is interrupted")
        assert not machine.killed
        machine.time += NOTEBOOK_S
        until(lambda: machine.killed, "the notebook is ended")
    assert timekeeper.killed
    assert timekeeper.why is None


def test_nobody_is_interrupted_while_the_clock_of_the_machine_stands(machine: Machine) -> None:
    with Timekeeper(machine.watch, machine.interrupt, machine.kill):
        machine.used_s, machine.ours = PROCESSOR_S, machine.ours + OURS_S  # and no more
        machine.looked_at()
    assert (machine.interrupted, machine.killed) == (0, False)


def set_back(machine: Machine) -> None:
    machine.time -= 1


def work_on(machine: Machine) -> None:
    machine.used_s = PROCESSOR_S + 1


def sleep_on(machine: Machine) -> None:
    machine.ours += OURS_S + 1


TRICKS = [
    (set_back, Missed, "the notebook set back its machine's clock"),
    (work_on, Missed, "the notebook took more than 30 minutes of processor time"),
    (sleep_on, CannotRun, "its machine was not done after 60 minutes of ours"),
]


@pytest.mark.parametrize(("trick", "kind", "said"), TRICKS)
def test_root_of_the_machine_gains_no_time_by_its_clock(
    machine: Machine, trick: Callable[[Machine], None], kind: type[Exception], said: str
) -> None:
    with Timekeeper(machine.watch, machine.interrupt, machine.kill) as timekeeper:
        trick(machine)
        until(lambda: machine.killed, "the notebook is ended")
    assert isinstance(timekeeper.why, kind)
    assert said in str(timekeeper.why)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("trick", "kind", "said"), TRICKS)
def test_nor_does_it_while_it_is_checked(
    machine: Machine, trick: Callable[[Machine], None], kind: type[Exception], said: str
) -> None:
    @asks(task=1, points=1)
    def it_is_there(_: object) -> None:
        trick(machine)
        raise Missed("nothing is there", "")

    @asks(task=2, points=1)
    def it_is_good(_: object) -> None:
        pass

    found = contract.run([it_is_there, it_is_good], None, now=machine.watch)
    assert {each.status for each in found} == {Status.FAILED if kind is Missed else Status.ERROR}
    assert all(said in each.observed for each in found)


@pytest.mark.parametrize("trick", [set_back, work_on])
def test_a_notebook_that_was_ended_for_a_trick_is_not_reached_and_a_sentence_says_why(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, trick: Callable[[Machine], None]
) -> None:
    reach, troubles = ran(machine, monkeypatch, trick)
    assert troubles[0] == "the kernel has ended"
    assert troubles[1].startswith("the notebook ")
    with pytest.raises(Unreachable):
        reach()


def test_it_has_no_mark_when_only_our_clock_says_that_it_took_too_long(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_machine, "OURS_S", -1)
    with pytest.raises(Problem, match=r"this computer is too busy, or .*; no mark was given"):
        ran(machine, monkeypatch, lambda _: None)


def ran(machine: Machine, monkeypatch: pytest.MonkeyPatch, trick: Callable[[Machine], None]) -> Any:
    """What comes of a notebook whose cells play the trick and then wait."""

    def run(*_: object) -> Iterator[str]:
        trick(machine)
        until(lambda: machine.killed, "the notebook is ended")
        yield "the kernel has ended"

    monkeypatch.setattr(notebook, "run", run)
    return in_machine._ran(cast("Any", SimpleNamespace()), guest_with(machine, clock=machine.clock))


def test_a_clock_that_shows_no_date_has_been_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The month that the chip shows is the byte that root has written there."""
    shown = {"tm_year": 126, "tm_mon": 10, "tm_mday": 22, "tm_hour": 19, "tm_min": 0, "tm_sec": 0}
    monitor = MagicMock()
    monitor.__enter__.return_value.do.return_value = shown
    monkeypatch.setattr(qmp, "Monitor", lambda _: monitor)
    watch = Watch(machines.Machine(MagicMock()).clock, lambda: 0)
    assert watch() == calendar.timegm((2026, 11, 22, 19, 0, 0))
    shown["tm_mon"] = 98
    for _ in range(2):
        with pytest.raises(Missed, match="set back"):
            watch()
        shown["tm_mon"] = 11


# --- What there is -----------------------------------------------------------


def test_a_machine_for_submissions_is_lent_no_lab_and_no_check() -> None:
    skip_without_machines()
    lent = [each.source for each in exports.lent_to_a_submission(kernel.find())]
    secrets = [course.root() / name for name in ("grading", "labs", ".git")]
    assert not [path for path in lent for secret in secrets if secret.is_relative_to(path)]
    assert any(Path(exports.__file__).is_relative_to(path) for path in lent), "the course's own package is"


def test_the_machine_is_for_labs_that_take_an_engine_and_what_is_in_there_with_it(tmp_path: Path) -> None:
    made_as = {each.name: in_machine.bench_of(each.name) for each in course.labs() if each.written}
    carried = {lab: bench.name for lab, bench in made_as.items() if bench}
    assert carried == {"10-lifecycle": "workbench", "11-survive": "counter"}
    assert workbench.bench_for(["engine", "java"]) is None
    learner = Learner("04-isolate", "ada")
    with (
        pytest.raises(Problem, match="checking 04-isolate in a machine: one is for labs that need an engine"),
        in_machine.opened(course.unit("04-isolate").path, learner, tmp_path),
    ):
        pass
