"""Grading on a Dask cluster that is already running: the same work, in warm parents of its workers.

Each worker process keeps one warm parent for as long as it is given work of one assignment. Results come back to the
one writer here. Whoever may submit to a Dask cluster may run anything on it: the cluster is trusted, submissions are
not, and the sandboxes stand on the workers. See distributed.dask.org.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import platform
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import distributed
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.core import CommClosedError

from cutaway.grading.assignment import Assignment, Graded
from cutaway.grading.batch import HandedIn, timed
from cutaway.grading.executor import Executor
from cutaway.grading.nbcourse import File
from cutaway.problem import Problem

CONNECT_S = 20
DECIDING = ("ipython", "nbgrader", "numpy", "pandas", "pyarrow")  # other versions of these may show other things
EMPTY_S, EMPTY_TIMES = 30.0, 2  # without any worker, until nobody is expected to come back
LOST = (CommClosedError, distributed.KilledWorker, FutureCancelledError, FuturesCancelledError, OSError)

# --- On a worker -----------------------------------------------------------

_warm: dict[str, Executor] = {}  # of this worker process
_making = threading.Lock()


def _graded(assignment: Assignment, files: list[File], left: list[str], hidden: list[Path]) -> Graded:
    executor = _executor(assignment, hidden)
    try:
        return timed(assignment, executor, files, left)
    except Problem:  # then somebody else, or this worker with a new warm parent
        with _making:
            if _warm.get(assignment.digest) is executor:
                _warm.pop(assignment.digest).close()
        raise


def _executor(assignment: Assignment, hidden: list[Path]) -> Executor:
    with _making:
        if assignment.digest not in _warm:
            _close_all()
            _warm[assignment.digest] = Executor(assignment.packages, hidden)
        return _warm[assignment.digest]


def _let_go() -> None:
    with _making:
        _close_all()


def _close_all() -> None:
    while _warm:
        _warm.popitem()[1].close()


def versions() -> dict[str, str]:
    """What a mark may depend on and is installed here: Python, our own program, and some packages."""
    found = {"Python": platform.python_version(), "Cutaway's grading": _program()}
    for name in DECIDING:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _program() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


# --- Here ------------------------------------------------------------------


class Cluster:
    """Workers of the cluster whose scheduler is at `address`; its security is what Dask's own settings say."""

    def __init__(self, assignment: Assignment, address: str, hidden: list[Path]) -> None:
        self._address, self._hidden = address, hidden
        _hush()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about versions, of which we say more
                self._client = distributed.Client(
                    address, timeout=CONNECT_S, security=distributed.Security(), set_as_default=False
                )
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise Problem(
                f"connecting to the Dask scheduler {address}: {error}; is it running, and open to us? "
                "Certificates are named in Dask's settings, distributed.comm.tls"
            ) from None
        try:
            self.threads = self._looked_over()
        except BaseException:
            self.close()
            raise
        self._assignment = self._client.scatter(assignment, broadcast=True)

    def _looked_over(self) -> int:
        """How many threads the cluster has; Problem when one of its workers may come to other marks than we."""
        workers = self.workers()
        if not workers:
            raise Problem(
                f"grading on {self._address}: the cluster has no workers; start some with `dask worker {self._address}`"
            )
        try:
            found = self._client.run(versions)
        except Exception as error:  # whatever a worker without our program raises
            raise Problem(
                f"grading on {self._address}: a worker cannot load Cutaway: {error}; install the same there as here"
            ) from None
        for name, wanted in versions().items():
            for worker, theirs in found.items():
                if theirs.get(name) != wanted:
                    raise Problem(
                        f"grading on {self._address}: the worker {worker} has {name} {theirs.get(name)}, and here is "
                        f"{wanted}; install the same there as here, else marks may differ"
                    )
        return sum(each["nthreads"] for each in workers.values())

    def submit(self, one: HandedIn) -> Any:
        """Have one submission graded; a worker that dies is replaced by another."""
        return _Result(self, self._client.submit(
            _graded, self._assignment, one.files, one.left, self._hidden, pure=False, retries=3
        ))  # fmt: skip

    def workers(self) -> dict[str, Any]:
        """Those that are there now."""
        found: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def lost(self, why: str) -> Problem:
        """What is said when the cluster cannot go on."""
        return Problem(f"grading on {self._address}: the cluster is lost: {why}; grade again to go on from here")

    def same(self, one: HandedIn) -> str:
        """What they hand in."""
        return one.content

    def close(self) -> None:
        """Let go of the cluster, which goes on running, without our warm parents."""
        with suppress(*LOST, TimeoutError):
            self._client.run(_let_go, on_error="ignore") if self._client.status == "running" else None
        with suppress(*LOST, TimeoutError):
            self._client.close()


class _Result:
    """A submission's result, once it is there."""

    def __init__(self, cluster: Cluster, future: Any) -> None:
        self._cluster, self._future, self._there = cluster, future, threading.Event()
        future.add_done_callback(lambda _: self._there.set())

    def result(self, timeout: float | None = None) -> Graded:
        """Once it is there; TimeoutError when it is not by then, Problem when the cluster is lost."""
        if timeout is not None and not self._there.wait(timeout):
            raise TimeoutError
        try:
            return self._waited_for()
        except distributed.KilledWorker:
            raise self._cluster.lost("its workers died of one submission again and again") from None
        except LOST:
            raise self._cluster.lost("its scheduler has gone, or the workers that had our work") from None

    def _waited_for(self) -> Graded:
        """Dask itself would wait for ever for workers that do not come back."""
        empty = 0
        while empty < EMPTY_TIMES:
            try:
                made: Graded = self._future.result(timeout=EMPTY_S)
            except TimeoutError:
                empty = 0 if self._cluster.workers() else empty + 1
            else:
                return made
        raise self._cluster.lost("its workers have gone")


def _hush() -> None:
    """Have Dask log nothing here: what becomes of the cluster is told by us, in a sentence."""
    for name in [each for each in logging.root.manager.loggerDict if each.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
