# ruff: noqa: E501  cells stand as they are
"""What a sandbox shows, refuses and ends: asked from within it, by cells."""

from __future__ import annotations

import base64
import errno
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cutaway.grading import execution, house, profile, sandbox
from cutaway.grading.execution import Recipe, Shown
from cutaway.grading.executor import Executor, Sandbox
from cutaway.grading.limits import MIB, Limits
from cutaway.grading.nbcourse import Source
from cutaway.grading.restored import Cell
from cutaway.linux import processes
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process
from cutaway.problem import Problem

pytestmark = pytest.mark.xdist_group("sandboxes")

NOTHING = Recipe([], [], [], [], {})
PATIENT = Limits(cell_s=20, notebook_s=60, grace_s=0.6, cpu_s=10, memory_bytes=256 * MIB)
SHORT = replace(PATIENT, cell_s=2)  # for cells that take all the time that they are given


def run(executor: Executor, *sources: str, limits: Limits = PATIENT, recipe: Recipe = NOTHING) -> list[Shown]:
    return execution.run(executor, recipe, [Cell("code", source) for source in sources], limits)


def printed(executor: Executor, source: str) -> str:
    (shown,) = run(executor, source)
    assert shown.passed, shown.outputs
    return "".join(output.get("text", "") for output in shown.outputs)


def error(shown: Shown) -> tuple[str, str]:
    (found,) = [output for output in shown.outputs if output["output_type"] == "error"]
    return found["ename"], found["evalue"]


# --- Walls -----------------------------------------------------------------


def test_a_python_in_a_folder_that_submissions_have_for_themselves_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "prefix", "/tmp/course/.venv")
    with pytest.raises(Problem, match=r"showing /tmp/course/\.venv to submissions: each has a /tmp of its own"):
        Executor()


def test_every_namespace_is_its_own(executor: Executor) -> None:
    names = sorted(kind.value for kind in house.WALLS)
    said = json.loads(
        printed(executor, f"import os, json; print(json.dumps([os.readlink(f'/proc/self/ns/{{k}}') for k in {names}]))")
    )
    assert {Kind(name) for name in names} == set(Kind) - {Kind.TIME}
    assert not set(said) & {str(Path(f"/proc/self/ns/{name}").readlink()) for name in names}


