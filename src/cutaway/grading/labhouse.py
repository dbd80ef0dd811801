"""A house for one submission of a lab: `cutaway check` and the notebook that it runs, and nothing else of this machine.

Run as `python -P -s labhouse.py SETTINGS`, with the notebook on standard input. It moves in as the warm parent does,
so that no course, no gradebook, no other submission and no network is there, and then becomes `cutaway check`. Unlike
a sandbox it may ask for namespaces and mounts of its own, because that is what labs are about.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from cutaway.grading import house
from cutaway.linux import calls, links, mounts, namespaces
from cutaway.linux.namespaces import Kind

STUDENT = 1000  # the user inside
HOME_BYTES, ENTRIES = 256 << 20, 16_384
PROCESSES = 512


def main(settings: dict[str, Any]) -> None:
    """Be the checker of one submission; the refusal of a wall is told as JSON."""
    notebook = sys.stdin.buffer.read()
    try:
        house.move_in(settings["shown"], settings["hidden"])
        _furnish()
    except OSError as error:
        print(json.dumps({"refused": str(error)}))
        return
    lab, learner = settings["lab"], settings["learner"]
    path = Path(house.HOME) / f"{lab}.ipynb"
    path.write_bytes(notebook)
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)  # whoever waits for us is gone, and all below goes with us
    argv = [sys.executable, "-s", "-m", "cutaway", "check", lab, str(path), f"--learner={learner}", "--json"]
    os.execv(sys.executable, argv)


def _furnish() -> None:
    """Rights over itself, a folder to write to, and a loopback that leads nowhere else."""
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare({Kind.USER, Kind.MNT, Kind.NET, Kind.IPC})
    namespaces.map_self(STUDENT, uid, gid)
    mounts.make_private()
    for folder in (house.HOME, house.TMP, house.SHARED_MEMORY):
        mounts.tmpfs(folder, HOME_BYTES, ENTRIES)
    links.bring_up("lo")
    os.chdir(house.HOME)
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
