"""Small files of the kernel's, such as those under /proc: read and written whole, without the weight of pathlib."""

from __future__ import annotations


def read(path: str) -> str:
    """What is in the file."""
    with open(path, errors="surrogateescape") as file:
        return file.read()


def write(path: str, text: str) -> None:
    """Hand `text` to the kernel in one piece; what it refuses is told with the path and the text."""
    with open(path, "wb", buffering=0) as file:
        try:
            file.write(text.encode())
        except OSError as error:
            raise OSError(error.errno, f"writing {text.strip()!r}: {error.strerror}", path) from None
