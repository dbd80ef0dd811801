"""Each escape leads out of a careless box, and is stopped by its one control; nothing outside is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.ground import machine
from cutaway.linux import capabilities, escapes, namespaces, powers, syscalls
from cutaway.linux.escapes import ESCAPES, Bait, Escape

Run = Callable[..., subprocess.CompletedProcess[str]]

CARRIED = [escape.name for escape in ESCAPES if not escape.of_machine]
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: these escapes take the machine's own")
needs_namespaces = pytest.mark.skipif(bool(namespaces.obstacle()), reason=f"no namespaces: {namespaces.obstacle()}")


# --- Out, and not out --------------------------------------------------------


@needs_namespaces
def test_every_escape_leads_out_and_its_control_stops_it() -> None:
    trials = escapes.tried(CARRIED)
    assert [trial.escape.name for trial in trials if not trial.careless.reached] == []
    assert [trial.escape.name for trial in trials if trial.controlled.reached] == []


@needs_namespaces
def test_an_ordinary_user_finds_the_same(as_ordinary_user: Run) -> None:
    ask = f"from cutaway.linux import escapes; print([(t.careless, t.controlled) for t in escapes.tried({CARRIED})])"
    said = as_ordinary_user("-c", ask)
    assert said.stdout.strip() == str([(t.careless, t.controlled) for t in escapes.tried(CARRIED)]), said.stderr


@root
@pytest.mark.parametrize("escape", [each for each in ESCAPES if each.of_machine], ids=lambda each: each.name)
def test_the_machines_root_gets_further_and_is_stopped_too(escape: Escape) -> None:
    (trial,) = escapes.tried([escape.name], as_machine=True)
    assert trial.careless.reached or trial.careless.refusal == "ENOSYS"  # a kernel without modules
    assert not trial.controlled.reached


@pytest.mark.soak
def test_root_of_a_lab_machine_goes_all_ways_and_none_under_control() -> None:
    """Its kernel has modules, and its root is the machine's; the powers that take a second user are tried there too."""
    with machine.fresh() as guest:
        said = guest.run([sys.executable, "-m", "cutaway.linux.escapes"], 120).splitlines()
        assert len(said) == len(ESCAPES)
        assert all(" reached " in line and not line.endswith("reached") for line in said), said
        said = guest.run([sys.executable, "-m", "cutaway.linux.powers"], 120).splitlines()
        assert said == [f"{power.capability} yes no" for power in powers.OF_THE_MACHINE]


@root
@needs_namespaces
def test_what_takes_the_machines_root_is_refused_to_root_of_a_user_namespace() -> None:
    for trial in escapes.tried(["mknod", "module"]):
        assert not trial.careless.reached


@pytest.mark.soak  # the page asserts the first line of it each time that it is executed
@needs_namespaces
def test_each_control_is_needed_by_the_escape_that_is_named_with_it_and_by_few_others() -> None:
    crossed = escapes.crossed(CARRIED)
    assert [crossed[at][at].reached for at in range(len(CARRIED))] == [False] * len(CARRIED)
    stopped = {name: sum(not row[at].reached for row in crossed) for at, name in enumerate(CARRIED)}
    assert max(stopped.values()) < len(CARRIED) // 2 + 1
    assert stopped["engine socket"] == stopped["keyring"] == stopped["chroot"] == 1


# --- Harmless ----------------------------------------------------------------


@root
def test_nothing_of_the_host_is_changed_by_any_of_them() -> None:
    def watched() -> list[object]:
        made = (Path(each).exists() for each in ("/disk", "/mnt/image"))
        return [Path(escapes.CORE_PATTERN).read_text(), *made]

    before = watched()
    escapes.tried(as_machine=True)
    assert watched() == before


@needs_namespaces
def test_no_key_is_left_to_who_ran_them() -> None:
    escapes.tried(["keyring"])
    assert not escapes.attempted("keyring", Bait(word="anything")).reached


# --- The pieces that others reuse --------------------------------------------


def test_an_attempt_that_finds_another_file_there_has_reached_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the box's own")
    found = escapes.attempted("/proc/1/root", Bait(secret=str(secret), word="the host's", pid=os.getpid()))
    assert found == (False, "something else was there")


def test_an_attempt_can_be_made_in_any_box_by_one_command(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("word")
    bait = json.dumps({"secret": str(secret), "word": "word", "pid": os.getpid()})
    argv = [sys.executable, "-I", "-S", escapes.__file__, "attempt", "/proc/1/root", bait]
    assert json.loads(subprocess.check_output(argv)) == [True, ""]


def test_every_escape_says_in_words_and_as_plain_data_what_stops_it() -> None:
    for escape in ESCAPES:
        assert escape.attempt.__doc__
        assert escape.control
        assert json.loads(json.dumps(escapes.CARELESS._replace(**escape.change)._asdict()))
        capabilities.mask(escape.change.get("without", ()))
        assert set(escape.change.get("refused_calls", ())) <= set(syscalls.native())
