"""Caught by: /proc shows the processes inside and no others.

Process 1 still sees the /proc that was mounted outside.
"""


def own_processes(hostname: str) -> int:
    inside = f"hostname {hostname} && exec sleep infinity"
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child sh -c '{inside}'")
