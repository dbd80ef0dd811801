"""Whoever enters a container runs from a file that nobody can ever write to, or that nobody will ever start again.

A container's process could open /proc/self/exe of whoever enters the container, and later write to that file: to this
machine's own Python, for everybody (CVE-2019-5736). So what is started is a copy of the loader, which any program names
that uses libraries: it is small, and is told to load Python, which is then a library like the others: as with every
runtime that uses libraries, only who may look into any process of the machine finds those. There are two such copies.

The program's first line names one that is good for one start (launcher.py): before a container is entered, a fresh one
takes its place, and the old one has no name any more. What is written to it later reaches nobody; and nothing can be
as long as somebody runs from it (execve(2), ETXTBSY), but for some kernels from Linux 6.11 on, which do not refuse it.
Where that cannot be, on such a kernel or in a folder of somebody else's, the copy lies in a sealed memory file, and the
program is run once more from it, which takes a second start of Python. A Python without a loader is copied whole.

Loaded before anything else, so it makes do with the part of os that is in C; the rest takes as long to load as this
takes to run. See memfd_create(2), fcntl(2), "File Sealing", ld.so(8), elf(5).
"""

from __future__ import annotations

import fcntl
import posix
import sys

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
EXE = "/proc/self/exe"
PT_INTERP = 3  # elf.h
HEADERS_BYTES = 4096  # of a file: all that is looked at here lies at its beginning


def run_sealed(copy: str = "") -> None:
    """Go on, when nothing that a container could harm is run from; else begin again from a sealed copy.

    `copy` is where the loader's copy for one start lies, if that is how this process was started.
    """
    if is_sealed() or (copy and has_left(copy)):
        return
    python = sys.executable if copy else posix.readlink(EXE)
    if loader := loader_of(python):
        posix.execve(sealed(loader), [loader, python, *sys.orig_argv[1:]], posix.environ)
    posix.execve(sealed(EXE), sys.orig_argv, posix.environ)


# --- A copy for one start --------------------------------------------------


def has_left(copy: str) -> bool:
    """Whether what this process runs from has no name and no writer: a fresh copy takes the place of the one it was."""
    try:
        if posix.stat(EXE).st_nlink and posix.readlink(EXE) == copy:
            renew(copy)
        return not posix.stat(EXE).st_nlink and not lets_write()
    except OSError:
        return False


def lets_write() -> bool:
    """Whether the kernel would let this user write to what this process runs from."""
    try:
        posix.close(posix.open(EXE, posix.O_WRONLY | posix.O_CLOEXEC))
    except OSError:
        return False
    return True


def renew(copy: str) -> None:
    """Put a fresh copy where this one is."""
    fresh = f"{copy}.{posix.getpid()}"
    place = posix.open(fresh, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC)
    try:
        fill(place, loader_of(sys.executable))
        posix.fchmod(place, 0o755)
        posix.close(place)  # or nobody could start it
        take_the_place_of(copy, fresh)
    except OSError:
        posix.unlink(fresh)
        raise


def take_the_place_of(copy: str, fresh: str) -> None:
    """Let the fresh one have the other's name, and that one none.

    Not by a rename over it: for that ext4 begins to write the fresh one to the disk, and whoever later lets go of it
    waits until the disk has it.
    """
    from cutaway.linux import calls  # which is loaded for a container anyway

    try:
        calls.exchange(fresh, copy)
        posix.unlink(fresh)
    except OSError:  # a file system that cannot do it
        posix.rename(fresh, copy)


# --- A sealed copy ---------------------------------------------------------


def is_sealed() -> bool:
    """Whether this process runs from such a copy."""
    exe = posix.open(EXE, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        return fcntl.fcntl(exe, fcntl.F_GET_SEALS) == SEALS
    except OSError:  # EINVAL: it lies on a file system without seals
        return False
    finally:
        posix.close(exe)


def sealed(path: str) -> int:
    """A descriptor of a copy of the file in memory that can never be changed."""
    copy = posix.memfd_create("cutaway-oci", posix.MFD_CLOEXEC | posix.MFD_ALLOW_SEALING)
    fill(copy, path)
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, SEALS)
    return copy


# --- Of either -------------------------------------------------------------


def fill(copy: int, path: str) -> None:
    """Write to an open file what is in another."""
    original = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    while posix.sendfile(copy, original, None, 1 << 30):
        pass
    posix.close(original)


def loader_of(program: str) -> str:
    """The loader that a program of 64 bits names for itself, PT_INTERP; none when it needs no libraries, or is gone."""
    try:
        fd = posix.open(program, posix.O_RDONLY | posix.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    head = posix.read(fd, HEADERS_BYTES)
    posix.close(fd)
    if head[:5] != b"\x7fELF\x02":
        return ""

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], sys.byteorder)

    table, each, many = number(32, 8), number(54, 2), number(56, 2)  # e_phoff, e_phentsize, e_phnum
    for at in range(table, table + each * many, each):
        if number(at, 4) == PT_INTERP:
            where, length = number(at + 8, 8), number(at + 32, 8)  # p_offset, p_filesz
            return head[where : where + length].rstrip(b"\0").decode()
    return ""
