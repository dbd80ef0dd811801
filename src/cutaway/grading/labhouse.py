"""A house for one submission of a lab: `cutaway check` and the notebook that it runs, and nothing else of this machine.

Run as `python -P -s labhouse.py SETTINGS`, with the notebook on standard input. It moves in as the warm parent does,
so that no course, no gradebook, no other submission and no network is there, and then becomes `cutaway check`. Unlike
a sandbox it may ask for namespaces and mounts of its own, because that is what labs are about.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cutaway.grading import house
from cutaway.linux import calls, links, mounts, namespaces
from cutaway.linux.namespaces import Kind

STUDENT = 1000  # the user inside
HOME_BYTES, ENTRIES = 256 << 20, 16_384
BESIDE_BYTES = 128 << 20  # of a folder with a saved machine, for all that is not its memory
PROCESSES = 512


def main(settings: dict[str, Any]) -> None:
    """Be the checker of one submission; the refusal of a wall is told as JSON."""
    outside = os.pidfd_open(os.getpid())
    notebook = sys.stdin.buffer.read()
    machine = Path(settings["machine"]) if settings["machine"] else None
    held = {path.name: path.open("rb") for path in machine.iterdir()} if machine else {}  # inside, nobody might
    try:
        house.move_in(settings["shown"], settings["hidden"], lambda: _end_with(settings["grader"]))
        _furnish()
        if machine:
            _own(machine, held)
    except OSError as error:
        print(json.dumps({"refused": str(error)}))
        return
    lab, learner = settings["lab"], settings["learner"]
    path = Path(house.HOME) / f"{lab}.ipynb"
    path.write_bytes(notebook)
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)  # whoever waits for us is gone, and all below goes with us
    if select.select([outside], [], [], 0)[0]:  # already
        return
    words = ["check", lab, str(path), f"--learner={learner}", "--json", *settings["how"]]
    os.execv(sys.executable, [sys.executable, "-s", "-m", "cutaway", *words])


def _end_with(parent: int) -> None:
    """Have this process killed when the thread that started it ends, however that comes."""
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)  # set only now: a change of rights takes it away
    if os.getppid() != parent:
        os._exit(1)


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


def _own(lent: Path, files: Mapping[str, BinaryIO]) -> None:
    """Have a saved machine's files for oneself: QEMU opens its memory for writing, though it writes to a copy.

    The memory is written out whole: where it has holes, a tmpfs fills them when a guest looks, and breaks the seal.
    """
    from cutaway.ground.guest import saved

    memory_bytes = os.fstat(files[saved.MEMORY].fileno()).st_size
    mounts.tmpfs(str(lent), memory_bytes + BESIDE_BYTES, len(files) + 1)
    for name, file in files.items():
        with file, (lent / name).open("wb") as mine:
            shutil.copyfileobj(file, mine, saved.PIECE_BYTES)
    (lent / saved.SEAL).write_text(saved.seal(lent))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
