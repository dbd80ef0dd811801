"""A stand-in for a notebook's kernel: a plain Python that runs cells and then serves, without Jupyter's seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cutaway.check import calls
from cutaway.check.bench import Bench, LineHere
from cutaway.check.learner import Learner
from cutaway.linux.processes import Process

PROGRAM = """
import json, linecache, sys
from cutaway.check import calls

names = {"__name__": "__main__"}
for number, cell in enumerate(json.loads(sys.argv[2])):
    file = f"<cell {number}>"
    linecache.cache[file] = len(cell), None, cell.splitlines(keepends=True), file
    exec(compile(cell, file, "exec"), names)
calls.serve(sys.argv[1], names)
"""


@contextmanager
def bench_of(cells: Sequence[str], folder: Path, learner: str = "ada", lab: str = "04-isolate") -> Iterator[Bench]:
    """A bench whose other end is a process that has run `cells`."""
    listener, address = calls.listening()
    argv = [sys.executable, "-I", "-c", PROGRAM, address, json.dumps(list(cells))]
    with listener, subprocess.Popen(argv, stdin=subprocess.DEVNULL) as kernel:
        try:
            with Bench(Learner(lab, learner), LineHere(Process.of(kernel.pid), listener), folder) as bench:
                yield bench
        finally:
            calls.end(Process.of(kernel.pid))
