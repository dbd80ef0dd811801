"""An engine for tests, started once: `from engines import engine, image` in a conftest makes the fixtures known.

Tests that use it carry `@pytest.mark.engine` and `@pytest.mark.xdist_group("engine")`, so that one worker has them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from docker.models.containers import Container

from cutaway.ground import base, private
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine
from cutaway.linux import Process, groups, namespaces, processes
from cutaway.linux.namespaces import Kind

PATIENCE_S = 30
KINDS = ("docker", "podman")
PODMAN_LATER = pytest.param("podman", marks=pytest.mark.soak)  # what is alike on both is tried there in the soak
T = TypeVar("T")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Our own engine with the base image in it: Docker for root, Podman for anybody else."""
    skip_without(private.startable())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(engines.CHOICE, "private")
        ready = engines.ready()
    base.image(ready)
    yield ready
    engines.stop()


@pytest.fixture
def image(engine: Engine) -> str:
    """The base image's name, in the engine for tests."""
    return base.image(engine)


@contextmanager
def our_engine(kind: private.Kind, state: Path) -> Iterator[Engine]:
    """An engine of our own in a state folder of its own, with the base image."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTAWAY_STATE", str(state))
        patch.setenv(engines.CHOICE, "private")
        if kind not in private.startable():
            pytest.skip(f"this user cannot start {kind} here")
        try:
            yield begun(kind)
        finally:
            engines.stop()


def begun(kind: private.Kind) -> Engine:
    """Our engine of this kind, started unless it runs, with the base image."""
    private.start(kind, Process.current())
    started = engines.ready()
    base.image(started)
    return started


@pytest.fixture(params=KINDS, scope="module")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine of each kind, for tests that leave it as it was."""
    with our_engine(request.param, tmp_path_factory.mktemp("shared")) as started:
        yield started


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """One engine of each kind, for this test alone."""
    with our_engine(request.param, tmp_path / "state") as started:
        yield started


@pytest.fixture(params=["docker", PODMAN_LATER])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The engine of all tests, and in the soak a Podman."""
    if request.param == "docker":
        yield request.getfixturevalue("engine")
        return
    with our_engine("podman", tmp_path / "state") as started:
        yield started


def skip_without(kinds: list[private.Kind]) -> None:
    """Skip the test when no engine can be started here, and say which would do."""
    if not kinds:
        pytest.skip(engines.why_none([]))


def until(true: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """Wait until something is true and return it; the test fails when the time is over."""
    deadline = time.monotonic() + within_s
    while not (answer := true()):
        assert time.monotonic() < deadline, f"after {within_s:g} s still not: {what}"
        time.sleep(0.02)
    return answer


def sleeping(engine: Engine, name: str) -> Container:
    """A container that does nothing for longer than any test."""
    return engine.client().containers.run(base.NAME, "sleep 600", name=name, detach=True)


def executed(container: Container, command: str | list[str]) -> tuple[int, bytes]:
    """Status and output of `docker exec`; of what has said its last word the engine hears the status a moment later."""
    assert container.client
    api = container.client.api
    made = api.exec_create(container.id, command)["Id"]
    output: bytes = api.exec_start(made)
    until(lambda: not api.exec_inspect(made)["Running"], "the engine has heard of its end")
    return api.exec_inspect(made)["ExitCode"], output


def seen_now() -> Witness:
    """Somebody who has seen our engine, which runs."""
    running = private.running()
    assert running
    return Witness(running)


class Witness:
    """Remembers what an engine consists of while it runs, and tells afterwards what is still there."""

    def __init__(self, running: private.Running) -> None:
        self.folder = private.folder()
        self.namespaces = {kind: namespaces.identity(kind, running.process.pid) for kind in (Kind.NET, Kind.MNT)}
        namespaces.hold(running.process.pid, self.namespaces)  # else the kernel gives their numbers to others at once
        self.cgroups = [Path(group) for group in own_cgroups(running)]
        members = {pid for group in self.cgroups for pid in groups.members(str(group))}
        self.processes = [*processes.descendants(running.process.pid), running.process, *relay(running)]
        self.processes += [each for each in processes.processes() if each.pid in members]

    def left(self) -> list[str]:
        """Everything of the engine that is still on this machine."""
        alive = [f"process {each.pid}" for each in self.processes if each.alive()]
        inside = [f"process {each.pid}, inside" for each in processes.processes() if self._is_inside(each)]
        paths = [str(path) for path in [self.folder, *self.cgroups] if path.exists()]
        return alive + inside + paths

    def _is_inside(self, process: Process) -> bool:
        with suppress(OSError):  # gone, or without namespaces any more
            return any(namespaces.identity(kind, process.pid) == its for kind, its in self.namespaces.items())
        return False


def own_cgroups(running: private.Running) -> list[Path]:
    """The control groups that were made for an engine; an ordinary user's has none."""
    name = f"cutaway-{running.process.pid}-*"
    return [path for pattern in (name, f"*/{name}") for path in Path("/sys/fs/cgroup").glob(pattern)]


def relay(running: private.Running) -> list[Process]:
    """The processes that carry its ports."""
    word = f"/proc/{running.process.pid}/root{private.SOCKET}"
    return [each for each in processes.processes() if word in processes.command(each.pid) and each.pid != os.getpid()]
