"""Caught by: the list ends with the first process of all.

Number 0 is how the kernel says that there is no parent.
"""


def ancestors(pid: int) -> list[int]:
    found = []
    while pid:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found
