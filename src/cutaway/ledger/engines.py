"""Engine objects, asked for and deleted by plain HTTP over the engine's socket; Docker and Podman speak the same.

See the Docker Engine API; only paths without a version are used, which every version serves.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cutaway.ledger import state

# --- Words -----------------------------------------------------------------

PATHS = {
    "container": ("/containers/{}/json", "/containers/{}?force=true&v=true"),
    "image": ("/images/{}/json", "/images/{}?force=true"),
    "volume": ("/volumes/{}", "/volumes/{}?force=true"),
    "network": ("/networks/{}", "/networks/{}"),
}  # where each kind is looked up, and where it is deleted

TIMEOUT_S = 10


class EngineError(OSError):
    """An engine did not answer, or refused."""


# --- Asking ----------------------------------------------------------------


def exists(socket: str, kind: str, name: str) -> bool:
    """Whether the engine has such an object; an engine of ours that is gone has none."""
    if _gone(socket):
        return False
    return request(socket, "GET", PATHS[kind][0].format(quote(name)))[0] == 200


def remove(socket: str, kind: str, name: str) -> None:
    """Delete the object; running containers are killed."""
    deadline = time.monotonic() + TIMEOUT_S
    while not _gone(socket):
        status, answer = request(socket, "DELETE", PATHS[kind][1].format(quote(name)))
        if status in (200, 204, 404):
            return
        if status != 409 or time.monotonic() > deadline:  # 409: it is being removed, or a container still holds it
            raise EngineError(f"deleting {kind} {name} through {socket}: {status}: {_message(answer)}")
        time.sleep(0.1)


def request(socket: str, method: str, path: str) -> tuple[int, bytes]:
    """One request; the status and the body of the answer."""
    import http.client  # slow to import, and seldom needed
    import socket as sockets

    connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT_S)
    try:
        connection.sock = sockets.socket(sockets.AF_UNIX)
        connection.sock.settimeout(TIMEOUT_S)
        connection.sock.connect(socket)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"asking the engine at {socket}: {error}; start it, then `cutaway clean`") from error
    finally:
        connection.close()


def _gone(socket: str) -> bool:
    """An engine whose socket is no more, in our own state folder, took its objects with it."""
    return Path(socket).is_relative_to(state.state_folder()) and not Path(socket).exists()


def _message(answer: bytes) -> str:
    try:
        said: Any = json.loads(answer)
        return str(said["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")
