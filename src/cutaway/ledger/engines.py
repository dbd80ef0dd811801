"""Engine objects, looked up and deleted by plain HTTP over the engine's socket; Docker and Podman speak the same.

See the Docker Engine API. Paths without a version are used, which every version serves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from cutaway.ledger import state

# --- Words -----------------------------------------------------------------

TIMEOUT_S, REMOVED_S = 10, 60  # a busy machine ends containers slowly
ANSWER = "CUTAWAY_ENGINE_ANSWER_S"  # in the environment: how long to wait for one that is slower
NAMELESS = "<none>:<none>"  # what Docker writes for an image without a name, up to version 24


class Paths(NamedTuple):
    """Where an engine keeps one kind of object: all of them, one of them, and what one DELETEs to remove it."""

    all: str
    one: str
    delete: str


PATHS = {
    "container": Paths("/containers/json?all=true", "/containers/{}/json", "/containers/{}?force=true&v=true"),
    "image": Paths("/images/json", "/images/{}/json", "/images/{}"),
    "network": Paths("/networks", "/networks/{}", "/networks/{}"),
    "volume": Paths("/volumes", "/volumes/{}", "/volumes/{}?force=true"),
}  # in the order in which they let go of one another

Labels = Mapping[str, str]


class EngineError(OSError):
    """An engine did not answer, or refused."""


# --- Looking ---------------------------------------------------------------


def exists(socket: str, kind: str, name: str) -> bool:
    """Whether the engine has such an object."""
    return labels(socket, kind, name) is not None


def labels(socket: str, kind: str, name: str) -> Labels | None:
    """The labels of the object; None when there is no such object."""
    if _went_with_its_engine(socket):
        return None
    status, answer = request(socket, "GET", PATHS[kind].one.format(quote(name)))
    if status == 404:
        return None
    _check(status, answer, f"looking up {kind} {name}", socket)
    found: dict[str, Any] = json.loads(answer)
    return found.get("Labels") or (found.get("Config") or {}).get("Labels") or {}


def labelled(socket: str, kind: str, label: str) -> Iterator[tuple[str, Labels]]:
    """Name and labels of every object of the kind that has the label."""
    listing = PATHS[kind].all
    wanted = quote(json.dumps({"label": [label]}))
    status, answer = request(socket, "GET", f"{listing}{'&' if '?' in listing else '?'}filters={wanted}")
    _check(status, answer, f"listing every {kind}", socket)
    found = json.loads(answer)
    for each in found["Volumes"] or () if kind == "volume" else found:
        tags = [tag for tag in each.get("RepoTags") or () if tag != NAMELESS]
        names = each.get("Names") or tags or [each.get("Name") or each["Id"]]
        yield from ((name.removeprefix("/"), each["Labels"]) for name in names)


def nameless(socket: str, label: str) -> list[str]:
    """The ids of the images with this label that have no name, and are no part of another image."""
    if _went_with_its_engine(socket):
        return []
    return [name for name, _ in labelled(socket, "image", label) if name.startswith("sha256:")]


def usual_sockets() -> list[str]:
    """Where an engine of this machine or this user listens, if there is one; first where DOCKER_HOST says."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    named = os.environ.get("DOCKER_HOST", "")
    first = [named.removeprefix("unix://")] if named.startswith("unix://") else []
    system = ["/var/run/docker.sock", "/run/podman/podman.sock"]
    return [*first, *system, f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"]


def answers(socket: str) -> bool:
    """Whether an engine answers there."""
    try:
        return request(socket, "GET", "/_ping")[0] == 200
    except EngineError:
        return False


# --- Removing --------------------------------------------------------------


def remove(socket: str, kind: str, name: str) -> None:
    """Delete the object if it bears our label, a running container too; EngineError when the engine will not."""
    deadline = time.monotonic() + TIMEOUT_S
    while (found := labels(socket, kind, name)) is not None:
        if found.get("cutaway.ledger") != state.mark():
            raise EngineError(f"deleting {kind} {name} through {socket}: it lacks our label, so it was left alone")
        status, answer = request(socket, "DELETE", PATHS[kind].delete.format(quote(name)))
        if status != 409 or time.monotonic() > deadline:  # 409: it is being removed, or another object holds it
            _check(status, answer, f"deleting {kind} {name}", socket)
        time.sleep(0.05)


def _went_with_its_engine(socket: str) -> bool:
    """An engine whose socket lies in our state folder, or is reached through its process, takes its objects along."""
    ours = Path(socket).is_relative_to(state.location()) or socket.startswith("/proc/")
    return ours and not answers(socket)


# --- HTTP ------------------------------------------------------------------


def request(socket: str, method: str, path: str) -> tuple[int, bytes]:
    """One request: the status and the body of the answer."""
    import http.client  # slow to import, and seldom needed
    import socket as sockets

    connection = http.client.HTTPConnection("localhost")
    try:
        connection.sock = sockets.socket(sockets.AF_UNIX)
        usual_s = REMOVED_S if method == "DELETE" else TIMEOUT_S
        connection.sock.settimeout(int(os.environ.get(ANSWER, usual_s)))
        connection.sock.connect(socket)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"asking the engine at {socket}: {error}; start it, then run `cutaway clean`") from error
    finally:
        connection.close()


def _check(status: int, answer: bytes, action: str, socket: str) -> None:
    if status < 300 or status == 404:
        return
    try:
        said = json.loads(answer)["message"]
    except (ValueError, KeyError, TypeError):
        said = answer.decode(errors="replace").strip()
    raise EngineError(f"{action} through {socket}: status {status}: {said}; mend that, then run `cutaway clean`")
