"""Caught by: name and processes are still its own.

Only the mounts are its own; tasks 1 and 2 were left out.
"""


def own_files(hostname: str, folder: str, word: str) -> int:
    inside = f"mount -t tmpfs word {folder} && echo {word} > {folder}/word && exec sleep infinity"
    return start(f"unshare --user --map-root-user --mount sh -c '{inside}'")
