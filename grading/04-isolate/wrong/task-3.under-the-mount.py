"""Caught by: own_files leaves a file with your word inside.

The file is written first, and then covered by the mount.
"""


def own_files(hostname: str, folder: str, word: str) -> int:
    inside = (
        f"hostname {hostname} && echo {word} > {folder}/word && mount -t tmpfs word {folder} && exec sleep infinity"
    )
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child --mount-proc sh -c '{inside}'")
