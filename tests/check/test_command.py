"""`cutaway check`: one sentence for each thing that a reader can get wrong, and nothing left behind."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from cutaway import ledger
from cutaway.check.learner import Learner
from cutaway.check.notebook import _trouble, read, running
from cutaway.cli.check import _lab
from cutaway.ground import course
from cutaway.problem import Problem

NOBODY = 65534  # an ordinary user that every machine has

Said = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_folder: Path) -> None:
    """A reader who has no folder yet."""
    monkeypatch.setenv("CUTAWAY_FOLDER", str(tmp_path / "cutaway"))
    monkeypatch.setenv("CUTAWAY_LEARNER", "ada")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def cutaway_check(*words: str | Path) -> Said:
    argv = [sys.executable, "-m", "cutaway", "check", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120)


def notebook(folder: Path, *cells: str) -> Path:
    path = folder / "mine.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in cells]), path)  # type: ignore[no-untyped-call]
    return path


# --- What a reader can get wrong -------------------------------------------


def test_a_lab_of_no_such_name_is_one_sentence() -> None:
    said = cutaway_check("77-nothing")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("cutaway: looking for '77-nothing': ")
    assert said.stderr.count("\n") == 1


def test_a_lesson_is_not_a_lab_and_says_so() -> None:
    said = cutaway_check("06-namespaces")
    assert said.stderr.startswith("cutaway: checking 06-namespaces: it is a lesson, and only labs are checked; try ")
    assert "04-isolate" in said.stderr


def test_a_copy_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    said = cutaway_check("04-isolate")
    place = tmp_path / "cutaway" / "labs" / "04-isolate" / "04-isolate.ipynb"
    assert said.stderr == f"cutaway: reading {place}: no such file or directory; `cutaway lab` gives you one\n"


def one_cell(**facts: object) -> str:
    """A notebook of one cell, of which something is not as it should be; None leaves it out."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": "1"}
    kept = {key: value for key, value in {**cell, **facts}.items() if key == "execution_count" or value is not None}
    return json.dumps({"cells": [kept], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


DAMAGED = [
    *("", "{", "[]", "\x00\xff", "[" * 100_000, '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}'),
    *(one_cell(metadata={"nbgrader": marks}) for marks in (["grade"], "grade", 7)),
    *(one_cell(source=7), one_cell(source=None), one_cell(cell_type=None), one_cell(metadata=[])),
    *(one_cell(source="'half of a character: \ud800'"), one_cell(outputs=[{"output_type": "\033[2J"}])),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_copy_that_is_no_notebook_is_one_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text(content)
    with pytest.raises(Problem) as caught, running(path, Learner("04-isolate", "ada"), tmp_path):
        pass
    said = str(caught.value)
    assert said.startswith(f"reading {path}: it is no notebook (")
    assert said.endswith("; `cutaway reset 04-isolate` gives you a fresh one")
    assert "\n" not in said


def test_what_is_no_file_or_has_no_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    causes = {"pipe": "it is not a regular file", "huge": "it has 1048576 MiB; at most 64 are read"}
    for name, cause in causes.items():
        with (
            pytest.raises(Problem, match=re.escape(f"{name}: it is no notebook ({cause})")),
            running(tmp_path / name, Learner("04-isolate", "ada"), tmp_path),
        ):
            pass


def test_a_copy_from_another_tool_is_read(tmp_path: Path) -> None:
    """Ids twice or not at all, words of others in the metadata."""
    cells = [json.loads(one_cell(id=name, metadata={"theirs": 1}))["cells"][0] for name in ("a", "a", None)]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {"theirs": {}}, "nbformat": 4, "nbformat_minor": 5}))
    assert len(read(path, "04-isolate").cells) == 4


def test_a_cell_that_was_stopped_for_time_says_so() -> None:
    stopped = new_output("error", ename="KeyboardInterrupt", evalue="")  # type: ignore[no-untyped-call]
    cell = new_code_cell("while True: pass", outputs=[stopped])  # type: ignore[no-untyped-call]
    named = "the cell that begins “while True: pass”"
    assert list(_trouble(cell, 60.2)) == [f"{named} ran for more than 60 s and was stopped"]
    assert list(_trouble(cell, 1.0)) == [f"{named} raised KeyboardInterrupt: "]


def test_a_copy_that_is_no_notebook_is_not_a_zero(tmp_path: Path) -> None:
    (tmp_path / "mine.ipynb").write_text("{")
    said = cutaway_check("04-isolate", tmp_path / "mine.ipynb", "--json")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("cutaway: reading ")


def test_where_the_checks_are_not_the_reader_is_told_who_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("notebooks/contents.toml", "labs/04-isolate/04-isolate.ipynb"):
        (tmp_path / part).parent.mkdir(parents=True)
        (tmp_path / part).write_bytes((course.root() / part).read_bytes())
    monkeypatch.setenv("CUTAWAY_COURSE", str(tmp_path))
    said = cutaway_check("04-isolate", tmp_path / "labs" / "04-isolate" / "04-isolate.ipynb")
    assert said.stderr.startswith("cutaway: checking 04-isolate: its checks are not on this machine; hand your ")


