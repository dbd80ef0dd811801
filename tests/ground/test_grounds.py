"""A lesson begins on the first ground that carries it, or on the one that was asked for, and says which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.ground import grounds, probes
from cutaway.ground.grounds import OVERRIDE, Ground
from cutaway.ground.probes import PROBES, Finding
from cutaway.ledger import watch
from cutaway.linux import rights
from cutaway.problem import Problem

CONTENTS = """
short_track = []
lab = []
[[part]]
title = "A part"
lessons = [
  { number = "01", name = "01-easy", title = "Easy", minutes = 1, needs = ["kernel"] },
  { number = "02", name = "02-spaces", title = "Spaces", minutes = 1, needs = ["user namespaces"] },
  { number = "03", name = "03-hard", title = "Hard", minutes = 1, needs = ["kernel", "the moon"] },
]
"""


@pytest.fixture(autouse=True)
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course of three lessons, of which the last needs something that is nowhere; and no ground asked for."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "contents.toml").write_text(CONTENTS)
    for name in ("01-easy", "02-spaces", "03-hard"):
        (notebooks / f"{name}.ipynb").write_text("{}")
    monkeypatch.setenv("CUTAWAY_COURSE", str(tmp_path))
    monkeypatch.delenv(OVERRIDE, raising=False)
    monkeypatch.setattr(grounds, "_begun", None)
    monkeypatch.setattr(rights, "give_up", lambda: None)  # those of this test run are needed further on
    monkeypatch.setattr(watch, "over", lambda owner: None)
    moon = probes.finding.Probe("the moon", "look up", "tides", lambda: _raise(probes.Lacking("it is day", "wait")))
    monkeypatch.setitem(PROBES, "the moon", moon)


def _raise(error: Exception) -> str:
    raise error


def found(*missing: str) -> grounds.Examine:
    return lambda needs: {need: Finding(need, need not in missing, "tried", "seen", "all", "do") for need in needs}


# --- Choosing ---------------------------------------------------------------


def test_what_is_all_here_runs_on_the_host_without_privilege():
    assert grounds.choose(["kernel", "java"], found()) is Ground.HOST_UNPRIVILEGED


def test_what_misses_something_runs_nowhere():
    assert grounds.choose(["kernel", "java"], found("java")) is Ground.NONE


def test_the_host_as_root_is_never_chosen_only_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert grounds.choose(["kernel"], found()) is Ground.HOST_UNPRIVILEGED
    monkeypatch.setenv(OVERRIDE, "host-root")
    assert grounds.choose(["kernel"], found()) is Ground.HOST_ROOT


def test_an_ordinary_user_cannot_have_the_host_as_root(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv(OVERRIDE, "host-root")
    with pytest.raises(Problem, match=r"CUTAWAY_GROUND=host-root: this is not root; unset it"):
        grounds.choose(["kernel"], found())


def test_what_runs_on_the_host_cannot_take_the_lab_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(OVERRIDE, "lab-machine")
    with pytest.raises(Problem, match=r"CUTAWAY_GROUND=lab-machine: this process runs on the host; .* opens one"):
        grounds.choose(["kernel"], found())


def test_what_runs_in_a_lab_machine_has_that_ground(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(grounds.INSIDE, "lab")
    assert grounds.choose(["kernel"], found()) is Ground.LAB_MACHINE
    monkeypatch.setenv(OVERRIDE, "lab-machine")
    assert grounds.choose(["kernel"], found()) is Ground.LAB_MACHINE


@pytest.mark.parametrize("ground", [Ground.HOST_UNPRIVILEGED, Ground.NONE])
def test_a_ground_is_asked_for_by_its_word_or_by_its_name(ground: Ground, monkeypatch: pytest.MonkeyPatch):
    for said in (ground.word, ground.value):
        monkeypatch.setenv(OVERRIDE, said)
        assert grounds.choose(["kernel"], found()) is ground


def test_a_ground_that_nobody_knows_is_one_sentence_with_the_choice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(OVERRIDE, "mars")
    with pytest.raises(Problem) as problem:
        grounds.choose(["kernel"], found())
    assert str(problem.value) == (
        "taking the ground CUTAWAY_GROUND=mars: there is none of that name; "
        "choose among host-unprivileged, lab-machine, host-root, none, or unset it"
    )


# --- Beginning --------------------------------------------------------------


def test_the_line_that_a_lesson_shows_is_the_same_on_every_machine_of_that_ground():
    assert repr(grounds.begin("02-spaces")) == "Ground: host, unprivileged"


def test_a_page_on_which_root_keeps_its_rights_does_not_say_unprivileged():
    assert repr(grounds.begin("01-easy")) == "Ground: host, with your own rights"


def test_what_began_is_remembered():
    assert grounds.begun() is None
    start = grounds.begin("01-easy")
    assert grounds.begun() is start
    assert (start.lesson, start.ground) == ("01-easy", Ground.HOST_UNPRIVILEGED)


def test_a_lesson_that_misses_something_says_what_and_how_to_get_it():
    with pytest.raises(Problem) as problem:
        grounds.begin("03-hard")
    assert str(problem.value) == "beginning 03-hard: it needs the moon, and it is day; to change that: wait"


def test_a_lesson_does_not_begin_on_no_ground(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(OVERRIDE, "none")
    with pytest.raises(
        Problem, match=f"beginning 01-easy: {OVERRIDE}=none asks that nothing runs; to run it, unset that"
    ):
        grounds.begin("01-easy")


@pytest.mark.parametrize(
    ("lesson", "asked", "times"),
    [
        ("02-spaces", "", 1),
        ("02-spaces", Ground.HOST_UNPRIVILEGED.word, 1),
        ("02-spaces", Ground.HOST_ROOT.word, 0),
        ("01-easy", "", 0),
    ],
)
def test_a_page_of_user_namespaces_gives_up_the_rights_of_root_unless_they_are_asked_for(
    lesson: str, asked: str, times: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv(OVERRIDE, asked)
    monkeypatch.setattr(probes, "find_all", lambda needs, as_root: found()(needs))
    done: list[str] = []
    monkeypatch.setattr(rights, "to_lose", lambda: True)
    monkeypatch.setattr(watch, "over", lambda owner: done.append(f"a watcher over {owner.pid}"))
    monkeypatch.setattr(rights, "give_up", lambda: done.append("gives up"))
    grounds.begin(lesson)
    assert done == [f"a watcher over {os.getpid()}", "gives up"] * times


def test_looking_for_the_ground_of_a_page_gives_up_nothing_and_begins_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probes, "find_all", lambda needs, as_root: found()(needs))
    monkeypatch.setattr(rights, "give_up", lambda: pytest.fail("the rights of the one who only looks"))
    assert grounds.found_for("02-spaces").ground is Ground.HOST_UNPRIVILEGED
    assert grounds.begun() is None


@pytest.mark.parametrize(("asked", "keeps"), [("", False), (Ground.HOST_ROOT.word, True)])
def test_what_everybody_can_do_is_found_out_without_the_rights_of_root(
    asked: str, keeps: bool, monkeypatch: pytest.MonkeyPatch
):
    """Else the doctor would promise root what a page that gives up these rights does not find."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv(OVERRIDE, asked)
    given_up: list[bool] = []
    monkeypatch.setattr(rights, "give_up", lambda: given_up.append(True))
    probes.find_all(["user namespaces", "overlay", "uts namespace", "kernel"], as_root=grounds.as_root())
    assert len(given_up) == (0 if keeps else 3)


