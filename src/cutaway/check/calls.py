"""The notebook's end of the line: call a function of the learner's for the checker, a process boundary away.

For every call the notebook's kernel forks. The child calls the function, sends back a plain value or says why there
is none, and then stays, because what it started may end with it; the checker ends it. So the notebook's own
names are as they were afterwards, an endless loop can be ended, and everything that a call started descends
from one process, which the checker knows from the kernel (SO_PEERCRED) and not by hearsay.

The conversation is lines of JSON over a unix socket (in the abstract namespace, so that no file is left of it):
`{"call": "own_name", "with": ["amber-heron"]}` one way, an outcome such as `{"returned": null}` the other.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from cutaway.check import values
from cutaway.linux import calls
from cutaway.linux.processes import Process, descendants

END_S = 10.0  # for killing what forks as fast as it is killed
HEARD_BYTES = 1 << 20  # of what a call and all that it starts write to their output, the rest is refused

Outcome = dict[str, Any]  # {"returned": value} | {"raised": [type, message]} | {"not plain": why} | {"missing": name}


def serve(address: str, names: Mapping[str, Any]) -> None:
    """Answer the calls of the checker that listens at `address`, from the functions in `names`, until it hangs up."""
    children: list[int] = []
    try:
        with _connected(address) as control, control.makefile() as requests:
            for request in requests:
                child = _fork()
                if child == 0:
                    os.close(control.detach())
                    _answer(lambda: _connected(address), names, json.loads(request))
                children.append(child)
    finally:
        for child in children:
            end(Process.of(child))
            os.waitpid(child, 0)


class Told:
    """An outcome as one who asks the kernel itself reads it: its `repr`, which is JSON."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def answer(names: Mapping[str, Any], request: str) -> Told:
    """The outcome of one call, for a checker to whom no line leads. Its child stays, unless the call is interrupted."""
    ours, theirs = socket.socketpair()
    child = _fork()
    if child == 0:
        _answer(lambda: theirs, names, json.loads(request))
    theirs.close()
    _held.append(ours)
    try:
        with ours.makefile() as told:
            return Told(told.readline().strip())
    except KeyboardInterrupt:
        end(Process.of(child))
        raise


_held: list[socket.socket] = []  # by which those children know that they are to stay


def end(caller: Process) -> None:
    """Kill a process that still runs, and everything below it."""
    deadline = time.monotonic() + END_S
    while caller.alive() and time.monotonic() < deadline:
        below = [process for process in descendants(caller.pid) if process.alive()]
        for process in below or [caller]:
            process.kill()
            process.wait(1)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns that a child of a process with threads may wait for ever for a lock that one of them held.
        # It may: then the checker's time runs out, and says so.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _answer(connected: Callable[[], socket.socket], names: Mapping[str, Any], request: dict[str, Any]) -> NoReturn:
    """In the child: call, tell the outcome, and stay until the checker has looked."""
    try:
        os.setsid()
        calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
        calls.prctl(calls.PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent below stays below
        _redirect_output()
        with connected() as line:
            line.sendall(json.dumps(_outcome(names, request["call"], request["with"])).encode() + b"\n")
            line.recv(1)
    finally:
        os._exit(0)  # and never back into the notebook


def _outcome(names: Mapping[str, Any], function: str, arguments: list[Any]) -> Outcome:
    if function not in names:
        return {"missing": function}
    try:
        value = names[function](*arguments)
    except BaseException as error:
        return {"raised": [type(error).__name__, _message(error)]}
    try:
        return {"returned": json.loads(values.dumps(value))}
    except values.NotPlain as why:
        return {"not plain": str(why)}


def _message(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception:
        return ""


def _redirect_output() -> None:
    """Send what the call prints to a small file in memory, which the checker reads, instead of to the page."""
    heard = os.memfd_create("heard", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.truncate(heard, HEARD_BYTES)
    fcntl.fcntl(heard, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)  # nobody can fill the memory by printing
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for output in (1, 2):
        os.dup2(heard, output)
    sys.stdout = sys.stderr = open(2, "w", errors="replace", closefd=False)  # noqa: SIM115


def _connected(address: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(f"\0{address}")
    return line


def listening() -> tuple[socket.socket, str]:
    """A socket for the checker to listen on, and its address."""
    address = f"cutaway-check-{secrets.token_hex(16)}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{address}")
    listener.listen()
    return listener, address
