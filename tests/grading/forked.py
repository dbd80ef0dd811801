"""Work in processes of its own, forked so that nothing is loaded again: a grader, and the parts of a Dask cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import distributed

from cutaway.problem import Problem

LOOPBACK, READY_S = "127.0.0.1", 120.0
DONE, DEFECT, TOLD = 0, 4, 3  # how such a process ends: well, with a traceback, or with a user's problem


def forked(work: Callable[[], object], said: Path) -> int:
    """Somebody who does this work, and whose outputs go to the file `said`; the number of the process."""
    pid = os.fork()
    if pid:
        return pid
    status = DEFECT
    try:
        os.setsid()
        for number in (1, 2):
            os.dup2(os.open(said, os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_WRONLY), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)
        work()
        status = DONE
    except Problem as problem:
        print(problem, file=sys.stderr)
        status = TOLD
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


class Cluster(NamedTuple):
    """A scheduler of Dask's on the loopback and its workers, by the numbers of their processes."""

    address: str
    scheduler: int
    workers: list[int]


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """One whose scheduler and workers may be killed; what is left of it is killed at the end."""
    folder.mkdir()
    where = folder / "address"
    parts = [forked(lambda: asyncio.run(_schedule(where)), folder / "scheduler")]
    try:
        deadline = time.monotonic() + READY_S
        while not where.exists():
            assert time.monotonic() < deadline, (folder / "scheduler").read_text()
            time.sleep(0.005)
        address = where.read_text()
        for number in range(workers):
            place = folder / f"worker-{number}"
            parts.append(forked(lambda place=place: asyncio.run(_work(address, place)), place.with_suffix(".said")))  # type: ignore[misc]
        yield Cluster(address, parts[0], parts[1:])
    finally:
        for pid in parts:
            os.kill(pid, signal.SIGKILL)
        for pid in parts:
            os.waitpid(pid, 0)


async def _schedule(where: Path) -> None:
    async with distributed.Scheduler(host=LOOPBACK, port=0, dashboard=False) as made:
        fresh = where.with_suffix(".new")
        fresh.write_text(made.address)
        fresh.rename(where)
        await made.finished()


async def _work(address: str, place: Path) -> None:
    async with distributed.Worker(address, nthreads=1, local_directory=str(place)) as made:
        await made.finished()
