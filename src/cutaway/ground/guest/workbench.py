"""A guest in which an engine is up and a notebook's kernel waits beside it: where labs that need an engine are marked.

It is what engine.py and notebook.py make, in one, and the engine has the course's base image; of the second kind, also
the images of *counter*. A copy of it is lent programs, Python and our package, and of the course neither a lab nor a
check.

By emulation its clocks do not go with ours but with its own processor. So how long something takes in there, and
whether that is too long, does not depend on what else this computer has to do.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from cutaway.ground import programs
from cutaway.ground.guest import cache, engine, exports, initramfs, inside, notebook, recipes, waiting
from cutaway.ground.guest.exports import Lent
from cutaway.ground.guest.kernel import Kernel
from cutaway.ground.guest.qemu import Wake
from cutaway.ground.guest.running import BEGIN_S, Running
from cutaway.ground.private import Kind
from cutaway.problem import Problem

Name = Literal["workbench", "counter"]


class Bench(NamedTuple):
    """A guest of this name: what of the things that labs need it has, how much memory, whether *counter*'s images."""

    name: Name
    has: frozenset[str]
    memory_mib: int
    has_images: bool


BENCHES = (
    Bench("workbench", frozenset({"engine"}), 1024, has_images=False),
    Bench("counter", frozenset({"engine", "docker client", "mariadb", "nginx"}), 2048, has_images=True),
)  # the smaller first
KIND: Kind = "docker"
ENV = notebook.ENV | {
    "PATH": inside.PATH,
    "CUTAWAY_ENGINE": f"unix://{recipes.SOCKET}",
    waiting.REHEARSAL: __name__,
}
UP_S = 1200  # on a busy machine, by emulation; 100 s of processor time
WORD = "CUTAWAY_WORD"  # in the environment, while it is woken: what the gate opens for
EMULATION: Sequence[str] = (
    *("-accel", "tcg,tb-size=512"),  # a container's start runs five large programs; of 64 MiB they push one another out
    *("-icount", "shift=1"),  # an instruction takes 2**1 ns; and when there is none to run, time goes on as here
    *("-rtc", "clock=vm"),
)
LABS = (
    *("check.installation", "check.lab", "draw", "ground.building"),  # what the pages of labs import
    *("ground.counter.visitors", "ground.terminal"),
    "ledger.strays",  # and the ledger's watcher
)
START = f"""
[ -z "${WORD}" ] || echo "${WORD}" > {engine.WORD}
unset {WORD}
setsid /bin/sh {recipes.FOLDER}/start || exit 1
exec {shlex.join(notebook.command())}
"""  # a session of its own: whoever interrupts the kernel interrupts all of its group


def bench_for(needs: Iterable[str]) -> Bench | None:
    """The one in which a lab finds all that it needs, an engine among it; None when there is none."""
    wanted = {*needs}
    return next((each for each in BENCHES if "engine" in wanted and wanted <= each.has), None)


def ready(guest_kernel: Kernel, name: Name) -> Path:
    """The archive with the engine's programs and the kernel's files, or the one that is named to us.

    Problem when this computer lacks what there is to be in the guest.
    """
    if named := os.environ.get(initramfs.OVERRIDE):
        return Path(named)
    found = engine.needed(KIND)
    (bench,) = [each for each in BENCHES if each.name == name]
    if lacking := sorted(need for need in bench.has - {"engine"} if not programs.named(need).found):
        remedy = programs.remedy(*lacking)
        raise Problem(f"building a guest for labs with an engine: no {', '.join(lacking)} here; {remedy}")
    files = [initramfs.ready(guest_kernel), *found, *Path(sys.prefix).glob("pyvenv.cfg")]
    made_of = cache.sources(files, sys.executable)
    place = cache.made(name, made_of, lambda draft: _build(guest_kernel, bench, found, draft), notebook.unchanged)
    return place / "initramfs"


def _build(guest_kernel: Kernel, bench: Bench, found: Iterable[Path], draft: Path) -> None:
    from cutaway.ground.counter import images  # it stands above this, as all that is imported in functions here

    in_images = images.made_of() if bench.has_images else ()
    files = notebook.files_among(exports.lent_to_a_submission(guest_kernel), draft, ENV, in_images)
    initramfs.write(draft / "initramfs", engine.contents(guest_kernel, KIND, found) | notebook.entries(files))


def wake(template: Running, lent: Iterable[Lent], env: Mapping[str, str] = ENV) -> None:
    """Start both in a guest that is to be saved, and return when the kernel waits for its word."""
    own = dict.fromkeys([*engine.own(), *(str(each.target) for each in lent)])
    if trouble := template.ask({"do": "wake", "own": list(own)}, BEGIN_S):
        raise Problem(f"starting {template.name}: the guest could not show its files: {trouble}")
    notebook.await_up(template, ["/bin/sh", "-c", START], env, UP_S)


def wake_with_images(template: Running, lent: Iterable[Lent]) -> None:
    """The same, and then give the engine the images of *counter*, which are packed here."""
    from cutaway.ground.counter.images import images
    from cutaway.ground.desktop import Desktop
    from cutaway.ground.engine import Engine
    from cutaway.ground.machine import Machine

    word = engine.drawn_word()
    wake(template, lent, ENV | {WORD: word.decode().strip()})
    desktop = Desktop(Machine(template), KIND, word)
    try:
        with desktop.chosen(UP_S):
            images(Engine(KIND, desktop.socket, ""), template.process)
    finally:
        desktop.leave()


WAKE: Mapping[Name, Wake] = {"workbench": wake, "counter": wake_with_images}


def rehearse() -> None:
    """Give the engine the base image and run a container of it. On the host, to see what that opens, there is none."""
    from cutaway.ground import base
    from cutaway.ground import engine as engines

    for name in LABS:
        importlib.import_module(f"cutaway.{name}")
    if Path(recipes.SOCKET).exists():
        found = engines.ready()
        found.client().containers.run(base.image(found), ["true"], remove=True)
