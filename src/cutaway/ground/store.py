"""The images of an engine that are the learner's: those that bear this ledger's label, listed, read and sent.

An engine may be shared, and others' images are theirs: they are not listed, and nothing here moves their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from docker import DockerClient
from docker.errors import DockerException, ImageNotFound

from cutaway import ledger
from cutaway.ground.engine import Engine
from cutaway.images import saved
from cutaway.images.saved import Saved
from cutaway.problem import Problem

LABEL = "cutaway.ledger"
PUSHED = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})")  # in what both engines say at a push's end
PLAIN = 'Podman wants encryption: in registries.conf, [[registry]] location="127.0.0.1" insecure=true allows it without'
HUB = "docker.io/"  # which Podman says before names without a registry, and Docker leaves out


def names(engine: Engine) -> list[str]:
    """The learner's images by their names, sorted; those without a name are left out."""
    client = engine.client()
    try:
        found = client.images.list(filters={"label": mine()})
        return sorted(name.removeprefix(HUB) for each in found for name in each.tags)
    finally:
        client.close()


def record_nameless(engine: Engine, client: DockerClient) -> None:
    """Write down the learner's images that have no name, such as the earlier stages of a build, so that they go."""
    known = {entry.facts.get("name") for entry in ledger.entries()}
    for each in client.images.list(filters={"dangling": True, "label": mine()}):
        if each.id not in known:
            ledger.record("image", str(each.id), socket=engine.socket, name=each.id)


def mine() -> str:
    """The label of what is the learner's."""
    return f"{LABEL}={ledger.LABELS()[LABEL]}"


def own(client: DockerClient, name: str) -> bool:
    """Whether this image is the learner's; ImageNotFound when there is none."""
    return bool(client.images.get(name).labels.get(LABEL) == ledger.LABELS()[LABEL])


def free(engine: Engine, name: str) -> None:
    """See that the learner may give this name to an image; Problem when it means somebody else's."""
    client = engine.client()
    try:
        if not own(client, name):
            raise Problem(f"naming an image {name}: the engine has one of that name that is not yours; choose another")
    except ImageNotFound:
        return
    finally:
        client.close()


def push(engine: Engine, name: str, place: str) -> str:
    """Give the image the name of a place, `HOST:PORT/NAME:TAG`, and send it there; the digest of its manifest there."""
    free(engine, place)
    repository, _, tag = place.rpartition(":")
    if not engine.ours:
        ledger.record("image", place, socket=engine.socket, name=place)
    client = engine.client()
    try:
        client.images.get(name).tag(repository, tag)
        said = _heard(client.api.push(repository, tag, stream=True, decode=True))
        (digest,) = {found[1] for event in said if (found := PUSHED.search(event.get("status", "")))}
        return digest
    except DockerException as error:
        raise Problem(f"pushing {place}: {_cause(error)}") from error
    finally:
        client.close()


def pull(engine: Engine, place: str) -> str:
    """Have the image of a place here, `HOST:PORT/NAME:TAG` or `...@DIGEST`; its id."""
    client = engine.client()
    try:
        _heard(client.api.pull(place, stream=True, decode=True))
        image = client.images.get(place)
        if not engine.ours and own(client, place):
            ledger.record("image", place, socket=engine.socket, name=place)
        return str(image.id)
    except DockerException as error:
        raise Problem(f"pulling {place}: {_cause(error)}") from error
    finally:
        client.close()


def _heard(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that an engine tells of its work; of a failure an error."""
    said = list(events)
    if errors := [each["error"] for each in said if "error" in each]:
        raise DockerException(str(errors[0]))
    return said


def _cause(error: DockerException) -> str:
    said = str(getattr(error, "explanation", None) or error).strip()
    return f"{said}; {PLAIN}" if "HTTP response to HTTPS" in said else said


def read(engine: Engine, name: str) -> Saved:
    """What is in an image: asked of the engine as `docker save` does it, whichever way it keeps its layers."""
    client = engine.client()
    try:
        return saved.read(client.images.get(name).save(named=True))
    except DockerException as error:
        raise Problem(f"reading the image {name} from {engine.url}: {error}") from error
    finally:
        client.close()
