"""`cutaway-oci`, as a program that an engine can be pointed at.

A script that pip installs would load far more than a runtime may: an engine starts it three or four times a container.
Ours asks Python for nothing of the user's and no site packages (-I -S), and names this copy of the course.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SCRIPT = """#!{python} -IS
# Written by Cutaway: its container runtime, which Docker and Podman can be pointed at.
import gc
import sys

gc.disable()  # nothing here lives long enough for it
sys.path.insert(0, {source!r})
if not {{"create", "run", "exec"}}.isdisjoint(sys.argv):
    from cutaway.runtime.sealed import run_sealed

    run_sealed()
from cutaway.runtime.cli import end, main

end(main(sys.argv[1:]))
"""
SHEBANG_BYTES = 255  # BINPRM_BUF_SIZE of linux/binfmts.h, less the newline


def install(folder: Path) -> Path:
    """The path of the program, written into `folder`; one that is the same is left alone."""
    python, source = os.path.realpath(sys.executable), str(Path(__file__).parents[2])
    if len(python) + len("#! -IS") > SHEBANG_BYTES:
        raise ValueError(f"{python}: a first line of a script takes at most {SHEBANG_BYTES} bytes; use a shorter path")
    script, program = SCRIPT.format(python=python, source=source), folder / "cutaway-oci"
    if not program.exists() or program.read_text() != script:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = program.with_name(f"cutaway-oci.{os.getpid()}")
        fresh.write_text(script)
        fresh.chmod(0o755)
        fresh.rename(program)
    return program
