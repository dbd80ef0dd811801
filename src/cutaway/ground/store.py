"""The images of an engine that are the learner's: those that bear this ledger's label, listed, read, sent and moved.

An engine may be shared, and others' images are theirs: they are not listed, and nothing here takes their names.
Reading order: whose they are, reading one, with a registry, without one. Taught in notebook 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from docker import DockerClient
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from cutaway import ledger
from cutaway.ground.engine import Engine
from cutaway.images import saved
from cutaway.images.saved import Saved
from cutaway.ledger import Entry
from cutaway.problem import Problem

LABEL, OWNER = "cutaway.ledger", "cutaway.owner"
PUSHED = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})")  # in what both engines say at a push's end
PLAIN = 'Podman wants encryption: in registries.conf, [[registry]] location="127.0.0.1" insecure=true allows it without'
HUB = "docker.io/"  # which Podman says before names without a registry, and Docker leaves out


# --- Whose they are --------------------------------------------------------


def names(engine: Engine) -> list[str]:
    """The learner's images by their names, sorted; those without a name are left out."""
    client = engine.client()
    try:
        found = client.images.list(filters={"label": mine()})
        return sorted(name.removeprefix(HUB) for each in found for name in each.tags)
    finally:
        client.close()


def record(engine: Engine, name: str) -> Entry | None:
    """Write down an image that is about to get this name, so that it goes with this process; in our engine all does."""
    known = {entry.facts.get("name") for entry in ledger.entries()}
    if engine.ours or name in known:
        return None
    return ledger.record("image", name, socket=engine.socket, name=name)


def record_builds(engine: Engine) -> None:
    """The same for the images without a name that builds leave: earlier stages, and those that lost their name."""
    known = {entry.facts.get("socket") for entry in ledger.entries() if entry.kind == "builds"}
    if not engine.ours and engine.socket not in known:
        owner = f"{OWNER}={ledger.LABELS()[OWNER]}"
        ledger.record("builds", "nameless images", socket=engine.socket, label=owner)


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


# --- Reading one -----------------------------------------------------------


def read(engine: Engine, name: str) -> Saved:
    """What is in an image: asked of the engine as `docker save` does it, whichever way it keeps its layers."""
    client = engine.client()
    try:
        return saved.read(client.images.get(name).save(named=True))
    except DockerException as error:
        raise Problem(f"reading the image {name} from {engine.url}: {error}") from error
    finally:
        client.close()


# --- With a registry -------------------------------------------------------


def push(engine: Engine, name: str, place: str) -> str:
    """Give the image the name of a place, `HOST:PORT/NAME:TAG`, and send it there; the digest of its manifest there."""
    free(engine, place)
    repository, _, tag = place.rpartition(":")
    record(engine, place)
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
    """Have the image of a place here, `HOST:PORT/NAME:TAG` or `...@DIGEST`; its id. What others have made stays."""
    free(engine, place)
    entry = None if "@" in place else record(engine, place)  # by a digest it gets no name
    client = engine.client()
    try:
        _heard(client.api.pull(place, stream=True, decode=True))
        image = client.images.get(place)
        if entry and not own(client, place):
            entry.forget()
        return str(image.id)
    except DockerException as error:
        raise Problem(f"pulling {place}: {_cause(error)}") from error
    finally:
        client.close()


def remove(engine: Engine, *names: str) -> None:
    """Take these names, and the images that have no other, from the engine; those of others are left alone."""
    client = engine.client()
    try:
        for name in names:
            if not own(client, name):
                raise Problem(f"removing the image {name}: it is not yours, so it was left alone")
            client.images.remove(name)
    except DockerException as error:
        raise Problem(f"removing the images {', '.join(names)}: {_cause(error)}") from error
    finally:
        client.close()


# --- Without a registry ----------------------------------------------------


def saved_bytes(engine: Engine, name: str) -> bytes:
    """What `docker save` writes: the image with all its layers."""
    client = engine.client()
    try:
        return b"".join(client.images.get(name).save(named=True))
    finally:
        client.close()


def load(engine: Engine, name: str, saved: bytes) -> str:
    """What `docker load` makes of it, under the name that it was saved by; its id."""
    free(engine, name)
    record(engine, name)
    client = engine.client()
    try:
        client.images.load(saved)
        return str(client.images.get(name).id)
    finally:
        client.close()


def commit(engine: Engine, container: Container, name: str) -> str:
    """What `docker commit` makes of a container: one more layer, with what it has written; the image's id."""
    free(engine, name)
    record(engine, name)
    repository, _, tag = name.rpartition(":")
    return str(container.commit(repository, tag, pause=False).id)  # an ordinary user's Podman cannot pause any


def flatten(engine: Engine, container: Container, name: str) -> str:
    """What `docker export` and `docker import` make of a container: one layer, with what is visible; the image's id."""
    free(engine, name)
    record(engine, name)
    client = engine.client()
    try:
        marks = [f"LABEL {key}={value}" for key, value in ledger.LABELS().items()]
        exported: Any = container.export()
        client.api.import_image_from_data(b"".join(exported), name, changes=marks)  # Podman heeds no tag apart
        return str(client.images.get(name).id)
    finally:
        client.close()


# --- Hearing an engine -----------------------------------------------------


def _heard(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that an engine tells of its work; of a failure an error."""
    said = list(events)
    if errors := [each["error"] for each in said if "error" in each]:
        raise DockerException(str(errors[0]))
    return said


def _cause(error: DockerException) -> str:
    said = str(getattr(error, "explanation", None) or error).strip()
    return f"{said}; {PLAIN}" if "HTTP response to HTTPS" in said else said
