"""Caught by: where nothing is mapped there is none.

It takes the last stretch that begins below the address, and never looks where that ends.
"""


def mapping(pid: int, address: int) -> dict | None:
    nearest = None
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, permissions, _, _, _, *path = line.split(maxsplit=5)
        if int(span.partition("-")[0], 16) <= address:
            nearest = {"path": "".join(path), "permissions": permissions}
    return nearest
