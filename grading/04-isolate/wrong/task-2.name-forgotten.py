"""Caught by: the name is still its own.

The processes are its own, the name of task 1 is gone.
"""


def own_processes(hostname: str) -> int:
    return start("unshare --user --map-root-user --pid --fork --kill-child --mount-proc sleep infinity")
