"""The scene of lab 11: a beginning for names that nobody else uses, and who removes all that has one of these names.

Run as `python -I -S scenes.py SOURCE SOCKET NAME`, SOURCE being the folder with our own package. It tells as one line
of JSON what the names are to begin with. When its standard input ends, however the checker has ended, it removes from
the engine at SOCKET the containers, networks and volumes that are called so.
"""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import suppress
from urllib.parse import quote

sys.path.insert(0, sys.argv[1])

from cutaway.ledger.engines import PATHS, EngineError, request

KINDS = ("container", "network", "volume")  # in the order in which they let go of one another


def names_of(socket: str, kind: str) -> list[str]:
    """What the engine has of one kind."""
    found = json.loads(request(socket, "GET", PATHS[kind].all)[1])
    listed = found["Volumes"] or [] if kind == "volume" else found
    return [name.lstrip("/") for each in listed for name in each.get("Names") or [each.get("Name", "")]]


socket, beginning = sys.argv[2], f"{sys.argv[3]}-{secrets.token_hex(3)}"
print(json.dumps({"beginning": beginning}), flush=True)
sys.stdin.read()
with suppress(EngineError):  # it has gone, with all that was in it
    for kind in KINDS:
        for name in names_of(socket, kind):
            if name.startswith(beginning):
                request(socket, "DELETE", PATHS[kind].delete.format(quote(name)))
