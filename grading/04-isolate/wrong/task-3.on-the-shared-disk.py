"""Caught by: the folder is empty outside.

A mount namespace of its own keeps mounts apart; without a mount, the file is written to the folder that all see.
"""


def own_files(hostname: str, folder: str, word: str) -> int:
    inside = f"hostname {hostname} && echo {word} > {folder}/word && exec sleep infinity"
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child --mount-proc sh -c '{inside}'")
