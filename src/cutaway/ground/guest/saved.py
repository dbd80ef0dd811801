"""Machines that are up, saved to be gone on from: a kernel is booted once, and every later machine is a copy.

A guest is saved when its drivers are in and process 1 waits for BEGIN: nothing of the host's is mounted yet, which QEMU
could not save. Its memory is a file that all copies read and that none of them changes (copy on write), so a copy
costs only what it writes. The state of the devices is a second, small file.
"""

from __future__ import annotations

import os
import shutil
import zlib
from functools import cache as once
from pathlib import Path

from cutaway.ground.guest import cache, qemu, qmp, running
from cutaway.ground.guest.qemu import Spec
from cutaway.linux.processes import Process
from cutaway.problem import Problem

MEMORY, STATE, SEAL = "memory", "state", "seal"
PIECE_BYTES = 1 << 22
ROOM_BYTES = 256 << 20  # twice what a guest has written when it is saved


def ready(spec: Spec) -> Path:
    """The folder with the saved machine of this kind; made, or made anew if it is damaged."""
    return cache.made("saved", spec.made_of, lambda draft: _make(spec, draft), whole)


def forget(spec: Spec) -> None:
    """Break the seal, so that the next machine of this kind is booted and saved anew."""
    (cache.folder() / f"saved-{spec.made_of.key}" / SEAL).unlink(missing_ok=True)


def go_on(spec: Spec, name: str, owner: running.Owner) -> running.Running:
    """A machine that goes on from the saved one."""
    folder = ready(spec)
    started = running.start(name, qemu.command(spec, folder / MEMORY, copied=True), owner)
    try:
        qmp.restore(started.folder, folder / STATE)
    except qmp.Refused as refused:
        started.stop()
        raise Problem(f"resuming {name}: QEMU said: {refused}; `cutaway machine snapshot` makes it anew") from refused
    except BaseException:
        started.stop()
        raise
    return started


def _make(spec: Spec, draft: Path) -> None:
    free = shutil.disk_usage(draft).free
    if free < ROOM_BYTES:  # QEMU, which writes to mapped memory, would only be killed
        raise Problem(
            f"saving a machine in {cache.folder()}: it takes {ROOM_BYTES >> 20} MiB and {free >> 20} are free; "
            "make room, or set CUTAWAY_CACHE to a folder that has some"
        )
    template = running.start(f"saved {draft.parent.name}", qemu.command(spec, draft / MEMORY), Process.current())
    try:
        template.hear(running.BEGIN_S)
        if spec.wake:
            spec.wake(template, spec.lent)
        qmp.save(template.folder, draft / STATE)
    finally:
        template.stop()
    (draft / SEAL).write_text(seal(draft))


# --- Whether it is what was saved ---------------------------------------------


def whole(folder: Path) -> bool:
    """Whether the saved machine is there and as it was when it was sealed."""
    try:
        return (folder / SEAL).read_text() == seal(folder)
    except OSError:
        return False


def seal(folder: Path) -> str:
    """A checksum of the devices' state, and of the memory where it has any."""
    return " ".join(f"{_checksum(file, _written(file)):08x}" for file in (folder / MEMORY, folder / STATE))


def _written(file: Path) -> tuple[int, ...]:
    """What changes when somebody writes to the file."""
    now = file.stat()
    return now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


@once
def _checksum(file: Path, _: tuple[int, ...]) -> int:
    """CRC-32 of a file's data, read once for each time that it was `_written`; holes in it are passed over."""
    total, at = 0, 0
    with file.open("rb", buffering=0) as opened:
        size = os.fstat(opened.fileno()).st_size
        while at < size:
            try:
                begin = os.lseek(opened.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                break
            at = os.lseek(opened.fileno(), begin, os.SEEK_HOLE)
            total = zlib.crc32(f"{begin}:{at}".encode(), total)
            while begin < at:
                piece = os.pread(opened.fileno(), min(PIECE_BYTES, at - begin), begin)
                total, begin = zlib.crc32(piece, total), begin + len(piece)
    return total
