"""The checker's end of the line: what a check is given to look at a learner's work from.

A `Bench` knows the learner, reaches the functions of their notebook, hands out empty folders, and sets scenes, which
are processes of the check's own for a function to be asked about. Each call comes with the state of the machine
before it (`Baseline`) and with the process that the kernel says made it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from cutaway.check import calls, values
from cutaway.check.contract import PAUSE_S, Missed
from cutaway.check.learner import Learner
from cutaway.ground import machine
from cutaway.ground.machine import LOOPBACK, Machine
from cutaway.linux import processes
from cutaway.linux.processes import Process, descendants

CONNECT_S = 60.0  # for the notebook's kernel to take up the line, on a busy machine
CALL_S = 10.0  # for a function to return, unless the check knows that it has more to do
SCENE_S = 10.0  # for a scene to clear up
LINE_BYTES = 2 * values.LENGTH
HEARD_CHARACTERS = 200

T = TypeVar("T")

# --- What is known ---------------------------------------------------------


class Baseline(NamedTuple):
    """The state before something was done: what is there afterwards and not in it is a change."""

    processes: frozenset[Process]  # of the notebook's kernel
    host_name: str

    @classmethod
    def of(cls, kernel: Process) -> Baseline:
        return cls(frozenset(descendants(kernel.pid)), os.uname().nodename)


@dataclass(frozen=True)
class Call:
    """One call of a function of the notebook that returned: the process that made it, and the state before it."""

    function: str
    process: Process
    before: Baseline
    returned_s: float  # by the clock of `Bench.now`
    outcome: calls.Outcome

    @property
    def value(self) -> values.Plain:
        """What the function returned. Missed when it was no plain value."""
        if "returned" in self.outcome:
            value: values.Plain = self.outcome["returned"]
            return value
        why = self.outcome["not plain"]
        raise Missed(f"{self.function} returned what is no plain value: {why}", ONLY_PLAIN, final=True)

    def started(self) -> list[Process]:
        """Every process that the call has started and that still runs, parents before children."""
        return [each for each in descendants(self.process.pid, running=True) if each not in self.before.processes]

    def heard(self) -> str:
        """The end of what the call, and all that it started, wrote to standard output and error."""
        return heard(self.process)


ONLY_PLAIN = "A check sees None, numbers, text, lists and dictionaries; what does your function return?"
READ_IT = "Call it yourself in a cell and read the traceback from its last line upwards."
STILL_STUB = "The line `raise NotImplementedError` is where your answer goes."
DOES_NOT_RETURN = "Does it wait for what it starts? The function returns while the process goes on."
NOT_DEFINED = "Run the cell that defines it; names are as they were given."
ENDED = "A function that ends its process cannot answer; who ends whom?"


# --- The bench -------------------------------------------------------------


class Line(Protocol):
    """The way to the functions of a notebook. All that lives in the notebook ends with the process `kernel`."""

    kernel: Process

    def now(self) -> float:
        """Seconds on the clock of the computer that the notebook runs on."""

    def call(self, function: str, arguments: list[values.Plain], within_s: float) -> Call:
        """Have the function called; Missed when by that clock it does not return in time."""

    def make_folder(self, path: Path) -> None:
        """Make a folder on that computer, unless it is there."""

    def write(self, path: Path, text: str) -> None:
        """Write a file there."""

    def holds_files(self, folder: Path) -> bool:
        """Whether below a folder there is a file that is not empty."""

    def port(self, number: int) -> int:
        """Where on this computer's loopback that port of the other's is reached."""

    def close(self) -> None:
        """End what the calls have started, and hang up."""


class Bench:
    """Where a lab is checked: the notebook's kernel at one end of a line, the checks at the other."""

    def __init__(self, learner: Learner, line: Line, folder: Path) -> None:
        """`folder` is ours to work in."""
        self.learner, self.kernel, self._line, self._folder = learner, line.kernel, line, folder
        self._made: dict[str, Call | Missed] = {}
        self._scenes: dict[tuple[Path, tuple[str, ...]], dict[str, Any]] = {}
        self._actors: list[subprocess.Popen[bytes]] = []
        self._machines: dict[str, Machine] = {}
        self._kept: dict[str, Any] = {}
        self._ports: dict[int, int] = {}
        self._undone = ExitStack()

    def now(self) -> float:
        """The time by the clock of the computer that the notebook runs on, in seconds from whatever beginning."""
        return self._line.now()

    def call(self, function: str, *arguments: values.Plain, within_s: float | None = None) -> Call:
        """Call a function of the notebook, once: the same again is the same Call. Missed when it does not return."""
        key = f"{function} {values.dumps(list(arguments))}"
        if key not in self._made:
            try:
                self._made[key] = self._line.call(function, list(arguments), within_s or CALL_S)
            except Missed as missed:
                self._made[key] = missed
        made = self._made[key]
        if isinstance(made, Missed):
            raise made
        return made

    def folder(self, name: str) -> str:
        """The path of an empty folder, made when it is first asked for."""
        path = self._folder / name
        self._line.make_folder(path)
        return str(path)

    def file(self, name: str, text: str) -> str:
        """The path of a file with this text; in a folder that was made."""
        path = self._folder / name
        self._line.write(path, text)
        return str(path)

    def holds_files(self, folder: str) -> bool:
        """Whether there is anything in the files below such a folder."""
        return self._line.holds_files(Path(folder))

    def url(self, port: int) -> str:
        """Where the notebook's port is visited from here."""
        if port not in self._ports:
            self._ports[port] = self._line.port(port)
        return f"http://{LOOPBACK}:{self._ports[port]}/"

    def scene(self, program: Path, *arguments: str) -> dict[str, Any]:
        """Run a Python program of the check's own, once; what it says of itself as one line of JSON.

        It and all that it starts stay until the bench closes. So that nothing of it is left when we are killed, it
        should end when its standard input does.
        """
        key = program, arguments
        if key not in self._scenes:
            argv = [sys.executable, "-I", "-S", str(program), *arguments]
            actor = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
            self._actors.append(actor)
            assert actor.stdout is not None
            self._scenes[key] = dict(json.loads(actor.stdout.readline()))
        return self._scenes[key]

    def machine(self, purpose: str) -> Machine:
        """A lab machine of the check's own, fresh when it is first asked for."""
        if purpose not in self._machines:
            self._machines[purpose] = machine.start()
        return self._machines[purpose]

    def kept(self, name: str, make: Callable[[], AbstractContextManager[T]]) -> T:
        """Something else of the check's own, made when it is first asked for; it is left when the bench closes."""
        if name not in self._kept:
            self._kept[name] = self._undone.enter_context(make())
        made: T = self._kept[name]
        return made

    def close(self) -> None:
        """Close the line, end everything that the scenes and the machines started, and leave what was kept."""
        self._line.close()
        for actor in self._actors:
            below = descendants(actor.pid)  # while it is there: afterwards nobody knows what was its
            try:
                actor.communicate(timeout=SCENE_S)  # its input ends, and it clears up
            except subprocess.TimeoutExpired:
                calls.end(Process.of(actor.pid))
                actor.communicate()
            for each in below:
                calls.end(each)
        for guest in self._machines.values():
            guest.stop()
        self._undone.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- The line to a kernel on this computer -----------------------------------


