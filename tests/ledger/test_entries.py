"""What is written down, when, and by whom it may be undone."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ledger import state
from cutaway.ledger.entry import set_damaged_aside
from cutaway.linux import Enclosed, Kind, Process
from cutaway.problem import Problem

Owner = Callable[..., subprocess.Popen[str]]


def test_an_entry_is_on_disk_before_the_thing_is_made(state_folder: Path) -> None:
    entry = ledger.record("folder", "scratch", path=state_folder / "scratch")
    assert json.loads(entry.path.read_text())["facts"] == {"path": str(state_folder / "scratch")}
    assert not (state_folder / "scratch").exists()
    entry.undo()


def test_kept_things_are_gone_at_the_end_of_the_block_even_after_an_error(state_folder: Path) -> None:
    folder = state_folder / "scratch"
    with suppress(ZeroDivisionError), ledger.kept("folder", "scratch", path=folder):
        folder.mkdir()
        (folder / "file").write_text("content")
        raise ZeroDivisionError
    assert not folder.exists()
    assert ledger.entries() == []


def test_undoing_what_was_never_made_and_undoing_twice_do_nothing(state_folder: Path) -> None:
    entry = ledger.record("file", "never", path=state_folder / "never")
    entry.undo()
    entry.undo()
    assert ledger.entries() == []


def test_what_exists_already_is_not_ours_to_undo(state_folder: Path) -> None:
    (state_folder / "precious").write_text("1")
    with pytest.raises(
        Problem, match=r"^recording file precious: it is there already, so it is not ours to undo; choose"
    ):
        ledger.record("file", "precious", path=state_folder / "precious")
    with pytest.raises(Problem, match="recording mount proc: it is there already"):
        ledger.record("mount", "proc", target="/proc")
    assert ledger.entries() == []


def test_what_is_known_only_later_is_added(state_folder: Path) -> None:
    entry = ledger.record("process", "sleep")
    entry.update(pid=os.getpid(), start_time=7)
    (again,) = ledger.entries()
    assert (again.facts, again.token, again.owner) == (entry.facts, entry.token, Process.current())
    entry.forget()


def test_a_fact_that_the_kind_does_not_know_is_an_error_at_once(state_folder: Path) -> None:
    with pytest.raises(TypeError, match=r"facts missing: \['path'\], not known: \['where'\]"):
        ledger.record("folder", "scratch", where="here")


def test_the_newest_is_undone_first(state_folder: Path, owner: Owner) -> None:
    process = owner("""
for name in ("a", "a/b", "a/b/c"):
    ledger.record("folder", name, path=folder / name)
    (folder / name).mkdir()
