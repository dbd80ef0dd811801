"""Let a piece of Python run where there is nothing to reach: an interpreter in memory, behind walls of the kernel.

`evaluate` refuses no name and reads no source. It starts a fresh Python that walls itself in before it looks at the
text: user, process, mount, network, IPC and UTS namespaces of its own; an empty root; no capability and no way to
gain one; a limit on time and memory. The text may then do whatever it likes with what is left.

Not stopped here: a fork bomb (pids.max of a control group does that, lesson 07), and a defect of the kernel itself
(seccomp leaves it less to be attacked by, lesson 09).

See pivot_root(2), "NOTES".
Run as a program, this file is the inside: `python -I -S confined.py TEXT`. Taught in notebook 03.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
from pathlib import Path

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls, capabilities, commands, mounts, namespaces, roots
from cutaway.linux.namespaces import Kind
from cutaway.linux.seccomp import PR_SET_NO_NEW_PRIVS

WALLS = frozenset({Kind.USER, Kind.PID, Kind.MNT, Kind.NET, Kind.IPC, Kind.UTS})
EMPTY_BYTES = 1 << 20
TIME_S, MEMORY_BYTES = 1, 512 << 20  # of a processor, which on a busy machine takes longer

# --- Outside ---------------------------------------------------------------


def evaluate(text: str, timeout_s: float = 60) -> str:
    """What the expression is worth, as text, or how its evaluation ended; `Refused` where the walls cannot be made."""
    argv = [sys.executable, "-I", "-S", str(Path(__file__).absolute()), text]
    try:
        return commands.run(argv, timeout_s)
    except commands.CommandFailed as failed:
        if failed.stderr:  # of ours: what the text raises, it prints
            why = namespaces.obstacle() or failed.stderr.splitlines()[-1]
            raise calls.Refused(errno.EPERM, "confined.wall_in()", why) from None
        return f"killed with status {failed.status}"


# --- Inside ----------------------------------------------------------------


def wall_in() -> None:
    """Leave everything that is shared. The child that this makes is the one behind the walls; the rest waits for it."""
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare(WALLS)
    namespaces.map_to_root(os.getpid(), uid, gid)
    child = os.fork()  # the first of its PID namespace
    if child:
        sys.exit(commands.shell_status(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
    os.setsid()  # a signal to its process group shall not reach the one that waits
    capabilities.limit(0)
    empty_root("/proc")  # a folder that every machine has
    capabilities.assume(0, 0, 0)
    calls.prctl(PR_SET_NO_NEW_PRIVS, 1)
    resource.setrlimit(resource.RLIMIT_CPU, (TIME_S, TIME_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def empty_root(place: str) -> None:
    """Put an empty filesystem on `place`, make it the root, and let go of the old one."""
    mounts.make_private()
    mounts.tmpfs(place, EMPTY_BYTES)
    roots.enter(place)


def answer(text: str) -> str:
    """The worth of an expression, or the name and the words of what it raised."""
    try:
        return str(eval(text, {}))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    wall_in()
    print(answer(sys.argv[1]), flush=True)
    os._exit(0)