class Unreachable(Exception):
    """The notebook's kernel did not take up the line."""


class LineHere:
    """For every call the kernel forks a child that connects to us; the system says which process that is."""

    def __init__(self, kernel: Process, listener: socket.socket) -> None:
        """Wait for `kernel`, the notebook's, to connect; Unreachable when it does not."""
        self.kernel, self._listener = kernel, listener
        self._lines: list[socket.socket] = []
        self._callers: list[Process] = []
        self._control = self._connection(lambda process: process == kernel)

    def now(self) -> float:
        """The time by our own clock."""
        return time.monotonic()

    def call(self, function: str, arguments: list[values.Plain], within_s: float) -> Call:
        """Have the function called; Missed when it does not return in time."""
        before = Baseline.of(self.kernel)
        line = self._ask(values.dumps({"call": function, "with": arguments}))
        caller = peer(line)
        self._lines.append(line)
        self._callers.append(caller)
        outcome = returned(function, _answer(function, line, within_s))
        return Call(function, caller, before, self.now(), outcome)

    def make_folder(self, path: Path) -> None:
        """Make it on this computer, which is the notebook's."""
        path.mkdir(exist_ok=True)

    def write(self, path: Path, text: str) -> None:
        """Write it here."""
        path.write_text(text)

    def holds_files(self, folder: Path) -> bool:
        """Whether one is here."""
        return any(path.is_file() and path.stat().st_size for path in folder.rglob("*"))

    def port(self, number: int) -> int:
        """The same."""
        return number

    def close(self) -> None:
        """End what the calls have started, and hang up."""
        for caller in self._callers:
            calls.end(caller)
        for line in [*self._lines, self._control]:
            line.close()

    def _ask(self, request: str) -> socket.socket:
        """Send a request; the line on which a child of the kernel will answer."""
        try:
            self._control.sendall(request.encode() + b"\n")
            return self._connection(lambda process: processes.stat(process.pid).parent == self.kernel.pid)
        except (OSError, Unreachable):
            raise Missed("the notebook's kernel has ended, or is busy", ENDED, final=True) from None

    def _connection(self, expected: Callable[[Process], bool]) -> socket.socket:
        """The next connection from a process that is expected; Unreachable when none comes."""
        deadline = time.monotonic() + CONNECT_S
        while time.monotonic() < deadline and self.kernel.alive():
            if select.select([self._listener], [], [], PAUSE_S)[0]:
                line = self._listener.accept()[0]
                if _is(expected, line):
                    return line
                line.close()
        raise Unreachable


