"""A Docker that knows the course's runtime makes one container with it, and one with its own, and both are compared."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError

from cutaway import ledger
from cutaway.ground import base, docker_networks, private
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine

WHICH = (private.OUR_RUNTIME, "runc")
TEACH = 'its daemon.json may name more: {"runtimes": {"cutaway": {"path": ".../cutaway-oci"}}}'
ASKED = "hostname; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; cat /proc/1/comm"


@dataclass(frozen=True)
class Said:
    """What a container says of itself, by the runtime that made it; or why Docker was not asked."""

    engine: str
    answers: dict[str, list[str]]
    missing: str = ""

    @property
    def alike(self) -> bool:
        """Whether a container of the one cannot be told from one of the other."""
        return bool(self.answers) and len({tuple(each) for each in self.answers.values()}) == 1

    def __repr__(self) -> str:
        if self.missing:
            return f"Not asked: {self.missing}"
        lines = [f"{which + ':':9}{' | '.join(answer)}".replace("\t", " ") for which, answer in self.answers.items()]
        return "\n".join([self.engine, *lines])


def said() -> Said:
    """What the Docker that answers here gets from each runtime; none is started for it."""
    engine = engines.find()
    if engine is None:
        return Said("", {}, docker_networks.why_none("docker_runtime"))
    if engine.kind != "docker":
        return Said("", {}, f"this engine is {engine.kind}; to use a Docker, set {engines.CHOICE}=docker")
    known = engine.client().info()["Runtimes"]
    if private.OUR_RUNTIME not in known:
        return Said("", {}, f"this Docker knows {', '.join(sorted(known))}; {TEACH}")
    return Said(f"Docker {engine.version}", {which: _answer(engine, which) for which in WHICH})


def _answer(engine: Engine, runtime: str) -> list[str]:
    """What a container that this runtime has made says."""
    base.image(engine)
    name = f"cutaway-{secrets.token_hex(4)}"
    options: dict[str, Any] = {"name": name, "hostname": "inside", "runtime": runtime, "labels": ledger.LABELS()}
    with ledger.kept("container", name, socket=engine.socket, name=name):
        made = engine.client().containers.create(base.NAME, ["sh", "-c", ASKED], **options)
        try:
            made.start()
        except APIError as error:
            return [f"refused: {error.explanation}"]
        made.wait()
        return str(made.logs().decode()).split("\n")[:-1]


if __name__ == "__main__":
    print(said())
