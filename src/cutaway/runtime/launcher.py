"""`cutaway-oci`, as a program that an engine can be pointed at.

A script that pip installs would load far more than a runtime may: an engine starts it three or four times a container.
Ours asks Python for nothing of the user's and no site packages, and names this copy of the course.

Beside it lie its parts, in a folder: a copy of the loader, which the script's first line names (sealed.py says why),
and what that is to load, a link to Python. Such a line has no room for -I -S; but Python looks beside its own name for
a file NAME._pth with the folders of its library, and whoever has one loads from nowhere else, as with -I -S. The last
part is what the script loads, packed (packed.py). Where these do not work, as with a path that is too long for a first
line, the script names Python itself and does without the copy.
A loader works with the C library that it came with: after an upgrade of that, `install` must have been here once more.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cutaway.runtime import packed
from cutaway.runtime.sealed import loader_of

SCRIPT = """#!{start}
# Written by Cutaway: its container runtime, which Docker and Podman can be pointed at.
import gc
import sys

gc.disable()  # nothing here lives long enough for it
sys.path.insert(0, {source!r})
from cutaway.runtime import packed

packed.use({packed!r})
if not {{"create", "run", "exec"}}.isdisjoint(sys.argv):
    from cutaway.runtime.sealed import run_sealed

    run_sealed({loader!r})
from cutaway.runtime.cli import end, main

end(main(sys.argv[1:]))
"""
SHEBANG_BYTES = 255  # BINPRM_BUF_SIZE of linux/binfmts.h, less the newline
SOURCE = str(Path(__file__).parents[2])
PACK = f"""
import sys
sys.path.insert(0, {SOURCE!r})
from cutaway.runtime import packed
assert sys.flags.isolated and sys.flags.no_site
sys.stdout.buffer.write(packed.pack())
"""


def install(folder: Path) -> Path:
    """The path of the program, written into `folder` with its parts; what is the same already is left alone."""
    python, program, parts = os.path.realpath(sys.executable), folder / "cutaway-oci", folder / "cutaway-oci.parts"
    parts.mkdir(parents=True, exist_ok=True)
    parts.chmod(0o755)
    changed = lay_ready(parts, python)
    for start, loader in (([f"{parts}/loader", f"{parts}/python"], f"{parts}/loader"), ([python, "-IS"], "")):
        script = SCRIPT.format(start=" ".join(start), source=SOURCE, packed=f"{parts}/packed", loader=loader)
        if not fits(start):
            continue
        if not changed and packed.current(f"{parts}/packed") and program.exists() and program.read_text() == script:
            return program
        if content := packed_by(start):
            put(parts / "packed", content, 0o644)
            put(program, script.encode(), 0o755)
            return program
    raise ValueError(
        f"{python}: it cannot stand in the first line of a script, which takes at most {SHEBANG_BYTES} bytes and no "
        "space in a path; use a shorter path"
    )


def fits(start: Sequence[str]) -> bool:
    """Whether the kernel finds these two words in a script's first line."""
    program, word = start
    return not any(letter.isspace() for letter in program) and len(f"#!{program} {word}".encode()) <= SHEBANG_BYTES


def lay_ready(parts: Path, python: str) -> bool:
    """Write the loader's copy, the link to Python and where its library is; whether something was not so before."""
    library = [os.path.dirname(os.__file__), *(each for each in sys.path if each.endswith("/lib-dynload"))]
    changed = put(parts / "python._pth", "\n".join(library).encode(), 0o644)
    for left in parts.glob("loader.*"):  # by a start that was killed
        if not Path("/proc", left.suffix[1:]).exists():
            left.unlink(missing_ok=True)
    if loader := loader_of(python):
        changed |= put(parts / "loader", Path(loader).read_bytes(), 0o755)
    link = parts / "python"
    if not link.is_symlink() or os.readlink(link) != python:
        link.unlink(missing_ok=True)
        link.symlink_to(python)
        changed = True
    return changed


def packed_by(start: Sequence[str]) -> bytes:
    """What the program loads, packed by a Python that is started so; nothing when none starts, or asks for more."""
    try:
        done = subprocess.run([*start, "-c", PACK], env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return b""
    return done.stdout if done.returncode == 0 else b""


def put(place: Path, content: bytes, mode: int) -> bool:
    """Let a file be there with this content, wholly or not at all; whether it was not so before."""
    if place.exists() and place.stat().st_mode & 0o777 == mode and place.read_bytes() == content:
        return False
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.rename(place)
    return True
