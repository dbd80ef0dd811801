"""Which engine the lessons use: a Docker that answers, else a Podman that answers, else one of our own.

CUTAWAY_ENGINE says otherwise: `docker` or `podman` (one of that kind, the user's or ours), `private` (ours), or the
socket of one, as `unix:///path`. An engine on another machine is left alone: what is made there could not be undone
from here, and its ports would not be found on this loopback.

Reading order: Engine, choosing, where to look, why there is none. private.py starts ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutaway import ledger
from cutaway.ground import private, programs
from cutaway.ground.private import Kind, Owner
from cutaway.ground.probes import limits
from cutaway.ground.probes.finding import Lacking
from cutaway.ledger.engines import ANSWER, EngineError, request
from cutaway.linux.processes import Process
from cutaway.problem import Problem

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

CHOICE = "CUTAWAY_ENGINE"
DOCKER_SOCKET = "/var/run/docker.sock"
ANSWER_S = 60  # a busy machine starts containers slowly


class EngineGone(Problem):
    """The engine does not answer any more."""


@dataclass(frozen=True)
class Engine:
    """An engine that answers: `kind` is docker or podman, `ours` whether we started it."""

    kind: Kind
    socket: str
    version: str
    ours: bool = False

    @property
    def url(self) -> str:
        """What DOCKER_HOST is set to for using it in a terminal."""
        return f"unix://{self.socket}"

    def client(self) -> DockerClient:
        """Docker's client for Python, speaking to this engine; EngineGone when it does not answer any more."""
        from docker import DockerClient  # slow to import, and the command line seldom needs it
        from docker.errors import DockerException

        try:
            return DockerClient(base_url=self.url, timeout=int(os.environ.get(ANSWER, ANSWER_S)))
        except DockerException as silence:
            raise EngineGone(f"asking the engine: {gone(self)}") from silence

    def containers(self) -> list[dict[str, Any]]:
        """Every container in it, running or not, as the engine lists them."""
        listed: list[dict[str, Any]] = json.loads(request(self.socket, "GET", "/containers/json?all=true")[1])
        return listed

    @contextmanager
    def container(self, image: str, command: str | list[str] | None = None, **options: Any) -> Iterator[Container]:
        """A running container that is gone at the end of the block, and also when this process is killed.

        `options` are those of docker-py's `containers.run`; a `name` and labels are given to it.
        """
        name = f"cutaway-{secrets.token_hex(4)}"
        with ledger.kept("container", name, socket=self.socket, name=name):
            client = self.client()
            try:
                yield client.containers.run(image, command, name=name, labels=ledger.LABELS(), detach=True, **options)
            finally:
                client.close()


def gone(engine: Engine) -> str:
    """That the engine is not there, in half a sentence with the next step."""
    return f"no engine answers at {engine.socket}; start it, or say `cutaway engine start` in a terminal"


# --- Choosing ----------------------------------------------------------------


def find() -> Engine | None:
    """The engine that lessons would use and that answers now, if there is one; nothing is started."""
    return _first(look_round())


def ready(owner: Owner | None = None) -> Engine:
    """The engine that lessons use. Ours is started if there is no other, and ends with `owner`: else with this process.

    A Problem says what is missing when nothing answers and nothing can be started.
    """
    seen = look_round()
    if found := _first(seen):
        return found
    if not (kinds := startable()):
        raise Problem(why_none(seen))
    ours = private.start(kinds[0], owner or Process.current())
    if found := _first([_look(ours.socket, ours)]):
        return found
    raise Problem(
        f"using our own engine, process {ours.process.pid}: it does not answer; `cutaway engine stop` ends it"
    )


def stop() -> bool:
    """Stop our own engine with everything in it; whether there was one. The user's engines are theirs."""
    return private.stop() is not None


def _first(seen: list[Engine | str]) -> Engine | None:
    return next((each for each in seen if isinstance(each, Engine)), None)


def startable() -> list[Kind]:
    """The kinds that this user could start here and that CUTAWAY_ENGINE allows, the better first."""
    return [kind for kind in private.startable() if _choice() in ("", "private", kind)]


