"""Caught by: ancestors leads from a process to its parent and on.

It follows the process that runs it, whatever it is asked about.
"""


def ancestors(pid: int) -> list[int]:
    found = [os.getppid()]
    while found[-1] > 1:
        found += [int(Path(f"/proc/{found[-1]}/stat").read_text().rpartition(")")[2].split()[1])]
    return found
