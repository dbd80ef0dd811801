"""Caught by: name, processes and files are still its own.

The name of task 1 got lost on the way.
"""


def own_network(hostname: str, folder: str, word: str, port: int) -> int:
    inside = (
        f"mount -t tmpfs word {folder} && echo {word} > {folder}/word && ip link set lo up"
        f" && exec python3 -m http.server --bind 127.0.0.1 --directory {folder} {port}"
    )
    return start(f"unshare --user --map-root-user --pid --fork --kill-child --mount-proc --net sh -c '{inside}'")