tell("made"); input()
""")
    assert process.stdout
    process.stdout.readline()
    outcomes = ledger.sweep(lambda entry: entry.owner.pid == process.pid)
    assert [outcome.entry.name for outcome in outcomes] == ["a/b/c", "a/b", "a"]
    assert not (state_folder / "a").exists()


def test_what_living_owners_have_is_left_alone(state_folder: Path, owner: Owner) -> None:
    process = owner("ledger.record('folder', 'x', path=folder / 'x'); (folder / 'x').mkdir(); tell('made'); input()")
    assert process.stdout
    process.stdout.readline()
    assert ledger.sweep() == []
    assert (state_folder / "x").exists()


def test_another_process_may_be_the_owner(state_folder: Path, until: Callable[..., bool]) -> None:
    sleeper = subprocess.Popen(["sleep", "77"])
    with ledger.kept("folder", "mine", path=state_folder / "mine"):
        ledger.record("folder", "its", owner=Process.of(sleeper.pid), path=state_folder / "its")
        (state_folder / "its").mkdir()
        (state_folder / "mine").mkdir()
        sleeper.kill()
        sleeper.wait()
        assert until(lambda: not (state_folder / "its").exists())
        assert (state_folder / "mine").exists()


def test_a_number_that_was_given_out_again_owns_nothing(state_folder: Path) -> None:
    entry = ledger.record("folder", "x", path=state_folder / "x")
    (state_folder / "x").mkdir()
    entry.owner = entry.owner._replace(start_time=entry.owner.start_time - 1)
    entry.save()
    assert [outcome.entry.name for outcome in ledger.sweep()] == ["x"]
    assert not (state_folder / "x").exists()


def test_after_a_reboot_files_go_and_what_the_boot_took_is_only_forgotten(state_folder: Path) -> None:
    sleeper = Process.of(subprocess.Popen(["sleep", "77"]).pid)
    things = ledger.record("folder", "x", path=state_folder / "x"), ledger.record("process", "sleeper")
    things[1].update(pid=sleeper.pid, start_time=sleeper.start_time)
    (state_folder / "x").mkdir()
    for entry in things:
        entry.owner = entry.owner._replace(boot_id="yesterday")
        entry.save()
    assert [entry.exists() for entry in things] == [True, False]
    assert [outcome.trouble for outcome in ledger.sweep()] == ["", ""]
    assert not (state_folder / "x").exists()
    assert sleeper.alive()
    sleeper.kill()


def test_an_owner_in_another_pid_namespace_is_not_judged(state_folder: Path) -> None:
    """Its number means another process here, or none; only those inside can tell whether it lives."""
    with Enclosed({Kind.USER, Kind.PID, Kind.MNT}) as box:
        box.run([sys.executable, "-c", RECORDS_AND_LEAVES], timeout_s=30)
        (entry,) = ledger.entries()
        assert not entry.owner.alive()
        assert not entry.abandoned
        assert ledger.sweep() == []
    entry.undo()


RECORDS_AND_LEAVES = """
import os, signal
from cutaway import ledger
from cutaway.ledger import watch
from cutaway.linux import Process
entry = ledger.record("file", "x", path=ledger.state_folder() / "x")
list(watch._watchers.values())[0].kill()
os._exit(0)
"""


def test_a_forked_child_that_leaves_the_block_undoes_nothing(state_folder: Path) -> None:
    try:
        with ledger.kept("folder", "x", path=state_folder / "x"):
            (state_folder / "x").mkdir()
            child = os.fork()
            if child == 0:
                raise SystemExit  # out of the block, and no further than the except
            assert os.waitpid(child, 0)[1] == 0
            assert (state_folder / "x").exists()
    except SystemExit:
        os._exit(0)
    assert not (state_folder / "x").exists()


def test_a_path_is_understood_by_a_process_elsewhere(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(state_folder)
    entry = ledger.record("folder", "x", path="x")
    Path("x").mkdir()
    monkeypatch.chdir(tmp_path)
    entry.undo()
    assert not (state_folder / "x").exists()


# --- Several at once -------------------------------------------------------


def test_processes_that_record_undo_and_sweep_at_once_lose_nothing(state_folder: Path, owner: Owner) -> None:
    keep = ledger.record("folder", "keep", path=state_folder / "keep")
    (state_folder / "keep").mkdir()
    busy = [owner(BUSY, number) for number in range(4)]
    said = [process.communicate("go\n")[0].split() for process in busy]
    assert said == [["0", "left"]] * 4
    assert [repr(entry) for entry in ledger.entries()] == ["folder keep"]
    keep.undo()


BUSY = """
input()
for turn in range(25):
    path = folder / f"{sys.argv[1]}.{turn}"
    with ledger.kept("folder", path.name, path=path):
        path.mkdir()
        ledger.sweep()
        assert path.exists()
