"""What can be wrong with a reader's machine or folder: each is one sentence, exit code 1, and nothing is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import small_course
from lab_process import Lab, free_port
from typed import Cutaway, Finished, run_cutaway

from cutaway import cli
from cutaway.cli import contents, handouts
from cutaway.cli import lab as opening
from cutaway.ground.probes import Finding
from cutaway.ground.work import BOOK, Work
from cutaway.problem import Problem

LESSON = "notebooks/06-namespaces.ipynb"
LAB = ("lab", "--no-browser", "--no-engine")


def says(finished: Finished, sentence: str) -> None:
    """It ended with exit code 1 and this one sentence, whatever it had printed before."""
    assert finished.returncode == 1, finished
    assert re.fullmatch(f"cutaway: {sentence}\n", finished.stderr), finished.stderr


def hand_out(work: Work) -> Work:
    with work.changing() as book:
        for handout in handouts.everything():
            work.give(handout, book)
    contents.write(work)
    return work


def typed(*words: str) -> Finished:
    """The same as `run_cutaway`, in this process: without the second that a new one takes to begin."""
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(StringIO()) as stdout,
        redirect_stderr(StringIO()) as stderr,
    ):
        patch.setattr(sys, "argv", ["cutaway", *words])
        patch.setattr(shutil, "which", lambda _: "/usr/bin/cutaway")
        patch.setattr(signal, "signal", lambda *_: None)  # this process keeps its own
        patch.setenv("CUTAWAY_FOLDER", os.environ.get("CUTAWAY_FOLDER", ""))
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return Finished(words, int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue())


def files(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- The machine -----------------------------------------------------------


def test_a_port_that_is_taken(cutaway: Cutaway, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        finished = cutaway(*LAB, "--port", str(port))
    says(finished, f"opening JupyterLab on port {port}: another program listens there; name another with --port, .*")
    assert list(home.iterdir()) == [], "nothing may be made for a course that cannot open"


def mounted(script: str, after: str = "") -> tuple[str, ...]:
    """The command that runs `script` in a mount namespace of its own, then what follows it, then `after`."""
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*enter, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a mount namespace (unshare, and root or user namespaces)")
    then = f'status=0; "$@" || status=$?; {after}; exit $status' if after else 'exec "$@"'
    return (*enter, "sh", "-euc", f"{script}; {then}", "sh")


FILL = "cat /dev/zero > {home}/filler 2> {home}/../said || true"


def test_a_disk_that_is_full_from_the_start(cutaway: Cutaway, home: Path) -> None:
    full = mounted(f"mount -t tmpfs -o size=64k tmpfs {home}; {FILL.format(home=home)}")
    finished = cutaway(*LAB, "--yes", within=full)
    says(finished, f"writing {home}/cutaway/.*: the disk is full; free some space .*, nothing is lost")


@pytest.mark.parametrize("room_kib", [24, 40])
def test_a_disk_that_fills_on_the_way(cutaway: Cutaway, home: Path, room_kib: int) -> None:
    finished = cutaway(*LAB, within=mounted(f"unset CUTAWAY_STATE; mount -t tmpfs -o size={room_kib}k tmpfs {home}"))
    says(finished, r".*(the disk is full|no space left on device).*; .*")


def test_a_disk_that_is_full_when_a_new_edition_comes_loses_nothing(cutaway: Cutaway, work: Work, course: Path) -> None:
    hand_out(work)
    small_course.change(work.path / LESSON, source="print('my own idea')")
    before, home = files(work.path), work.path.parent
    small_course.change(course / LESSON, source="print('second edition')")
    small_course.change(course / "notebooks/00-start-here.ipynb", source=f"print({'second edition' * 999!r})")
    full = mounted(
        f"cp -a {home} {home}.old; mount -t tmpfs -o size=128k tmpfs {home}; cp -a {home}.old/. {home}; "
        f"{FILL.format(home=home)}",
        after=f"cp -a {home}/cutaway {home}.after",
    )
    says(cutaway(*LAB, within=full), f"writing {home}/cutaway/.*: the disk is full; .*")
    assert files(home.with_name("home.after")) == before
    assert cutaway("progress").returncode == 0


def test_a_read_only_home(cutaway: Cutaway, home: Path) -> None:
    read_only = mounted(f"mount --bind {home} {home}; mount -o remount,bind,ro {home}")
    cause = "the filesystem is read-only; choose a folder that can be written with --folder"
    says(cutaway(*LAB, within=read_only), f"keeping your work in {home}/cutaway: {cause}")


@pytest.mark.slow
def test_a_read_only_home_is_no_hindrance_to_a_folder_elsewhere(course: Path, home: Path, tmp_path: Path) -> None:
    read_only = mounted(f"mount --bind {home} {home}; mount -o remount,bind,ro {home}")
    with Lab("--no-engine", "--folder", str(tmp_path / "work"), "--port", str(free_port()), within=read_only) as lab:
        assert lab.ask("GET", "api/contents/notebooks/contents.md")["type"] == "file"
        assert lab.end() == 0


# --- Without root ----------------------------------------------------------


@pytest.fixture
def somebody(course: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """How to start a process as an ordinary user, in a home of their own; this very user when that is no root."""
    if os.geteuid():
        yield {}
        return
    who = {"user": 65534, "group": 65534, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="somebody-") as theirs:
        shutil.copytree(course, f"{theirs}/course")
        (Path(theirs) / "home").mkdir()
        for path in (theirs, f"{theirs}/home"):
            os.chown(path, 65534, 65534)
        for name, place in {"CUTAWAY_COURSE": "course", "HOME": "home", "CUTAWAY_STATE": "state"}.items():
            monkeypatch.setenv(name, f"{theirs}/{place}")
        if subprocess.run([sys.executable, "-c", "import cutaway"], cwd=theirs, capture_output=True, **who).returncode:
            pytest.skip(f"needs a checkout and a Python that other users can read ({sys.executable} is not)")
        yield {**who, "cwd": theirs}


@pytest.mark.slow
def test_without_root_and_without_an_engine_the_course_opens_and_says_what_to_do(
    somebody: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("CUTAWAY_ENGINE", "private")
    with Lab("--port", str(free_port()), **somebody) as lab:
        assert re.search(r"^Engine   none; lessons that need one say so \(.+\)$", lab.said, re.MULTILINE)
        assert lab.end() == 0


def test_a_folder_that_one_may_not_enter(somebody: dict[str, object]) -> None:
    folder = Path(os.environ["HOME"]) / "cutaway"
    folder.mkdir(mode=0)
    may_not = "you have no permission; make it yours with chown or chmod, or choose another folder with --folder"
    says(run_cutaway(*LAB, **somebody), f"opening your folder {folder}: {may_not}")
    says(run_cutaway("progress", **somebody), f"opening your folder {folder}: {may_not}")
    folder.chmod(0o700)


def test_a_folder_that_one_may_only_read(somebody: dict[str, object]) -> None:
    folder = Path(os.environ["HOME"]) / "cutaway"
    folder.mkdir(mode=0o555)
    says(run_cutaway(*LAB, **somebody), f"keeping your work in {folder}: you have no permission; make it yours .*")


def test_a_home_that_is_not_there_and_may_not_be_made(
    somebody: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    none = "there is no such folder, and you may not make it; choose another with --folder"
    says(run_cutaway(*LAB, **somebody), f"keeping your work in /nonexistent/cutaway: {none}")


def test_nothing_is_handed_out_where_the_ledger_cannot_be_kept(
    course: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUTAWAY_STATE", "/proc/nothing")
    says(typed(*LAB), r"making /proc/nothing: .*; set CUTAWAY_STATE to a folder that you may write to")
    assert not (home / "cutaway").exists()


def test_a_port_that_belongs_to_root(somebody: dict[str, object]) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("needs ports that belong to root; on this machine port 80 is everybody's")
    says(
        run_cutaway(*LAB, "--port", "80", **somebody),
        "opening JupyterLab on port 80: ports below 1024 belong to root; .*",
    )


# --- The folder ------------------------------------------------------------


def test_a_folder_that_is_a_file(cutaway: Cutaway, home: Path) -> None:
    (home / "cutaway").write_text("my notes")
    cause = "a file stands where a folder is needed; move it away, or choose another folder with --folder"
    says(cutaway(*LAB), f"opening your folder {home}/cutaway: {cause}")
    says(cutaway("progress"), f"opening your folder {home}/cutaway: {cause}")
    assert (home / "cutaway").read_text() == "my notes"


def test_a_folder_in_which_a_file_takes_the_place_of_the_lessons(cutaway: Cutaway, work: Work) -> None:
    work.path.mkdir()
    (work.path / "notebooks").write_text("my notes")
    finished = cutaway(*LAB, "--yes")
    says(finished, f"writing {work.path}/notebooks/.*: a file stands where a folder is needed; .*")
    assert (work.path / "notebooks").read_text() == "my notes"


def test_a_folder_that_holds_other_things(cutaway: Cutaway, home: Path) -> None:
    (home / "cutaway").mkdir()
    (home / "cutaway" / "novel.txt").write_text("Chapter one")
    sentence = r"it already holds other things \(novel.txt\); name another with --folder, or say --yes to .*"
    says(cutaway(*LAB), f"opening your folder {home}/cutaway: {sentence}")
    assert files(home) == {"cutaway/novel.txt": b"Chapter one"}


def test_a_folder_inside_the_course(cutaway: Cutaway, course: Path) -> None:
    before = files(course)
    finished = cutaway(*LAB, "--folder", str(course / "mine"))
    says(finished, f"keeping your work in {course}/mine: that is inside the course itself, .*; choose a folder .*")
    assert files(course) == before


def test_a_damaged_book(cutaway: Cutaway, work: Work) -> None:
    hand_out(work)
    (work.path / BOOK).write_text('{"given": {')
    before = files(work.path)
    sentence = (
        f"reading {work.path / BOOK}: this record of what you were given is damaged; move it away with `mv .*`, .*"
    )
    for words in (LAB, ("progress",), ("reset", "06")):
        says(cutaway(*words), sentence)
    assert files(work.path) == before


def test_a_book_that_was_moved_away_as_it_was_told_leaves_the_folder_the_readers(work: Work) -> None:
    hand_out(work)
    (work.path / BOOK).rename(work.path / f"{BOOK}.old")
    assert work.foreign == []
    lost = "the record of what you were given is gone; `cutaway lab` begins a new one, and your notebooks stay"
    with pytest.raises(Problem, match=lost):
        Work.here()
    lesson = work.path / LESSON
    small_course.change(lesson, source="print('my own idea')")
    mine = lesson.read_bytes()
    assert (hand_out(work).begun, lesson.read_bytes()) == (True, mine)


def test_a_link_that_leads_nowhere_is_called_one(cutaway: Cutaway, home: Path) -> None:
    (home / "cutaway").symlink_to("/nowhere/at-all")
    link = "it is a link to /nowhere/at-all, which is not there; make that folder, or remove the link"
    says(typed(*LAB), f"keeping your work in {home}/cutaway: {link}")


def test_an_empty_name_is_not_the_folder_that_one_stands_in(course: Path, home: Path) -> None:
    said = typed("lab", "--folder", "")
    assert said.returncode == 2
    assert "Invalid value for '--folder': it is empty; name a folder, or leave it out" in said.stderr


def test_a_folder_in_which_nothing_was_handed_out(cutaway: Cutaway, home: Path) -> None:
    sentence = f"opening your folder {home}/cutaway: nothing was handed out there yet; `cutaway lab` does that"
    says(cutaway("progress"), sentence)
    says(cutaway("reset", "06"), sentence)


# --- Lessons ---------------------------------------------------------------


def test_a_lesson_that_nobody_knows(cutaway: Cutaway, work: Work) -> None:
    hand_out(work)
    known = "choose among 00-start-here, 06-namespaces, 04-isolate"
    says(cutaway("reset", "99"), f"looking for '99': no lesson or lab has that name; {known}")


@pytest.mark.parametrize(
    ("damage", "cause"), [("text", "it is not valid JSON at line 1"), ("folder", "it is a folder")]
)
def test_a_lesson_that_cannot_be_read_is_named_and_the_rest_goes_on(
    cutaway: Cutaway, work: Work, damage: str, cause: str
) -> None:
    lesson = hand_out(work).path / LESSON
    lesson.unlink()
    lesson.write_text("PK\x03\x04") if damage == "text" else lesson.mkdir()
    finished = cutaway("progress")
    says(finished, f"reading your {LESSON}: {cause}; `cutaway reset 06-namespaces` sets it aside and gives .*")
    assert "damaged   06-namespaces" in finished.stdout
    assert "not yet   00-start-here" in finished.stdout
    finished = cutaway("reset", "06-namespaces")
    assert finished.returncode == 0
    kept = Path(re.search(r"^  (/.*\.kept-.*)$", finished.stdout, re.MULTILINE).group(1))  # type: ignore[union-attr]
    assert kept.exists()
    assert cutaway("progress").returncode == 0


@pytest.mark.slow
def test_a_damaged_lesson_does_not_keep_the_course_closed(work: Work) -> None:
    (hand_out(work).path / LESSON).write_text("{")
    with Lab("--no-engine", "--port", str(free_port())) as lab:
        assert f"cutaway: reading your {LESSON}: it is not valid JSON" in lab.said
        assert (work.path / LESSON).read_text() == "{"


# --- The command -----------------------------------------------------------


def test_a_word_that_is_nearly_one_is_guessed() -> None:
    assert "No such command 'docter'. Did you mean 'doctor'?" in typed("docter").stderr


def test_words_are_given_as_they_can_be_typed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/cutaway", "progress"])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert cli.as_typed("`cutaway lab` does that") == "`.venv/bin/cutaway lab` does that"
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/cutaway")
    assert cli.as_typed("`cutaway lab` does that") == "`cutaway lab` does that"


def test_an_output_that_takes_no_more_is_one_sentence(cutaway: Cutaway, work: Work) -> None:
    hand_out(work)
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            [sys.executable, "-m", "cutaway", "progress"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert said.returncode == 1
    assert re.fullmatch("cutaway: saying what was found: no space left on device; make room .*\n", said.stderr)


def test_a_file_that_may_not_be_used_is_named_and_a_defect_still_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "/secret")

    def broken(**_: object) -> None:
        raise TimeoutError(110, "Connection timed out")

    monkeypatch.setattr(cli, "drop_output", lambda: None)
    monkeypatch.setattr(cli, "cutaway", refused)
    says(typed(), "using /secret: permission denied; .*")
    monkeypatch.setattr(cli, "cutaway", broken)
    with pytest.raises(TimeoutError):
        cli.main()


def test_one_thing_that_is_missing_does_not_take_the_ground_from_all(
    work: Work, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = course / "notebooks" / "contents.toml"
    table.write_text(table.read_text().replace("minutes = 40, needs = []", 'minutes = 40, needs = ["java"]'))
    missing = Finding("java", False, "start it", "java is not here", "lesson 06", "get it")
    monkeypatch.setattr(opening.probes, "find_all", lambda names: dict.fromkeys(names, missing))
    lacks = "it needs java, and java is not here; to change that: get it"
    assert opening.ground() == f"host, unprivileged\n         not for 06-namespaces: {lacks}"


@pytest.mark.parametrize("group", ["machine", "engine", "registry"])
def test_what_the_help_lists_is_whole_sentences(group: str) -> None:
    said = typed(group, "--help").stdout
    assert "Commands:" in said
    assert "..." not in said.partition("Commands:")[2]


def test_a_terminal_that_cannot_go_back_is_not_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert cli.rewritable(terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not cli.rewritable(terminal)
