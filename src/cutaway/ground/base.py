"""The course's base image, made of this machine's own programs: a shell and small tools, and nothing else.

No registry is asked. The programs' closure is packed into one archive and handed to the engine; the same programs
make the same archive, and an engine that has it already is left alone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from docker import DockerClient
from docker.errors import DockerException, ImageNotFound

from cutaway import ledger
from cutaway.ground import private
from cutaway.ground.engine import Engine
from cutaway.images.closure import Closure, Entry, Folder, Link, Written, archive, closure, digest, found
from cutaway.ledger.engines import exists
from cutaway.linux.processes import Process
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

NAME = "cutaway/base"
TAGGED = f"{NAME}:latest"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
DIGEST = "cutaway.digest"  # the label by which an image is known to be the one that we would make
STARTS_A_SHELL = ('CMD ["sh"]',)

TOOLS = (
    *("bash", "cat", "chmod", "cp", "date", "dd", "df", "echo", "env", "false", "grep", "head", "hostname", "id", "ip"),
    *("kill", "ln", "ls", "mkdir", "mount", "mv", "ps", "pwd", "readlink", "rm", "sed", "sleep", "sort", "stat"),
    *("tail", "touch", "true", "umount", "uname", "wc", "whoami"),
)  # what stands in for busybox

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
FURNITURE: dict[str, Entry] = {
    "/etc": Folder(),
    "/etc/passwd": Written(PASSWD),
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


def image_of(
    inside: Closure, name: str, engine: Engine, owner: Process | None = None, says: Sequence[str] = STARTS_A_SHELL
) -> str:
    """The name of an image with other contents, as `image`; `says` are lines of a Dockerfile, such as its CMD."""
    made = Made(archive(inside), tuple(says))
    client = engine.client()
    try:
        if _digest_there(client, name) != made.digest:
            _replace(engine, client, name, made, owner or Process.current())
    except DockerException as error:
        raise Problem(f"making the image {name} in {engine.url}: {error}; see `cutaway engine status`") from error
    finally:
        client.close()
    return name


class Made(NamedTuple):
    """An image as it is handed to an engine: its files, and what it says of itself."""

    packed: bytes
    says: tuple[str, ...]

    @property
    def digest(self) -> str:
        """By which an engine's image is known to be this one."""
        return digest(self.packed + "\n".join(self.says).encode())


def kept(engine: Engine, name: str, owner: Process) -> dict[str, str]:
    """The labels of an image that is about to be made: all in our own engine goes with it; in the user's, it is noted.

    An image may be made anew under its name: it is noted once.
    """
    if ours := private.running() if engine.ours else None:
        return ledger.LABELS(ours.process)
    if not exists(engine.socket, "image", f"{name}:latest"):
        ledger.record("image", name, owner, socket=engine.socket, name=f"{name}:latest")
    return ledger.LABELS(owner)


def _digest_there(client: DockerClient, name: str) -> str | None:
    try:
        return str(client.images.get(f"{name}:latest").labels.get(DIGEST))
    except ImageNotFound:
        return None


def _replace(engine: Engine, client: DockerClient, name: str, made: Made, owner: Process) -> None:
    """Put the image in the place of an older one."""
    if _digest_there(client, name):
        client.images.remove(f"{name}:latest", force=True)
    labels = kept(engine, name, owner) | {DIGEST: made.digest}
    settings = [*made.says, f"ENV PATH={PATH}", *(f"LABEL {name}={value}" for name, value in labels.items())]
    client.api.import_image_from_data(made.packed, name, "latest", settings)
    if _digest_there(client, name) != made.digest:
        raise Problem(f"making the image {name} in {engine.url}: it is not there afterwards; see the engine's log")
