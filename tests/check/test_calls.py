"""A function of the notebook is called across a process boundary, and whatever it does, the checker gets a sentence."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from standin import bench_of

from cutaway.check import bench as benches
from cutaway.check import calls
from cutaway.check.bench import Bench, LineHere, Unreachable
from cutaway.check.contract import Missed
from cutaway.check.learner import Learner
from cutaway.linux import processes
from cutaway.linux.processes import Process, Stat, descendants


def missed(source: str, folder: Path, function: str = "answer", *arguments: object) -> Missed:
    """What a call of `function` in a notebook of one cell is missed for."""
    with bench_of([source], folder) as bench, pytest.raises(Missed) as caught:
        _ = bench.call(function, *arguments).value
    assert caught.value.hint
    return caught.value


# --- Honest functions ------------------------------------------------------


def test_a_function_is_given_plain_values_and_its_value_comes_back(tmp_path: Path) -> None:
    with bench_of(["def answer(a, b):\n    return {'sum': a + b, 'list': [a, b, None]}"], tmp_path) as bench:
        assert bench.call("answer", 1, 2).value == {"sum": 3, "list": [1, 2, None]}


def test_the_same_call_is_made_once(tmp_path: Path) -> None:
    count = f"def answer(n):\n    open({str(tmp_path / 'count')!r}, 'a').write('x')"
    with bench_of([count], tmp_path) as bench:
        assert bench.call("answer", 1) is bench.call("answer", 1)
        bench.call("answer", 2)
    assert (tmp_path / "count").read_text() == "xx"


def test_a_call_changes_nothing_in_the_notebook(tmp_path: Path) -> None:
    with bench_of(["seen = []\ndef answer(n):\n    seen.append(n)\n    return len(seen)"], tmp_path) as bench:
        assert [bench.call("answer", n).value for n in range(3)] == [1, 1, 1]


def test_what_a_call_prints_is_heard_by_the_checker_and_not_on_the_page(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = "import os, sys\ndef answer():\n    print('to the page')\n    os.system('echo from a child >&2')"
    with bench_of([source], tmp_path) as bench:
        call = bench.call("answer")
        assert "from a child" in call.heard()
    assert "from a child" not in capfd.readouterr().err


def test_what_hands_over_to_the_next_process_as_soon_as_it_was_seen_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"read word < {gate}; sleep 60 &"
    hands_over = f"import subprocess\ndef answer():\n    return subprocess.Popen(['sh', '-c', {script!r}]).pid"

    def seen_just_before() -> Iterator[tuple[int, Stat]]:
        yield from stats()
        gate.write_text("go on\n")
        first.wait(10)

    stats = processes._stats
    with bench_of([hands_over], tmp_path) as bench:
        call = bench.call("answer")
        first = Process.of(int(str(call.value)))
        monkeypatch.setattr(processes, "_stats", seen_just_before)
        assert call.started() == [first]
        assert not first.alive()
        monkeypatch.undo()


def test_a_call_knows_what_it_started_and_not_what_ran_before(tmp_path: Path) -> None:
    earlier = "import subprocess\nbefore = subprocess.Popen(['sleep', '60'])"
    with bench_of([earlier, "def answer():\n    subprocess.Popen(['sleep', '61'])"], tmp_path) as bench:
        call = bench.call("answer")
        assert [processes.command(each.pid) for each in call.started()] == ["sleep 61"]
        assert len(call.before.processes) == 1


DAEMON = """
import os, time
def answer():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.environ.clear()
            os.execve("/bin/sleep", ["sleep", "62"], {})
        os._exit(0)
    os.wait()
