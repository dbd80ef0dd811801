"""Ways out of a root folder, tried for real and without harm: all that is looked for is a note that lies beside it.

Run as a program, this file is the inside: `python escape.py ROOT WALL WAY ...`. Taught in notebook 08.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cutaway.ground.experiment import enclosed
from cutaway.linux import Kind, capabilities, roots

NOTE = "note"  # the file beside the root folder
OUT, IN = "reads the note", "stays in"


def attempts(root: Path, wall: str, ways: Mapping[str, str]) -> dict[str, str]:
    """What comes of each way, a piece of Python, for a process that has put itself behind `wall`, another piece.

    They know `root`, and `outside`: a descriptor of the folder in which root and note lie, opened before the wall.
    The process has namespaces of its own, and in them all capabilities.
    """
    with enclosed({Kind.USER, Kind.MNT}) as box:
        said = box.run([sys.executable, __file__, str(root), wall, *ways.values()])
    return dict(zip(ways, said.splitlines(), strict=True))


def try_out(root: str, wall: str, *ways: str) -> None:
    """Go behind the wall, then each way in a child; print whether it came to the note."""
    folder = Path(root).parent
    names = {"os": os, "roots": roots, "capabilities": capabilities, "root": root}
    names["outside"] = os.open(folder, os.O_RDONLY)
    exec(wall, names)
    for way in ways:
        if os.fork() == 0:
            with suppress(OSError):  # where it is refused, it has come as far as it has come
                exec(way, names)
            found = Path(NOTE).exists() or (folder / NOTE).exists()
            print(OUT if found else IN, flush=True)
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    try_out(*sys.argv[1:])
