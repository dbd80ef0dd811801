"""Caught by: ancestors leads from a process to its parent and on.

It stops after the first step.
"""


def ancestors(pid: int) -> list[int]:
    return [int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])]
