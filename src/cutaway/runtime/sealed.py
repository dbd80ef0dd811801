"""A copy of the interpreter that nobody can write to, and the program run once more from it.

A container's process could open /proc/self/exe of whoever enters the container, and later write to that file: to this
machine's own Python, for everybody (CVE-2019-5736). What runs from a sealed memory file has no such file.
Loaded before anything else, so it loads little itself. See memfd_create(2), fcntl(2), "File Sealing".
"""

from __future__ import annotations

import fcntl
import os
import sys

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
EXE = "/proc/self/exe"


def is_sealed() -> bool:
    """Whether this process runs from such a copy."""
    exe = os.open(EXE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.fcntl(exe, fcntl.F_GET_SEALS) == SEALS
    except OSError:  # EINVAL: it lies on a file system without seals
        return False
    finally:
        os.close(exe)


def run_sealed() -> None:
    """Begin again from a sealed copy; nothing, when this is one already."""
    if is_sealed():
        return
    copy = os.memfd_create("cutaway-oci", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    exe = os.open(EXE, os.O_RDONLY | os.O_CLOEXEC)
    while os.sendfile(copy, exe, None, 1 << 30):
        pass
    os.close(exe)
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, SEALS)
    os.execve(copy, sys.orig_argv, os.environ)
