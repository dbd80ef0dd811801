"""The small program in which namespaces are made: `python -I -S stage.py VERB MAKER CHANNEL KINDS ...`.

Why a program of its own: a process with several threads, such as a Jupyter kernel, may neither leave its user
namespace nor run Python safely after a fork. This one starts fresh, has one thread, and imports so little that it is
there in the time that Python itself takes; under an emulator that is what a lesson waits for.

MAKER is a pidfd of the process that asked: when that ends, even by SIGKILL, everything here ends.
(PR_SET_PDEATHSIG would not do: it fires when the *thread* that started us ends.)
CHANNEL is one end of a socket pair, on which short lines go to enclosed.py, the other half of this file.
KINDS are those of `namespaces`, by name and number: `CLONE_NEWNET=0x40000000,CLONE_NEWUTS=0x4000000`.
"""

from __future__ import annotations

import os
import select
import sys

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, __file__.rpartition("/cutaway/")[0])

from cutaway.linux import attach, calls, files, loopback
from cutaway.linux.light import signal, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    Kinds = dict[str, int]

USER, MNT, PID = "CLONE_NEWUSER", "CLONE_NEWNS", "CLONE_NEWPID"
CANNOT_START = 127  # the shell's status for a command that is not there


# --- Two verbs -------------------------------------------------------------


def enclose(
    maker: int, channel: int, kinds: Kinds, hostname: str, boot_offset_s: str, door: str, *wishes: str
) -> NoReturn:
    """Make new namespaces and keep one process in them, until it is killed or the maker ends.

    They begin in those behind `door`, a pidfd and the kinds to join, if there is one.
    """
    if door:
        pidfd, joined = door.split(" ")
        join(int(pidfd), kinds_of(joined))
    if USER in kinds:
        unshare({USER: kinds[USER]})
        ask(channel, "map")
    unshare({name: flag for name, flag in kinds.items() if name != USER})
    if boot_offset_s:
        shift_boot_clock(int(boot_offset_s))
    inner = fork(lambda: dwell(maker, channel, kinds, hostname, wishes))  # the first member of PID and TIME
    tell(channel, f"pid {inner}")
    os.close(channel)
    sys.exit(os.waitpid(inner, 0)[1] != 0)


def dwell(maker: int, channel: int, kinds: Kinds, hostname: str, wishes: Sequence[str]) -> None:
    """Furnish the namespaces from inside, then stay; as process 1, if there is a PID namespace."""
    if MNT in kinds:
        attach.make_private()
    if "proc" in wishes and MNT in kinds and PID in kinds:
        attach.proc()
    if "network" in wishes:
        loopback.bring_up("lo")
    if hostname:
        calls.sethostname(hostname)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then reaps the orphans that process 1 is given
    tell(channel, "ready")
    os.close(channel)
    first_to_end(maker)


def enter(maker: int, channel: int, kinds: Kinds, door: str, *command: str) -> NoReturn:
    """Run a command in the namespaces behind `door`, a pidfd or one file for each kind, and end as it ends."""
    if door.isdigit():
        join(int(door), kinds)
    else:
        join_held(dict(each.split("=") for each in door.split()), kinds)
    inner = fork(lambda: execute(command))
    os.close(channel)
    if first_to_end(os.pidfd_open(inner), maker) == maker:
        os.killpg(0, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)  # as a shell tells it


# --- Leaving and joining -----------------------------------------------------


def unshare(kinds: Kinds) -> None:
    """Give this process new namespaces of `kinds`; of PID and TIME only its later children will be members."""
    calls.unshare(sum(kinds.values()), "|".join(sorted(kinds)))


def shift_boot_clock(offset_s: int) -> None:
    """Let the machine seem to have been up `offset_s` longer, in the TIME namespace that waits for the first child."""
    files.write("/proc/self/timens_offsets", f"boottime {offset_s} 0\nmonotonic {offset_s} 0\n")


def join(pidfd: int, kinds: Kinds) -> None:
    """Move this process into the namespaces of `kinds` of the process behind `pidfd`, as `namespaces.join` does."""
    calls.setns(pidfd, sum(kinds.values()), "|".join(sorted(kinds)))


def join_held(held: dict[str, str], kinds: Kinds) -> None:
    """Move this process into namespaces that open files keep alive: USER first, whose rights open the others."""
    for name in sorted(held, key=lambda name: name != USER):
        calls.setns(int(held[name]), kinds[name], name)


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
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > sys.stderr.fileno():
            with suppress(OSError):  # the listing's own, closed by now
                os.set_inheritable(fd, False)


def kinds_of(words: str) -> Kinds:
    """The kinds as enclosed.py writes them."""
    return {name: int(flag, 16) for name, flag in (word.split("=") for word in words.split(",") if word)}


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
