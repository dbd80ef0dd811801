"""Caught by: it makes three system calls.

The library is in the file now, and still sets itself up.
"""


def smallest(path: str, word: str, number: int) -> str:
    source = f'#include <stdio.h>\nint main(void) {{ puts("{word}"); return {number}; }}'
    subprocess.run(["gcc", "-static", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
    return path
