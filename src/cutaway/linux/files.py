"""Small files of the kernel's, such as those under /proc: read and written whole, without the weight of pathlib."""

from __future__ import annotations

import os

PIECE_BYTES = 1 << 16


def read(path: str) -> str:
    """What is in the file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # open() makes six system calls more, and a runtime reads a lot
    try:
        pieces = [os.read(fd, PIECE_BYTES)]
        while pieces[-1]:
            pieces.append(os.read(fd, PIECE_BYTES))
    finally:
        os.close(fd)
    return os.fsdecode(b"".join(pieces))


def write(path: str, text: str, *, new: bool = False) -> None:
    """Hand `text` to the kernel in one piece; what it refuses is told with the path and the text.

    Only a `new` file, which is none of the kernel's, is made: a missing one of the kernel's is told as missing.
    """
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | (os.O_CREAT if new else 0), 0o666)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, f"writing {text.strip()!r}: {error.strerror}", path) from None
    finally:
        os.close(fd)
