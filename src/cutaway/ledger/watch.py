"""The watcher: a process of its own that outlives its owner, and then undoes what the owner left.

It is started by the first record of a process, before anything is written or made. It leaves its session and
its parent, so that no signal to the owner's group and no reaper of the owner's children ends it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.ledger import state
from cutaway.linux.processes import Process, ended

PAUSES_S = (0, 0.2, 0.5, 1, 2, 4)  # before each try: what its owner had begun may not be done yet

# --- The owner's side ------------------------------------------------------

_watchers: dict[tuple[Process, Path], Process] = {}
_turn = threading.Lock()


def over(owner: Process) -> None:
    """See to it that a watcher waits for the end of `owner`."""
    key = owner, state.state_folder()
    with _turn:
        if key not in _watchers or not _watchers[key].alive():
            _watchers[key] = _start(owner)


def whose(owner: Process) -> str:
    """A word for the owner, with which the names of its entries end."""
    return f"{owner.pid}-{owner.start_time}"


def watchers() -> set[Process]:
    """The watchers that this process has started; they end with those whom they watch."""
    return set(_watchers.values())


def _start(owner: Process) -> Process:
    owner_fd = owner.pidfd()
    env = {key: value for key, value in os.environ.items() if key != "CUTAWAY_TOKEN"}  # no part of any thing
    starter = subprocess.run(
        [sys.executable, "-I", "-S", __file__, str(owner_fd), whose(owner)],
        env={**env, "CUTAWAY_STATE": str(state.state_folder())},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pass_fds=(owner_fd,),
        start_new_session=True,
        check=True,
    )
    os.close(owner_fd)
    return Process.of(int(starter.stdout))


# --- The watcher's side ----------------------------------------------------


def main(owner_fd: int, owner: str) -> None:
    """Say the watcher's number, and let it watch."""
    from cutaway.ledger.entry import sweep  # while the owner waits, so that the watcher needs nothing later
    from cutaway.ledger.strays import end_unrecorded

    watcher = os.fork()
    if watcher:
        print(watcher)
        return
    for fd in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    ended(owner_fd)
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        if not any(outcome.trouble for outcome in sweep()):
            break
    end_unrecorded(owner)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
