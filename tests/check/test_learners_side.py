"""The learner's side: a lab is begun, looked at and checked in a process like a notebook's kernel."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ground.work import Work


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch, state_folder: Path) -> None:
    monkeypatch.setenv("CUTAWAY_LEARNER", "ada")


def said_by(code: str) -> str:
    """What a fresh Python prints that has begun lab 04; the last line of its error when it fails."""
    begin = "from cutaway.check import begin_lab, check\nlab = begin_lab('04-isolate')\n"
    done = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=100)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_beginning_says_the_ground_and_what_was_drawn() -> None:
    said = said_by("print(lab)")
    assert said.startswith("Ground: host, unprivileged\nlearner: ada\nlab.hostname: ruby-bittern-913\n")


def test_beginning_again_changes_nothing() -> None:
    assert said_by("assert begin_lab('04-isolate') is lab; print('the same')").endswith("the same")


def test_clearing_ends_what_was_started_before_and_empties_the_folder() -> None:
    code = (
        "import pathlib, subprocess\n"
        "def tries():\n"
        "    pathlib.Path(lab.folder, 'word').write_text('old')\n"
        "    return subprocess.Popen(['sleep', '100'])\n"
        "for each in range(2):\n"
        "    stays = tries()\n"
        "    lab.clear()\n"
        "    print(stays.wait(10), list(pathlib.Path(lab.folder).iterdir()), end=' ')"
    )
    assert said_by(code).splitlines()[-1] == "-9 [] -9 []"


def test_what_the_lab_starts_and_its_folder_end_with_the_kernel_even_when_it_is_killed() -> None:
    start = "import os, subprocess\nsleeper = subprocess.Popen(['sleep', '100'])\n"
    code = f"{start}print(sleeper.pid, lab.folder, flush=True)\nos.kill(os.getpid(), 9)"
    begin = "from cutaway.check import begin_lab\nlab = begin_lab('04-isolate')\n"
    with subprocess.Popen([sys.executable, "-c", begin + code], stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout
        kernel.stdout.readline()
        pid, folder = kernel.stdout.readline().split()
    assert not _left_of(Path(f"/proc/{pid}"))
    assert not _left_of(Path(folder))
    assert not _left_of(*(ledger.state_folder() / "ledger").iterdir())


def _left_of(*paths: Path) -> list[Path]:
    """Those of the paths that are still there after half a minute."""
    deadline = time.monotonic() + 30
    while (left := [path for path in paths if path.exists()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def test_looking_shows_both_sides() -> None:
    code = (
        "import shlex, subprocess\n"
        "inner = \"unshare --user --map-root-user --uts sh -c 'hostname inner; echo; sleep 100'\"\n"
        "box = subprocess.Popen(shlex.split(inner), stdout=subprocess.PIPE)\n"
        "box.stdout.readline()\n"
        "print(lab.look(box.pid))"
    )
    row = next(line for line in said_by(code).splitlines() if line.startswith("uts"))
    assert row.split()[-2:] == ["inner", "private"]


def test_looking_at_a_process_that_has_ended_is_one_sentence() -> None:
    said = said_by("import subprocess\ngone = subprocess.Popen(['true'])\ngone.wait()\nlab.look(gone.pid)")
    assert said.startswith("cutaway.problem.Problem: looking at process ")
    assert said.endswith(": it has ended; look at what it left running, or start it again and see what it wrote")


def test_looking_at_what_is_no_process_number_says_so() -> None:
    said = said_by("lab.look(None)")
    assert said.endswith("looking at process None: that is no process number; what does your function return?")


def test_two_boxes_are_looked_at_beside_each_other() -> None:
    code = (
        "import shlex, subprocess\n"
        "def box(line):\n"
        "    made = subprocess.Popen(shlex.split(line), stdout=subprocess.PIPE)\n"
        "    made.stdout.readline()\n"
        "    return made.pid\n"
        "make = \"unshare --user --map-root-user --uts --net sh -c 'hostname inner; echo; sleep 100'\"\n"
        "first = box(make); lab.look(first)\n"
        "enter = f'nsenter --target {first} --user --preserve-credentials --uts'\n"
        "second = box(f\"{enter} sh -c 'echo; exec sleep 100'\")\n"
        "print(lab.look(second, beside=first)); print(first, second)"
    )
    *table, numbers = said_by(code).splitlines()
    first, second = numbers.split()
    assert any(f"process {first}" in line and f"process {second}" in line for line in table)
    shared = {line.split()[0]: line.split()[-1] for line in table if line.startswith(("uts", "net"))}
    assert shared == {"uts": "shared", "net": "private"}


def test_the_points_of_a_check_are_said_in_words_on_a_page_and_as_a_number_to_nbgrader() -> None:
    from cutaway.check.lab import Earned

    assert (repr(Earned(3)), Earned(2.5)._repr_html_()) == ("3", "points earned: 2.5")


def test_checking_a_task_returns_the_points_and_shows_the_rest() -> None:
    code = (
        "def own_name(hostname):\n    import subprocess\n    subprocess.Popen(['sleep', '100'])\nprint(check(task=1))"
    )
    said = said_by(code)
    assert said.endswith("\n1")
    assert "04-isolate, ada: 1 of 3 points" in said
    assert "✗ failed       its uts namespace is its own" in said


def test_a_check_of_the_whole_lab_is_remembered_as_the_readers_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUTAWAY_FOLDER", str(tmp_path / "cutaway"))
    with Work(tmp_path / "cutaway").changing():
        pass
    assert "04-isolate, ada: 0 of 20 points" in said_by("check()")
    points = Work(tmp_path / "cutaway").book().checks["04-isolate"]
    assert (points.earned, points.possible) == (0, 20)


def test_a_function_that_kills_the_checker_gets_no_points_and_a_sentence() -> None:
    code = (
        "def own_name(hostname):\n"
        "    import os, signal\n"
        "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "        try:\n"
        "            if b'cutaway.check' in open(f'/proc/{pid}/cmdline', 'rb').read().split(b'\\0'):\n"
        "                if int(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1]) == os.getppid():\n"
        "                    os.kill(int(pid), signal.SIGKILL)\n"
        "        except OSError: pass\n"
        "check(task=1)"
    )
    assert (
        said_by(code) == "cutaway.problem.Problem: checking 04-isolate: the checker ended with status -9; check again"
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("from cutaway.check import check; check()", "check(): no lab was begun in this notebook; "),
        (
            "from cutaway.check import check; check('nothing')",
            "looking for lab 'nothing': there is none of that name; ",
        ),
        (
            "from cutaway.check import check; check(1)",
            "check(1): that is no lab's name; say check(task=1) for one task of this lab",
        ),
        ("from cutaway.check import begin_lab; begin_lab('nothing')", "looking for lab 'nothing': "),
    ],
)
def test_a_slip_of_the_reader_is_one_sentence(code: str, sentence: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith(f"cutaway.problem.Problem: {sentence}")
