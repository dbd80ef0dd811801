"""A copy of what this process was started from that nobody can write to, and the program run once more from it.

A container's process could open /proc/self/exe of whoever enters the container, and later write to that file: to this
machine's own Python, for everybody (CVE-2019-5736). What runs from a sealed memory file has no such file.
The copy is of the loader, which any program names that uses libraries: it is small, and is told to load Python, which
is then a library like the others: as with every runtime that uses libraries, only who may look into any process of the
machine finds those. A Python without a loader is copied whole.
Loaded before anything else, by a Python that ends with it, so it makes do with the part of os that is in C; the rest
takes as long to load as this takes to run. See memfd_create(2), fcntl(2), "File Sealing", ld.so(8), elf(5).
"""

from __future__ import annotations

import fcntl
import posix
import sys

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
EXE = "/proc/self/exe"
PT_INTERP = 3  # elf.h
HEADERS_BYTES = 4096  # of a file: all that is looked at here lies at its beginning
ARGV0_SINCE = (2, 33)  # of glibc: from then on its loader takes --argv0, by which Python finds its own library


def is_sealed() -> bool:
    """Whether this process runs from such a copy."""
    exe = posix.open(EXE, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        return fcntl.fcntl(exe, fcntl.F_GET_SEALS) == SEALS
    except OSError:  # EINVAL: it lies on a file system without seals
        return False
    finally:
        posix.close(exe)


def run_sealed() -> None:
    """Begin again from a sealed copy; nothing, when this is one already."""
    if is_sealed():
        return
    python = posix.readlink(EXE)
    if takes_argv0() and (loader := loader_of(python)):
        posix.execve(sealed(loader), [loader, "--argv0", python, python, *sys.orig_argv[1:]], posix.environ)
    posix.execve(sealed(EXE), sys.orig_argv, posix.environ)


def sealed(path: str) -> int:
    """A descriptor of a copy of the file in memory that can never be changed."""
    copy = posix.memfd_create("cutaway-oci", posix.MFD_CLOEXEC | posix.MFD_ALLOW_SEALING)
    original = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    while posix.sendfile(copy, original, None, 1 << 30):
        pass
    posix.close(original)
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, SEALS)
    return copy


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


def takes_argv0() -> bool:
    """Whether the C library's loader is known to take that option."""
    try:
        name, _, version = (posix.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return name == "glibc" and tuple(map(int, version.split(".")[:2])) >= ARGV0_SINCE
    except ValueError:  # another C library has no such word
        return False