def test_it_has_no_right_and_can_gain_none(executor: Executor) -> None:
    status = dict(
        line.split(":", 1)
        for line in printed(executor, "print(open('/proc/self/status').read())").splitlines()
        if ":" in line
    )
    assert {int(status[f"Cap{each}"], 16) for each in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")


def test_it_is_nobody_of_this_machine(executor: Executor) -> None:
    """Root's submissions too: what only root may read outside, they may not."""
    outside = printed(executor, "print(open('/proc/self/uid_map').read())").split()
    assert outside[0] == "1000"
    assert "0" not in printed(executor, "import os; print(os.getuid(), os.geteuid())").replace("1000", "")


def test_it_sees_only_its_own_processes(executor: Executor) -> None:
    assert printed(executor, "import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))") == "[1]\n"


def test_what_is_handed_in_beside_a_notebook_can_be_imported(executor: Executor) -> None:
    """By its cells, and never by the tests' side, which has the teacher's files and no others."""
    helper = ["helper.py", base64.b64encode(b"def mean(values): return sum(values) / len(values)").decode(), 0o644]
    owned = Source("test-mean", "code", "import helper", True, True, False, False, 1.0, None)
    cells = [Cell("code", "from helper import mean\nprint(mean([1, 2]))"), Cell("code", "import helper", owned)]
    answer, test = execution.run(executor, Recipe([helper], [], [], [], {}), cells, PATIENT)
    assert answer.outputs[0]["text"] == "1.5\n", answer.outputs
    assert error(test) == ("ModuleNotFoundError", "No module named 'helper'")
    answer, test = execution.run(executor, Recipe([helper], [helper], [], [], {}), cells, PATIENT)
    assert test.passed


def test_its_root_can_only_be_read(executor: Executor) -> None:
    source = "import os\nfor p in ('/', '/usr', '/etc', '/home', '/dev', os.path.dirname(os.__file__)):\n    try: open(p + '/x', 'w'); print(p)\n    except OSError as e: print(e.errno)"
    assert set(printed(executor, source).split()) <= {"30", "13"}


def test_it_has_small_folders_of_its_own_to_write_to(executor: Executor) -> None:
    assert (
        printed(
            executor, "import os\nfor p in ('.', '/tmp', '/dev/shm'): print(os.listdir(p)); open(p + '/x', 'w')"
        ).split()
        == ["[]"] * 3
    )
    assert printed(executor, "import os; print(os.listdir('.'))") == "[]\n"


def test_a_hidden_folder_is_empty_even_where_its_parent_is_shown(tmp_path: Path) -> None:
    inside = Path(sys.prefix) / "share"
    with Executor(hidden=[inside]) as made:
        assert any(inside.iterdir())
        assert printed(made, f"import os; print(os.listdir({str(inside)!r}))") == "[]\n"


def test_the_refused_calls_are_refused(executor: Executor) -> None:
    source = """
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
for call in (lambda: libc.unshare(0x10000000), lambda: libc.mount(b'a', b'/tmp', b'tmpfs', 0, None), lambda: libc.ptrace(16, 1, 0, 0)):
    assert call() == -1; print(ctypes.get_errno() == errno.EPERM)
for family in (socket.AF_VSOCK, socket.AF_NETLINK, socket.AF_ALG):
    try: socket.socket(family)
    except OSError as error: print(error.errno == errno.EAFNOSUPPORT)
"""
    assert printed(executor, source).split() == ["True"] * 6


def test_what_no_limit_counts_is_refused(executor: Executor) -> None:
    """Memory of nobody's, of the kernel's for access lists, watches and rare protocols; and a share of time of its own."""
    source = """
import ctypes, errno, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
tries = (lambda: mmap.mmap(-1, 4096), lambda: mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096), os.setsid,
         lambda: os.setxattr('.', 'user.x', b'x'), lambda: socket.socket(proto=262), lambda: mmap.mmap(-1, 1 << 21, 0x40002))
for each in tries:
    try: each()
    except OSError as error: print(errno.errorcode[error.errno])
print(libc.inotify_init1(0), open('/dev/zero', 'rb').read(3), mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)[:2])
one, _ = socket.socketpair()
one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\\1\\0\\0\\0' * 2)
print(one.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER))
"""
    said = "EPERM ENODEV EPERM ENOTSUP EPROTONOSUPPORT EPERM -1 b'\\x00\\x00\\x00' b'\\x00\\x00' 0"
    assert printed(executor, source).split() == said.split()


def test_denied_namespaces_are_one_sentence_and_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a user namespace that may have no further ones, as under a container's filter."""
    program = tmp_path / "try.py"
    program.write_text("from cutaway.grading.executor import Executor\nExecutor()\n")
    command = f"echo 0 > /proc/sys/user/max_user_namespaces; exec {sys.executable} {program}"
    done = subprocess.run(
        ["unshare", "-Ur", "--", "sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert "making a sandbox: " in done.stderr
    assert "nothing is ever run outside one" in done.stderr


def test_a_package_that_is_missing_is_told(executor: Executor) -> None:
    with Executor(["no_such_package_here"]) as made:
        assert made.missing == ["no_such_package_here"]
        assert printed(made, "print(1)") == "1\n"


# --- Cells -----------------------------------------------------------------


def test_outputs_are_those_that_jupyter_records(executor: Executor) -> None:
    first, second, third = run(
        executor,
        "import sys\nprint('out'); print('err', file=sys.stderr); print('more')",
        "1 + 1",
        "from IPython.display import HTML; display(HTML('<b>x</b>')); 1 / 0",
    )
    assert [(output["name"], output["text"]) for output in first.outputs] == [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("stdout", "more\n"),
    ]
    assert [(output["output_type"], output["data"]) for output in second.outputs] == [
        ("execute_result", {"text/plain": "2"})
    ]
    assert [output["output_type"] for output in third.outputs] == ["display_data", "error"]
    assert third.outputs[0]["data"]["text/html"] == "<b>x</b>"
    assert error(third) == ("ZeroDivisionError", "division by zero")


def test_input_is_refused_with_the_kernels_sentence(executor: Executor) -> None:
    assert error(run(executor, "input('name? ')")[0]) == (
        "StdinNotImplementedError",
        "raw_input was called, but this frontend does not support input requests.",
    )


def test_magics_and_lines_of_the_shell_work_inside(executor: Executor) -> None:
    first, second = run(executor, "%time x = 1\n!echo $((6 * 7)) > file; cat file\nlines = !ls", "lines")
    assert any("42" in output.get("text", "") for output in first.outputs), first.outputs
    assert second.outputs[0]["data"]["text/plain"] == "['file']"


def test_what_programs_and_libraries_write_by_number_is_recorded(executor: Executor) -> None:
    assert "by number" in printed(executor, "import os; os.write(1, b'by number')")


def test_clear_output_clears(executor: Executor) -> None:
    (shown,) = run(executor, "from IPython.display import clear_output\nprint('gone'); clear_output(); print('here')")
    assert [output.get("text") for output in shown.outputs] == ["here\n"]


def test_top_level_await_works(executor: Executor) -> None:
    assert printed(executor, "import asyncio\nawait asyncio.sleep(0)\nprint('slept')") == "slept\n"


def test_before_a_test_runs_inside_the_shell_has_just_the_hooks_that_a_notebook_has(executor: Executor) -> None:
    """Without those of matplotlib and IPython a figure would neither be shown nor closed after its cell."""
    hooks = "get_ipython().events.callbacks"
    owned = Source("test-hooks", "code", f"assert {hooks} == given", True, True, False, False, 1.0, None)
    recipe = Recipe([], [], [], [], {"test-hooks": []}, inside=frozenset({"test-hooks"}))
    added = f"given = {{name: [*each] for name, each in {hooks}.items()}}\n{hooks}['post_execute'].append(print)"
    cells = [Cell("code", added), Cell("code", owned.source, owned)]
    assert [each.passed for each in execution.run(executor, recipe, cells, PATIENT)] == [True, True]


def test_more_output_than_the_limit_is_cut_and_said(executor: Executor) -> None:
    (shown,) = run(executor, "for _ in range(300): print('x' * 1000)", limits=Limits(output_bytes=10_000))
    assert sum(len(output["text"]) for output in shown.outputs) < 20_000
    assert "the rest was dropped" in shown.outputs[-1]["text"]


# --- Limits ----------------------------------------------------------------


def test_after_an_endless_loop_is_cut_later_cells_still_run(executor: Executor) -> None:
    first, loop, last = run(executor, "x = 1", "while True: pass", "print(x + 1)", limits=SHORT)
    assert first.passed
    assert loop.trouble == "time"
    assert not loop.passed
    assert last.outputs[0]["text"] == "2\n"


@pytest.mark.parametrize(
    "source",
    [
        "import os; os._exit(0)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import ctypes; ctypes.string_at(0)",
    ],
    ids=["ends its process", "cannot be interrupted", "crashes"],
)
def test_what_a_cell_destroys_is_run_again_without_it(executor: Executor, source: str) -> None:
    first, bad, last = run(executor, "x = 1", source, "print(x + 1)", limits=SHORT)
    assert first.passed
    assert not bad.passed
    assert bad.trouble
    assert last.outputs[0]["text"] == "2\n"


def test_memory_of_all_its_processes_together_is_limited(executor: Executor) -> None:
    source = "import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        hoard = bytearray(b'x' * (40 << 20)); time.sleep(60)\ntime.sleep(60)"
    (shown, after) = run(executor, source, "print('after')", limits=Limits(cell_s=20, memory_bytes=256 * MIB))
    assert shown.trouble == "memory"
    assert after.outputs[0]["text"] == "after\n"


HIDES = """
import ctypes, os, time
prctl, dumpable, name = ctypes.CDLL(None).prctl, 4, 15
prctl(dumpable, 0)
prctl(name, b"\\xff\\rVmRSS: -99999")
for _ in range(10):
    if os.fork() == 0:
        DOES
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("trouble", "does", "limits"),
    [
        ("memory", "hoard = bytearray(b'x' * (40 << 20)); time.sleep(60)", Limits(cell_s=9, memory_bytes=256 * MIB)),
        ("cpu", "while True: pass", Limits(cell_s=9, cpu_s=1, memory_bytes=4096 * MIB)),
    ],
    ids=["memory", "cpu"],
)
def test_who_hides_from_its_keeper_is_counted_like_everybody(
    executor: Executor, trouble: str, does: str, limits: Limits
) -> None:
    """It may not be traced, and its name is neither text nor one line."""
    (shown,) = run(executor, HIDES.replace("DOES", does), limits=limits)
    assert shown.trouble == trouble


LEAVES = """
import ctypes, os, platform, threading, time
def hoard():
    while "Z" not in open("/proc/self/stat").read().rpartition(")")[2]: time.sleep(0.01)
    held = bytearray(b"x" * (40 << 20))
    time.sleep(60)
for _ in range(10):
    if os.fork() == 0:
        threading.Thread(target=hoard).start()
        ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
time.sleep(60)
"""
QUEUES = """
import os, socket, time
def pair():
    if os.getpid() % 2: return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server:
        return socket.create_connection(server.getsockname()), server.accept()[0]
for _ in range(8):
    if os.fork() == 0: break
held = []
while len(held) < 200:
    for each in pair():
        held.append(each)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        each.setblocking(False)
        try:
            while True: each.send(b"x" * 65536)
        except BlockingIOError: pass
time.sleep(60)
"""


WISH = """
import ctypes, os, socket
much, set_option = ctypes.c_int(1 << 17), {"x86_64": 54, "aarch64": 208}[os.uname().machine]
one, other = socket.socketpair()
for beyond in (0, 1 << 32):
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        words = [ctypes.c_long(beyond + word) for word in (socket.SOL_SOCKET, option)]
        before = one.getsockopt(socket.SOL_SOCKET, option)
        said = ctypes.CDLL(None).syscall(set_option, one.fileno(), *words, ctypes.byref(much), 4)
        print(said, one.getsockopt(socket.SOL_SOCKET, option) == before)
"""


def test_a_socket_has_the_queues_that_it_began_with(executor: Executor) -> None:
    """Also for who says it in numbers of which the kernel takes the lower half."""
    assert printed(executor, WISH) == 4 * "0 True\n"
    assert {name: getattr(socket, name) for name in profile.WISHES} == profile.WISHES
    assert profile.SOL_SOCKET == socket.SOL_SOCKET


@pytest.mark.parametrize("source", [LEAVES, QUEUES], ids=["behind a thread that has left", "in queues of the kernel's"])
def test_memory_that_no_first_thread_has_is_counted(executor: Executor, source: str) -> None:
    (shown,) = run(executor, source, limits=Limits(cell_s=9, memory_bytes=256 * MIB))
    assert shown.trouble == "memory"


def test_what_is_swapped_out_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel says it where there is swap, which not every machine has."""
    said = "Name:\thoard\nVmRSS:\t     100 kB\nVmData:\t 900 kB\nVmSwap:\t     200 kB\n"
    monkeypatch.setattr(sandbox.files, "read", {"/proc/7/status": said}.__getitem__)
    assert sandbox._resident_bytes(7) == 300 * 1024


def test_processor_time_of_all_its_processes_together_is_limited(executor: Executor) -> None:
    (shown,) = run(
        executor, "import os\nfor _ in range(3): os.fork()\nwhile True: pass", limits=Limits(cell_s=20, cpu_s=2)
    )
    assert shown.trouble == "cpu"


def test_a_notebook_has_a_time_in_all(executor: Executor) -> None:
    began = time.monotonic()
    shown = run(executor, *["import time; time.sleep(0.5)"] * 100, limits=Limits(cell_s=5, notebook_s=1.5))
    assert time.monotonic() - began < 30
    assert not shown[-1].ran


def test_it_ends_with_everything_in_it(executor: Executor) -> None:
    before = processes.descendants(os.getpid())
    run(executor, "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid(); time.sleep(1000)")
    deadline = time.monotonic() + 10
    while (
        left := [each for each in processes.descendants(os.getpid()) if each not in before and each.alive()]
    ) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


GRADER = """
from cutaway.grading.executor import Executor
from cutaway.grading.limits import Limits
"""
BUSY = """
made = Executor()
box = made.sandbox("student", Limits())
box.line.send({"run": "while True: pass", "of": "1"})
print("running", flush=True)
box.line.receive()
"""
BEGUN = """
made = Executor(None)
print("running", flush=True)
input()
"""


@pytest.mark.parametrize(("grader", "processes_below"), [(BUSY, 3), (BEGUN, 1), (BEGUN, 2)])
def test_it_ends_when_the_grader_is_killed(grader: str, processes_below: int) -> None:
    """Of the house, the warm parent and the work, however many there are by then."""
    killed = subprocess.Popen([sys.executable, "-c", GRADER + grader], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert killed.stdout
    assert killed.stdout.readline() == b"running\n"
    deadline = time.monotonic() + 30
    while len(below := processes.descendants(killed.pid)) < processes_below and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(below) >= processes_below
    killed.kill()
    killed.communicate()
    assert all(each.wait(30) for each in below)


def test_a_warm_parent_that_is_killed_while_it_begins_is_one_sentence() -> None:
    with Executor(None) as made:
        made._parent.kill()
        with pytest.raises(Problem, match=r"making a sandbox: the warm parent ended before it was ready"):
            made.load([])


# --- As an ordinary user ---------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to become somebody else")
def test_an_ordinary_user_has_the_same_walls(tmp_path: Path) -> None:
    source = "from cutaway.grading.executor import Executor\nfrom cutaway.grading.limits import Limits\nfrom cutaway.grading import execution\nfrom cutaway.grading.execution import Recipe\nfrom cutaway.grading.restored import Cell\nwith Executor() as made:\n    shown = execution.run(made, Recipe([], [], [], [], {}), [Cell('code', 'import os; print(os.getuid(), os.getpid(), os.listdir(\"/proc\")[0] and 1)')], Limits())\n    print(shown[0].outputs)\n"
    argv = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", sys.executable, "-c", source]
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/"},
        check=False,
    )
    assert "1000 1 1" in done.stdout, done.stdout + done.stderr


def test_a_closed_executor_says_so(executor: Executor) -> None:
    made = Executor()
    made.close()
    with pytest.raises(Problem, match=r"making a sandbox: .*grade again"):
        made.sandbox("student", Limits())


def test_who_waits_for_the_next_submission_and_has_ended_is_not_taken(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "LIVES", 1)
    owned = Source("test", "code", "assert answer == 1", True, True, False, False, 1.0, None)
    cells = [Cell("code", "answer = 1"), Cell("code", owned.source, owned)]
    for _ in range(2):
        others = processes.descendants(executor._parent.pid)  # those of other tests may wait, too
        assert [each.passed for each in execution.run(executor, NOTHING, cells, PATIENT)] == [True, True]
        *_, (limits, waiting) = executor._waiting  # the newest is taken next
        assert limits == PATIENT
        deadline = time.monotonic() + 10
        while len(begun := _besides(others, executor)) < 2:  # asked for, and perhaps not yet made
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for each in begun:
            each.kill()
        while any(each.waits() for each in waiting):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _besides(others: list[Process], executor: Executor) -> list[Process]:
    return [each for each in processes.descendants(executor._parent.pid) if each not in others]


def test_a_submission_goes_on_when_those_of_the_next_cannot_be_begun(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the second of them refused, the first is let go of; who comes next meets the same trouble, or none."""
    for taken in executor._waiting:
        for each in taken[1]:
            each.drop()
    executor._waiting.clear()
    begun: list[Sandbox] = []

    def sandbox(*words: Any) -> Sandbox:
        if len(begun) == 3:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        begun.append(Executor.sandbox(executor, *words))
        return begun[-1]

    monkeypatch.setattr(executor, "sandbox", sandbox)
    one, other = executor.both(PATIENT)
    assert (one.waits(), other.waits(), executor._waiting) == (True, True, [])
    assert begun[2].line.socket.fileno() == -1  # closed
    with one, other, pytest.raises(OSError, match="Too many open files"):
        executor.both(PATIENT)


def test_what_a_call_prints_stands_before_what_its_test_shows(executor: Executor) -> None:
    owned = Source(
        "test", "code", "for number in range(9):\n    say(number)\n'shown'", True, True, False, False, 1.0, None
    )
    cells = [Cell("code", "def say(it):\n    print(it)"), Cell("code", owned.source, owned)]
    said = [execution.run(executor, NOTHING, cells, PATIENT)[1].outputs for _ in range(10)]
    assert [[each["output_type"] for each in outputs] for outputs in said] == [["stream", "execute_result"]] * 10
    assert {outputs[0]["text"] for outputs in said} == {"".join(f"{number}\n" for number in range(9))}
