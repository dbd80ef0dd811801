"""User-mode Linux: a Linux kernel that was compiled as a program, and runs as a process among others.

It needs neither a hypervisor nor an emulator: programs under it are processes of the host, whose system calls it
catches with ptrace and answers itself. Taught in notebook 05. See the kernel's Documentation/virt/uml/.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
from pathlib import Path

from cutaway import ledger
from cutaway.ground import programs
from cutaway.ground.guest import initramfs
from cutaway.images.closure import Copy, Entry, Folder, Link, Written
from cutaway.linux import CommandFailed, commands
from cutaway.linux.processes import Process
from cutaway.problem import Problem

MEMORY_MIB = 64
ABORTED = 134  # as a shell tells SIGABRT: so it ends when it has panicked
BEGUN = "the script begins"
INIT = f"""#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo {BEGUN} > /dev/ttyS0
sh /script > /dev/ttyS0 2>&1
halt -f
"""
GRAVE = re.compile(r"^<[0-3]>(.*)", re.MULTILINE)  # in the log that a dying kernel prints; sys/syslog.h, LOG_ERR
LAST_LINES = 3


def obstacle() -> str:
    """What is missing here and how to get it; empty when nothing is."""
    if programs.path("linux.uml"):
        return ""
    return f"starting User-mode Linux: linux.uml is not here; {programs.remedy('user-mode linux')}"


def run(script: str, timeout_s: float = 60) -> str:
    """Boot it with busybox, run the lines of `script` in it, and halt; what they wrote.

    A kernel that panics before the script begins is booted once more; no script is begun twice. `CommandFailed` with
    the kernel's last words when it fails.
    """
    if missing := obstacle():
        raise Problem(missing)
    try:
        return booted(script, timeout_s)
    except CommandFailed as failed:
        if failed.status != ABORTED or BEGUN in failed.stdout:
            raise
        return booted(script, timeout_s)


def booted(script: str, timeout_s: float) -> str:
    """The same, tried once."""
    folder = ledger.state_folder() / f"user-mode-{secrets.token_hex(4)}"
    with ledger.kept("folder", "User-mode Linux", path=folder), ledger.kept("process", "User-mode Linux") as entry:
        folder.mkdir()
        pack(folder / "initrd", script)
        words = f"mem={MEMORY_MIB}M initrd=initrd quiet con=null ssl0=null,fd:1 uml_dir=. umid=it"
        line = f"cd {shlex.quote(str(folder))} && exec linux.uml {words}"
        env = {"PATH": os.environ.get("PATH", os.defpath), **memory_in(folder), **entry.env}
        process = commands.start(["/bin/sh", "-c", line], env)
        known = Process.of(process.pid)
        entry.update(pid=known.pid, start_time=known.start_time)
        try:
            return commands.finish(process, line, timeout_s).partition(BEGUN)[2].strip()
        except CommandFailed as failed:
            told = failed.command, failed.status, failed.stdout, last_words(failed), failed.why
            raise CommandFailed(*told) from None


def memory_in(folder: Path) -> dict[str, str]:
    """What makes it keep its memory in a file there. By itself it would take /dev/shm, and die when that is full.

    It maps that file as code, so where no program may be started it is left to choose.
    """
    return {} if os.statvfs(folder).f_flag & os.ST_NOEXEC else {"TMPDIR": str(folder)}


def last_words(failed: CommandFailed) -> str:
    """Why it ended, as it says itself: its log if it has panicked, else what it wrote before there was one."""
    lines = GRAVE.findall(failed.stdout) or failed.stderr.strip().splitlines()
    return " / ".join(lines[-LAST_LINES:])


def pack(archive: Path, script: str) -> None:
    """All its files: busybox, a first program, and the script."""
    init = archive.with_name("init")
    init.write_text(INIT)
    busybox = initramfs.busybox()
    entries: dict[str, Entry] = {f"/{name}": Folder() for name in ("bin", "dev", "proc", "tmp")}
    entries |= {f"/bin/{name}": Link("busybox") for name in commands.run([str(busybox), "--list"]).split()}
    entries |= {"/bin/busybox": Copy(busybox), "/init": Copy(init), "/script": Written(script.encode())}
    initramfs.write(archive, {Path(path): entry for path, entry in entries.items()})
