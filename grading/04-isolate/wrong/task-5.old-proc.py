"""Caught by: the companion's /proc shows its processes only.

Its processes are its own, and it sees the /proc of the machine.
"""


def companion(pid: int) -> int:
    join = f"nsenter --target {pid} --user --preserve-credentials --net --uts"
    return start(f"{join} unshare --pid --fork --kill-child --mount sleep infinity")
