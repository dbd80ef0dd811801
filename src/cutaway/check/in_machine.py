"""Run a learner's notebook in a lab machine of its own, and look from here at the engine that is in there with it.

The notebook's kernel and its engine are up in the machine (ground/guest/workbench.py), where the notebook is root and
from which no network leads. Nothing of it runs on this computer, and no check runs there. The engine's socket has the
same path on both sides, so that what one side says of it the other understands.

All limits of time are told by the machine's own clock, so that a busy computer here spoils no answer. The notebook can
set that clock, and stop it; so there are two limits more, far above what an answer takes, which it cannot set (Watch).
Who sets the clock back, or uses up the processor's time, is treated as one whose time is over. When only our own clock
says that it has taken too long, or the machine ends, that is a Problem or an error of the check, and no mark; it is
never an answer that was wrong.
"""

from __future__ import annotations

import itertools
import math
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from cutaway.check import notebook, values
from cutaway.check.bench import ENDED, Baseline, Call, Unreachable, late, plain, returned
from cutaway.check.contract import CannotRun, Clock, Missed
from cutaway.check.learner import Learner
from cutaway.check.notebook import CELL_S, NOTEBOOK_S, Opened
from cutaway.ground import course, machine
from cutaway.ground.counter.images import THERE
from cutaway.ground.desktop import Desktop
from cutaway.ground.engine import CHOICE
from cutaway.ground.guest import initramfs, recipes, workbench
from cutaway.ground.guest.workbench import Bench
from cutaway.ground.machine import Machine
from cutaway.ground.private import SOCKET_BYTES
from cutaway.linux.commands import CommandFailed
from cutaway.problem import Problem

KERNEL = "cutaway-lab-machine"
PATIENCE_S = 600  # by our own clock, for an answer of a machine on a busy computer
LOOK_S = 1.0
PROCESSOR_S = 1800  # of QEMU's, from its start; with all that is tried lab 10's master takes 108, that of lab 11 415
OURS_S = 3600  # by our own clock; lab 10's took 1437 while QEMU was stopped for four fifths of the time
RELAYS = 2400  # ports of the guest's, at each of which one of its loopback is passed on
RELAY = 'setsid "$3" nc -ll -p "$1" -e "$3" nc 127.0.0.1 "$2" < /dev/null > /dev/null 2>&1 &'
ASK = "__import__('cutaway.check.calls', fromlist=['answer']).answer(globals(), {})"


def bench_of(lab: str) -> Bench | None:
    """What the machine for this lab is made as; None when there is none in which it finds all that it needs."""
    return workbench.bench_for(course.unit(lab).needs)


# --- The notebook ----------------------------------------------------------


@contextmanager
def opened(path: Path, learner: Learner, folder: Path) -> Iterator[Opened]:
    """The notebook after a run in a fresh machine, which ends with the block, and all that is in it.

    The lab is begun before the first cell. Cells that check are left out: their outcome is decided outside.
    """
    if not (made_as := bench_of(learner.lab)):
        needs = ", ".join(course.unit(learner.lab).needs) or "nothing"
        raise Problem(
            f"checking {learner.lab} in a machine: one is for labs that need an engine, and what goes with it, and "
            f"this one needs {needs}; do without"
        )
    manager = AsyncKernelManager(kernel_name=KERNEL, connection_file=str(folder / "kernel.json"))
    with _workbench(made_as) as bench:
        _furnish(bench, learner.lab)
        told = {"CUTAWAY_LEARNER": learner.name, "CUTAWAY_COURSE": str(course.root()), CHOICE: bench.url}
        told |= _told(made_as)
        cells = notebook.read(path, learner.lab, f"import os\nos.environ.update({told!r})\n")
        client = notebook.client_of(manager, cells, folder, cell_s=None)
        client.startup_timeout = PATIENCE_S
        with client.setup_kernel(machine=bench.guest, cleanup_kc=True):
            yield _ran(client, bench.guest)


