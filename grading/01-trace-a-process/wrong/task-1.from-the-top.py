"""Caught by: ancestors leads from a process to its parent and on.

The first process of all stands first.
"""


def ancestors(pid: int) -> list[int]:
    parent = int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])
    return [*ancestors(parent), parent] if parent else []
