"""Caught by: the service answers with your word, inside only.

The network is there and up, and no service in it.
"""


def own_network(hostname: str, folder: str, word: str, port: int) -> int:
    inside = (
        f"hostname {hostname} && mount -t tmpfs word {folder} && echo {word} > {folder}/word"
        " && ip link set lo up && exec sleep infinity"
    )
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child --mount-proc --net sh -c '{inside}'")
