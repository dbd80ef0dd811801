"""The `docker` and `docker compose` commands as a page uses them: each line goes to the page's engine.

What a line makes is labelled and written down before it is made, and so ends with the page. Nothing else is changed
in what was typed. Names are the page's own, so that on an engine which is shared nobody meets somebody else's.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cutaway import ledger
from cutaway.ground import programs
from cutaway.ground.engine import Engine
from cutaway.ledger.engines import exists
from cutaway.linux import commands
from cutaway.linux.commands import CommandFailed
from cutaway.linux.processes import Process
from cutaway.problem import Problem

PATIENCE_S = 60  # a busy machine starts containers slowly
AGAIN_S = 0.1  # between two tries
PLUGINS = ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")  # below which Docker's command has them
MAKES = {
    ("run",): "container",
    ("container", "run"): "container",
    ("create",): "container",
    ("container", "create"): "container",
    ("network", "create"): "network",
    ("volume", "create"): "volume",
}


class Application(NamedTuple):
    """What a compose.yaml makes, by the words in it."""

    services: tuple[str, ...]
    volumes: tuple[str, ...]


class Docker:
    """The `docker` command, speaking to `engine`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def names(self, *words: str) -> list[str]:
        """Names for objects that are about to be made; nobody else's, and others each time."""
        prefix = f"cutaway-{secrets.token_hex(3)}"
        return [f"{prefix}-{word}" for word in words]

    def __call__(self, line: str, timeout_s: float = PATIENCE_S) -> str:
        """What `docker LINE` prints; CommandFailed with its last words when it fails."""
        words = shlex.split(line)
        for verb, kind in MAKES.items():
            if tuple(words[: len(verb)]) == verb:
                _note(self.engine, kind, _name(kind, words))
                words[len(verb) : len(verb)] = [f"--label={name}={value}" for name, value in ledger.LABELS().items()]
        said = commands.run([_needed("docker client", "docker"), "--host", self.engine.url, *words], timeout_s)
        if "rm" in words[:2]:
            _strike_out(self.engine)
        return said

    def outcome(self, line: str) -> str:
        """What `docker LINE` prints, or, when it fails, the last line of its complaint."""
        try:
            return self(line)
        except CommandFailed as failed:
            return _complaint(failed)

    def until(self, line: str, within_s: float = PATIENCE_S) -> str:
        """What `docker LINE` prints, said again until it does not fail; Problem when that takes too long."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                return self(line)
            except CommandFailed as failed:
                if time.monotonic() > deadline:
                    raise Problem(f"docker {line}: after {within_s:g} s it still says {_complaint(failed)}") from failed
            time.sleep(AGAIN_S)


class Compose:
    """The `docker compose` command for the application in `folder`, under a name of its own on `engine`.

    A second file, laid over its compose.yaml, gives each object the name and the labels by which it is undone.
    """

    def __init__(
        self, engine: Engine, folder: Path, kept: Path, application: Application, settings: Mapping[str, str]
    ) -> None:
        """`settings` are what compose.yaml leaves open; the second file is written to the folder `kept`."""
        self.engine, self._project = engine, f"cutaway-{secrets.token_hex(3)}"
        self._env = {**os.environ, **settings, "DOCKER_HOST": engine.url}
        names = kept / "names.json"
        names.write_text(json.dumps(self._named(application)))
        self._argv = ["-p", self._project, "-f", str(folder / "compose.yaml"), "-f", str(names)]
        self._makes = [("network", "default"), *(("volume", each) for each in application.volumes)]
        self._makes += [("container", each) for each in application.services]

    def name(self, word: str) -> str:
        """What the engine calls a service's container, a volume or a network of compose.yaml."""
        return f"{self._project}-{word}"

    def __call__(self, line: str, timeout_s: float = 2 * PATIENCE_S) -> str:
        """What `docker compose LINE` prints."""
        words = shlex.split(line)
        if words[0] == "up":
            for kind, word in self._makes:
                _note(self.engine, kind, self.name(word))
        said = commands.run([*composer(), *self._argv, *words], timeout_s, self._env)
        if words[0] == "down":
            _strike_out(self.engine)
        return said

    def _named(self, application: Application) -> dict[str, object]:
        def each(names: tuple[str, ...], key: str) -> dict[str, object]:
            return {name: {key: self.name(name), "labels": ledger.LABELS()} for name in names}

        services = each(application.services, "container_name")
        return {
            "services": services,
            "volumes": each(application.volumes, "name"),
            "networks": each(("default",), "name"),
        }


def composer() -> list[str]:
    """The command that composes: the plug-in of Docker's command, or the program of its own that it was before."""
    users = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "cli-plugins")
    folders = [users, *(Path(place, "docker/cli-plugins") for place in PLUGINS)]
    docker = programs.path("docker")
    if docker and any(os.access(folder / "docker-compose", os.X_OK) for folder in folders):
        return [docker, "compose"]
    return [_needed("compose", "docker-compose")]


# --- What both do -----------------------------------------------------------


def _needed(program: str, executable: str) -> str:
    found = programs.path(executable)
    if not found:
        raise Problem(f"running {executable}: it is not here; {programs.remedy(program)}")
    return found


def _complaint(failed: CommandFailed) -> str:
    return (failed.stderr.strip().splitlines() or [f"status {failed.status}"])[-1]


def _name(kind: str, words: list[str]) -> str:
    """What the new object will be called: a container says --name, the others say it last."""
    if kind != "container":
        return words[-1]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--name" or word.startswith("--name="):
            return word.partition("=")[2] or following
    raise Problem("running docker: a container needs a --name here, so that it can be undone; give it one")


def _note(engine: Engine, kind: str, name: str) -> None:
    """Write down what is about to be made; what there is already, was written down or will be refused."""
    if not exists(engine.socket, kind, name):
        ledger.record(kind, name, socket=engine.socket, name=name)


def _strike_out(engine: Engine) -> None:
    """Forget what was written down and is gone."""
    for entry in ledger.entries():
        if entry.owner == Process.current() and entry.facts.get("socket") == engine.socket and not entry.exists():
            entry.forget()
