"""A guest in which a notebook's kernel is up and waits (waiting.py): machines for notebooks go on from it.

Nothing of the host's may be mounted in a guest that is saved. So the files that the kernel needs are in what the guest
boots from: exactly those that the same program opens on the host. They are looked at before each use; when one of them
has changed, the guest is made anew. Why they are no block device: docs/performance.md.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.ground.guest import cache, conversation, exports, initramfs, inside, waiting
from cutaway.ground.guest.exports import Lent
from cutaway.ground.guest.kernel import Kernel
from cutaway.ground.guest.running import BEGIN_S, Running
from cutaway.images.closure import Written, elf, program_entries, trail
from cutaway.problem import Problem

SERVERS = ("shell", "iopub", "stdin", "control", "hb")
PORTS = {name: 9000 + number for number, name in enumerate(SERVERS)}  # the guest's; those of the host are chosen
FILES = "files"
OPENING_S, UP_S = 120, 300  # on a busy machine, by emulation
ENV = {"PATH": os.defpath, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8"}

# --- What it boots from -------------------------------------------------------


def ready(guest_kernel: Kernel) -> Path:
    """The archive with the kernel's files; made, or made anew when one of them is another one now."""
    files = [guest_kernel.image, initramfs.ready(guest_kernel), *Path(sys.prefix).glob("pyvenv.cfg")]
    made_of = cache.sources(files, sys.executable)
    return cache.made("notebook", made_of, lambda draft: _build(guest_kernel, draft), unchanged) / "initramfs"


def unchanged(place: Path) -> bool:
    """Whether the files in the archive are those that lie on the host."""
    try:
        print_of_them, files = json.loads((place / FILES).read_text())
        return bool(print_of_them == cache.fingerprint(map(Path, files)))
    except (OSError, ValueError):
        return False


def _build(guest_kernel: Kernel, draft: Path) -> None:
    files = files_among(exports.lent(guest_kernel), draft)
    initramfs.write(draft / "initramfs", initramfs.contents(guest_kernel) | entries(files))


def files_among(
    lent: Iterable[Lent], draft: Path, env: Mapping[str, str] = ENV, beside: Iterable[Path] = ()
) -> list[Path]:
    """The files that the kernel needs and that lie in folders that are lent.

    The draft says what they are, and those `beside` that the guest is given otherwise.
    """
    folders = [each.target for each in lent]
    files = sorted(path for path in opened(draft / "home", env) if any(map(path.is_relative_to, folders)))
    known = sorted({*files, *beside})
    (draft / FILES).write_text(json.dumps([cache.fingerprint(known), [str(path) for path in known]]))
    return files


OPENED = """
import json, os, sys
opened = set()
def hear(event, given):
    if event in ("open", "ctypes.dlopen") and isinstance(given[0], str):
        opened.add(given[0])
sys.addaudithook(hear)
import runpy, site
site.main()
told = sys.argv.pop()
runpy.run_module("cutaway.ground.guest.waiting", run_name="__main__", alter_sys=True)
modules = {str(getattr(each, "__file__", "")) for each in [*sys.modules.values()]}
files = modules | {*map(os.path.abspath, opened)}
with open(told, "w") as file:
    json.dump([path for path in files if os.path.isfile(path)], file)
os._exit(0)
"""  # before `site`, which opens files, too; it ends because there is no word on standard input


def opened(home: Path, env: Mapping[str, str]) -> set[Path]:
    """The files that the kernel's program opens on this host until it waits, each module by its source."""
    home.mkdir(mode=0o700)
    argv = [sys.executable, "-S", "-c", OPENED, "--ip=127.0.0.1", str(home / FILES)]
    done = subprocess.run(
        argv, env={**env, "HOME": str(home)}, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, timeout=OPENING_S
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise Problem(f"starting a notebook's kernel on the host, to see what it needs: {last}; run `make setup` again")
    return {_source(Path(path)) for path in json.loads((home / FILES).read_text())}


def _source(path: Path) -> Path:
    with suppress(ValueError):  # no bytecode that Python keeps
        source = Path(importlib.util.source_from_cache(str(path)))
        if source.exists():
            return source
    return path


def entries(files: Iterable[Path]) -> initramfs.Entries:
    """The interpreter by the name that started it, and the files with all that they need."""
    found = trail(Path(sys.executable)) | program_entries(initramfs.interpreter())
    for path in files:
        if path.suffix == ".py":
            kept = Path(importlib.util.cache_from_source(str(path)))
            found |= trail(path) | initramfs.folders(kept) | {kept: Written(initramfs.bytecode(path))}
        else:
            found |= program_entries(path) if elf(path) else trail(path)
    return found


# --- Waking it, and giving it its word ------------------------------------------


class _Waits(Exception):
    """The kernel is up."""


def wake(template: Running, lent: Iterable[Lent]) -> None:
    """Start the kernel in a guest that is to be saved, and return when it waits for its word."""
    if trouble := template.ask({"do": "wake", "own": [str(each.target) for each in lent]}, BEGIN_S):
        raise Problem(f"starting {template.name}: the guest could not show its files: {trouble}")
    await_up(template, command())


def command() -> list[str]:
    """The kernel's program, as it is started in the guest."""
    python = [sys.executable, "-P", "-m", waiting.__name__, "--ip=0.0.0.0"]
    return [*python, *(f"--{name}={port}" for name, port in PORTS.items())]


def await_up(template: Running, argv: list[str], env: Mapping[str, str] = ENV, within_s: float = UP_S) -> None:
    """Run the program that is, or becomes, the kernel, and return when it waits for its word."""
    said, (no_word, held) = bytearray(), os.pipe()

    def hear(data: bytes) -> None:
        said.extend(data)
        if waiting.UP.encode() in said:
            raise _Waits

    try:
        with _line(template.folder) as line:
            request = {"do": "run", "argv": argv, "env": dict(env), "cwd": "/root"}
            conversation.converse(line, request, no_word, hear, hear, time.monotonic() + within_s)
        raise Problem(f"starting {template.name}: its notebook's kernel ended: {_last(said)}; see `cutaway doctor`")
    except _Waits:
        return
    except conversation.Silent:
        why = f"its notebook's kernel was not up after {within_s:g} s: {_last(said)}; is this machine busy?"
        raise Problem(f"starting {template.name}: {why}") from None
    finally:
        os.close(no_word)
        os.close(held)


def carry(folder: Path, word: dict[str, Any], begun: Callable[[int], None], log: conversation.Sink) -> int:
    """Give the kernel in a copy its word, tell `begun` its number, and carry what it writes to its end; its status."""
    known: list[int] = []

    def hear(data: bytes) -> None:
        if not known:
            line, _, data = data.partition(b"\n")
            known.append(int(line.split()[-1]))
            begun(known[0])
        log(data)

    read, write = os.pipe()
    os.write(write, json.dumps(word).encode() + b"\n")
    try:
        with _line(folder) as line:
            return int(conversation.converse(line, {"do": "run"}, read, hear, log))
    finally:
        os.close(read)
        os.close(write)


def _line(folder: Path) -> socket.socket:
    return conversation.connect(folder, f"port{inside.NOTEBOOK_PORT}")


def _last(said: bytearray) -> str:
    return (said.decode(errors="replace").strip().splitlines() or ["without a word"])[-1]
