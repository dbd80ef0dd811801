"""Caught by: own_processes starts a process 1.

The namespace is there, but its maker stays outside, and has no child.
"""


def own_processes(hostname: str) -> int:
    inside = f"hostname {hostname} && exec sleep infinity"
    return start(f"unshare --user --map-root-user --uts --pid sh -c '{inside}'")
