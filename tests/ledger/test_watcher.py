"""Whatever kills the owner, nothing of it is left."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ledger import state, watch
from cutaway.linux import namespaces, processes
from cutaway.linux.processes import Process

Owner = Callable[..., subprocess.Popen[str]]
Until = Callable[[Callable[[], object]], bool]


def left(folder: Path) -> list[str]:
    """What is there of the things that the owner in MAKES_THINGS makes."""
    marked = [each for each in processes.processes() if is_marked(each.pid)]
    return [*map(repr, ledger.entries()), *(str(path) for path in folder.glob("thing*")), *map(repr, marked)]


def is_marked(pid: int) -> bool:
    return processes.environment(pid).get("CUTAWAY_TOKEN", "").startswith(state.mark())


def watcher_of(owner: subprocess.Popen[str]) -> Process:
    """The process that waits for the end of this one."""
    word = watch.whose(Process.of(owner.pid))
    [found] = [each for each in processes.processes() if processes.command(each.pid).endswith(word)]
    return found


MAKES_THINGS = """
moment = sys.argv[1]
def at(this):
    if moment == this:
        die()
for turn in range(1000):
    at("before record")
    entry = ledger.record("folder", f"thing{turn}", path=folder / f"thing{turn}")
    at("between record and make")
    (folder / f"thing{turn}").mkdir()
    (folder / f"thing{turn}" / "file").touch()
    entry = ledger.record("process", f"sleeper{turn}")
    sleeper = subprocess.Popen(["sleep", "77"], env={**os.environ, **entry.env}, start_new_session=True)
    at("between make and update")
    entry.update(pid=sleeper.pid, start_time=Process.of(sleeper.pid).start_time)
    at("after update")
    tell(turn)
