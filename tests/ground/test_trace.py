"""System calls of real programs, as strace saw them."""

import os
from pathlib import Path

import pytest

from cutaway.ground import programs, trace
from cutaway.linux import CommandFailed, processes
from cutaway.problem import Problem

needs_strace = pytest.mark.skipif(not programs.path("strace"), reason="strace is not here")


@needs_strace
def test_a_program_begins_with_execve_and_ends_with_exit() -> None:
    found = trace.calls(["true"])
    assert (found[0].name, found[-1].name) == ("execve", "exit_group")
    assert {call.pid for call in found} == {found[0].pid}


@needs_strace
def test_a_call_is_told_with_what_it_asked_and_what_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "greeting"
    path.write_text("hello\n")
    found = trace.calls(["cat", str(path)], only="openat,read")
    (opened,) = [call for call in found if str(path) in call.arguments]
    assert opened.name == "openat"
    assert opened.result.isdigit()
    (read,) = [call for call in found if "hello" in call.arguments]
    assert (read.name, read.result) == ("read", "6")
    assert str(read).endswith(" = 6")


@needs_strace
def test_a_refused_call_keeps_the_kernels_word() -> None:
    (opened,) = [call for call in trace.calls("cat /nowhere || true", only="openat") if "/nowhere" in call.arguments]
    assert opened.result == "-1 ENOENT (No such file or directory)"


@needs_strace
def test_children_are_followed_and_only_the_calls_that_were_asked_for_are_told() -> None:
    found = trace.calls("true & wait; /bin/true; true", only="execve")
    assert {call.name for call in found} == {"execve"}
    assert len({call.pid for call in found}) == 2


@needs_strace
def test_a_program_that_fails_is_told_with_its_status() -> None:
    with pytest.raises(CommandFailed, match="status 3") as failed:
        trace.calls(["sh", "-c", "exit 3"])
    assert failed.value.status == 3


@needs_strace
def test_a_program_that_does_not_end_is_killed_and_leaves_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sleep = f"sleep 7654{os.getpid()}"
    with pytest.raises(CommandFailed, match=r"still running after 0\.5 s"):
        trace.calls(sleep.split(), timeout_s=0.5)
    assert [each for each in processes.processes() if processes.command(each.pid) == sleep] == []
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_strace_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match=r"^tracing echo 'a b': strace is not here; .*strace"):
        trace.calls(["echo", "a b"])


def test_a_call_that_another_thread_interrupted_is_told_whole() -> None:
    half = ['7  write(1, "hello", 5 <unfinished ...>', "8  getpid() = 8", "7  <... write resumed>) = 5"]
    assert list(trace._whole(half)) == ["8  getpid() = 8", '7 write(1, "hello", 5) = 5']
    half = ["7  read(3,  <unfinished ...>", '7  <... read resumed>"x", 9) = 1', "8  exit_group(0) = ?"]
    assert [LINE["name"] for LINE in map(trace.LINE.match, trace._whole(half)) if LINE] == ["read", "exit_group"]
