"""Caught by: a program with an awkward name leads nobody astray.

The fourth word of /proc/PID/stat is the parent, unless the name has words of its own.
"""


def ancestors(pid: int) -> list[int]:
    parent = int(Path(f"/proc/{pid}/stat").read_text().split()[3])
    return [parent, *ancestors(parent)] if parent else []
