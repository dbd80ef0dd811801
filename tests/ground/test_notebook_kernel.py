"""The same tests of a notebook's kernel in a lab machine, as an ordinary user and as ourselves; and what breaks."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from engines import until
from machines import own_cache, skip_without_machines
from ordinary import DROP, NOBODY, Run

from cutaway import ledger
from cutaway.ground import machine
from cutaway.ground.guest import qmp
from cutaway.ground.machine import Machine
from cutaway.ledger import watch
from cutaway.linux import CommandFailed, processes
from cutaway.problem import Problem

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("notebook kernel"), pytest.mark.timeout(900)]

CASES = Path(__file__).with_name("notebook_kernel_cases.py")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache for an ordinary user, with the guest kernel and nothing else."""
    skip_without_machines()
    folder = own_cache(Path(tempfile.mkdtemp(prefix="cutaway-cache-")))
    if DROP:
        for each in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            os.chown(each, NOBODY, NOBODY)
    monkeypatch.setenv("CUTAWAY_CACHE", str(folder))
    yield
    shutil.rmtree(folder)


def test_a_notebooks_kernel_in_a_lab_machine_serves_an_ordinary_user(cache: None, as_ordinary_user: Run):
    done = as_ordinary_user(*PYTEST, CASES)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.soak
def test_it_serves_us():
    done = subprocess.run([sys.executable, *PYTEST, CASES], capture_output=True, text=True, check=False)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


# --- What breaks ---------------------------------------------------------------

SERVER = """
import sys, time
from jupyter_client import KernelManager
manager = KernelManager(kernel_name="cutaway-lab-machine")
manager.start_kernel(cwd=sys.argv[1])
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=280)
print(*sorted(manager.get_connection_info()[f"{name}_port"] for name in ("shell", "iopub", "hb")), flush=True)
while manager.is_alive():
    time.sleep(0.1)
print("dead", flush=True)
manager.shutdown_kernel(now=True)
"""
FAULTS = 30
VICTIMS = ("server", "machine", "kernel", "watcher", "memory", "hang")
FILL = ["python3", "-I", "-S", "-c", "x = []\nwhile True: x.append(b'1' * (1 << 20))"]


class Notebook:
    """A process that has a notebook's kernel in a machine, as JupyterLab has one."""

    def __init__(self, folder: Path) -> None:
        self.server = subprocess.Popen([sys.executable, "-c", SERVER, folder], stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.server:
            self.server.kill()

    def up(self) -> set[str]:
        """The ports at which its kernel has answered."""
        assert self.server.stdout
        ports = set(self.server.stdout.readline().split())
        (self.guest,) = [each for each in machine.all_of_them() if each.running.owner.pid == self.server.pid]
        return ports

    def strike(self, victim: str) -> bool:
        """Break that part of it; whether the server must see its kernel die."""
        match victim:
            case "server":
                self.server.kill()
            case "machine":
                self.guest.running.process.kill(signal.SIGKILL)
            case "kernel":
                self.guest.run("pkill -KILL -f [c]utaway.ground.guest.waiting")
            case "watcher":
                kill_watcher()
            case "memory":
                fill(self.guest)
            case "hang":
                hang(self.guest)
        return victim in ("machine", "kernel")

    def end(self) -> None:
        """Kill the server, and wait until nothing of its machine is left."""
        self.server.kill()
        self.server.wait()
        ledger.sweep()  # what a killed watcher would have done
        running = self.guest.running
        until(lambda: not running.process.alive() and not running.folder.exists(), "its machine is gone", 60)


def fill(guest: Machine) -> None:
    """The one that fills the memory is killed, and nobody else."""
    with pytest.raises(CommandFailed, match="status 137"):
        guest.run(FILL, timeout_s=120)
    assert guest.run("echo alive") == "alive"


def hang(guest: Machine) -> None:
    """Stop the machine's processor."""
    with qmp.Monitor(guest.running.folder) as monitor:
        monitor.do("stop")
    with pytest.raises(Problem, match="so it hangs; `cutaway machine stop"):
        guest.hear(0.3)


def kill_watcher() -> None:
    """The watcher is known by its program, and by the state folder that it watches."""
    for each in processes.processes():
        watched = processes.environment(each.pid).get("CUTAWAY_STATE", "")
        if watch.__file__ in processes.command(each.pid) and watched == os.environ["CUTAWAY_STATE"]:
            each.kill()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whatever_breaks_of_two_notebooks_the_other_goes_on_and_nothing_is_left(tmp_path: Path, state_folder: Path):
    tmp_path.chmod(0o755)
    dice = random.Random(seed := int(os.environ.get("CUTAWAY_SEED", "1")))
    print(f"seed {seed}")
    for number in range(FAULTS):
        victim = VICTIMS[number] if number < len(VICTIMS) else dice.choice(VICTIMS)
        with Notebook(tmp_path) as struck, Notebook(tmp_path) as other:
            assert not struck.up() & other.up(), "two kernels at one port"
            print(number, victim, flush=True)
            if struck.strike(victim):
                assert struck.server.stdout
                assert struck.server.stdout.readline() == "dead\n", victim
            struck.end()
            assert other.server.poll() is None, victim
            assert other.guest.run("echo alive") == "alive", victim
            other.end()
    until(lambda: ledger.entries() == [], "the ledger is empty")
    assert machine.all_of_them() == []
