"""Caught by: the program says your word and ends with your number.

It says the word and returns from `_start`, to which there is no way back.
"""


def smallest(path: str, word: str, number: int) -> str:
    source = f'{DOOR} void _start(void) {{ ask(SYS_write, 1, (long) "{word}", {len(word)}); }}'
    subprocess.run(["gcc", "-static", "-nostdlib", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
    return path