def test_a_trial_without_the_rights_of_root_takes_them_from_nobody_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    held = rights.held()
    seen: list[int] = []
    trial = probes.finding.Probe("rights", "look", "all", lambda: str(seen.append(rights.held())), by_anybody=True)
    monkeypatch.setitem(PROBES, "rights", trial)
    probes.find_all(["rights"])
    assert seen == [held & rights.KEPT]
    assert rights.held() == held


def test_only_what_the_lesson_needs_is_tried(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def watch(needs: object, as_root: bool) -> dict[str, Finding]:
        asked.extend(needs)  # type: ignore[arg-type]
        return {}

    monkeypatch.setattr(probes, "find_all", watch)
    grounds.begin("02-spaces")
    assert asked == ["user namespaces"]


def test_beginning_takes_a_fraction_of_a_second():
    """Of processor time, its own and that of what it starts: others may be busy here."""
    if not probes.find("user namespaces").ok:
        pytest.skip("user namespaces: " + probes.find("user namespaces").evidence)
    assert min(_processor_seconds("02-spaces") for _ in range(3)) < 0.3


def _processor_seconds(lesson: str) -> float:
    before = os.times()
    grounds.begin(lesson)
    return sum(os.times()[:4]) - sum(before[:4])


def test_the_room_is_imported_quickly_because_every_lesson_begins_with_it():
    script = (
        "import time; began = time.process_time(); import cutaway.ground.grounds; print(time.process_time() - began)"
    )
    assert min(float(subprocess.check_output([sys.executable, "-c", script])) for _ in range(3)) < 0.3