def _ran(client: NotebookClient, guest: Machine) -> Opened:
    """Run the cells. Problem when the machine ended, unless its time was over, or took too long by our clock alone."""
    qemu = guest.running.process
    watch = Watch(guest.clock, qemu.processor_s)
    with Timekeeper(watch, lambda: interrupt(client), qemu.kill) as timekeeper:
        client.on_cell_start = timekeeper.begin_cell
        troubles = list(notebook.run(client, qemu, guest.clock))
    if isinstance(timekeeper.why, CannotRun):
        raise Problem(f"running the notebook: {timekeeper.why}; no mark was given: run it where less is going on")
    if timekeeper.why:
        troubles.append(str(timekeeper.why))
    if not (qemu.alive() or timekeeper.killed):
        guest.hear()  # and it says why it does not answer

    def reach() -> LineThere:
        if timekeeper.killed or not alive(client):
            raise Unreachable
        return LineThere(client, guest, watch)

    return reach, troubles


def interrupt(client: NotebookClient) -> None:
    """Interrupt the kernel, unless it is too busy for that."""
    manager: Any = client.km
    with suppress(CommandFailed):
        run_sync(manager.interrupt_kernel)()


def alive(client: NotebookClient) -> bool:
    """Whether the kernel has not ended."""
    manager: Any = client.km
    return bool(run_sync(manager.is_alive)())


class Watch:
    """The machine's clock, read with a look at what the notebook, root in there, cannot set.

    One whose clock stands meets the limit of QEMU's processor time when it works, and that of our own when it sleeps.
    """

    def __init__(self, clock: Clock, processor_s: Clock, ours: Clock = time.monotonic) -> None:
        self.clock, self._processor_s, self._ours = clock, processor_s, ours
        self._begun, self._last = ours(), clock()

    def __call__(self) -> float:
        """The time there. Missed, for good, when the notebook is at fault; CannotRun when it may be this computer."""
        if self._processor_s() > PROCESSOR_S:
            raise Missed(
                f"the notebook took more than {PROCESSOR_S // 60} minutes of processor time", FOREVER, final=True
            )
        if self._ours() > self._begun + OURS_S:
            raise CannotRun(
                f"its machine was not done after {OURS_S // 60} minutes of ours, so this computer is too busy, or the "
                "notebook stopped that machine's clock"
            )
        now = self.clock()
        if now < self._last:
            self._last = math.inf
            raise Missed("the notebook set back its machine's clock, by which its time is told", SET, final=True)
        self._last = now
        return now


FOREVER = "Does something in it go on for ever?"
SET = "What in it sets the clock of the hardware? No answer takes that."


