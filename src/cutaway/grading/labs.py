"""Our own labs in a class: each submission is run and looked at by `cutaway check`, in a house of its own.

What a check looks at is the system, so the notebook needs one: see labhouse.py for what it is given and what not.
The marks are those of the cells that say `check(task=N)`, which ask for all the checks of a task.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.check import in_machine
from cutaway.check.contract import Result, Status
from cutaway.check.results import SIGN, Results
from cutaway.check.untouched import compile_all
from cutaway.grading import assignment as assignments
from cutaway.grading import house
from cutaway.grading.assignment import Assignment, Graded
from cutaway.grading.batch import HandedIn
from cutaway.grading.execution import Shown
from cutaway.grading.executor import ENVIRONMENT
from cutaway.grading.limits import Limits
from cutaway.grading.marks import Mark
from cutaway.grading.nbcourse import Course, Notebook
from cutaway.grading.restored import Cell
from cutaway.grading.stopped import Stopped
from cutaway.ground import course as ours
from cutaway.ground import machine as machines
from cutaway.ground.guest import accelerators, cache, initramfs, kernel, saved
from cutaway.ground.guest.workbench import Bench
from cutaway.linux import files
from cutaway.problem import Problem

BESIDE_MIB = 1024  # of memory for a house with a lab machine in it, beside twice that of the machine
HOUSE_S = 1200  # for everything: the notebook has five minutes, each call of a check ten seconds, or 40 in lab 05
MACHINE_S = 4800  # for the same by emulation, on a computer that has other things to do
TASK = re.compile(r"^check\(task=(\d+)\)\s*$", re.MULTILINE)
HOUSE = "a house of its own: no course, no gradebook, no network, and a user that owns nothing"
MACHINE = "a lab machine of its own, in which it is root: no course, no check, no gradebook, no network"
BY_EMULATION = "tcg"
TROUBLE = "while running "
WHOLE = "the notebook"  # stopped, and not one of its cells by itself


def prepared(course: Course, name: str) -> Assignment:
    """The lab as the gradebook has it. Problem when no cell of it asks for a check."""
    made = assignments.prepared(course, name, Limits())
    if not any(_tasks(each) for each in made.notebooks):
        raise Problem(
            f"grading {name!r}: it has the name of a lab of Cutaway and none of its cells says check(task=1); give an "
            "assignment of your own another name"
        )
    sources = b"".join(path.read_bytes() for path in sorted(ours.checks(name).parent.glob("*.py")))
    return replace(made, checks=hashlib.sha256(sources).hexdigest())


def _tasks(notebook: Notebook) -> dict[str, int]:
    """The task that each marked cell asks for."""
    found = {name: TASK.search(cell.source) for name, cell in notebook.cells.items() if cell.tests}
    return {name: int(match[1]) for name, match in found.items() if match}


class Houses:
    """Workers that each build a house for one submission after another."""

    def __init__(self, assignment: Assignment, number: int, hidden: list[Path]) -> None:
        self._assignment, self._hidden, self._pool = assignment, hidden, ThreadPoolExecutor(number)
        compile_all(assignment.name)  # inside nobody may write
        self._lack = too_much_for_a_house(assignment.name)
        if not self._lack:
            saved_machine(assignment.name)  # once, before many ask for it

    def submit(self, one: HandedIn) -> Future[Graded]:
        return self._pool.submit(graded, self._assignment, one, self._hidden, self._lack)

    def same(self, one: HandedIn) -> str:
        """What they hand in, and who they are: each learner has parameters of their own."""
        return json.dumps([one.student, one.content])

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def graded(assignment: Assignment, one: HandedIn, hidden: list[Path], lack: str = "") -> Graded:
    """Check one submission, unless a house lacks something that it needs.

    It never raises for anything that was handed in; Problem when no house can be built.
    """
    began = time.monotonic()
    result = Graded({}, assignments.not_read(one.left), {})
    for notebook in assignment.notebooks:
        cells = assignments.opened(assignment, notebook, one.files, one.left, result)
        if cells is None:
            continue
        content = next(file.content for file in one.files if file.place == f"{notebook.name}.ipynb")
        said, troubles = ("", [lack]) if lack else _checked(assignment.name, one.student, content, hidden)
        result.stopped[notebook.name] = list(_stopped(troubles))
        result.flags += [f"{WHOLE}: {each.said}" for each in result.stopped[notebook.name] if each.cell == WHOLE]
        try:
            found = Results.of(json.loads(said))
        except (ValueError, KeyError, TypeError):
            assignments.no_mark(
                notebook, (troubles or ["it could not be checked"])[-1].removeprefix("cutaway: "), result
            )
            continue
        result.marks[notebook.name] = _marks(notebook, found)
        result.pages[notebook.name] = assignments.page(notebook, cells, _shown(cells, result.marks[notebook.name]))
    result.seconds = time.monotonic() - began
    return result


# --- A house ---------------------------------------------------------------


def too_much_for_a_house(lab: str) -> str:
    """Why no house is built for a submission of the lab, and what to do; empty for one that a house carries."""
    if "engine" not in ours.unit(lab).needs:
        return ""
    if in_machine.bench_of(lab):
        try:
            saved_machine(lab)
        except Problem as missing:
            why = f"which cannot be started here: {missing}"
        else:
            return ""
    else:
        why = f"in which there is no {', '.join(need for need in ours.unit(lab).needs if need != 'engine')}"
    return (
        f"it takes a container engine, and a house has one only in a lab machine, {why}; check it with `cutaway check "
        f"{lab} NOTEBOOK --learner STUDENT` on a machine with an engine that you can throw away, and enter the points "
        "in formgrader"
    )


class SavedMachine(NamedTuple):
    """A lab machine that is up and saved, from which each house has its own go on: its folder, and all it takes."""

    folder: Path
    initramfs: Path
    files: list[Path]

    @property
    def environment(self) -> dict[str, str]:
        """By which a house finds it: it could neither make one nor tell whether it is of today."""
        settings = {"CUTAWAY_CACHE": str(cache.folder()), initramfs.OVERRIDE: str(self.initramfs)}
        return {**settings, accelerators.OVERRIDE: BY_EMULATION}


def at_once(lab: str) -> int:
    """How many of its submissions this computer checks at once: one for each core, as far as memory goes."""
    cores = len(os.sched_getaffinity(0))
    if not (bench := in_machine.bench_of(lab)):
        return cores
    return max(1, min(cores, _available_bytes() // house_bytes(bench)))


def house_bytes(bench: Bench) -> int:
    """What a house with such a machine takes at most: its own copy of the saved one, what that writes, and itself."""
    return (2 * bench.memory_mib + BESIDE_MIB) << 20


def _available_bytes() -> int:
    (line,) = [each for each in files.read("/proc/meminfo").splitlines() if each.startswith("MemAvailable:")]
    return int(line.split()[1]) * 1024


def where(lab: str) -> str:
    """Where its submissions are run, in words."""
    return MACHINE if in_machine.bench_of(lab) else HOUSE


def saved_machine(lab: str) -> SavedMachine | None:
    """The one that is run by emulation, which every house can do, for a lab that takes machines; made if missing."""
    if bench := in_machine.bench_of(lab):
        spec = machines.specify(bench.memory_mib, warm=bench.name)
    elif "guest kernel" in ours.unit(lab).needs:
        spec = machines.specify()
    else:
        return None
    guest_kernel = kernel.find()
    spec = replace(spec, accelerator=BY_EMULATION)
    folder = saved.ready(spec)
    taken = [guest_kernel.image, guest_kernel.modules, spec.kernel, spec.initramfs, folder]
    return SavedMachine(folder, spec.initramfs, taken)


def _checked(lab: str, learner: str, notebook: bytes, hidden: list[Path]) -> tuple[str, list[str]]:
    """What `cutaway check --json` says there, and the lines of what it says beside that."""
    machine = saved_machine(lab)
    settings = {**_shown_and_hidden(lab, hidden, machine), "lab": lab, "learner": learner, "grader": os.getpid()}
    settings["machine"] = str(machine.folder) if machine else ""
    settings["how"] = ["--in-machine"] if in_machine.bench_of(lab) else []
    most_s = MACHINE_S if in_machine.bench_of(lab) else HOUSE_S
    argv = [sys.executable, "-P", "-s", str(Path(__file__).with_name("labhouse.py")), json.dumps(settings)]
    env = _environment() | (machine.environment if machine else {})
    with subprocess.Popen(
        argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            out, beside = process.communicate(notebook, most_s)
        except subprocess.TimeoutExpired:
            process.kill()  # and with it process 1 of the house, and with that all
            return "", [f"it was not done after {most_s} s"]
    said = out.decode(errors="replace")
    if said.startswith('{"refused"'):
        raise Problem(f"building a house for {lab}: {json.loads(said)['refused']}; nothing is ever run outside one")
    return said, beside.decode(errors="replace").splitlines()


def _shown_and_hidden(lab: str, hidden: list[Path], machine: SavedMachine | None) -> dict[str, Any]:
    """The environment, and of the course what the checks need; the master is there by name and empty."""
    covered = sorted({str(each) for path in hidden for each in (path.absolute(), path.resolve())}, key=len)
    master = ours.root() / "labs" / lab / f"{lab}.ipynb"
    shown = house.shown(covered)
    needed = [
        ours.root() / ours.CONTENTS,
        ours.root() / "diagrams",
        ours.checks(lab).parent,
        master,
        *(machine.files if machine else ()),
    ]
    shown += [str(path) for path in needed if not any(path.is_relative_to(each) for each in shown)]
    return {"shown": shown, "hidden": [*covered, str(master)]}


def _environment() -> dict[str, str]:
    return {
        **ENVIRONMENT,
        "HOME": house.HOME,
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "CUTAWAY_COURSE": str(ours.root()),
        "CUTAWAY_STATE": f"{house.HOME}/.cutaway",
        "CUTAWAY_FOLDER": f"{house.HOME}/cutaway",
    }


# --- What it said ----------------------------------------------------------


def _marks(notebook: Notebook, found: Results) -> dict[str, Mark]:
    tasks = _tasks(notebook)
    return {
        name: _mark(cell.points, [each for each in found.checks if each.task == tasks.get(name)])
        for name, cell in notebook.cells.items()
        if cell.marked
    }


def _mark(points: float, checks: list[Result]) -> Mark:
    """Of one task: its share of the points of its checks; none when one of them could not be made here."""
    said = [line for each in checks for line in _said(each)]
    why = next((each.observed or each.name for each in checks if each.status is not Status.PASSED), "")
    most = sum(each.points for each in checks)
    if not most or any(each.status is Status.ERROR for each in checks):
        return Mark(None, points, "not judged", "house", why, said=said)
    earned = points * sum(each.earned for each in checks) / most
    status = "passed" if earned == points else "partial" if earned else "failed"
    return Mark(earned, points, status, "house", why, said=said)


def _said(check: Result) -> list[str]:
    more = [check.observed, f"Hint: {check.hint}" if check.hint else ""]
    return [f"{SIGN[check.status]} {check.name} ({check.earned:g} of {check.points:g})", *filter(None, more)]


def _shown(cells: list[Cell], marks: dict[str, Mark]) -> list[Shown]:
    """For formgrader: under each check what it said."""
    said = ["\n".join(marks[each.owned.name].said) if each.owned and each.owned.tests else "" for each in cells]
    return [
        Shown([{"output_type": "stream", "name": "stdout", "text": text}] if text else [], ran=True) for text in said
    ]


def _stopped(troubles: list[str]) -> Iterator[Stopped]:
    """The cells that went wrong, as `cutaway check` names them."""
    for line in troubles:
        if line.startswith(TROUBLE):
            cell, raised, error = line.partition(": ")[2].partition(" raised ")
            yield Stopped(cell.removeprefix("cell ") if raised else WHOLE, error or cell, error or cell)
