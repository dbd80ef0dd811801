"""The process behind a lesson is killed at random moments, and afterwards nothing of it is left.

The moments come from a seed: which experiment runs when the kill comes, and how far it has got.
CUTAWAY_SEED chooses another series.
The machine's own links, control groups and named network namespaces are compared by tests/conftest.py.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, product
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from cutaway.ground import course
from cutaway.linux import Kind, capabilities, descendants, hold, identities, identity, mounts, processes, rights

KILLS, SOAK, AT_ONCE = 20, 200, 2
SEED = os.environ.get("CUTAWAY_SEED", "06")
MARK = "CUTAWAY_LEAK_TEST"  # in the environment of all that a kernel starts
LONGEST_S = 0.5  # that an experiment goes on before the kill; most take less, and then the kernel is killed at rest
CELL_S, DEADLINE_S = 60, 30

OFTEN, EACH_TENTH = (course.unit(name).path for name in ("06-namespaces", "11-a-container-runtime"))
TRIED = ("enclosed(", "sh(", "NamespacePanel(", "said(line")  # a cell with one of these is an experiment


# --- Killing ---------------------------------------------------------------


def killed(number: int, home: Path) -> list[str]:
    """Kill the lesson at the moment with this number; what is left of it when it had time to go."""
    lesson = EACH_TENTH if number % 10 == 9 else OFTEN
    cells = [cell for cell in nbformat.read(lesson, as_version=4).cells if cell.cell_type == "code"]
    moment = random.Random(f"{SEED}:{number}")
    last = moment.choice([cell for cell in cells if any(word in cell.source for word in TRIED)])
    delay_s = moment.uniform(0, LONGEST_S)
    mark, queues = f"{os.getpid()}-{number}", sysv_queues()
    with ExitStack() as held:
        with kernel(home, mark) as (pid, client):
            for cell in cells[: cells.index(last)]:
                done(client, cell.source)
            client.execute(last.source)
            time.sleep(delay_s)  # the moment is the subject here
            seen, groups = namespaces_below(pid, held), groups_of_containers(home)
            os.kill(pid, signal.SIGKILL)
        found = waited_for(lambda: left(mark, home, seen, groups) + sorted(sysv_queues() - queues))
    return [f"kill {number}, {delay_s:.3f} s into {lesson.stem}, {last.id}: {each}" for each in found]


def done(client: BlockingKernelClient, code: str) -> None:
    """Run a cell to its end."""
    reply = client.execute(code, reply=True, timeout=CELL_S)
    assert reply["content"]["status"] == "ok", f"{code}: {reply['content']}"


@contextmanager
def kernel(home: Path, mark: str) -> Iterator[tuple[int, BlockingKernelClient]]:
    """A fresh kernel as JupyterLab starts it, whose files all lie in `home`."""
    home.mkdir()
    own = {"HOME": home, "TMPDIR": home, "CUTAWAY_STATE": home / "state", MARK: mark}
    manager = KernelManager(kernel_name="python3", connection_file=str(home / "kernel.json"))
    manager.start_kernel(env={**os.environ, **{key: str(value) for key, value in own.items()}}, cwd=str(OFTEN.parent))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=CELL_S)
    try:
        yield manager.provisioner.pid, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# --- Looking ---------------------------------------------------------------


def namespaces_below(pid: int, held: ExitStack) -> dict[int, Kind]:
    """The namespaces that processes below this one are in, and we are not; held, or others get their numbers."""
    ours, found = set(identities().values()), {}
    for process, kind in product(descendants(pid), Kind):
        with suppress(OSError):  # it has ended meanwhile
            (file,) = hold(process.pid, [kind]).values()
            held.callback(os.close, file)
            if (number := os.fstat(file).st_ino) not in ours:
                found[number] = kind
    return found


def number_of(kind: Kind, pid: int) -> int:
    """The number of the process's namespace; 0 when the process has ended meanwhile."""
    try:
        return identity(kind, pid)
    except OSError:
        return 0


def states_of_containers(home: Path) -> list[dict[str, Any]]:
    """What the runtime has written down of the containers that it was asked for by hand."""
    found = []
    for file in home.glob("state/runtime-*/*/state.json"):
        with suppress(FileNotFoundError):  # a cell has deleted it meanwhile
            found.append(json.loads(file.read_text()))
    return found


