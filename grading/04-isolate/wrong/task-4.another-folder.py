"""Caught by: the service answers with your word, inside only.

The service shows the folder in which it was started, which is not the one with the file.
"""


def own_network(hostname: str, folder: str, word: str, port: int) -> int:
    inside = (
        f"hostname {hostname} && mount -t tmpfs word {folder} && echo {word} > {folder}/word"
        f" && ip link set lo up && exec python3 -m http.server --bind 127.0.0.1 --directory /proc/sys {port}"
    )
    return start(f"unshare --user --map-root-user --uts --pid --fork --kill-child --mount-proc --net sh -c '{inside}'")
