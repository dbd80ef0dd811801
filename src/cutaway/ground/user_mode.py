"""User-mode Linux: a Linux kernel that was compiled as a program, and runs as a process among others.

It needs neither a hypervisor nor an emulator: programs under it are processes of the host, whose system calls it
catches with ptrace and answers itself. Taught in notebook 05. See the kernel's Documentation/virt/uml/.
"""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path

from cutaway import ledger
from cutaway.ground import programs
from cutaway.ground.guest import initramfs
from cutaway.images.closure import Copy, Entry, Folder, Link, Written
from cutaway.linux import commands
from cutaway.linux.processes import Process
from cutaway.problem import Problem

MEMORY_MIB = 64
INIT = """#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
sh /script > /dev/ttyS0 2>&1
halt -f
"""


def obstacle() -> str:
    """What is missing here and how to get it; empty when nothing is."""
    if programs.path("linux.uml"):
        return ""
    return f"starting User-mode Linux: linux.uml is not here; {programs.remedy('user-mode linux')}"


def run(script: str, timeout_s: float = 60) -> str:
    """Boot it with busybox, run the lines of `script` in it, and halt; what they wrote."""
    if missing := obstacle():
        raise Problem(missing)
    folder = ledger.state_folder() / f"user-mode-{secrets.token_hex(4)}"
    with ledger.kept("folder", "User-mode Linux", path=folder), ledger.kept("process", "User-mode Linux") as entry:
        folder.mkdir()
        pack(folder / "initrd", script)
        words = f"mem={MEMORY_MIB}M initrd=initrd quiet con=null ssl0=null,fd:1 uml_dir=. umid=it"
        line = f"cd {shlex.quote(str(folder))} && exec linux.uml {words}"
        process = commands.start(["/bin/sh", "-c", line], {"PATH": os.environ.get("PATH", os.defpath), **entry.env})
        known = Process.of(process.pid)
        entry.update(pid=known.pid, start_time=known.start_time)
        return commands.finish(process, line, timeout_s)


def pack(archive: Path, script: str) -> None:
    """All its files: busybox, a first program, and the script."""
    init = archive.with_name("init")
    init.write_text(INIT)
    busybox = initramfs.busybox()
    entries: dict[str, Entry] = {f"/{name}": Folder() for name in ("bin", "dev", "proc", "tmp")}
    entries |= {f"/bin/{name}": Link("busybox") for name in commands.run([str(busybox), "--list"]).split()}
    entries |= {"/bin/busybox": Copy(busybox), "/init": Copy(init), "/script": Written(script.encode())}
    initramfs.write(archive, {Path(path): entry for path, entry in entries.items()})
