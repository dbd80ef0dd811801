"""Nothing of an engine stays: after its stop, its death, its owner's death, at any moment."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from engines import KINDS, Witness, seen_now, skip_without, sleeping, until

from cutaway import ledger
from cutaway.cli import clean
from cutaway.ground import engine as engines
from cutaway.ground import private
from cutaway.ground.engine import Engine
from cutaway.ledger.strays import strays
from cutaway.linux import processes

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]


def test_after_stop_nothing_is_left(fresh: Engine):
    sleeping(fresh, "one")
    witness = seen_now()
    assert len(witness.left()) >= 3, "the witness is blind"
    assert engines.stop()
    until(lambda: not witness.left(), "who has left its groups ends a moment later", 5)
    assert ledger.entries() == []
    assert not engines.stop()


def test_an_engine_killed_with_containers_running_leaves_nothing(fresh: Engine):
    for name in ("one", "two"):
        sleeping(fresh, name)
    witness = seen_now()
    os.kill(private.running().process.pid, signal.SIGKILL)
    until(lambda: not witness.left(), f"nothing is left, though there is {witness.left()}")
    until(lambda: not [entry for entry in ledger.entries() if entry.kind != "process"], "the ledger is empty")


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_an_engine_ends_with_its_owner(kind: private.Kind, state_folder: Path):
    if kind not in private.startable():
        pytest.skip(f"this user cannot start {kind} here")
    script = "from cutaway.ground import private\nfrom cutaway.linux import Process\nimport time\n"
    script += f"private.start({kind!r}, Process.current()); print('ready', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"ready\n"
        witness = seen_now()
        owner.kill()
    until(lambda: not witness.left() and not ledger.entries(), f"nothing is left, though there is {witness.left()}")


def test_an_engine_that_owns_itself_outlives_who_started_it(state_folder: Path, monkeypatch: pytest.MonkeyPatch):
    skip_without(private.startable())
    monkeypatch.setenv(engines.CHOICE, "private")
    subprocess.run([sys.executable, "-m", "cutaway", "engine", "start"], check=True, capture_output=True)
    running = private.running()
    assert running
    assert running.lasting
    assert running.process.alive()
    witness = Witness(running)
    assert engines.stop()
    until(lambda: not witness.left(), f"nothing is left, though there is {witness.left()}")


def test_clean_with_all_takes_a_running_engine_and_proves_it(fresh: Engine):
    sleeping(fresh, "one")
    witness = seen_now()
    run = CliRunner().invoke(clean.command, ["--all", "--yes"])
    assert run.exit_code == 0, run.output
    assert "undone: process engine" in run.output
    until(lambda: not witness.left(), "who has left its groups ends a moment later", 5)


# --- A thousand moments ------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("moment_s", [random.Random(seed).uniform(0, 2.5) for seed in range(20)])
@pytest.mark.parametrize("kind", KINDS)
def test_an_owner_killed_at_any_moment_leaves_nothing(kind: private.Kind, moment_s: float, state_folder: Path):
    """While it starts, while it makes the image, while a container starts or runs: the moments are drawn by seed."""
    if kind not in private.startable():
        pytest.skip(f"this user cannot start {kind} here")
    script = """if True:
        from cutaway.ground import base, engine
        ready = engine.ready()
        with ready.container(base.image(ready), "sleep 600", ports={"80/tcp": None}):
            import time; time.sleep(600)"""
    with subprocess.Popen([sys.executable, "-c", script], env={**os.environ, engines.CHOICE: kind}) as owner:
        with contextlib.suppress(subprocess.TimeoutExpired):
            owner.wait(moment_s)
        owner.kill()
    until(lambda: remains(state_folder) == [], f"nothing is left, though there is {remains(state_folder)}", 30)


def remains(state: Path) -> list[str]:
    """What is still there of an engine that had this state folder."""
    running = {each.pid: processes.command(each.pid) for each in processes.processes()}
    named = [f"process {pid}: {command}" for pid, command in running.items() if str(state) in command]
    groups = [path for path in Path("/sys/fs/cgroup").glob("*/cutaway-*") if maker(path) not in running]
    return [
        *named,
        *map(repr, strays(list, [])),
        *map(repr, ledger.entries()),
        *map(str, groups),
        *map(str, state.glob("engine*")),
    ]


def maker(group: Path) -> int:
    """The number of the process for which a control group was made."""
    return int(group.name.split("-")[1])
