"""Caught by: the host name inside is yours.

A new UTS namespace begins with a copy of the old name.
"""


def own_name(hostname: str) -> int:
    return start("unshare --user --map-root-user --uts sleep infinity")
