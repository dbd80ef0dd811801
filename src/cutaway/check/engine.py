"""The engine that a lab is about, as the checks of the lab find it: the one that the learner's own cells find."""

from __future__ import annotations

from functools import cache

from docker.client import DockerClient

from cutaway.check.contract import CannotRun
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine


def engine() -> Engine:
    """The engine that the lab uses; where none answers, the checks cannot run."""
    if found := engines.find():
        return found
    raise CannotRun(engines.why_none(engines.look_round()))


def client() -> DockerClient:
    """A client of it, the same one for all checks."""
    return client_of(engine())


@cache
def client_of(one: Engine) -> DockerClient:
    return one.client()