tell(len(list(folder.glob(f"{sys.argv[1]}.*"))), "left")
"""

# --- A bad disk ------------------------------------------------------------


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"kind": "folder"}', '{"kind": "spell", "facts": {}}'])
def test_a_damaged_entry_is_kept_aside_and_the_rest_is_undone(damage: str, state_folder: Path) -> None:
    with ledger.kept("folder", "x", path=state_folder / "x"):
        (state_folder / "x").mkdir()
        (state_folder / "ledger" / "0-0.json").write_text(damage)
        assert len(ledger.entries()) == 1
        (aside,) = set_damaged_aside()
        assert aside.read_text() == damage
        assert set_damaged_aside() == []
    assert not (state_folder / "x").exists()


def test_an_entry_with_senseless_facts_does_not_keep_the_rest_from_being_undone(state_folder: Path) -> None:
    good, bad = (ledger.record("folder", name, path=state_folder / name) for name in ("good", "bad"))
    (state_folder / "good").mkdir()
    bad.facts["path"] = 5
    bad.save()
    good, bad = ledger.sweep(lambda entry: True)[::-1]
    assert (good.trouble, "TypeError" in bad.trouble or "not int" in bad.trouble) == ("", True)
    assert not (state_folder / "good").exists()
    bad.entry.forget()


def test_drafts_of_killed_writers_are_swept_away_and_those_of_living_are_not(state_folder: Path) -> None:
    dead, zombie = subprocess.Popen(["true"]), subprocess.Popen(["true"])
    dead.wait()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # nobody has asked for its status
    for pid in (dead.pid, zombie.pid, os.getpid()):
        (state.ledger_folder() / f"0-0.{pid}.draft").touch()
    ledger.sweep()
    assert [path.name for path in (state_folder / "ledger").iterdir()] == [f"0-0.{os.getpid()}.draft"]
    zombie.wait()


def test_a_full_disk_is_one_sentence_and_nothing_is_half_made() -> None:
    """The state folder lies on a filesystem of our own that holds 16 KiB."""
    with Enclosed({Kind.USER, Kind.MNT}, env={"CUTAWAY_STATE": "/mnt/state"}) as box:
        box.run("mount -t tmpfs -o size=16k small /mnt")
        said = box.run([sys.executable, "-c", FILLS_THE_DISK], timeout_s=30).splitlines()
    assert said[0].startswith("writing /mnt/state/ledger/")
    assert said[0].endswith(
        ": no space left on device; free some space there, or set CUTAWAY_STATE to a folder that you may write to"
    )
    assert said[1:] == ["entries: 0", "drafts: 0", "folder: False"]


FILLS_THE_DISK = """
from cutaway import ledger
from cutaway.problem import Problem
folder = ledger.state_folder()
entry = ledger.record("file", "first", path=folder / "first")  # the ledger's folders are made
entry.undo()
with open("/mnt/filler", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
try:
    with ledger.kept("folder", "x", path=folder / "x"):
        (folder / "x").mkdir()
except Problem as problem:
    print(problem)
print("entries:", len(ledger.entries()))
print("drafts:", len(list((folder / "ledger").glob("*.draft"))))
print("folder:", (folder / "x").exists())
"""


def test_a_read_only_state_folder_is_one_sentence() -> None:
    with Enclosed({Kind.USER, Kind.MNT}, env={"CUTAWAY_STATE": "/mnt/state"}) as box:
        box.run("mount -t tmpfs -o ro small /mnt")
        records = "from cutaway import ledger; ledger.record('file', 'x', path='/tmp/cutaway-x')"
        with pytest.raises(Exception, match="Problem") as failed:
            box.run([sys.executable, "-c", records], timeout_s=30)
    assert str(failed.value).endswith(
        "making /mnt/state: read-only file system; set CUTAWAY_STATE to a folder that you may write to"
    )


def test_a_state_folder_that_is_gone_is_not_made_again_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / "gone"))
    assert (ledger.entries(), ledger.sweep(), set_damaged_aside()) == ([], [], [])
    assert not (tmp_path / "gone").exists()


def test_where_the_state_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ledger.state_folder() == Path(os.environ["CUTAWAY_STATE"])
    monkeypatch.delenv("CUTAWAY_STATE")
    assert ledger.state_folder() == tmp_path / "xdg" / "cutaway"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert ledger.state_folder() == tmp_path / ".local" / "state" / "cutaway"
    assert ledger.state_folder().stat().st_mode & 0o777 == 0o700


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As somebody whom /etc/passwd does not know, in a container."""
    for name in ("HOME", "CUTAWAY_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(Problem, match=r"^looking for your home folder: could not .*; set HOME or CUTAWAY_STATE$"):
        ledger.state_folder()


def test_what_is_held_is_held_against_all_others_until_its_holder_dies(state_folder: Path, owner: Owner) -> None:
    holder = owner("""
from cutaway.ledger import state
with state.one_at_a_time(folder):
    tell("held"); input()
""")
    assert holder.stdout
    holder.stdout.readline()
    folder = os.open(state_folder, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(folder)
    holder.kill()
    with state.one_at_a_time(state_folder):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_ledger_in_another_users_home_is_one_sentence() -> None:
    closed = Path(tempfile.mkdtemp(prefix="cutaway-closed-"))  # mode 0700, ours
    env = {**os.environ, "CUTAWAY_STATE": str(closed / "state")}
    for call in ("ledger.entries()", "ledger.sweep()"):
        code = f"from cutaway import ledger\n{call}"
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code]
        said = subprocess.run(argv, env=env, capture_output=True, text=True, check=False).stderr.splitlines()[-1]
        assert said == (
            f"cutaway.problem.Problem: reading {closed}/state/ledger: permission denied; "
            "set CUTAWAY_STATE to a folder that you may write to"
        )
    closed.rmdir()
