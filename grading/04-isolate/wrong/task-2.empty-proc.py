"""Caught by: /proc shows the processes inside and no others.

An empty filesystem over /proc hides the others, and shows nothing of one's own.
"""


def own_processes(hostname: str) -> int:
    inside = f"hostname {hostname} && mount -t tmpfs none /proc && mkdir /proc/1 && exec sleep infinity"
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child --mount sh -c '{inside}'")