class Timekeeper(threading.Thread):
    """Interrupts a cell whose time is over by the machine's clock, and kills the notebook when all of its time is.

    It is killed as well when its watch says so, and `why` is what that said.
    """

    def __init__(self, watch: Watch, interrupt: Callable[[], object], kill: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._watch, self._interrupt, self._kill = watch, interrupt, kill
        self._begun = self._cell_begun = watch.clock()
        self._done, self.killed = threading.Event(), False
        self.why: Missed | CannotRun | None = None

    def begin_cell(self, **_: Any) -> None:
        """From here on another cell runs."""
        self._cell_begun = self._watch.clock()

    def run(self) -> None:
        while not self._done.wait(LOOK_S) and not self.killed:
            with suppress(Problem):  # it has ended, and whoever waits for it will hear of that
                self._look()

    def _look(self) -> None:
        try:
            now = self._watch()
        except (Missed, CannotRun) as why:
            self.why = why
            self._end()
            return
        if now > self._begun + NOTEBOOK_S:
            self._end()
        elif now > self._cell_begun + CELL_S:
            self._interrupt()

    def _end(self) -> None:
        self.killed = True
        self._kill()

    def __enter__(self) -> Timekeeper:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()


# --- The machine -----------------------------------------------------------


@contextmanager
def _workbench(made_as: Bench) -> Iterator[Desktop]:
    """A machine whose engine is the one that checks find here, and wait for."""
    guest = machine.start(memory_mib=made_as.memory_mib, warm=made_as.name)
    with guest, Desktop(guest, workbench.KIND) as bench, bench.chosen(PATIENCE_S, **_told(made_as)):
        yield bench


def _told(made_as: Bench) -> dict[str, str]:
    """What both sides are told of its engine: of images that it was given, nobody need look whether they are right."""
    return {THERE: made_as.name} if made_as.has_images else {}


def _furnish(bench: Desktop, lab: str) -> None:
    """Let the guest find its engine where we find it, and the lab's master by name and empty."""
    place, master = Path(bench.socket), course.unit(lab).path
    if not place.is_relative_to(bench.guest.running.folder):
        raise Problem(
            f"starting {bench.guest.name}: the path of its folder, {bench.guest.running.folder}, is too long for a "
            f"socket, which may have {SOCKET_BYTES} bytes; set CUTAWAY_STATE to a shorter one"
        )
    folders, link = ["mkdir", "-p", str(place.parent), str(master.parent)], ["ln", "-s", recipes.SOCKET, str(place)]
    bench.guest.run(" && ".join(map(shlex.join, (folders, link, ["touch", str(master)]))), PATIENCE_S)


# --- The line --------------------------------------------------------------


class LineThere:
    """The kernel in the machine is asked over Jupyter's own channel. It forks a child for every call, as it does here.

    Whatever comes back is what the notebook says of itself; nothing that runs in there is seen from here.
    """

    def __init__(self, client: NotebookClient, guest: Machine, now: Clock) -> None:
        self.kernel, self.now, self._client, self._guest = guest.running.process, now, client, guest
        self._relays = itertools.count(RELAYS)

    def call(self, function: str, arguments: list[values.Plain], within_s: float) -> Call:
        """Have the function called; Missed when it does not return in time."""
        before = Baseline.of(self.kernel)
        text = self._asked({"call": function, "with": arguments}, within_s)
        if text is None:
            interrupt(self._client)
            raise late(function, within_s)
        return Call(function, self.kernel, before, self.now(), returned(function, plain(function, text)))

    def make_folder(self, path: Path) -> None:
        """Make it in the guest, where it lies as it would here."""
        self._has_done('mkdir -p "$1"', path)

    def write(self, path: Path, text: str) -> None:
        """Write it there."""
        self._has_done('printf %s "$2" > "$1"', path, text)

    def holds_files(self, folder: Path) -> bool:
        """Whether one is there, by the word of its own root."""
        return self._does('test -n "$(find "$1" -type f -size +0 -print -quit)"', folder)

    def port(self, number: int) -> int:
        """A port here that QEMU passes on to the guest's card, and a relay there to its loopback, where pages are."""
        at = next(self._relays)
        self._has_done(RELAY, at, number, initramfs.busybox())
        return self._guest.publish(at)

    def _has_done(self, script: str, *words: object) -> None:
        if not self._does(script, *words):
            raise CannotRun(f"in its machine, {script.split()[0]} could not do what the check asked it for")

    def _does(self, script: str, *words: object) -> bool:
        """Whether a shell there says that it could do this. What else it says may have no end: nobody listens."""
        argv = ["/bin/sh", "-c", script, "sh", *map(str, words)]
        return self._guest.converse(argv, None, bytes, bytes, PATIENCE_S) == 0

    def close(self) -> None:
        """End the kernel with its machine: that is sooner than to take everything in it away."""
        self.kernel.kill()
        self.kernel.wait(PATIENCE_S)

    def _asked(self, request: dict[str, Any], within_s: float) -> str | None:
        """What the kernel shows of the outcome; None when the time is over. Missed when it has ended."""
        channel: Any = self._client.kc
        asked = channel.execute("", silent=True, user_expressions={"told": ASK.format(repr(values.dumps(request)))})
        deadline = self.now() + within_s
        while self.now() < deadline:
            try:
                reply = run_sync(channel.get_shell_msg)(timeout=LOOK_S)
            except Empty:
                if self.kernel.alive() and not alive(self._client):
                    raise Missed("the notebook's kernel has ended", ENDED, final=True) from None
                continue
            if reply["parent_header"].get("msg_id") == asked:
                return _text(reply["content"])
        return None


def _text(content: Any) -> str:
    """The text of the reply, in which anything may stand."""
    match content:
        case {"user_expressions": {"told": {"data": {"text/plain": str(text)}}}} if len(text) < 2 * values.LENGTH:
            return text
    return ""
