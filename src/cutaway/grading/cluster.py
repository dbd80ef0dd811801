"""Grading on a Dask cluster that is already running: the same work, in warm parents of its workers.

Each worker process keeps one warm parent for as long as it is given work of one assignment. Results come back to the
one writer here. Whoever may submit to a Dask cluster may run anything on it: the cluster is trusted, submissions are
not, and the sandboxes stand on the workers. See distributed.dask.org.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import distributed

from cutaway.grading.assignment import Assignment, Graded
from cutaway.grading.batch import HandedIn, timed
from cutaway.grading.executor import Executor
from cutaway.grading.nbcourse import File
from cutaway.problem import Problem

CONNECT_S = 20

_warm: dict[str, Executor] = {}  # of this worker process


def _graded(assignment: Assignment, files: list[File], left: list[str], hidden: list[Path]) -> Graded:
    if assignment.digest not in _warm:
        for executor in _warm.values():
            executor.close()
        _warm.clear()
        _warm[assignment.digest] = Executor(assignment.packages, hidden)
    return timed(assignment, _warm[assignment.digest], files, left)


class Cluster:
    """Workers of the cluster whose scheduler is at `address`; its security is what Dask's own settings say."""

    def __init__(self, assignment: Assignment, address: str, hidden: list[Path]) -> None:
        try:
            self._client = distributed.Client(address, timeout=CONNECT_S, security=distributed.Security())
        except (OSError, ValueError, TypeError) as error:
            raise Problem(
                f"connecting to the Dask scheduler {address}: {error}; is it running, and open to us?"
            ) from None
        try:
            self._client.get_versions(check=True)
            if not self._client.scheduler_info()["workers"]:
                raise Problem(
                    f"grading on {address}: the cluster has no workers; start some with `dask worker {address}`"
                )
        except ValueError as error:
            self.close()
            raise Problem(f"grading on {address}: the workers' versions differ from ours: {error}") from None
        except Problem:
            self.close()
            raise
        self._assignment = self._client.scatter(assignment, broadcast=True)
        self._hidden = hidden

    def submit(self, one: HandedIn) -> Any:
        """Have one submission graded; a worker that dies is replaced by another."""
        return self._client.submit(_graded, self._assignment, one.files, one.left, self._hidden, pure=False, retries=3)

    def same(self, one: HandedIn) -> str:
        """What they hand in."""
        return one.content

    def close(self) -> None:
        """Let go of the cluster, which goes on running."""
        with contextlib.suppress(OSError):
            self._client.close()
