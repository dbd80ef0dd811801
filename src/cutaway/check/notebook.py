"""Run a learner's notebook in a fresh kernel, and keep that kernel until it has been looked at."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
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
from cutaway.check.learner import Learner
from cutaway.linux.calls import PR_SET_CHILD_SUBREAPER, prctl
from cutaway.linux.processes import Process, descendants
from cutaway.problem import Problem

CELL_S, NOTEBOOK_S = 60, 300  # limits on the time that one cell, and that all of them take
FIRST_CHARACTERS = 60
GRACE_S = 5.0  # for what ends by itself when the kernel has ended


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


@contextmanager
def running(path: Path, learner: Learner, folder: Path) -> Iterator[Running]:
    """Run the cells of the notebook in `folder`, which is ours; at the end its kernel ends, and all that it started.

    The lab is begun before the first cell. Cells that check are left out: their outcome is decided outside.
    """
    manager = AsyncKernelManager(kernel_name="python3", connection_file=str(folder / "kernel.json"))
    client = NotebookClient(
        _read(path, learner.lab),
        km=manager,
        timeout=CELL_S,
        interrupt_on_timeout=True,
        allow_errors=True,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder)}},
        log=logging.Logger("notebook", logging.CRITICAL + 1),
    )
    with ledger.kept("process", f"kernel of {learner.lab}") as entry, _strays_ended():
        env = {**os.environ, **entry.env, "CUTAWAY_LEARNER": learner.name, "IPYTHONDIR": str(folder / "ipython")}
        with client.setup_kernel(env=env, cleanup_kc=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            kernel = _process(manager)
            try:
                yield Running(client, kernel, list(_run(client, kernel)))
            finally:
                calls.end(kernel)


def _process(manager: AsyncKernelManager) -> Process:
    provisioner: Any = manager.provisioner
    return Process.of(provisioner.pid)


def _read(path: Path, lab: str) -> NotebookNode:
    """The cells that are to be run: one that begins the lab, then those of the notebook."""
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Problem(f"reading {path}: {cause}; `cutaway lab` gives you one") from None
    except Exception as error:  # nbformat raises what its parsers raise
        cause = (str(error).splitlines() or ["damaged"])[0]
        raise Problem(
            f"reading {path}: it is no notebook ({cause}); `cutaway reset {lab}` gives you a fresh one"
        ) from None
    begin = f"from cutaway.check import begin_lab\nbegin_lab({lab!r})"
    first = nbformat.v4.new_code_cell(begin)  # type: ignore[no-untyped-call]
    notebook.cells = [first, *(cell for cell in notebook.cells if not _is_check(cell))]
    return notebook


def _is_check(cell: NotebookNode) -> bool:
    """Whether nbgrader would grade the cell by running it."""
    marks: dict[str, Any] = cell.metadata.get("nbgrader", {})
    return bool(marks.get("grade")) and not marks.get("solution")


def _run(client: NotebookClient, kernel: Process) -> Iterator[str]:
    """Run every cell; what went wrong, a sentence a cell."""
    overdue = threading.Timer(NOTEBOOK_S, kernel.kill)
    overdue.start()
    try:
        for index, cell in enumerate(client.nb.cells):
            client.execute_cell(cell, index)
            yield from _trouble(cell)
    except DeadKernelError:
        yield f"{_named(cell)} ended the kernel, or ran until all cells had taken more than {NOTEBOOK_S} s"
    finally:
        overdue.cancel()


def _named(cell: NotebookNode) -> str:
    """A cell as its owner knows it: by its task, or by its first line. Its number here is not the one on the page."""
    given = cell.metadata.get("nbgrader", {}).get("grade_id")
    first = (cell.source.strip().splitlines() or [""])[0]
    return f"cell {given}" if given else f"the cell that begins “{first[:FIRST_CHARACTERS]}”"


def _trouble(cell: NotebookNode) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            yield f"{_named(cell)} raised {output.ename}: {output.evalue}"


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
        while strays := set(descendants(os.getpid())) - before:
            for stray in strays:
                if stray.wait(max(0, deadline - time.monotonic())) or stray.kill():
                    with suppress(ChildProcessError):
                        os.waitpid(stray.pid, os.WNOHANG)
        prctl(PR_SET_CHILD_SUBREAPER, 0)
