"""Caught by: the program says your word and ends with your number.

It is a script like any other, and nobody may execute it.
"""


def smallest(path: str, word: str, number: int) -> str:
    Path(path).write_text(f"#!/bin/sh\necho {word}\nexit {number}\n")
    return path
