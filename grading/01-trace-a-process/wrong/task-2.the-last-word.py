"""Caught by: a path comes back whole.

The path ends the line, but it may be more than one word.
"""


def mapping(pid: int, address: int) -> dict | None:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split()
        low, high = (int(each, 16) for each in words[0].split("-"))
        if low <= address < high:
            return {"path": words[5] if len(words) > 5 else "", "permissions": words[1]}
    return None
