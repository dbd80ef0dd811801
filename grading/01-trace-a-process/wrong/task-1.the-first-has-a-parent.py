"""Caught by: the list ends with the first process of all.

It looks for number 1 above number 1.
"""


def ancestors(pid: int) -> list[int]:
    found = []
    while 1 not in found:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found
