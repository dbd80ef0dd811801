"""Draw where a program in a container runs, when engine and container are in a machine of their own.

No place sees all of it: from the container one sees up to a hypervisor, and from here down to a process of QEMU's. So
two programs look, one here and one there, and the drawing is put together where QEMU's process meets its guest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cutaway.draw import evidence
from cutaway.draw.enclosures import Arrow, Drawing, engine, process
from cutaway.draw.evidence import Fact, Found, look
from cutaway.draw.here import nested, table
from cutaway.ground.desktop import Desktop
from cutaway.ground.guest import initramfs
from cutaway.images.closure import Entry, Written

SOURCE = Path(evidence.__file__)
LOOK = [str(initramfs.interpreter()), "-I", "-S", "/evidence.pyc"]


# --- Looking there ---------------------------------------------------------


def eyes() -> dict[str, Entry]:
    """What an image must hold for its containers to look round themselves: Python, and the modules it looks with."""
    python = {str(path): entry for path, entry in initramfs.python(SOURCE).items()}
    return {**python, LOOK[-1]: Written(initramfs.bytecode(SOURCE))}


def look_in(desktop: Desktop, container: str) -> list[Found]:
    """What a program in this container finds round itself, from the outside in."""
    said = desktop.docker(["exec", container, *LOOK])
    return [Found(**{**row, "facts": tuple(Fact(**fact) for fact in row["facts"])}) for row in json.loads(said)]


# --- Drawing both ----------------------------------------------------------


def inside(desktop: Desktop, there: Sequence[Found], here: Sequence[Found] | None = None) -> Drawing:
    """The layers round a program in a container of this engine's, and round this line of code, in one drawing."""
    here = here or look()
    ours, theirs = [layer.kind for layer in here].index("process"), [layer.kind for layer in there].index("hypervisor")
    containers = [layer.kind for layer in there].index("container")
    version = desktop.client.version()["Version"]
    maker, (box,) = engine(f"{desktop.kind.title()} {version}"), nested(there[containers:])
    (machine,) = nested(there[theirs:containers], (maker, box))
    (notebook,) = nested(here[ours:])
    qemu = desktop.guest.running.process.pid
    other = process(f"{Path(f'/proc/{qemu}/comm').read_text().strip()}, process {qemu}", machine)
    return Drawing(
        *nested(here[:ours], (notebook, other)),
        title="All the way through",
        description=(
            "This notebook asks a socket; the engine that answers is in a machine, a process beside it. In the machine "
            "the engine is a process, too, and the container that it made stands beside it on the same kernel."
        ),
        arrows=[Arrow(notebook, "docker.sock", other), Arrow(maker, "makes", box)],
        evidence=table([*here, *there]),
    )
