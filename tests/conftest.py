"""The machine is afterwards as it was before: what the tests leave behind fails the run and is listed.

What a test started is known by a word in its environment. Mounts and the like carry no such word, so they are
compared with those of the beginning, and judged only when no other test session runs on this machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sessions
from chromium import browser  # noqa: F401  a fixture
from open_doors import open_the_way
from soak import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  hooks

from cutaway import ledger
from cutaway.ground import course
from cutaway.ledger import paths, watch
from cutaway.linux import Process, links, mounts, processes

SESSION = "CUTAWAY_TEST_SESSION"
PATIENCE_S = 30  # for processes that were told to go
BEFORE = pytest.StashKey[set[str]]()
BY_SYSTEMD = (".service", ".scope", ".slice")  # control groups that come and go by themselves
PROGRAMS = ("dockerd", "containerd", "podman", "conmon", "qemu", "slirp4netns")


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder for this test alone."""
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / "state"))
    return ledger.state_folder()


# --- Before and after ------------------------------------------------------


@pytest.hookimpl(tryfirst=True)  # before the workers start, which are to inherit this
def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        open_the_way(course.root())
        sessions.remove_dead()
        os.environ[SESSION] = os.environ["CUTAWAY_STATE"] = sessions.folder(Process.current())
        session.config.stash[BEFORE] = things()


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    if BEFORE not in session.config.stash:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    left = leftovers(session.config.stash[BEFORE], time.monotonic() + PATIENCE_S)
    os.environ["CUTAWAY_STATE"] = os.environ[SESSION]  # a test may have lost it, and the next line undoes everything
    ledger.sweep(lambda entry: True)  # a thread may still be at work; and without the ledger nobody knows of it
    paths.remove(os.environ[SESSION])
    if others():
        reporter.write_line("\nmounts, cgroups, links and /tmp were not compared: other test sessions run here")
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("\n".join(["", "left behind by these tests:", *left]), red=True)


def leftovers(before: set[str], deadline: float) -> list[str]:
    """What is here now and was not before, once it had time to go."""
    while True:
        left = started() + [f"ledger entry: {entry}" for entry in ledger.entries()]
        if not others():
            left += sorted(things() - before)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


# --- Looking ---------------------------------------------------------------


def started() -> list[str]:
    """The processes of this test session, but for this one and the watchers that end with it."""
    ours = {Process.current(), *watch.watchers()}
    return [shown(each) for each in processes.marked(os.environ[SESSION], SESSION) if each not in ours]


def others() -> bool:
    """Whether another test session runs on this machine now."""
    sessions = {processes.environment(each.pid).get(SESSION) for each in processes.processes()}
    return bool(sessions - {None, os.environ[SESSION]})


def things() -> set[str]:
    """What the machine has that may outlive a test: engines and guests, too, which get no environment from us."""
    netns = Path("/run/netns").iterdir() if Path("/run/netns").exists() else ()
    ours = watch.watchers()
    return {
        *(shown(each) for each in processes.processes() if each not in ours and is_machinery(each)),
        *(f"mount: {mount.target}" for mount in mounts.mounts()),
        *(f"cgroup: {folder}" for folder in control_groups()),
        *(f"network namespace: {path.name}" for path in netns),
        *(f"link: {name}" for name in links.links()),
        *(f"in /tmp: {path.name}" for path in Path(tempfile.gettempdir()).glob("cutaway*")),
    }


def control_groups() -> Iterator[Path]:
    """Those that tests may make: not beside our own, where whoever made that makes others."""
    ours = (Path(line.split(":", 2)[2]) for line in Path("/proc/self/cgroup").read_text().splitlines())
    shared = tuple(str(each.parent) for each in ours if len(each.parts) > 2)
    for folder, _, _ in os.walk("/sys/fs/cgroup"):  # which passes over those that go meanwhile
        found = Path(folder)
        if not folder.endswith(BY_SYSTEMD) and not str(found.parent).endswith(shared):
            yield found


def is_machinery(process: Process) -> bool:
    """Whether it is part of a thing in some ledger, or an engine, or a guest."""
    name = Path(processes.command(process.pid).partition(" ")[0]).name
    return "CUTAWAY_TOKEN" in processes.environment(process.pid) or name.startswith(PROGRAMS)


def shown(process: Process) -> str:
    return f"process {process.pid}: {processes.command(process.pid)}"
