"""Caught by: where one mapping ends the next one begins.

The second number is the first one after it.
"""


def mapping(pid: int, address: int) -> dict | None:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, permissions, _, _, _, *path = line.split(maxsplit=5)
        low, high = (int(each, 16) for each in span.split("-"))
        if low <= address <= high:
            return {"path": "".join(path), "permissions": permissions}
    return None
