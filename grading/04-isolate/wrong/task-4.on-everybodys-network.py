"""Caught by: own_network gives a process its own network.

The service answers, on the loopback of the whole machine.
"""


def own_network(hostname: str, folder: str, word: str, port: int) -> int:
    inside = (
        f"hostname {hostname} && mount -t tmpfs word {folder} && echo {word} > {folder}/word"
        f" && exec python3 -m http.server --bind 127.0.0.1 --directory {folder} {port}"
    )
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child --mount-proc sh -c '{inside}'")
