"""Run a learner's notebook in a fresh kernel, and keep that kernel until it has been looked at."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from cutaway import ledger
from cutaway.check import calls
from cutaway.check.bench import LineHere
from cutaway.check.contract import Clock
from cutaway.check.examination import Reach
from cutaway.check.learner import Learner
from cutaway.linux.calls import PR_SET_CHILD_SUBREAPER, prctl
from cutaway.linux.processes import Process, descendants
from cutaway.problem import Problem, printable

CELL_S, NOTEBOOK_S = 60, 300  # limits on the time that one cell, and that all of them take
NOTEBOOK_BYTES = 64 << 20  # of a notebook with its pictures; what is larger was not written by hand
FIRST_CHARACTERS = 60
GRACE_S = 5.0  # for what ends by itself when the kernel has ended
END_S = 10.0  # for killing what forks as fast as it is killed
NOT_KEPT = {"stream", "display_data", "execute_result", "update_display_data"}  # what a cell shows, which nobody reads


@dataclass(frozen=True)
class Running:
    """A notebook whose cells have run, whose kernel lives unless a cell has ended it, and the `troubles` on the way."""

    client: NotebookClient
    kernel: Process
    troubles: list[str]

    def serve(self, address: str) -> None:
        """Let the kernel answer the checker at `address`; returns at once, so that this process can be the checker."""
        code = f"import __main__, cutaway.check.calls as calls\ncalls.serve({address!r}, vars(__main__))"
        channel: Any = self.client.kc

        async def ask() -> None:
            channel.execute(code, silent=True, store_history=False)

        run_sync(ask)()


Opened = tuple[Reach, list[str]]  # the way to the functions of a notebook that has run, and what went wrong in it


@contextmanager
def opened(path: Path, learner: Learner, folder: Path) -> Iterator[Opened]:
    """The notebook after a run on this computer, as `running`."""
    listener, address = calls.listening()
    with listener, running(path, learner, folder) as notebook:
        notebook.serve(address)
        yield lambda: LineHere(notebook.kernel, listener), notebook.troubles


class Quiet(NotebookClient):
    """A client that keeps the errors of a cell, and nothing of what it shows: a cell may print without end."""

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        return None if msg["msg_type"] in NOT_KEPT else super().process_message(msg, cell, cell_index)


@contextmanager
def running(path: Path, learner: Learner, folder: Path) -> Iterator[Running]:
    """Run the cells of the notebook in `folder`, which is ours; at the end its kernel ends, and all that it started.

    The lab is begun before the first cell. Cells that check are left out: their outcome is decided outside.
    """
    manager = AsyncKernelManager(kernel_name="python3", connection_file=str(folder / "kernel.json"))
    client = client_of(manager, read(path, learner.lab), folder, CELL_S)
    try:
        with ledger.kept("process", f"kernel of {learner.lab}") as entry, _strays_ended():
            env = {**os.environ, **entry.env, "CUTAWAY_LEARNER": learner.name, "IPYTHONDIR": str(folder / "ipython")}
            with client.setup_kernel(env=env, cleanup_kc=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                kernel = _process(manager)
                entry.update(pid=kernel.pid, start_time=kernel.start_time)  # should it take off its environment
                try:
                    with _overdue_killed(kernel):
                        troubles = list(run(client, kernel))
                    yield Running(client, kernel, troubles)
                finally:
                    calls.end(kernel)
    finally:
        ledger.sweep()  # what the notebook's own watcher would undo, which the notebook can end


def client_of(manager: AsyncKernelManager, cells: NotebookNode, folder: Path, cell_s: int | None) -> Quiet:
    """A client that runs the cells in the manager's kernel, and goes on after an error."""
    return Quiet(
        cells,
        km=manager,
        timeout=cell_s,
        interrupt_on_timeout=True,
        allow_errors=True,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder)}},
        log=logging.Logger("notebook", logging.CRITICAL + 1),
    )


@contextmanager
def _overdue_killed(kernel: Process) -> Iterator[None]:
    """Kill the kernel when its cells have not run by the end of their time."""
    overdue = threading.Timer(NOTEBOOK_S, kernel.kill)
    overdue.start()
    try:
        yield
    finally:
        overdue.cancel()


def _process(manager: AsyncKernelManager) -> Process:
    provisioner: Any = manager.provisioner
    return Process.of(provisioner.pid)


