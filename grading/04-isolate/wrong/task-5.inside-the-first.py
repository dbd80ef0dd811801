"""Caught by: its processes and mounts are its own.

It joins everything, and is one more process in the first one's box.
"""


def companion(pid: int) -> int:
    return start(f"nsenter --target {pid} --user --preserve-credentials --net --uts --pid --mount sleep infinity")
