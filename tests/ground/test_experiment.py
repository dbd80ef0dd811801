"""What a cell runs is gone with its block, and with its notebook's kernel, however that ends."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ground.experiment import enclosed, sh
from cutaway.ledger import state
from cutaway.linux import CommandFailed, Kind, Process, processes

DEADLINE_S = 30

LESSON = """
import random, sys
from cutaway.ground.experiment import enclosed
from cutaway.linux import Kind
choose = random.Random(int(sys.argv[1]))
while True:
    kinds = choose.sample(list(Kind), choose.randint(1, 8))
    with enclosed(kinds) as child:
        child.run("setsid sleep 77 & sleep 77 & true")
        print("in", flush=True)
    print("out", flush=True)
"""


def left() -> list[str]:
    """The processes of this state folder's things that still run, but for watchers."""
    found = [(each, processes.environment(each.pid).get("CUTAWAY_TOKEN", "")) for each in processes.processes()]
    return [processes.command(each.pid) for each, token in found if token.startswith(state.mark())]


def test_sh_gives_what_a_command_says_or_every_fact_of_its_failure() -> None:
    assert sh("echo a word") == "a word"
    with pytest.raises(CommandFailed) as failed:
        sh("echo sorry >&2; exit 3")
    assert (failed.value.command, failed.value.status, failed.value.stderr) == (
        "echo sorry >&2; exit 3",
        3,
        "sorry\n",
    )


def test_an_enclosure_is_recorded_for_its_block_and_gone_after_it(state_folder: Path) -> None:
    with enclosed({Kind.UTS, Kind.PID}, hostname="inner") as child:
        assert child.run("hostname") == "inner"
        assert [repr(entry) for entry in ledger.entries()] == ["process enclosed pid,uts"]
        keeper = Process.of(child.pid)
    assert not keeper.alive()
    assert ledger.entries() == []
    assert left() == []


def test_an_error_in_the_block_leaves_nothing(state_folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), enclosed({Kind.UTS}) as child:
        child.run(f"sleep {77 // 0}")
    assert (ledger.entries(), left()) == ([], [])


@pytest.mark.parametrize("seed", range(3))
def test_a_lesson_killed_at_a_random_moment_leaves_nothing(seed: int, state_folder: Path) -> None:
    kill_and_look(seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 53))
def test_a_lesson_killed_at_one_of_fifty_random_moments_leaves_nothing(seed: int, state_folder: Path) -> None:
    kill_and_look(seed)


def kill_and_look(seed: int) -> None:
    lesson = subprocess.Popen([sys.executable, "-c", LESSON, str(seed)], stdout=subprocess.PIPE, start_new_session=True)
    assert lesson.stdout
    lesson.stdout.readline()
    time.sleep(random.Random(seed).uniform(0, 0.3))  # the moment is the subject here
    lesson.send_signal(signal.SIGKILL)
    lesson.communicate()
    deadline = time.monotonic() + DEADLINE_S
    while (ledger.entries() or left()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (ledger.entries(), left()) == ([], [])
