"""The scene of lab 08: a world in which nothing is wired yet. Run as `python -I -S scenes.py SOURCE TASK [NETWORK]`,
SOURCE being the folder with our own package.

What each service says is drawn anew each time, so that no answer can be known beforehand. With a network, the machine
outside knows a way to it, through the host. It tells as one line of JSON which process is where and who says what,
and lasts until its standard input ends.
"""

from __future__ import annotations

import json
import secrets
import sys

sys.path.insert(0, sys.argv[1])

from cutaway.ground.worlds import HOST, World

with World() as world:
    says = {name: f"{name}-{secrets.token_hex(3)}" for name in ("web", "database")}
    for name, word in says.items():
        world.box(name, says=word)
    for network in sys.argv[3:]:
        world.outside.run(f"ip route add {network} via {HOST}")
    print(json.dumps({"places": world.places, "says": {**says, "outside": "outside"}}), flush=True)
    sys.stdin.read()
