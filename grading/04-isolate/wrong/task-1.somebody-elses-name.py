"""Caught by: the host name inside is yours.

It was copied from a neighbour, whose name it is.
"""


def own_name(hostname: str) -> int:
    return start("unshare --user --map-root-user --uts sh -c 'hostname amber-heron-1 && exec sleep infinity'")