def groups_of_containers(home: Path) -> list[str]:
    """Their control groups."""
    return list(chain.from_iterable(each.get("groups", {}).values() for each in states_of_containers(home)))


def left(mark: str, home: Path, seen: dict[int, Kind], groups: Iterable[str] = ()) -> list[str]:
    """Processes by their environment and by their namespaces, mounts, groups and files of a killed kernel."""
    everybody = processes.processes()
    inside = [each for each in everybody if any(number_of(kind, each.pid) == n for n, kind in seen.items())]
    ours = {*processes.marked(mark, MARK), *inside}
    return [
        *(f"process {each.pid}: {processes.command(each.pid)}" for each in ours),
        *(f"mount {mount.target}" for mount in mounts.mounts() if Path(mount.target).is_relative_to(home)),
        *(f"control group {group}" for group in groups if Path(group).exists()),
        *(f"file {path.relative_to(home)}" for path in files(home / "state")),
        *(f"file {path.name}" for path in home.glob("cutaway*")),
    ]


def files(folder: Path) -> list[Path]:
    """All files below, also while somebody removes them."""
    return [Path(above, name) for above, _, names in os.walk(folder) for name in names]


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
@pytest.mark.timeout(900)  # 174 s where others had nine tenths of the processors
def test_twenty_kills_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [each for many in pool.map(lambda n: killed(n, tmp_path / str(n)), range(KILLS)) for each in many]
    with capsys.disabled():
        print(f"\n{KILLS} kills, {len(found)} leftovers")
    assert not found, "\n".join(found)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(KILLS, KILLS + SOAK))
def test_each_of_two_hundred_kills_leaves_nothing(number: int, tmp_path: Path) -> None:
    assert not killed(number, tmp_path / "home")


BY_HAND = """
import json
from cutaway.ground.experiment import runtime_root, scratch, sh
from cutaway.images import closure, layers
from cutaway.linux import namespaces
from cutaway.runtime import example, launcher
folder = scratch()
(folder / "rootfs").mkdir()
layers.unpack([closure.archive(closure.closure(["sleep"]))], folder / "rootfs")
config = example.config("sleep", "600")
if not namespaces.may_make_any():
    example.without_root(config)
(folder / "config.json").write_text(json.dumps(config))
program = launcher.install(folder / "bin")
sh(f"{program} --root {runtime_root()} run -d --bundle {folder} by-hand-PID >{folder}/out 2>&1")
"""


def test_a_container_that_was_made_by_hand_goes_with_the_kernel_that_made_it(tmp_path: Path) -> None:
    """It is the runtime's, which has ended; nothing else in the system knows whose it was."""
    home = tmp_path / "home"
    with kernel(home, "by-hand") as (pid, client):
        done(client, BY_HAND.replace("PID", str(os.getpid())))
        [made], groups = states_of_containers(home), groups_of_containers(home)
        container = processes.Process.of(made["pid"])
        assert container.alive()
        assert os.geteuid() or [group for group in groups if Path(group).exists()] == groups != []
        os.kill(pid, signal.SIGKILL)
    assert waited_for(lambda: left("by-hand", home, {}, groups) + [str(container)] * container.alive()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which a page can give up")
def test_the_watcher_of_a_page_that_gives_up_the_rights_of_root_keeps_them(tmp_path: Path) -> None:
    """As root of a namespace, a cell makes control groups that nobody may remove from outside without them."""
    page = "from cutaway.ground import grounds; from cutaway.ledger import watch"
    with kernel(tmp_path / "home", "rights") as (pid, client):
        done(client, f"{page}; grounds.begin('{EACH_TENTH.stem}'); [watcher] = watch.watchers()")
        done(client, "import pathlib; pathlib.Path.home().joinpath('watcher').write_text(str(watcher.pid))")
        watcher = int((tmp_path / "home" / "watcher").read_text())
        assert capabilities.sets(pid)["effective"] == rights.KEPT
        assert capabilities.sets(watcher)["effective"] == capabilities.sets(os.getpid())["effective"]


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
    assert waited_for(lambda: left("nobody", tmp_path, seen)) == []


def test_an_entry_that_stays_in_the_ledger_is_seen(tmp_path: Path) -> None:
    (tmp_path / "state" / "ledger").mkdir(parents=True)
    (tmp_path / "state" / "ledger" / "1.json").write_text("{}")
    assert left("nobody", tmp_path, {}) == ["file state/ledger/1.json"]