def _choice() -> str:
    choice = os.environ.get(CHOICE, "")
    if choice in ("", "docker", "podman", "private") or choice.startswith("unix:///"):
        return choice
    raise Problem(f"choosing an engine: {CHOICE}={choice!r} is none; say docker, podman, private or unix:///a/socket")


# --- Where to look -------------------------------------------------------------


def look_round() -> list[Engine | str]:
    """What is at each place where an engine may be, the preferred first: one that may be used, or why it cannot."""
    choice, ours = _choice(), private.running()
    if choice.startswith("unix:///"):
        return [_look(choice.removeprefix("unix://"), ours)]
    places = [] if choice == "private" else _users_sockets()
    seen = [_look(socket, ours) for socket in [*places, *([ours.socket] if ours else [])]]
    return [each for each in seen if isinstance(each, str) or choice in ("", "private", each.kind)]


def _look(socket: str, ours: private.Running | None) -> Engine | str:
    """The engine behind a socket, or in a few words why there is none."""
    if not socket.startswith("/"):
        return f"{socket} is on another machine"
    try:
        said = json.loads(request(socket, "GET", "/version")[1])
        kind: Kind = "podman" if "Podman" in str(said.get("Components")) else "docker"
        return Engine(kind, socket, said["Version"], ours is not None and socket == ours.socket)
    except EngineError as error:
        return f"{socket}: {_cause(error.__cause__)}"
    except (ValueError, KeyError, AttributeError):
        return f"{socket}: what answers there is no engine"


def _cause(error: BaseException | None) -> str:
    match error:
        case PermissionError():
            return "this user may not use it"
        case FileNotFoundError():
            return "there is no such socket"
        case ConnectionRefusedError():
            return "nobody listens there any more"
        case TimeoutError():
            return "it does not answer"
    return str(error)


def _users_sockets() -> list[str]:
    """Where engines of the user's may listen, first Docker's: what was named, and which usual places are there."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    dockers = [os.environ.get("DOCKER_HOST"), _docker_context()]
    dockers += _present(DOCKER_SOCKET, f"{runtime}/docker.sock")
    podmans = [os.environ.get("CONTAINER_HOST")]
    podmans += _present("/run/podman/podman.sock", f"{runtime}/podman/podman.sock")
    return list(dict.fromkeys(host.removeprefix("unix://") for host in [*dockers, *podmans] if host))


def _present(*sockets: str) -> list[str]:
    return [socket for socket in sockets if os.path.lexists(socket)]


def _docker_context() -> str | None:
    """Where the docker command's current context leads, if one was chosen; see `docker context`."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        name = os.environ.get("DOCKER_CONTEXT") or json.loads((folder / "config.json").read_text())["currentContext"]
        meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
        return str(json.loads(meta.read_text())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError):
        return None


# --- Why there is none -----------------------------------------------------------


def why_none(seen: list[Engine | str]) -> str:
    """One sentence: what was found, what our own engine lacks here, and the next step."""
    found = ", ".join(each for each in seen if isinstance(each, str)) or "no Docker and no Podman answers"
    choice = _choice()
    if choice.startswith("unix:///"):
        return f"finding an engine: {found}; start it, or unset {CHOICE}, which names it"
    if kinds := startable():
        return f"finding an engine: {found}; `cutaway engine start` starts our own {kinds[0]}"
    lack, remedy = _lack(choice)
    return f"finding an engine: {found}, and we cannot start one: {lack}; {remedy}"


def _lack(choice: str) -> tuple[str, str]:
    """What our own engine lacks here, and how to get it."""
    if choice == "docker" and os.geteuid():
        return "Docker takes root", f"start yours, or unset {CHOICE}"
    if os.geteuid() == 0 and not private.may_make_groups():
        return "root may make no control groups here, as in a container", "say it where root has all its rights"
    name = "docker" if os.geteuid() == 0 and choice != "podman" else "podman"
    for program in (name, *([private.RUNTIME_WITHOUT_CGROUPS] if name == "podman" and os.geteuid() else [])):
        if not programs.named(program).found:
            return f"{program} is not installed", f"to get it: {programs.remedy(program)}"
    try:
        limits.subordinate_users()
    except Lacking as lacking:
        return f"Podman has no ids to borrow, for {lacking}", f"to lend it some: {lacking.remedy}"
    return f"{name} is here, and what it takes is not", "see `cutaway doctor`"
