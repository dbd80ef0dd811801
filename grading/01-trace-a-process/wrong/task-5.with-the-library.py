"""Caught by: it opens no file.

The library is a file of its own.
"""


def smallest(path: str, word: str, number: int) -> str:
    source = f'#include <stdio.h>\nint main(void) {{ puts("{word}"); return {number}; }}'
    subprocess.run(["gcc", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
    return path
