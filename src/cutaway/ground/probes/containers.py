"""Which container engine answers here, or could be started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.ground import private, programs
from cutaway.ground.probes.finding import Lacking, ask, probe
from cutaway.ground.probes.limits import user_name

if TYPE_CHECKING:  # the room of engines looks at `limits` beside this file, so it is imported when it is needed
    from cutaway.ground.engine import Engine


@probe("docker", tried="ask for its version through its socket", opens="the engine that is already there")
def docker() -> str:
    from cutaway.ground import engine

    seen = engine.look_round()
    for each in seen:
        if isinstance(each, engine.Engine) and each.kind == "docker":
            return described(each)
    told = "; ".join(each for each in seen if isinstance(each, str)) or "no Docker has a socket here"
    if Path(engine.DOCKER_SOCKET).exists() and not os.access(engine.DOCKER_SOCKET, os.W_OK):
        joins = programs.as_root(f"usermod -aG docker {user_name()}")
        raise Lacking(told, f"{joins}, then log in again; that group is as good as root")
    if programs.named("docker").found:
        raise Lacking(told, "nothing to do: a private engine takes its place; see `engine`")
    raise Lacking(told, programs.remedy("docker"))


@probe("podman", tried="run its command", opens="an engine without root")
def podman() -> str:
    return f"it says {ask('podman', ['podman', '--version'])}"


@probe("engine", tried="look for one that answers, then for what a private one takes", opens="containers and images")
def engine() -> str:
    from cutaway.ground import engine

    found = engine.find()
    if found:
        return described(found)
    for kind in private.startable():
        return f"none answers; what a private {kind} takes is here, and it was not started only to find out"
    told, _, remedy = engine.why_none(engine.look_round()).partition("; ")
    raise Lacking(told.removeprefix("finding an engine: "), remedy)


def described(found: Engine) -> str:
    whose = "started by Cutaway" if found.ours else "not ours"
    return f"{found.kind} {found.version} answers at {found.socket} ({whose})"
