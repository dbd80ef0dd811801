"""`cutaway clean` undoes what dead owners left, asks before it takes what is in use, and proves what it says."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ledger import state, strays
from cutaway.linux import Process, processes

Owner = Callable[..., subprocess.Popen[str]]


def clean(*options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """The command, as a reader runs it."""
    words = [sys.executable, "-m", "cutaway", "clean", *options]
    return subprocess.run(words, input=answer, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one, from which nothing stale goes."""
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def left_by_the_dead(state_folder: Path) -> Path:
    """A folder whose owner is dead, and no watcher saw it."""
    entry = ledger.record("folder", "thing", path=state_folder / "thing")
    entry.owner = entry.owner._replace(start_time=1)
    entry.save()
    (state_folder / "thing").mkdir()
    return state_folder / "thing"


@pytest.fixture
def in_use(state_folder: Path, owner: Owner) -> Path:
    """A folder whose owner lives."""
    process = owner(
        "ledger.record('folder', 'used', path=folder / 'used'); (folder / 'used').mkdir(); tell(1); input()"
    )
    assert process.stdout
    process.stdout.readline()
    return state_folder / "used"


def test_it_undoes_what_the_dead_left_and_proves_it(left_by_the_dead: Path, state_folder: Path) -> None:
    done = clean()
    assert done.stdout.splitlines()[:5] == [
        "undone: folder thing",
        "Looked again, for what belongs to no running program:",
        "  0 of the 1 recorded things",
        f"  0 processes marked by {state_folder}",
        "  0 mounts below it",
    ]
    assert not left_by_the_dead.exists()
    assert done.returncode == 0


def test_it_says_so_when_there_is_nothing(state_folder: Path) -> None:
    done = clean()
    assert "  0 of the 0 recorded things" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_in_use_is_left_alone(in_use: Path) -> None:
    assert "Left alone: 1 that running programs own; `cutaway clean --all` takes these, too." in clean().stdout
    assert in_use.exists()


@pytest.mark.parametrize(("answer", "taken"), [("n\n", False), ("", False), ("y\n", True)])
def test_all_asks_first(answer: str, taken: bool, in_use: Path) -> None:
    done = clean("--all", answer=answer)
    assert done.stdout.startswith("in use: folder used, by process ")
    assert "Undo these too? The programs that use them will fail [y/N]:" in done.stdout
    assert in_use.exists() != taken


def test_all_with_yes_does_not_ask(in_use: Path) -> None:
    done = clean("--all", "--yes")
    assert done.stdout.startswith("undone: folder used\n")
    assert not in_use.exists()


def test_a_process_whose_entry_was_lost_is_found_by_its_mark(state_folder: Path) -> None:
    entry = ledger.record("process", "lost")
    lost = Process.of(subprocess.Popen(["sleep", "77"], env={**os.environ, **entry.env}).pid)
    entry.forget()
    done = clean()
    assert f"undone: process {lost.pid} (sleep 77), which no entry named" in done.stdout
    assert not lost.alive()


def test_what_begins_while_one_looks_is_no_stray(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def slowly() -> list[Process]:
        entry = ledger.record("process", "begun meanwhile")
        begun.append((entry, subprocess.Popen(["sleep", "77"], env={**os.environ, **entry.env})))
        return seen()

    seen = processes.processes
    with monkeypatch.context() as patch:
        patch.setattr(processes, "processes", slowly)
        found = strays.strays(ledger.entries, [])
    for entry, sleeper in begun:
        entry.undo()
        sleeper.wait()
    assert (len(begun), found) == (1, [])


def test_a_process_of_another_ledger_is_not_touched(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = ledger.record("process", "theirs")
    sleeper = subprocess.Popen(["sleep", "77"], env={**os.environ, **theirs.env})
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / "another"))
    assert state.mark() != theirs.token.split(".")[0]
    assert clean("--all", "--yes").returncode == 0
    assert sleeper.poll() is None
    theirs.undo()
    sleeper.wait()


def test_a_damaged_entry_is_one_sentence_and_the_rest_is_undone(left_by_the_dead: Path, state_folder: Path) -> None:
    (state_folder / "ledger" / "0-0.json").write_text("{")
    done = clean()
    aside = state_folder / "damaged" / "0-0.json"
    assert done.stdout.startswith(
        f"damaged: an entry of the ledger cannot be read; it is kept as {aside}\nundone: folder"
    )
    assert done.returncode == 0


def test_what_cannot_be_undone_is_said_and_stays_recorded(left_by_the_dead: Path, state_folder: Path) -> None:
    (entry,) = ledger.entries()
    entry.facts["path"] = "/etc/hostname"
    entry.save()
    done = clean()
    assert done.stdout.startswith("not undone: folder thing: claiming /etc/hostname: it lies outside")
    assert "  1 of the 1 recorded things" in done.stdout
    assert (done.returncode, len(ledger.entries())) == (1, 1)
    entry.forget()
