"""A guest in which an engine is up and a notebook's kernel waits beside it: where labs that need an engine are marked.

It is what engine.py and notebook.py make, in one, and the engine has the course's base image. A copy of it is lent
programs, Python and our package, and of the course neither a lab nor a check.

By emulation its clocks do not go with ours but with its own processor. So how long something takes in there, and
whether that is too long, does not depend on what else this computer has to do.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from cutaway.ground.guest import cache, engine, exports, initramfs, inside, notebook, recipes, waiting
from cutaway.ground.guest.exports import Lent
from cutaway.ground.guest.kernel import Kernel
from cutaway.ground.guest.running import BEGIN_S, Running
from cutaway.ground.private import Kind
from cutaway.problem import Problem

KIND: Kind = "docker"
ENV = notebook.ENV | {
    "PATH": inside.PATH,
    "CUTAWAY_ENGINE": f"unix://{recipes.SOCKET}",
    waiting.REHEARSAL: __name__,
}
UP_S = 1200  # on a busy machine, by emulation; 90 s of processor time
EMULATION: Sequence[str] = (
    *("-accel", "tcg,tb-size=512"),  # a container's start runs five large programs; of 64 MiB they push one another out
    *("-icount", "shift=1"),  # an instruction takes 2**1 ns; and when there is none to run, time goes on as here
    *("-rtc", "clock=vm"),
)
LABS = (
    *("check.installation", "check.lab", "draw", "ground.building"),  # what the pages of labs import
    "ledger.strays",  # and the ledger's watcher
)
START = f"""
setsid /bin/sh {recipes.FOLDER}/start || exit 1
exec {shlex.join(notebook.command())}
"""  # a session of its own: whoever interrupts the kernel interrupts all of its group


def ready(guest_kernel: Kernel) -> Path:
    """The archive with the engine's programs and the kernel's files, or the one that is named to us."""
    if named := os.environ.get(initramfs.OVERRIDE):
        return Path(named)
    found = engine.needed(KIND)
    files = [initramfs.ready(guest_kernel), *found, *Path(sys.prefix).glob("pyvenv.cfg")]
    made_of = cache.sources(files, sys.executable)
    place = cache.made("workbench", made_of, lambda draft: _build(guest_kernel, found, draft), notebook.unchanged)
    return place / "initramfs"


def _build(guest_kernel: Kernel, found: Iterable[Path], draft: Path) -> None:
    files = notebook.files_among(exports.lent_to_a_submission(guest_kernel), draft, ENV)
    initramfs.write(draft / "initramfs", engine.contents(guest_kernel, KIND, found) | notebook.entries(files))


def wake(template: Running, lent: Iterable[Lent]) -> None:
    """Start both in a guest that is to be saved, and return when the kernel waits for its word."""
    own = dict.fromkeys([*engine.own(), *(str(each.target) for each in lent)])
    if trouble := template.ask({"do": "wake", "own": list(own)}, BEGIN_S):
        raise Problem(f"starting {template.name}: the guest could not show its files: {trouble}")
    notebook.await_up(template, ["/bin/sh", "-c", START], ENV, UP_S)


def rehearse() -> None:
    """Give the engine the base image and run a container of it. On the host, to see what that opens, there is none."""
    from cutaway.ground import base
    from cutaway.ground import engine as engines

    for name in LABS:
        importlib.import_module(f"cutaway.{name}")
    if Path(recipes.SOCKET).exists():
        found = engines.ready()
        found.client().containers.run(base.image(found), ["true"], remove=True)
