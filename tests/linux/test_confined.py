"""Behind the walls a text may do what it likes, and reaches nothing; each attack is shown to work outside first."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from cutaway.linux import Refused, confined, namespaces

needs_namespaces = pytest.mark.skipif(bool(namespaces.obstacle()), reason=f"no namespaces: {namespaces.obstacle()}")
pytestmark = needs_namespaces
OS = "__import__('os')"


def outside(text: str) -> str:
    return confined.answer(text)


def test_an_honest_expression_has_its_worth() -> None:
    assert confined.evaluate("sorted({3: 'c', 1: 'a'})") == "[1, 3]"
    assert confined.evaluate("'ü' * 3") == "üüü"


def test_a_file_is_out_of_reach_and_is_left_as_it_was(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("swordfish")
    reading, writing = f"open({str(secret)!r}).read()", f"open({str(secret)!r}, 'w').write('x')"
    assert outside(reading) == "swordfish"
    assert confined.evaluate(reading).startswith("FileNotFoundError")
    assert "swordfish" not in confined.evaluate(writing)
    assert secret.read_text() == "swordfish"


def test_there_is_no_file_and_no_way_up_or_back() -> None:
    assert confined.evaluate(f"{OS}.listdir('/')") == "[]"
    assert confined.evaluate(f"({OS}.chdir('../../..'), {OS}.listdir('.'))[1]") == "[]"


def test_no_descriptor_of_its_maker_leads_out(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(folder, True)
    try:
        assert "Bad file descriptor" in confined.evaluate(f"{OS}.listdir({folder})")
    finally:
        os.close(folder)


def test_nobody_can_be_killed_and_the_walls_outlive_a_signal_to_everybody() -> None:
    victim = subprocess.Popen(["sleep", "60"])
    try:
        assert confined.evaluate(f"{OS}.kill({victim.pid}, 9)").startswith("ProcessLookupError")
        confined.evaluate(f"{OS}.kill(-1, 9)")
        confined.evaluate(f"{OS}.killpg(0, 9)")
        assert victim.poll() is None
        assert outside(f"{OS}.kill({victim.pid}, 9)") == "None"
        assert victim.wait(10) == -signal.SIGKILL
    finally:
        victim.kill()
        victim.wait()


def test_nobody_can_be_called() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        calling = f"__import__('_socket').socket().connect({server.getsockname()!r})"
        assert outside(calling) == "None"
        assert "Network is unreachable" in confined.evaluate(calling)


def test_time_and_memory_have_an_end() -> None:
    assert confined.evaluate("9 ** 9 ** 9") == f"killed with status {128 + signal.SIGKILL}"
    assert confined.evaluate(f"len(bytearray({confined.MEMORY_BYTES}))").startswith("MemoryError")


def test_no_capability_is_left_and_none_comes_back() -> None:
    calls = "__import__('sys').modules['cutaway.linux.calls']"  # loaded before the walls went up
    assert confined.evaluate(f"{calls}.mount('x', '/', 'tmpfs')").startswith("Refused: mount('x', '/', 'tmpfs'): EPERM")
    assert confined.evaluate(f"{calls}.prctl(39)") == "1"  # PR_GET_NO_NEW_PRIVS


def test_an_escape_from_a_restricted_eval_finds_the_same_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("swordfish")
    escape = (
        "(steps := (steps.gi_frame.f_back.f_back.f_back for _ in (0,)), [f for f in steps][0])[1]"
        f".f_builtins['open']('{tmp_path}/secret').read()"
    )
    assert eval(escape, {"__builtins__": {}}) == "swordfish"
    assert confined.evaluate(escape).startswith("FileNotFoundError")


def test_where_the_walls_cannot_be_made_nothing_is_evaluated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "confined.py"
    script.write_text("import sys; sys.exit('unshare: EPERM: not here')")
    monkeypatch.setattr(confined, "__file__", str(script))
    with pytest.raises(Refused, match="wall_in"):
        confined.evaluate("6 * 7")
