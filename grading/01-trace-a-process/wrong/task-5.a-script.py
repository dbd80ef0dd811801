"""Caught by: it opens no file.

Its interpreter opens it, and a library before that.
"""


def smallest(path: str, word: str, number: int) -> str:
    Path(path).write_text(f"#!/bin/sh\necho {word}\nexit {number}\n")
    Path(path).chmod(0o755)
    return path
