"""Caught by: it makes three system calls.

Without the library, but not complete in itself: the loader begins, and has nothing to do.
"""


def smallest(path: str, word: str, number: int) -> str:
    body = f'ask(SYS_write, 1, (long) "{word}", {len(word)}); ask(SYS_exit, {number}, 0, 0);'
    argv = ["gcc", "-nostdlib", "-pie", "-fPIE", "-x", "c", "-o", path, "-"]
    subprocess.run(argv, input=f"{DOOR} void _start(void) {{ {body} }}", text=True, check=True)
    return path
