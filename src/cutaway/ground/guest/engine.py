"""A guest in which an engine is up and waits: machines for `ground.desktop` go on from it.

Nothing of the host's may be mounted in a guest that is saved. So the engine's programs are in what the guest boots
from, with a busybox for everything else: a small Linux that has an engine and little more. Before the engine's socket
stands a gate (gate.py), which opens for those who know a word; each copy of the guest is given another one.
recipes.py says what each kind of engine is made of.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.guest import cache, conversation, gate, initramfs, inside, kernel, recipes
from cutaway.ground.guest.exports import Lent
from cutaway.ground.guest.kernel import Kernel
from cutaway.ground.guest.recipes import FOLDER, RECIPES, SOCKET
from cutaway.ground.guest.running import BEGIN_S, Running
from cutaway.ground.private import Kind
from cutaway.images.closure import Link, Written, program_entries
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

GATE, PORT = Path(gate.__file__), 2375  # which is Docker's, without TLS (IANA)
WORD, LOG = "/run/word", "/var/log/engine"
OWN = ("/usr", "/bin", "/sbin", "/lib", "/lib64", sys.base_prefix)  # those of them that do not lie in another
ENV = {"PATH": inside.PATH, "HOME": "/root"}
UP_S = 300  # on a busy machine, by emulation

START = f"""
LOG={LOG}
up() {{ until "$@"; do kill -0 $! 2> /dev/null || {{ tail -n 3 $LOG; exit 1; }}; sleep 0.1; done; }}
exec 3>&1 > $LOG 2>&1 < /dev/null
{initramfs.interpreter()} -I -S {FOLDER}/gate.pyc {PORT} {WORD} {SOCKET} 3>&- &
"""  # then come the recipe's own lines; what they write to descriptor 3 is told to the host

# --- What it boots from -------------------------------------------------------


def ready(guest_kernel: Kernel, kind: Kind) -> Path:
    """The archive with an engine of this kind and all that it needs."""
    found = needed(kind)
    own = [Path(__file__), Path(recipes.__file__)]
    made_of = cache.sources([initramfs.ready(guest_kernel), *own, *found], kind)
    return cache.made("engine", made_of, lambda draft: _build(guest_kernel, kind, found, draft)) / "initramfs"


def startable() -> list[Kind]:
    """The kinds of which all programs are on this computer, the better first."""
    return [kind for kind in RECIPES if not missing(kind)]


def missing(kind: Kind) -> list[str]:
    """The programs of such an engine that are not on this computer."""
    return [name for name, path in RECIPES[kind].programs().items() if path is None]


def needed(kind: Kind) -> list[Path]:
    """Where the programs and libraries of such an engine are; Problem when a program is not here."""
    recipe = RECIPES[kind]
    if lacking := missing(kind):
        remedy = programs.remedy(recipe.package)
        raise Problem(f"building a guest with an engine: no {', '.join(lacking)} here; {remedy}")
    plugins = [path for pattern in recipe.plugins for path in Path("/").glob(pattern[1:])]
    return [*(Path(path) for path in recipe.programs().values() if path), *sorted(plugins)]


def _build(guest_kernel: Kernel, kind: Kind, found: Iterable[Path], draft: Path) -> None:
    initramfs.write(draft / "initramfs", contents(guest_kernel, kind, found))


def contents(guest_kernel: Kernel, kind: Kind, found: Iterable[Path]) -> initramfs.Entries:
    """Everything that a guest with such an engine boots from."""
    recipe = RECIPES[kind]
    try:
        entries = initramfs.contents(guest_kernel, recipe.drivers)
    except kernel.Unfit as lacking:
        raise Problem(f"building a guest with {recipe.package} in it: {lacking}; {kernel.remedy()}") from None
    for program in [*found, initramfs.busybox()]:
        entries |= program_entries(program)
    entries |= initramfs.python(GATE) | initramfs.folders(FOLDER / "gate.pyc")
    entries[FOLDER / "gate.pyc"] = Written(initramfs.bytecode(GATE))
    for name, text in {**recipe.files, "start": START + recipe.start}.items():
        entries[FOLDER / name] = Written(text.encode())
    return _tools() | entries


def drawn_word() -> bytes:
    """A word for the gate, which nobody else knows."""
    return f"{secrets.token_hex(gate.WORD_BYTES // 2)}\n".encode()


def _tools() -> initramfs.Entries:
    """Everything that busybox can be, by name."""
    listed = subprocess.run([initramfs.busybox(), "--list"], capture_output=True, text=True, check=True).stdout.split()
    return {Path("/usr/bin", name): Link(str(initramfs.busybox())) for name in listed}


# --- Waking it --------------------------------------------------------------


def own() -> list[str]:
    """The folders of what it boots from that its engine is to see."""
    return [path for path in OWN if Path(path).resolve() == Path(path) and Path("/usr") not in Path(path).parents]


def wake(template: Running, lent: Iterable[Lent]) -> None:
    """Start the engine in a guest that is to be saved, and return when it answers."""
    if trouble := template.ask({"do": "wake", "own": own()}, BEGIN_S):
        raise Problem(f"starting {template.name}: the guest could not show its files: {trouble}")
    said = bytearray()
    request = {"do": "run", "argv": ["/bin/sh", f"{FOLDER}/start"], "env": ENV, "cwd": "/root"}
    try:
        with conversation.connect(template.folder, f"port{inside.NOTEBOOK_PORT}") as line:
            status = conversation.converse(line, request, None, said.extend, said.extend, time.monotonic() + UP_S)
    except conversation.Silent:
        raise Problem(
            f"starting {template.name}: its engine was not up after {UP_S} s; is this machine busy?"
        ) from None
    if status != "0":
        last = said.decode(errors="replace").strip() or f"status {status}"
        raise Problem(f"starting {template.name}: its engine ended: {last}; see `cutaway doctor`")
