"""The small program in which namespaces are made: `python -I -S stage.py VERB MAKER CHANNEL KINDS ...`.

Why a program of its own: a process with several threads, such as a Jupyter kernel, may neither leave its user
namespace nor run Python safely after a fork. This one starts fresh, has one thread, and imports little.

MAKER is a pidfd of the process that asked: when that ends, even by SIGKILL, everything here ends.
(PR_SET_PDEATHSIG would not do: it fires when the *thread* that started us ends.)
CHANNEL is one end of a socket pair, on which short lines go to enclosed.py, the other half of this file.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls, links, mounts, namespaces
from cutaway.linux.commands import shell_status
from cutaway.linux.namespaces import Kind

CANNOT_START = 127  # the shell's status for a command that is not there


# --- Two verbs -------------------------------------------------------------


def enclose(
    maker: int, channel: int, kinds: set[Kind], hostname: str, boot_offset_s: str, door: str, *wishes: str
) -> NoReturn:
    """Make new namespaces and keep one process in them, until it is killed or the maker ends.

    They begin in those behind `door`, a pidfd and the kinds to join, if there is one.
    """
    if door:
        pidfd, joined = door.split(" ")
        namespaces.join(int(pidfd), kinds_of(joined))
    if Kind.USER in kinds:
        namespaces.unshare({Kind.USER})
        ask(channel, "map")
    namespaces.unshare(kinds - {Kind.USER})
    if boot_offset_s:
        namespaces.shift_boot_clock(int(boot_offset_s))
    inner = fork(lambda: dwell(maker, channel, kinds, hostname, wishes))  # the first member of PID and TIME
    tell(channel, f"pid {inner}")
    os.close(channel)
    sys.exit(os.waitpid(inner, 0)[1] != 0)


def dwell(maker: int, channel: int, kinds: set[Kind], hostname: str, wishes: Sequence[str]) -> None:
    """Furnish the namespaces from inside, then stay; as process 1, if there is a PID namespace."""
    if Kind.MNT in kinds:
        mounts.make_private()
    if "proc" in wishes and {Kind.MNT, Kind.PID} <= kinds:
        mounts.proc()
    if "network" in wishes:
        links.bring_up("lo")
    if hostname:
        calls.sethostname(hostname)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then reaps the orphans that process 1 is given
    tell(channel, "ready")
    os.close(channel)
    first_to_end(maker)


def enter(maker: int, channel: int, kinds: set[Kind], door: str, *command: str) -> NoReturn:
    """Run a command in the namespaces behind `door`, a pidfd or one file for each kind, and end as it ends."""
    if door.isdigit():
        namespaces.join(int(door), kinds)
    else:
        namespaces.join_held({Kind(name): int(fd) for name, fd in (each.split("=") for each in door.split())})
    inner = fork(lambda: execute(command))
    os.close(channel)
    if first_to_end(os.pidfd_open(inner), maker) == maker:
        os.killpg(0, signal.SIGKILL)
    sys.exit(shell_status(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])))


# --- What both need --------------------------------------------------------


def fork(work: Callable[[], object]) -> int:
    """A child that does `work` and never returns; its number."""
    child = os.fork()
    if child == 0:
        reporting(work)
        os._exit(0)
    return child


def execute(command: Sequence[str]) -> NoReturn:
    """Become the program of `command`."""
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        raise calls.refusal("execve", repr(command[0]), error.errno or 0) from None


def first_to_end(*pidfds: int) -> int:
    """Wait until one of these processes has ended; its descriptor."""
    return select.select(pidfds, (), ())[0][0]


def tell(channel: int, line: str) -> None:
    """Send one line."""
    os.write(channel, f"{line}\n".encode())


def ask(channel: int, line: str) -> None:
    """Send one line and wait for the answer; no answer ends this process."""
    tell(channel, line)
    if not os.read(channel, 1):
        sys.exit(CANNOT_START)


def reporting(work: Callable[[], object]) -> None:
    """Do `work`; what the kernel refuses is told to the maker, and ends this process."""
    try:
        work()
    except OSError as error:
        call, why = (error.call, error.why) if isinstance(error, calls.Refused) else (str(error.filename), str(error))
        tell(channel_of(sys.argv), f"refused {error.errno}\t{call}\t{why}")
        os._exit(CANNOT_START)


def close_on_exec() -> None:
    """Let no command inherit a descriptor of ours: it would lead out of the namespaces, and hold the channel open."""
    for entry in Path("/proc/self/fd").iterdir():
        if int(entry.name) > sys.stderr.fileno():
            with suppress(OSError):  # the listing's own, closed by now
                os.set_inheritable(int(entry.name), False)


def kinds_of(names: str) -> set[Kind]:
    """The kinds as enclosed.py writes them: `net,uts`."""
    return {Kind(name) for name in names.split(",") if name}


def channel_of(argv: Sequence[str]) -> int:
    """The descriptor of the conversation with the maker."""
    return int(argv[3])


def main(argv: Sequence[str]) -> None:
    """Obey the command line that enclosed.py wrote."""
    verbs: dict[str, Callable[..., NoReturn]] = {"enclose": enclose, "enter": enter}
    maker, channel, kinds = int(argv[2]), channel_of(argv), kinds_of(argv[4])
    close_on_exec()
    reporting(lambda: verbs[argv[1]](maker, channel, kinds, *argv[5:]))


if __name__ == "__main__":
    main(sys.argv)
