"""The executor: the grader's end of the warm parent. It asks for sandboxes and lets go of them.

A `Sandbox` is a line to what works inside and a hold on its keeper; whoever closes it, or dies, ends it whole.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from cutaway.grading import house
from cutaway.grading.alike import Tracebacks
from cutaway.grading.limits import Limits
from cutaway.grading.wire import Line, arrived
from cutaway.linux import commands, namespaces
from cutaway.problem import Problem

READY_S = 120.0  # for loading packages on a slow machine
ENDED_S = 30.0
SAID_BYTES = 16 << 20  # of one message from inside, which may take a hundred times as much to be read
ENDS = {b"e": "ended", b"m": "memory", b"c": "cpu", b"k": "killed", b"o": "outside"}
ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve more addresses than a sandbox may have
    "HOME": house.TMP,
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MPLCONFIGDIR": f"{house.TMP}/matplotlib",
    "IPYTHONDIR": f"{house.TMP}/ipython",
    "NBGRADER_EXECUTION": "autograde",
    "OMP_NUM_THREADS": "1",  # a process with threads forks badly, and every submission has one core's worth
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",  # sets are shown in the same order in every run
    "PYTHONDONTWRITEBYTECODE": "1",
    "SHELL": "/bin/sh",
    "TERM": "dumb",
}


class Sandbox:
    """One side at work behind walls."""

    def __init__(self, line: Line, control: socket.socket) -> None:
        self.line, self._control, self._end = line, control, ""
        weakref.finalize(self, control.close)

    def interrupt(self) -> None:
        """Have it raise KeyboardInterrupt in what it runs."""
        with suppress(OSError):
            self._control.send(b"i")

    def waits(self) -> bool:
        """Whether it still is there, as far as has been heard."""
        return not arrived([self._control], 0)

    def drop(self) -> None:
        """Let go of it, and do not wait for its end."""
        self._control.close()
        self.line.close()

    def close(self, patience_s: float = 0.0) -> str:
        """End it with everything in it; the way it ended: ended, memory, cpu, killed, outside.

        With patience it may come to its end by itself: whoever hears it hang up is sooner than its keeper.
        Problem when that is this machine's doing, and so says nothing about what ran in it.
        """
        if not self._end:
            with suppress(OSError):
                arrived([self._control], patience_s)
                self._control.shutdown(socket.SHUT_WR)
            self._control.settimeout(ENDED_S)
            with self._control, self.line.socket:
                self._end = self._told()
        return self._end

    def _told(self) -> str:
        try:
            told = self._control.recv(4096)
        except TimeoutError:
            why = f"it could not be ended within {ENDED_S:g} s"
        except OSError as error:
            why = str(error)
        else:
            if told in ENDS:
                return ENDS[told]
            why = told[1:].decode(errors="replace") or "the warm parent has ended"
        self._end = "lost"
        raise Problem(f"keeping a sandbox: {why}; what ran in it has no mark; grade again to go on")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Executor:
    """A warm parent with `packages` loaded. Problem when this machine denies it its walls: there is no way without.

    `hidden` are folders that must not be seen inside even if they lie within what is shown. With None for the packages
    it only begins, and nobody waits for it before `load`.
    """

    def __init__(self, packages: Iterable[str] | None = (), hidden: Iterable[Path] = ()) -> None:
        self._lock = threading.Lock()
        self.tracebacks = Tracebacks(lambda: self.sandbox("scribe", Limits()))
        self._waiting: list[tuple[Limits, tuple[Sandbox, Sandbox]]] = []
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        covered = sorted({str(each) for path in hidden for each in (path.absolute(), path.resolve())}, key=len)
        settings = {"shown": house.shown(covered), "hidden": covered}
        argv = [sys.executable, "-P", "-s", str(Path(__file__).with_name("warm.py")), str(theirs.fileno())]
        path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        self._parent = subprocess.Popen(
            [*argv, json.dumps(settings)],
            env={**ENVIRONMENT, "PATH": path, "TZ": os.environ.get("TZ", "")},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        self.missing: list[str] = []  # of the packages
        if packages is not None:
            self.load(packages)

    def load(self, packages: Iterable[str]) -> None:
        """Have these loaded in all sandboxes, once, and before the first. Problem when there can be none."""
        self._requests.settimeout(READY_S)
        try:
            self._requests.send(json.dumps([*packages]).encode())
            told = json.loads(self._requests.recv(1 << 20) or b"{}")
        except ConnectionError:
            told = {}
        except TimeoutError:
            told = {"refused": f"loading the packages took more than {READY_S:g} s"}
        if "ready" in told:
            self.missing = told["missing"]
            return
        self.close()
        said = told.get("refused") or "the warm parent ended before it was ready"
        why = f"{said} ({hint})" if (hint := namespaces.obstacle()) else said
        raise Problem(f"making a sandbox: {why}; nothing is ever run outside one")

    def sandbox(self, side: str, limits: Limits, between: socket.socket | None = None) -> Sandbox:
        """A new sandbox in which `student`, `examiner` or `scribe` works; `between` is its line to the other one."""
        control, control_there = socket.socketpair()
        line, line_there = socket.socketpair()
        sent = [control_there, line_there, *([between] if between else [])]
        with self._lock:
            request = json.dumps({"side": side, "limits": limits.plain()}).encode()
            try:
                socket.send_fds(self._requests, [request], [each.fileno() for each in sent])
            except OSError as error:
                raise Problem(f"making a sandbox: the warm parent has ended: {error}; grade again to go on") from None
        for each in sent:
            each.close()
        return Sandbox(Line(line, SAID_BYTES), control)

    def both(self, limits: Limits) -> tuple[Sandbox, Sandbox]:
        """A submission's sandbox and its tests', with a line between them; those after them are begun meanwhile.

        What waits has its walls and knows nothing of any submission: that is told to whoever is taken.
        """
        with self._lock:
            fitting, taken = self._waiting.pop() if self._waiting else (limits, None)
        if taken and (fitting != limits or not all(each.waits() for each in taken)):
            for each in taken:
                each.drop()
            taken = None
        taken = taken or self._pair(limits)
        with suppress(OSError, Problem):  # whoever comes next meets it, and this one has all it needs
            self._waiting.append((limits, self._pair(limits)))
        return taken

    def _pair(self, limits: Limits) -> tuple[Sandbox, Sandbox]:
        one, other = socket.socketpair()
        student = self.sandbox("student", limits, one)
        try:
            return student, self.sandbox("examiner", limits, other)
        except (OSError, Problem):
            student.drop()
            raise

    def close(self) -> None:
        """End the warm parent, and with it every sandbox."""
        self.tracebacks.close()
        self._requests.close()
        commands.end(self._parent)
        while self._waiting:
            for each in self._waiting.pop()[1]:
                each.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def until(limit_s: float) -> float:
    """A deadline, on the monotonic clock."""
    return time.monotonic() + limit_s
