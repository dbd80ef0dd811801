"""The warm parent: moves into the house, loads the course's packages, then forks a sandbox whenever it is asked.

Started as `python -P -s warm.py DESCRIPTOR SETTINGS`, and told which packages while it loads what every notebook needs.
It never sees a test, a gradebook or a submission: they are not in the house, and what a sandbox is to run goes from
the grader into that sandbox and nowhere else.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import platform
import signal
import socket
import sys
import traceback
from typing import Any

from cutaway.grading import house, profile, sandbox
from cutaway.grading.limits import Limits
from cutaway.grading.sandbox import Keeper
from cutaway.linux import filters

PACKAGES_BYTES = 1 << 20
REQUEST_BYTES, MOST_DESCRIPTORS = 1 << 16, 4


def main(descriptor: int, settings: dict[str, Any]) -> None:
    """Tell `ready`, or why not; then serve until the grader is gone."""
    grader = socket.socket(fileno=descriptor)
    gc.disable()
    refused: dict[str, Any] = {}
    try:
        queues_bytes = sandbox.queues_bytes()
        house.move_in(settings["shown"], settings["hidden"])
        recorder = _recorder()
    except Exception as error:
        refused = {"refused": str(error), "trace": traceback.format_exc()}
    if not (wanted := grader.recv(PACKAGES_BYTES)):
        return
    told = refused or {"ready": True, "missing": load(json.loads(wanted))}
    grader.send(json.dumps(told).encode())
    if refused:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is the grader's
    gc.freeze()  # so that the collector does not touch, and thereby copy, what all sandboxes share
    gc.enable()
    keeper = Keeper(filters.compiled(profile.PROFILE, platform.machine()), grader, queues_bytes)
    keeper.attend()
    while _serve(grader, recorder, keeper):
        keeper.attend()


def load(packages: list[str]) -> list[str]:
    """Import each package, and what a notebook that draws needs beside it; those that are not there."""
    missing = []
    for name in packages:
        try:
            importlib.import_module(name)
        except Exception:  # a package may fail in any way; then the cell that wants it says how
            missing.append(name)
    with contextlib.suppress(ImportError):
        importlib.import_module("matplotlib_inline.backend_inline") if "matplotlib" in sys.modules else None
    return missing


def _recorder() -> Any:
    from cutaway.grading.cells import Recorder

    recorder = Recorder()
    recorder.warm_up()
    for name in ("cutaway.grading.student", "cutaway.grading.examiner", "cutaway.grading.scribe"):
        importlib.import_module(name)
    return recorder


def _serve(grader: socket.socket, recorder: Any, keeper: Keeper) -> bool:
    """Begin a sandbox in which one side works: `student`, `examiner`, `scribe`; False when the grader has hung up."""
    text, descriptors, _, _ = socket.recv_fds(grader, REQUEST_BYTES, MOST_DESCRIPTORS)
    if not text:
        return False
    request, (control, line, *between) = json.loads(text), descriptors
    limits = Limits(**request["limits"])
    recorder.output_bytes = limits.output_bytes
    side = sys.modules[f"cutaway.grading.{request['side']}"]

    def work() -> None:
        side.live(line, between[0] if between else None, recorder)

    keeper.begin(limits, socket.socket(fileno=control), [line, *between], work)
    for each in (line, *between):
        os.close(each)
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
