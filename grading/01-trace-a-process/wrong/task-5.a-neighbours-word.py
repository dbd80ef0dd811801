"""Caught by: the program says your word and ends with your number.

The neighbour's word and number are written out.
"""


def smallest(path: str, word: str, number: int) -> str:
    source = '#include <stdlib.h>\n#include <stdio.h>\nint main(void) { puts("quartz-1"); return 1; }'
    subprocess.run(["gcc", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
    return path