"""

MOMENTS = ["before record", "between record and make", "between make and update", "after update"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_owner_killed_at_a_chosen_moment_leaves_nothing(
    moment: str, state_folder: Path, owner: Owner, until: Until
) -> None:
    assert owner(MAKES_THINGS, moment).wait(timeout=20) == -signal.SIGKILL
    assert until(lambda: not left(state_folder)), left(state_folder)


@pytest.mark.parametrize("seed", range(5))
def test_an_owner_killed_at_a_random_moment_leaves_nothing(
    seed: int, state_folder: Path, owner: Owner, until: Until
) -> None:
    process = owner(MAKES_THINGS, "never")
    time.sleep(random.Random(seed).uniform(0.05, 0.5))  # the moment is the subject here
    process.kill()
    process.communicate()
    assert until(lambda: not left(state_folder)), left(state_folder)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5, 105))
def test_an_owner_killed_at_one_of_a_hundred_random_moments_leaves_nothing(
    seed: int, state_folder: Path, owner: Owner, until: Until
) -> None:
    test_an_owner_killed_at_a_random_moment_leaves_nothing(seed, state_folder, owner, until)


def test_an_owner_that_ends_by_itself_leaves_nothing(state_folder: Path, owner: Owner, until: Until) -> None:
    process = owner("ledger.record('folder', 'thing', path=folder / 'thing'); (folder / 'thing').mkdir()")
    assert process.wait(timeout=20) == 0
    assert until(lambda: not left(state_folder)), left(state_folder)


def test_the_watcher_survives_the_interrupt_of_the_owners_group(state_folder: Path, owner: Owner, until: Until) -> None:
    """A kernel is interrupted, and shut down, by a signal to its whole process group."""
    process = owner("ledger.record('folder', 'thing', path=folder / 'thing'); (folder / 'thing').mkdir(); die()")
    process.wait(timeout=20)
    assert until(lambda: not left(state_folder)), left(state_folder)


STAYS = """
from cutaway.ledger import watch
ledger.record("folder", "thing", path=folder / "thing")
(folder / "thing").mkdir()
tell(*(each.pid for each in watch._watchers.values()))
input()
ledger.record("folder", "thing2", path=folder / "thing2")
tell(*(each.pid for each in watch._watchers.values()))
input()
"""


def test_there_is_one_watcher_and_it_is_nobodys_child(state_folder: Path, owner: Owner) -> None:
    process = owner(STAYS)
    assert process.stdout
    (watcher,) = map(int, process.stdout.readline().split())
    assert watcher not in [each.pid for each in processes.descendants(process.pid)]
    assert processes.stat(watcher).parent != process.pid
    assert os.getsid(watcher) != os.getsid(process.pid)
    assert "CUTAWAY_TOKEN" not in processes.environment(watcher)


HALF_WRITTEN = """
ledger.record("containers", "made by hand", path=folder / "runtime")
(folder / "runtime" / "one").mkdir(parents=True)
os.mkfifo(folder / "runtime" / "one" / "state.json")
die()
"""


def test_what_will_not_go_at_once_is_tried_again(state_folder: Path, owner: Owner, until: Until) -> None:
    """Here a runtime, which outlives who called it, is about to write down what it has made."""
    owner(HALF_WRITTEN).wait(timeout=20)
    known = state_folder / "runtime" / "one" / "state.json"
    opened: list[int] = []

    def is_read() -> bool:
        with suppress(OSError):  # nobody reads it yet
            opened.append(os.open(known, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    assert until(is_read), "the watcher does not look"
    with os.fdopen(opened.pop(), "w") as half:
        half.write("{")
        known.unlink()
        known.write_text("{}")
    assert until(lambda: not ledger.entries() and not known.exists()), ledger.entries()


def test_a_killed_watcher_is_replaced_by_the_next_record(state_folder: Path, owner: Owner, until: Until) -> None:
    process = owner(STAYS)
    assert process.stdin
    assert process.stdout
    first = int(process.stdout.readline())
    processes.Process.of(first).kill()
    assert until(lambda: first not in [each.pid for each in processes.processes() if each.alive()])
    process.stdin.write("go on\n")
    process.stdin.flush()
    assert int(process.stdout.readline()) != first
    process.kill()
    assert until(lambda: not left(state_folder)), left(state_folder)


def test_owner_and_watcher_killed_is_a_case_for_the_next_watcher(
    state_folder: Path, owner: Owner, until: Until
) -> None:
    process = owner(STAYS)
    assert process.stdout
    processes.Process.of(int(process.stdout.readline())).kill()
    process.kill()
    process.wait()
    assert (state_folder / "thing").exists()
    owner("ledger.record('folder', 'other', path=folder / 'other'); die()").wait()
    assert until(lambda: not left(state_folder)), left(state_folder)


def test_owner_and_watcher_killed_is_a_case_for_cutaway_clean(state_folder: Path, owner: Owner) -> None:
    process = owner(STAYS)
    assert process.stdout
    processes.Process.of(int(process.stdout.readline())).kill()
    process.kill()
    process.wait()
    clean = subprocess.run([sys.executable, "-m", "cutaway", "clean"], capture_output=True, text=True, check=True)
    assert clean.stdout.splitlines()[0] == "undone: folder thing"
    assert not left(state_folder)


SLEEPS = """
entry = ledger.record("process", "sleeper")
argv = [*sys.argv[1:], "sleep", "77"]
tell(subprocess.Popen(argv, env={**os.environ, **entry.env}, start_new_session=True).pid)
input()
"""


def test_a_process_ends_with_its_owner_though_somebody_deleted_the_ledger(
    state_folder: Path, owner: Owner, until: Until
) -> None:
    mine, others = owner(SLEEPS), owner(SLEEPS)
    assert mine.stdout
    assert others.stdout
    sleeper, other = (Process.of(int(each.readline())) for each in (mine.stdout, others.stdout))
    shutil.rmtree(state_folder)
    watcher = watcher_of(mine)
    mine.kill()
    assert watcher.wait(timeout_s=20)
    assert (sleeper.alive(), other.alive()) == (False, True)
    others.kill()
    assert until(lambda: not other.alive())


@pytest.mark.skipif(namespaces.obstacle() is not None, reason=f"no user namespaces here: {namespaces.obstacle()}")
def test_a_process_in_another_pid_namespace_may_have_its_ledger_there_and_is_spared(
    state_folder: Path, owner: Owner, until: Until
) -> None:
    process = owner(SLEEPS, "unshare", "--user", "--pid", "--fork")
    assert process.stdout
    outside = processes.Process.of(int(process.stdout.readline()))
    assert until(lambda: processes.descendants(outside.pid))
    (inside,) = processes.descendants(outside.pid)
    shutil.rmtree(state_folder)
    watcher = watcher_of(process)
    process.kill()
    assert watcher.wait(timeout_s=20)
    assert (outside.alive(), inside.alive()) == (False, True)
    inside.kill()


def test_a_watcher_does_not_bring_back_a_state_folder_that_was_deleted(
    state_folder: Path, owner: Owner, until: Until
) -> None:
    process = owner(STAYS)
    assert process.stdout
    watcher = processes.Process.of(int(process.stdout.readline()))
    subprocess.run(["rm", "-r", state_folder], check=True)
    process.kill()
    assert watcher.wait(timeout_s=20)
    assert not state_folder.exists()