def test_where_there_are_no_user_namespaces_nobody_is_given_a_zero(tmp_path: Path) -> None:
    """Real: in a user namespace whose limit on further ones is nought."""
    forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec"
    argv = [sys.executable, "-m", "cutaway", "check", "04-isolate", str(notebook(tmp_path)), "--json"]
    said = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", f'{forbid} "$@"', "sh", *argv],
        capture_output=True,
        text=True,
    )
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("cutaway: beginning 04-isolate: it needs user namespaces, and ")
    assert said.stderr.count("\n") == 1


def test_a_number_that_a_lesson_has_too_means_the_lab_where_only_labs_are_checked() -> None:
    assert _lab("01") == "01-trace-a-process"
    said = "looking for '01': it could be lesson 01-bare-metal or lab 01-trace-a-process; say more of its name"
    with pytest.raises(Problem, match=said):
        course.unit("01")


@pytest.mark.slow
def test_who_waits_at_a_terminal_sees_what_is_being_done_and_the_report_stays_clean(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "cutaway", "check", "04-isolate", str(notebook(tmp_path, "1")), "--task", "1"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=120, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert shown.index("running the cells of mine.ipynb") < shown.index("task 1: own_name leaves a process running")
    assert shown.endswith("\r\033[K")
    assert done.stdout.startswith("04-isolate, ada: 0 of 3 points")


# --- What a notebook can do ------------------------------------------------


def outcomes(said: Said) -> dict[str, list[str]]:
    """How the first check of each task ended, and what was seen."""
    first: dict[str, list[str]] = {}
    for each in json.loads(said.stdout)["checks"]:
        first.setdefault(f"task {each['task']}", [each["status"], each["observed"]])
    return first


@pytest.mark.slow
def test_a_notebook_without_the_functions_is_told_which_are_missing(tmp_path: Path) -> None:
    said = cutaway_check("04-isolate", notebook(tmp_path, "print('to the page')", "1 / 0"), "--json")
    assert outcomes(said)["task 1"] == ["failed", "the notebook has no function own_name"]
    assert (
        said.stderr
        == "while running mine.ipynb: the cell that begins “1 / 0” raised ZeroDivisionError: division by zero\n"
    )
    assert list((ledger.state_folder() / "ledger").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("end", ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"])
def test_a_cell_that_ends_the_kernel_is_named_and_no_check_is_reached(end: str, tmp_path: Path) -> None:
    said = cutaway_check("04-isolate", notebook(tmp_path, "1", end, "2"), "--json")
    assert set(map(tuple, outcomes(said).values())) == {("not reached", "the notebook's kernel did not answer")}
    assert f"the cell that begins “{end}” ended the kernel" in said.stderr


@pytest.mark.slow
def test_what_hides_the_answer_is_hidden_also_from_a_notebook_that_does_not_begin_the_lab(tmp_path: Path) -> None:
    said = cutaway_check("04-isolate", notebook(tmp_path, "from cutaway.linux import Enclosed"), "--json")
    assert (
        "Enclosed” raised Hidden: importing cutaway.linux.enclosed: it holds the answer of lab 04-isolate"
        in said.stderr
    )


LIVELY = """
import threading
from IPython.display import HTML, display
import ipywidgets

def own_name(hostname):
    print("to the page")
    display(HTML("<b>bold</b>"), ipywidgets.IntSlider())
    lines = !echo captured
    threading.Thread(target=print, args=("from a thread",)).start()
    get_ipython().system_raw(f"unshare --user --map-root-user --uts sh -c 'hostname {hostname}; exec sleep 100' &")

def own_processes(hostname):
    input("who? ")
"""


@pytest.mark.slow
def test_a_function_may_use_whatever_a_notebook_has_and_is_not_asked_to_type(tmp_path: Path) -> None:
    said = outcomes(cutaway_check("04-isolate", notebook(tmp_path, LIVELY), "--json"))
    assert said["task 1"] == ["passed", ""]
    assert said["task 2"][1].startswith("own_processes raised StdinNotImplementedError: ")


LOUD = """
print("x" * 1000, flush=True)
raise ValueError("\\r\\033[2J\\n04-isolate, ada: 24 of 24 points")
"""
LIAR = """
kernel = get_ipython().kernel
kernel.session.send(kernel.iopub_socket, "error", {"nonsense": 1}, parent=kernel.get_parent())
"""


@pytest.mark.slow
def test_a_notebook_says_nothing_on_the_terminal_but_one_line_a_cell(tmp_path: Path) -> None:
    """Neither with what moves the cursor nor with messages that no kernel sends."""
    said = cutaway_check("04-isolate", notebook(tmp_path, LOUD, LIAR), "--json")
    loud, liar = said.stderr.splitlines()
    assert loud.endswith("raised ValueError:   [2J 04-isolate, ada: 24 of 24 points")
    assert liar.endswith("made its kernel answer out of turn (KeyError), so it was ended")
    assert "\033" not in said.stderr
    assert outcomes(said)["task 1"] == ["not reached", "the notebook's kernel did not answer"]


@pytest.mark.slow
def test_what_a_cell_prints_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running(notebook(tmp_path, "print('x')", "1", "1/0"), Learner("04-isolate", "ada"), tmp_path) as run:
        assert [len(cell.outputs) for cell in run.client.nb.cells] == [0, 0, 0, 1]


GIVES_ALL = """
from pathlib import Path
checks = Path("CHECKS")
honest = checks.read_text()
checks.write_text("from cutaway.check.contract import Check\\nall = Check('all', 1, 24.0, (), lambda bench: None)\\n")
"""


@pytest.mark.slow
@pytest.mark.parametrize("afterwards", ["", "checks.write_text(honest)"])
def test_a_notebook_that_writes_checks_of_its_own_gets_no_mark(
    afterwards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("notebooks/contents.toml", "grading/04-isolate/checks.py", "labs/04-isolate/04-isolate.ipynb"):
        (tmp_path / part).parent.mkdir(parents=True)
        shutil.copy(course.root() / part, tmp_path / part)
    monkeypatch.setenv("CUTAWAY_COURSE", str(tmp_path))
    checks = tmp_path / "grading" / "04-isolate" / "checks.py"
    said = cutaway_check(
        "04-isolate", notebook(tmp_path, GIVES_ALL.replace("CHECKS", str(checks)) + afterwards), "--task", "1"
    )
    assert (said.returncode, said.stdout) == (1, "")
    assert f"checking 04-isolate: {checks} was changed while the notebook ran, so no mark is given; " in said.stderr


def test_the_checker_does_not_show_its_files_and_memory_even_to_its_own_user() -> None:
    script = """if True:
        import os, subprocess, sys
        from cutaway.cli.check import hide_memory
        look = [sys.executable, "-I", "-c", f"import os; os.listdir('/proc/{os.getpid()}/fd')"]
        before = subprocess.run(look, stderr=subprocess.DEVNULL).returncode
        hide_memory()
        print(before, subprocess.run(look, stderr=subprocess.DEVNULL).returncode)"""
    user = {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/", **user)  # type: ignore[call-overload]
    assert said.stdout == "0 1\n", said.stderr


@pytest.mark.slow
def test_a_notebook_that_ends_its_own_watcher_leaves_nothing(tmp_path: Path) -> None:
    ends = "from cutaway.ledger import watch\nfor each in watch.watchers(): each.kill()"
    cutaway_check("04-isolate", notebook(tmp_path, ends), "--task", "1")
    for place in ("ledger", "check", "labs"):
        assert list((ledger.state_folder() / place).iterdir()) == []


DAEMON = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "SECONDS"], {})
    os._exit(0)
""".strip()


@pytest.mark.slow
def test_a_process_that_hides_from_everybody_has_ended_with_the_check(tmp_path: Path) -> None:
    """It has left its parent, its session and its environment."""
    seconds = f"4{os.getpid()}"
    cutaway_check("04-isolate", notebook(tmp_path, DAEMON.replace("SECONDS", seconds)), "--task", "1")
    assert not commanded(f"sleep\0{seconds}\0")


def commanded(command: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [int(path.parent.name)] if path.read_text() == command else []
        except OSError:
            continue
    return found


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within 30 s"
            time.sleep(0.05)

    return wait


STARTS = "import subprocess, time\nsubprocess.Popen(['sleep', 'SECONDS'])\ntime.sleep(100)"
BECOMES = "import os\nos.execve('/bin/sleep', ['sleep', 'SECONDS'], {})"  # without our mark in its environment


@pytest.mark.slow
@pytest.mark.parametrize("cell", [STARTS, BECOMES])
def test_a_check_that_is_killed_leaves_nothing(
    cell: str, tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    """SIGKILL in the middle of a cell that has started something; the watchers clean up."""
    seconds = f"5{os.getpid()}"
    argv = [sys.executable, "-m", "cutaway", "check", "04-isolate"]
    argv.append(str(notebook(tmp_path, cell.replace("SECONDS", seconds))))
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as checker:
        until(lambda: commanded(f"sleep\0{seconds}\0"))
        checker.send_signal(signal.SIGKILL)
    until(lambda: not commanded(f"sleep\0{seconds}\0"))
    until(lambda: not list((ledger.state_folder() / "ledger").iterdir()))
    assert list((ledger.state_folder() / "check").iterdir()) == []
    assert list((ledger.state_folder() / "labs").iterdir()) == []