"""


def test_what_leaves_its_parent_session_and_environment_is_still_found_and_ended(tmp_path: Path) -> None:
    with bench_of([DAEMON], tmp_path) as bench:
        (daemon,) = bench.call("answer").started()
        assert daemon.alive()
    assert daemon.wait(30)


def test_everything_a_call_started_has_ended_when_the_bench_is_closed(tmp_path: Path) -> None:
    source = "import subprocess\ndef answer():\n    subprocess.Popen(['sh', '-c', 'sleep 63 & sleep 64 & wait'])"
    with bench_of([source], tmp_path) as bench:
        call = bench.call("answer")
        deadline = time.monotonic() + 30
        while len(call.started()) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        started = call.started()
        assert len(started) == 3
    assert all(each.wait(30) for each in [*started, call.process])


def test_when_the_checker_is_killed_the_kernel_ends_what_the_calls_started(tmp_path: Path) -> None:
    """The other end hangs up without a word, as it does when it dies."""
    listener, address = calls.listening()
    kernel = os.fork()
    if kernel == 0:
        calls.serve(address, {"answer": lambda: os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "65")})
        os._exit(0)
    with listener:
        line = LineHere(Process.of(kernel), listener)
        (sleeper,) = Bench(Learner("04-isolate", "ada"), line, tmp_path).call("answer").started()
        line._control.close()
    assert sleeper.wait(30)
    assert os.waitpid(kernel, 0)[1] == 0


def test_what_a_check_writes_is_there_for_the_notebook_and_what_that_writes_is_seen(tmp_path: Path) -> None:
    source = "def answer(file, folder):\n    open(folder + '/copy', 'w').write(open(file).read())"
    with bench_of([source], tmp_path) as bench:
        taken, given = bench.folder("taken"), bench.folder("given")
        empty, full = bench.file("given/empty", ""), bench.file("given/full", "it's $HOME\n")
        bench.call("answer", empty, taken)
        assert not bench.holds_files(taken)
        bench.call("answer", full, taken)
        assert bench.holds_files(taken)
        assert Path(taken, "copy").read_text() == "it's $HOME\n"
        assert (bench.folder("given"), bench.url(8080)) == (given, "http://127.0.0.1:8080/")


# --- Functions that do not answer ------------------------------------------


def test_a_function_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert missed("pass", tmp_path).observed == "the notebook has no function answer"


def test_an_exception_comes_back_by_type_and_message(tmp_path: Path) -> None:
    source = "class Odd(Exception): ...\ndef answer():\n    raise Odd('three')"
    assert missed(source, tmp_path).observed == "answer raised Odd: three"


def test_a_stub_is_told_from_a_mistake(tmp_path: Path) -> None:
    stub = missed("def answer():\n    raise NotImplementedError('Task 1: do it')", tmp_path)
    assert stub.observed == "answer raised NotImplementedError: Task 1: do it"
    assert "your answer goes" in stub.hint


def test_an_exception_that_cannot_be_printed_does_no_harm(tmp_path: Path) -> None:
    source = "class Mute(Exception):\n    def __str__(self):\n        raise SystemExit\ndef answer():\n    raise Mute"
    assert missed(source, tmp_path).observed.startswith("answer ")


def test_an_endless_loop_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "CALL_S", 0.5)
    stubborn = (
        "import signal\nfor n in (1, 2, 15):\n    signal.signal(n, signal.SIG_IGN)\n"
        "def answer():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass"
    )
    assert missed(stubborn, tmp_path).observed == "answer did not return within 0.5 s"


def test_the_next_call_is_made_after_one_that_never_ends(tmp_path: Path) -> None:
    with bench_of(["def stuck():\n    while True: pass\ndef fine():\n    return 1"], tmp_path) as bench:
        with pytest.raises(Missed, match="stuck did not return"):
            bench.call("stuck", within_s=0.5)
        assert bench.call("fine").value == 1


# --- Functions that cheat --------------------------------------------------


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_a_function_that_ends_its_process_has_not_answered(end: str, tmp_path: Path) -> None:
    source = f"import os\ndef answer():\n    {end}"
    assert missed(source, tmp_path).observed == "answer ended its own process before it returned"


def test_a_function_that_ends_the_kernel_ends_the_examination_and_not_the_checker(tmp_path: Path) -> None:
    with bench_of(["import os\ndef answer():\n    os.kill(os.getppid(), 9)"], tmp_path) as bench:
        with suppress(Missed):  # the answer may have been quicker than the end
            bench.call("answer")
        with pytest.raises(Missed, match="the notebook's kernel has ended"):
            bench.call("other")


def test_an_object_that_claims_to_equal_everything_is_no_value(tmp_path: Path) -> None:
    source = "class Sly(str):\n    def __eq__(self, other): return True\ndef answer():\n    return [Sly('x')]"
    observed = missed(source, tmp_path).observed
    assert observed == (
        "answer returned what is no plain value: "
        "the value[0] is a Sly; only None, bool, int, float, str, list and dict can cross"
    )


FORGED = """
import gc, socket
def answer():
    for each in gc.get_objects():
        if isinstance(each, socket.socket) and each.fileno() >= 0:
            each.sendall(b'{text}')
    return 'mine'
"""


@pytest.mark.parametrize("text", ['{"returned": 1, ', "[1]", "null", '{"raised": 3}', "\\xff\\xfe", "[" * 50_000])
def test_what_is_written_on_the_line_itself_is_a_claim_like_any_other_and_breaks_nothing(
    text: str, tmp_path: Path
) -> None:
    source = FORGED.replace("{text}", text + "\\n")
    assert missed(source, tmp_path).observed.startswith("answer answered")


def test_a_line_that_never_ends_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "LINE_BYTES", 1 << 16)
    source = FORGED.replace("b'{text}'", "b'x' * (1 << 22)")
    assert "before it returned" in missed(source, tmp_path).observed


def test_only_the_kernel_and_its_children_are_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else who learns the address connects first, and is not heard."""
    monkeypatch.setattr(benches, "CONNECT_S", 0.3)
    listener, address = calls.listening()
    with listener, socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(f"\0{address}")
        kernel = Process.of(os.getppid())
        with pytest.raises(Unreachable):
            LineHere(kernel, listener)


def test_a_flood_of_output_fills_neither_memory_nor_disk(tmp_path: Path) -> None:
    source = "import os\ndef answer():\n    while True:\n        os.write(2, b'x' * 65536)"
    assert missed(source, tmp_path).observed.startswith("answer raised PermissionError")


def test_nothing_of_these_calls_is_left(tmp_path: Path) -> None:
    with bench_of([DAEMON], tmp_path) as bench:
        bench.call("answer")
        kernel = bench.kernel
    assert kernel.wait(30)
    assert not [each for each in descendants(os.getpid()) if each.alive() and each.pid == kernel.pid]