# --- What a line is made of ------------------------------------------------


def heard(process: Process) -> str:
    """The end of what was written to the process's standard error, while it lives."""
    try:
        fd = os.open(f"/proc/{process.pid}/fd/2", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        return file.read(calls.HEARD_BYTES).rstrip(b"\0").decode(errors="replace").strip()[-HEARD_CHARACTERS:]


def _is(expected: Callable[[Process], bool], line: socket.socket) -> bool:
    try:
        return expected(peer(line))
    except ProcessLookupError:
        return False


def peer(line: socket.socket) -> Process:
    """The process at the other end, by the kernel's own word: SO_PEERCRED in unix(7)."""
    pid, _uid, _gid = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Process.of(pid)


def _answer(function: str, line: socket.socket, within_s: float) -> values.Plain:
    """What the caller sends, which is one line; Missed when it sends none."""
    try:
        text = _one_line(line, time.monotonic() + within_s)
    except TimeoutError:
        raise late(function, within_s) from None
    return plain(function, text)


def late(function: str, within_s: float) -> Missed:
    """That a call has not returned in time."""
    return Missed(f"{function} did not return within {within_s:g} s", DOES_NOT_RETURN, final=True)


def plain(function: str, text: str | bytes) -> values.Plain:
    """The value of what the notebook's process has sent; Missed when it has sent none."""
    if not text:
        raise Missed(f"{function} ended its own process before it returned", ENDED, final=True)
    try:
        return values.loads(text)
    except values.NotPlain as why:
        raise Missed(f"{function} answered what is no plain value: {why}", ONLY_PLAIN, final=True) from None


def _one_line(line: socket.socket, deadline: float) -> bytes:
    """The next line; nothing when the other end hangs up or does not come to an end of its line."""
    text = bytearray()
    while not text.endswith(b"\n"):
        line.settimeout(max(0.001, deadline - time.monotonic()))
        more = line.recv(65536)
        if not more or len(text) > LINE_BYTES:
            return b""
        text += more
    return bytes(text)


def returned(function: str, outcome: Any) -> calls.Outcome:
    """The outcome of a call that came back; Missed when the function was not there, or raised."""
    match outcome:
        case {"returned": _} | {"not plain": str()}:
            return dict(outcome)
        case {"missing": _}:
            raise Missed(f"the notebook has no function {function}", NOT_DEFINED, final=True)
        case {"raised": ["NotImplementedError", str(message)]}:
            raise Missed(f"{function} raised NotImplementedError: {message}", STILL_STUB, final=True)
        case {"raised": [str(kind), str(message)]}:
            raise Missed(f"{function} raised {kind}: {message}", READ_IT, final=True)
    raise Missed(f"{function} answered out of turn", ENDED, final=True)
