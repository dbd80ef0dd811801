"""Caught by: ancestors leads from a process to its parent and on.

Nobody is their own ancestor.
"""


def ancestors(pid: int) -> list[int]:
    parent = int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])
    return [pid, *(ancestors(parent) if parent else [])]
