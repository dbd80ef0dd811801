"""A notebook's kernel that is up before anybody has asked for it: what a guest runs while it is saved.

The kernel has answered a cell of every kind, and waits at its ports. Standard input then brings it a word that makes
it somebody's own: the key of the connection, the folder, the environment. Each copy of the guest is given another
word, so no two kernels share a key, a session, or random numbers. An end without a word is its own end.

    python -P -m cutaway.ground.guest.waiting --ip=0.0.0.0 --shell=9000 ... < word
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import threading
from contextlib import suppress
from typing import Any

UP, BEGUN = "the kernel waits, process", "the kernel has begun, process"  # on standard output, with its number
REHEARSED = ("1", "print(2)", "import os; os.getcwd()", "undefined", "?print", "!true")
LESSONS = (
    "check",
    "draw",
    "ground.experiment",
    "ground.grounds",
    "linux",
    "panels",
)  # what pages import; `measure`, with all of SciPy, would make the archive three times as large
REHEARSAL_S = 120
REHEARSAL = "CUTAWAY_REHEARSAL"  # in the environment: a module whose rehearse() is called in place of LESSONS


def main(argv: list[str]) -> None:
    """Start a kernel, and a thread that rehearses with it and then waits for the word."""
    from ipykernel.kernelapp import IPKernelApp  # slow to import; the host only asks this file for its words

    said = os.dup(1)  # the kernel takes the first two descriptors for its cells
    app: Any = IPKernelApp.instance()
    app.initialize(argv)
    threading.Thread(target=wait, args=(app, said), daemon=True).start()
    app.start()


def wait(app: Any, said: int) -> None:
    """Rehearse, wait for the word, and become what it says."""
    try:
        rehearse(app)
    except BaseException as error:  # in a thread it would end nothing, and the host would wait
        os.write(said, f"{error!r}\n".encode())
        os._exit(1)
    tell(said, UP)
    with open(0, closefd=False) as stdin:
        word = stdin.readline()
    if word:
        become(app, **json.loads(word))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        tell(said, BEGUN)
    else:
        app.io_loop.add_callback(app.io_loop.stop)


def tell(fd: int, word: str) -> None:
    os.write(fd, f"{word} {os.getpid()}\n".encode())


def rehearse(app: Any) -> None:
    """Let the kernel do once what it will be asked for: what it loads and compiles then, every copy has."""
    if other := os.environ.pop(REHEARSAL, ""):
        importlib.import_module(other).rehearse()
    for name in () if other else LESSONS:
        with suppress(ImportError):  # of a part of the course that is not installed here
            importlib.import_module(f"cutaway.{name}")
    from jupyter_client.blocking.client import BlockingKernelClient

    client = BlockingKernelClient()
    client.load_connection_info(app.get_connection_info() | {"ip": "127.0.0.1"})
    client.start_channels()
    client.wait_for_ready(REHEARSAL_S)
    for cell in REHEARSED:
        client.execute_interactive(cell, store_history=False, output_hook=id, timeout=REHEARSAL_S)
    client.stop_channels()


def become(app: Any, key: str, cwd: str, env: dict[str, str]) -> None:
    """Leave everything behind that another copy has, too."""
    from jupyter_client.session import new_id

    app.session.key, app.session.session = key.encode(), new_id()
    os.environ.update(env)
    with suppress(OSError):  # a folder that is not lent to the guest
        os.chdir(cwd)
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    importlib.invalidate_caches()  # folders have come since


if __name__ == "__main__":
    main(sys.argv[1:])