def read(path: Path, lab: str, before: str = "") -> NotebookNode:
    """The cells that are to be run: one that begins the lab, with what comes `before`, and those of the notebook."""
    try:
        with warnings.catch_warnings(action="ignore"):  # what it mends by itself, such as a cell without an id
            notebook: NotebookNode = nbformat.reads(_text(path), as_version=4)  # type: ignore[no-untyped-call]
            nbformat.validate(notebook, relax_add_props=True)
        notebook.cells = [cell for cell in notebook.cells if not _is_check(cell)]
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Problem(f"reading {path}: {cause}; `cutaway lab` gives you one") from None
    except Exception as error:  # nbformat raises what its parsers raise
        cause = printable((str(error).splitlines() or ["damaged"])[0])
        raise Problem(
            f"reading {path}: it is no notebook ({cause}); `cutaway reset {lab}` gives you a fresh one"
        ) from None
    begin = f"{before}from cutaway.check import begin_lab\nbegin_lab({lab!r})"
    first = nbformat.v4.new_code_cell(begin)  # type: ignore[no-untyped-call]
    notebook.cells.insert(0, first)
    return notebook


def _text(path: Path) -> str:
    """What stands in the file, which may be anything: a pipe that never ends, a disk full of noughts."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > NOTEBOOK_BYTES:
            raise ValueError(f"it has {found.st_size >> 20} MiB; at most {NOTEBOOK_BYTES >> 20} are read")
        text = file.read(NOTEBOOK_BYTES).decode()
    json.dumps(json.loads(text), ensure_ascii=False).encode()  # half of a character is none, and no kernel takes it
    return text


def _is_check(cell: NotebookNode) -> bool:
    """Whether nbgrader would grade the cell by running it."""
    marks: dict[str, Any] = cell.metadata.get("nbgrader", {})
    return bool(marks.get("grade")) and not marks.get("solution")


def run(client: NotebookClient, kernel: Process, now: Clock = time.monotonic) -> Iterator[str]:
    """Run every cell; what went wrong, a sentence a cell on one line, for it is the notebook that chooses the words.

    How long a cell has run is told by the clock `now`.
    """
    try:
        for index, cell in enumerate(client.nb.cells):
            begun = now()
            client.execute_cell(cell, index)
            yield from _trouble(cell, now() - begun)
    except DeadKernelError:
        yield f"{_named(cell)} ended the kernel, or ran until all cells had taken more than {NOTEBOOK_S} s"
    except Exception as error:  # the kernel is the notebook's, and may say on the line whatever it likes
        kernel.kill()
        yield f"{_named(cell)} made its kernel answer out of turn ({type(error).__name__}), so it was ended"


def _named(cell: NotebookNode) -> str:
    """A cell as its owner knows it: by its task, or by its first line. Its number here is not the one on the page."""
    given = cell.metadata.get("nbgrader", {}).get("grade_id")
    first = (cell.source.strip().splitlines() or [""])[0]
    return printable(f"cell {given}" if given else f"the cell that begins “{first[:FIRST_CHARACTERS]}”")


def _trouble(cell: NotebookNode, took_s: float) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            stopped = output.ename == "KeyboardInterrupt" and took_s >= CELL_S
            raised = f"raised {output.ename}: {output.evalue}"
            yield printable(f"{_named(cell)} {f'ran for more than {CELL_S} s and was stopped' if stopped else raised}")


@contextmanager
def _strays_ended() -> Iterator[None]:
    """Adopt what loses its parent inside the block, wait for it at the end, and kill what does not end by itself.

    What ends by itself is the watcher of the kernel's own ledger, which undoes what the kernel left.
    """
    before = set(descendants(os.getpid()))
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        deadline = time.monotonic() + GRACE_S
        while (strays := set(descendants(os.getpid())) - before) and time.monotonic() < deadline + END_S:
            for stray in strays:
                if stray.wait(max(0, deadline - time.monotonic())) or stray.kill():
                    with suppress(ChildProcessError):
                        os.waitpid(stray.pid, os.WNOHANG)
        prctl(PR_SET_CHILD_SUBREAPER, 0)
    if strays:
        raise Problem(
            f"ending what the notebook started: it forks as fast as it is killed; no mark was given. End it as root: "
            f"its last known process was {max(strays).pid}"
        )
