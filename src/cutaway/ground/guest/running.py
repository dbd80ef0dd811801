"""A QEMU while it runs: written down before it is started, ended with its owner, found again by any process.

The process waits, as a shell, for one line before it becomes QEMU: by then the ledger knows it. If the line never
comes, because the one who would write it was killed, nothing has happened.
Reading order: Running, starting, which there are.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cutaway import ledger
from cutaway.ground.guest import conversation, inside
from cutaway.linux.processes import Process
from cutaway.problem import Problem

Owner = Process | Literal["itself"]  # a machine that owns itself stays until somebody stops it

NAME = "lab machine "  # of the ledger's entries
WAIT_FOR_WORD = 'read -r CUTAWAY_TOKEN && export CUTAWAY_TOKEN && cd -- "$0" && exec "$@" > qemu.log 2>&1 < /dev/null'
START_S, BEGIN_S = 60, 120  # a guest is up in 2 s and has begun in 1 s; on a busy machine by emulation, later
SEED_BYTES = 64
END_S = 1  # between the end of its sockets and its own
LAST_LINES = 3


class Running(NamedTuple):
    """A machine: its name, the folder with its sockets, its QEMU, and the process with which it ends."""

    name: str
    folder: Path
    process: Process
    owner: Process

    @property
    def lasting(self) -> bool:
        """Whether it owns itself, and so ends only when it is stopped."""
        return self.owner == self.process

    def hear(self, timeout_s: float) -> None:
        """Wait until the guest answers on its first port; Problem when it does not in time."""
        self.ask({"do": "hello"}, timeout_s)

    def ask(self, request: dict[str, Any], timeout_s: float) -> str:
        """What process 1 of a guest that has not begun yet answers, on the only port at which it listens."""
        try:
            with conversation.connect(self.folder, f"port{inside.FIRST_PORT}") as line:
                return conversation.converse(line, request, deadline=time.monotonic() + timeout_s)
        except conversation.Silent:
            raise Problem(
                f"starting {self.name}: the guest was silent for {timeout_s:g} s, {self.last_words()}"
            ) from None
        except (conversation.Gone, OSError) as error:
            raise self.failed(str(error)) from error

    def failed(self, trouble: str = "") -> Problem:
        """Why it could not be started: how QEMU ended, or the trouble with it while it runs, and its last words."""
        cause = self.how_it_ended() or f"QEMU runs, but {trouble}"
        return Problem(f"starting {self.name}: {cause}, {self.last_words()}; see `cutaway doctor`")

    def how_it_ended(self) -> str:
        """With what status, or by what signal, as far as this process is told; empty while QEMU runs."""
        if not self.process.wait(END_S):
            return ""
        status = next((child.wait() for child in _children if child.pid == self.process.pid), None)
        if status is None:
            return "QEMU ended"
        return f"QEMU ended with status {status}" if status >= 0 else f"QEMU was killed by {_signal(-status)}"

    def last_words(self) -> str:
        """The end of what QEMU said, or else the guest's console."""
        for name, speaker in (("qemu.log", "QEMU said"), ("console", "its console ends")):
            if lines := self._lines(name):
                return f"{speaker}: {' / '.join(lines[-LAST_LINES:])}"
        return "without a word"

    def console(self) -> str:
        """What the guest has written to its serial port."""
        return "\n".join(self._lines("console"))

    def stop(self) -> None:
        """Undo the machine: its process, then its folder."""
        ours = {entry.path for entry in ledger.entries() if entry.name == NAME + self.name}
        outcomes = ledger.sweep(lambda entry: entry.path in ours)
        if troubles := [f"{entry!r}: {trouble}" for entry, trouble in outcomes if trouble]:
            raise Problem(f"stopping {self.name}: {', '.join(troubles)}; try `cutaway clean`")
        self.process.kill()  # here only if somebody has deleted the ledger
        _children[:] = [child for child in _children if child.poll() is None]

    def _lines(self, name: str) -> list[str]:
        try:
            return (self.folder / name).read_text(errors="replace").strip().splitlines()
        except OSError:
            return []


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the many between SIGRTMIN and SIGRTMAX
        return f"signal {number}"


_children: list[subprocess.Popen[bytes]] = []  # asked for their status when a machine is stopped: no zombie stays


# --- Starting ----------------------------------------------------------------


def start(name: str, command: Sequence[str], owner: Owner, fds: Sequence[int] = ()) -> Running:
    """Start QEMU in a folder of its own; it has its sockets when this returns. Problem with its last words else."""
    folder = ledger.state_folder() / f"machine-{secrets.token_hex(4)}"
    launcher = subprocess.Popen(
        ["/bin/sh", "-c", WAIT_FOR_WORD, folder, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", os.defpath)},
        start_new_session=True,
        pass_fds=fds,
    )
    _children.append(launcher)
    assert launcher.stdin
    with launcher.stdin as word:
        process = Process.of(launcher.pid)
        holder = process if owner == "itself" else owner
        ledger.record("folder", NAME + name, holder, path=folder)
        folder.mkdir(mode=0o700)
        entry = ledger.record("process", NAME + name, holder)
        entry.update(pid=process.pid, start_time=process.start_time)
        word.write(f"{entry.token}\n".encode())
    running = Running(name, folder, process, holder)
    try:
        _await_monitor(running, launcher)
    except BaseException:
        running.stop()
        raise
    return running


def _await_monitor(running: Running, launcher: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            conversation.connect(running.folder, "qmp").close()
        except OSError:
            if launcher.poll() is not None:
                raise running.failed() from None
            if time.monotonic() > deadline:
                raise Problem(
                    f"starting {running.name}: QEMU was silent for {START_S} s; is this machine busy?"
                ) from None
            time.sleep(0.005)
        else:
            return


# --- Which there are -----------------------------------------------------------


def all_of_them() -> list[Running]:
    """Every machine of this user that runs now, oldest first."""
    entries = [entry for entry in ledger.entries() if entry.name.startswith(NAME)]
    folders = {entry.name: entry for entry in entries if entry.kind == "folder"}
    found = []
    for entry in entries:
        if entry.kind == "process" and "pid" in entry.facts and entry.name in folders:
            process = Process(entry.facts["pid"], entry.facts["start_time"], entry.owner.boot_id)
            if process.alive():
                folder = Path(folders[entry.name].facts["path"])
                found.append(Running(entry.name.removeprefix(NAME), folder, process, entry.owner))
    return found
