"""Caught by: companion shares network and name with the first.

It makes a second network like the first, which is another one.
"""


def companion(pid: int) -> int:
    join = f"nsenter --target {pid} --user --preserve-credentials --uts"
    return start(f"{join} unshare --net --pid --fork --kill-child --mount-proc sleep infinity")
