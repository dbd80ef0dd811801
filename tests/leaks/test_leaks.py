"""The process behind lesson 06 is killed at random moments, and afterwards nothing of it is left.

The moments come from a seed: which experiment runs when the kill comes, and how far it has got.
CUTAWAY_SEED chooses another series.
The machine's own links, control groups and named network namespaces are compared by tests/conftest.py.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from cutaway.ground import course
from cutaway.linux import Kind, descendants, identities, identity, mounts, processes

KILLS, SOAK, AT_ONCE = 20, 200, 2
SEED = os.environ.get("CUTAWAY_SEED", "06")
MARK = "CUTAWAY_LEAK_TEST"  # in the environment of all that a kernel starts
LONGEST_S = 0.5  # that an experiment goes on before the kill; most take less, and then the kernel is killed at rest
CELL_S, DEADLINE_S = 60, 20

LESSON = course.unit("06-namespaces").path
CELLS = [cell for cell in nbformat.read(LESSON, as_version=4).cells if cell.cell_type == "code"]
EXPERIMENTS = [cell for cell in CELLS if any(word in cell.source for word in ("enclosed(", "sh(", "NamespacePanel("))]


# --- Killing ---------------------------------------------------------------


def killed(number: int, home: Path) -> list[str]:
    """Kill the lesson at the moment with this number; what is left of it when it had time to go."""
    moment = random.Random(f"{SEED}:{number}")
    last, delay_s = moment.choice(EXPERIMENTS), moment.uniform(0, LONGEST_S)
    mark, queues = f"{os.getpid()}-{number}", sysv_queues()
    with kernel(home, mark) as (pid, client):
        for cell in CELLS[: CELLS.index(last)]:
            reply = client.execute(cell.source, reply=True, timeout=CELL_S)
            assert reply["content"]["status"] == "ok", f"{cell.id}: {reply['content']}"
        client.execute(last.source)
        time.sleep(delay_s)  # the moment is the subject here
        seen = namespaces_below(pid)
        os.kill(pid, signal.SIGKILL)
    found = waited_for(lambda: left(mark, home, seen) + sorted(sysv_queues() - queues))
    return [f"kill {number}, {delay_s:.3f} s into {last.id}: {each}" for each in found]


@contextmanager
def kernel(home: Path, mark: str) -> Iterator[tuple[int, BlockingKernelClient]]:
    """A fresh kernel as JupyterLab starts it, whose files all lie in `home`."""
    home.mkdir()
    own = {"HOME": home, "TMPDIR": home, "CUTAWAY_STATE": home / "state", MARK: mark}
    manager = KernelManager(kernel_name="python3", connection_file=str(home / "kernel.json"))
    manager.start_kernel(env={**os.environ, **{key: str(value) for key, value in own.items()}}, cwd=str(LESSON.parent))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=CELL_S)
    try:
        yield manager.provisioner.pid, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# --- Looking ---------------------------------------------------------------


def namespaces_below(pid: int) -> dict[int, Kind]:
    """The namespaces that processes below this one are in, and we are not."""
    ours, found = set(identities().values()), {}
    for process in descendants(pid):
        for kind in Kind:
            number = number_of(kind, process.pid)
            if number and number not in ours:
                found[number] = kind
    return found


def number_of(kind: Kind, pid: int) -> int:
    """The number of the process's namespace; 0 when the process has ended meanwhile."""
    try:
        return identity(kind, pid)
    except OSError:
        return 0


def left(mark: str, home: Path, seen: dict[int, Kind]) -> list[str]:
    """Processes by their environment and by their namespaces, mounts and files of a killed kernel."""
    everybody = processes.processes()
    inside = [each for each in everybody if any(number_of(kind, each.pid) == n for n, kind in seen.items())]
    ours = {*processes.marked(mark, MARK), *inside}
    state = home / "state"
    return [
        *(f"process {each.pid}: {processes.command(each.pid)}" for each in ours),
        *(f"mount {mount.target}" for mount in mounts.mounts() if Path(mount.target).is_relative_to(home)),
        *(f"file {path.relative_to(home)}" for path in state.rglob("*") if path.is_file()),
        *(f"file {path.name}" for path in home.glob("cutaway*")),
    ]


def sysv_queues() -> set[str]:
    """The mailboxes of this machine, which end with no process."""
    return {f"mailbox {line.split()[1]}" for line in Path("/proc/sysvipc/msg").read_text().splitlines()[1:]}


def waited_for(look: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + DEADLINE_S
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


# --- The proof -------------------------------------------------------------


@pytest.mark.slow
def test_twenty_kills_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [each for many in pool.map(lambda n: killed(n, tmp_path / str(n)), range(KILLS)) for each in many]
    with capsys.disabled():
        print(f"\n{KILLS} kills, {len(found)} leftovers")
    assert not found


@pytest.mark.soak
@pytest.mark.parametrize("number", range(KILLS, KILLS + SOAK))
def test_each_of_two_hundred_kills_leaves_nothing(number: int, tmp_path: Path) -> None:
    assert not killed(number, tmp_path / "home")


def test_a_process_that_stays_is_seen(tmp_path: Path) -> None:
    stays = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: "stays"})
    assert [f"process {stays.pid}: sleep 60"] == left("stays", tmp_path, {})
    stays.kill()
    stays.wait()
    assert not left("stays", tmp_path, {})


def test_a_process_that_stays_in_a_namespace_is_seen_even_without_a_mark(tmp_path: Path) -> None:
    stays = subprocess.Popen(["unshare", "--user", "--uts", "sleep", "60"])
    assert waited_for(lambda: [] if processes.command(stays.pid) == "sleep 60" else ["not yet"]) == []
    seen = {number_of(kind, stays.pid): kind for kind in (Kind.USER, Kind.UTS)}
    assert f"process {stays.pid}: sleep 60" in left("nobody", tmp_path, seen)
    stays.kill()
    stays.wait()
    assert not left("nobody", tmp_path, seen)


def test_an_entry_that_stays_in_the_ledger_is_seen(tmp_path: Path) -> None:
    (tmp_path / "state" / "ledger").mkdir(parents=True)
    (tmp_path / "state" / "ledger" / "1.json").write_text("{}")
    assert left("nobody", tmp_path, {}) == ["file state/ledger/1.json"]
