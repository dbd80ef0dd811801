"""The machine is afterwards as it was before: what the tests leave behind fails the run and is listed.

What a test started is known by a word in its environment. Mounts and the like carry no such word, so they are
compared with those of the beginning, and judged only when no other test session runs on this machine.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.linux import links, mounts, processes

SESSION = "CUTAWAY_TEST_SESSION"
PATIENCE_S = 10  # for processes that were told to go
OWNERS = pytest.StashKey[tuple[set[str], Path]]()
BY_SYSTEMD = (".service", ".scope", ".slice")  # these come and go by themselves


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder for this test alone."""
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / "state"))
    return ledger.state_folder()


# --- Before and after ------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    state = Path(tempfile.mkdtemp(prefix="cutaway-"))
    os.environ[SESSION] = os.environ["CUTAWAY_STATE"] = str(state)
    config.stash[OWNERS] = things(), state


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    if OWNERS not in session.config.stash:
        return
    before, state = session.config.stash[OWNERS]
    left = leftovers(before, state, time.monotonic() + PATIENCE_S)
    shutil.rmtree(state)
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line("\n".join(["", "left behind by these tests:", *left]), red=True)


def leftovers(before: set[str], state: Path, deadline: float) -> list[str]:
    """What is here now and was not before, once it had time to go."""
    while True:
        left = started() + [f"ledger entry: {entry}" for entry in ledger.entries()]
        if not others():
            left += sorted(things() - before - {f"in /tmp: {state.name}"})
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


# --- Looking ---------------------------------------------------------------


def started() -> list[str]:
    """The processes of this test session other than this one."""
    found = processes.marked(os.environ[SESSION], SESSION)
    return [f"process {each.pid}: {processes.command(each.pid)}" for each in found if each.pid != os.getpid()]


def others() -> bool:
    """Whether another test session runs on this machine now."""
    return any(
        processes.environment(each.pid).get(SESSION, os.environ[SESSION]) != os.environ[SESSION]
        for each in processes.processes()
    )


def things() -> set[str]:
    """What the machine has that outlives a process."""
    cgroups = (path for path in Path("/sys/fs/cgroup").rglob("*/") if not path.name.endswith(BY_SYSTEMD))
    netns = Path("/run/netns").iterdir() if Path("/run/netns").exists() else ()
    return {
        *(f"mount: {mount.target}" for mount in mounts.mounts()),
        *(f"cgroup: {path}" for path in cgroups if path.is_dir()),
        *(f"network namespace: {path.name}" for path in netns),
        *(f"link: {name}" for name in links.links()),
        *(f"in /tmp: {path.name}" for path in Path("/tmp").glob("cutaway*")),
    }
