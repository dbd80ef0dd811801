"""The course's base image, made of this machine's own programs: a shell and small tools, and nothing else.

No registry is asked. The programs' closure is packed into one archive and handed to the engine; the same programs
make the same archive, and an engine that has it already is left alone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException, ImageNotFound

from cutaway import ledger
from cutaway.ground import private
from cutaway.ground.engine import Engine
from cutaway.images.closure import Closure, Entry, Folder, Link, Written, archive, closure, digest, found
from cutaway.linux.processes import Process
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

NAME = "cutaway/base"
TAGGED = f"{NAME}:latest"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
DIGEST = "cutaway.digest"  # the label by which an image is known to be the one that we would make

TOOLS = (
    *("bash", "cat", "chmod", "cp", "date", "dd", "df", "echo", "env", "false", "grep", "head", "hostname", "id", "ip"),
    *("kill", "ln", "ls", "mkdir", "mount", "mv", "ps", "pwd", "readlink", "rm", "sed", "sleep", "sort", "stat"),
    *("tail", "touch", "true", "umount", "uname", "wc", "whoami"),
)  # what stands in for busybox

FURNITURE: dict[str, Entry] = {
    "/etc": Folder(),
    "/etc/passwd": Written(b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    "/etc/group": Written(b"root:x:0:\nnogroup:x:65534:\n"),
    "/root": Folder(0o700),
    "/tmp": Folder(0o1777),
    "/var": Folder(),
    "/var/www": Folder(),
    "/var/www/index.html": Written(b"<!doctype html><title>Cutaway</title><p>Served from inside a container.\n"),
}


# --- What is in it -----------------------------------------------------------


def contents() -> Closure:
    """Busybox under all its names where there is one, else a shell and those of TOOLS that are here."""
    try:
        busybox = found("busybox").resolve()
    except Problem:
        return closure(["/bin/sh", *filter(_is_here, TOOLS)]) | FURNITURE
    return closure([busybox]) | names(busybox) | FURNITURE


def _is_here(program: str) -> bool:
    try:
        return bool(found(program))
    except Problem:
        return False


def names(busybox: Path) -> Mapping[str, Entry]:
    """A link for everything that this busybox can be, where one expects to find it."""
    said = subprocess.run([busybox, "--list-full"], capture_output=True, text=True, check=True).stdout
    places = {Path("/", line) for line in said.split()} - {busybox}
    folders = {folder for place in places for folder in place.parents} - {Path("/")}
    return {str(folder): Folder() for folder in folders} | {str(place): Link(str(busybox)) for place in places}


# --- In an engine --------------------------------------------------------------


def image(engine: Engine, owner: Process | None = None) -> str:
    """The name of the base image, which `engine` has from now on; an engine of the user's has it until `owner` ends."""
    return image_of(contents(), NAME, engine, owner)


def image_of(inside: Closure, name: str, engine: Engine, owner: Process | None = None) -> str:
    """The name of an image with other contents, as `image`."""
    packed = archive(inside)
    client = engine.client()
    try:
        if _digest_there(client, name) != digest(packed):
            _replace(engine, client, name, packed, owner or Process.current())
    except DockerException as error:
        raise Problem(f"making the image {name} in {engine.url}: {error}; see `cutaway engine status`") from error
    finally:
        client.close()
    return name


def _digest_there(client: DockerClient, name: str) -> str | None:
    try:
        return str(client.images.get(f"{name}:latest").labels.get(DIGEST))
    except ImageNotFound:
        return None


def _replace(engine: Engine, client: DockerClient, name: str, packed: bytes, owner: Process) -> None:
    """All that is in our own engine goes with it; in the user's, the image is written down first."""
    if _digest_there(client, name):
        client.images.remove(f"{name}:latest", force=True)
    if ours := private.running() if engine.ours else None:
        owner = ours.process
    else:
        ledger.record("image", name, owner, socket=engine.socket, name=f"{name}:latest")
    labels = ledger.LABELS(owner) | {DIGEST: digest(packed)}
    client.api.import_image_from_data(packed, name, "latest", changes(labels))
    if _digest_there(client, name) != digest(packed):
        raise Problem(f"making the image {name} in {engine.url}: it is not there afterwards; see the engine's log")


def changes(labels: dict[str, str]) -> list[str]:
    """What the image says of itself, in the words of a Dockerfile."""
    settings = ["CMD " + json.dumps(["sh"]), f"ENV PATH={PATH}"]
    return settings + [f"LABEL {name}={value}" for name, value in labels.items()]
