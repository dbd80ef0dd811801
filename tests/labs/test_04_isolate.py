"""Lab 04: every right way passes, and no cheat gains a point."""

import json
import os
import time
from pathlib import Path

import pytest
import verdicts
from answers import answered, master, working_cells, wrong_answers
from ordinary import Run
from verdicts import of_cells, unmet

from cutaway.check import bench as benches
from cutaway.check.bench import Call
from cutaway.check.contract import Result, Status
from cutaway.check.learner import Learner
from cutaway.linux.processes import Process

LAB = "04-isolate"


def results(
    folder: Path, task: int | None = None, cells: list[str] | None = None, patience_s: float = 10.0, **answers: str
) -> list[Result]:
    """What the checks say of the solution with some cells answered otherwise; or of `cells` alone."""
    return of_cells(LAB, cells or working_cells(answered(master(LAB), **answers)), folder, task, patience_s)


def earned(said: list[Result]) -> float:
    return sum(each.earned for each in said)


def first_failed(said: list[Result]) -> Result:
    """The first check that failed: on a busy machine, what ends at once may still run when the first of all looks."""
    return next(each for each in said if each.status is Status.FAILED)


# --- Three other ways than unshare(1) --------------------------------------

BY_SYSTEM_CALL = '''
import ctypes, os, http.server, functools

libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUTS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x10000000, 0x20000000, 0x40000000
REC_PRIVATE = 16384 | 1 << 18

def do(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def become(flags):
    uid, gid = os.getuid(), os.getgid()
    do(libc.unshare(NEWUSER | flags))
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)

def stay(flags, *steps, enter=become, last=None):
    """Fork, unshare, fork again so that somebody is born inside, take the steps there, and stay."""
    child = os.fork()
    if child:
        return child
    try:
        enter(flags)
        if os.fork() == 0:
            for step in steps:
                step()
            last() if last else None
            libc.pause()
        libc.pause()
    finally:
        os._exit(1)

def named(name):
    return lambda: do(libc.sethostname(name.encode(), len(name)))

def fresh_proc():
    do(libc.mount(b"", b"/", b"", REC_PRIVATE, None))
    do(libc.mount(b"proc", b"/proc", b"proc", 0, None))

def written(folder, word):
    def write():
        do(libc.mount(b"none", folder.encode(), b"ramfs", 0, None))
        with open(f"{folder}/word", "w") as file:
            file.write(word)
    return write

def loopback_up():
    import fcntl, socket, struct
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))

def serve(folder, port):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    return http.server.HTTPServer(("127.0.0.1", port), handler).serve_forever

def own_name(hostname):
    stay(NEWUTS, named(hostname))

def own_processes(hostname):
    stay(NEWUTS | NEWPID | NEWNS, named(hostname), fresh_proc)

def own_files(hostname, folder, word):
    stay(NEWUTS | NEWPID | NEWNS, named(hostname), fresh_proc, written(folder, word))

def own_network(hostname, folder, word, port):
    steps = [named(hostname), fresh_proc, written(folder, word), loopback_up]
    stay(NEWUTS | NEWPID | NEWNS | NEWNET, *steps, last=lambda: serve(folder, port)())

def companion(pid):
    def join(flags):
        do(libc.setns(os.pidfd_open(pid), NEWUSER | NEWUTS | NEWNET))
        do(libc.unshare(flags))
    stay(NEWPID | NEWNS, fresh_proc, enter=join)
'''

BY_BUSYBOX = """
import subprocess

def busybox(*words):
    subprocess.Popen(["busybox", *words])

BOX = ["unshare", "--user", "--map-root-user", "--uts", "--pid", "--fork", "--mount", "--mount-proc"]

def own_name(hostname):
    busybox("unshare", "-U", "-r", "-u", "busybox", "sh", "-c", f"busybox hostname {hostname}; exec busybox sleep 1000")

def own_processes(hostname):
    busybox(*BOX, "busybox", "sh", "-c", f"busybox hostname {hostname}; exec busybox sleep 1000")

def own_files(hostname, folder, word):
    mount = f"busybox mount -t tmpfs none {folder} && echo {word} > {folder}/word"
    busybox(*BOX, "busybox", "sh", "-c", f"busybox hostname {hostname}; {mount}; exec busybox sleep 1000")

def own_network(hostname, folder, word, port):
    mount = f"busybox mount -t tmpfs none {folder} && echo {word} > {folder}/word"
    service = f"busybox ifconfig lo 127.0.0.1 up; exec busybox httpd -f -p 127.0.0.1:{port} -h {folder}"
    busybox(*BOX, "--net", "busybox", "sh", "-c", f"busybox hostname {hostname}; {mount}; {service}")

def companion(pid):
    busybox("nsenter", "-t", str(pid), "-U", "-u", "-n", "busybox", *BOX[:1], *BOX[4:], "busybox", "sleep", "1000")
"""

BY_ENCLOSED = """
from cutaway.linux import Enclosed, Kind, namespaces

kept = []

def box(kinds, **options):
    kept.append(Enclosed({Kind.USER, Kind.UTS, *kinds}, **options))
    return kept[-1]

def own_name(hostname):
    return box([], hostname=hostname).pid

def own_processes(hostname):
    return box([Kind.PID, Kind.MNT], hostname=hostname).pid

def own_files(hostname, folder, word):
    inside = box([Kind.PID, Kind.MNT], hostname=hostname)
    inside.run(f"mount -t tmpfs none {folder} && echo {word} > {folder}/word")
    return inside.pid

def own_network(hostname, folder, word, port):
    inside = box([Kind.PID, Kind.MNT, Kind.NET, Kind.IPC, Kind.CGROUP], hostname=hostname, network_up=True)
    inside.run(f"mount -t tmpfs none {folder} && echo {word} > {folder}/word")
    inside.run(f"python3 -m http.server --bind 127.0.0.1 --directory {folder} {port} >/dev/null 2>&1 &")
    return inside.pid

def companion(pid):
    import subprocess
    join = ["nsenter", f"--net=/proc/{pid}/ns/net", f"--uts=/proc/{pid}/ns/uts", f"--user=/proc/{pid}/ns/user"]
    make = ["unshare", "--pid", "--fork", "--mount-proc"]
    subprocess.Popen([*join, "--preserve-credentials", *make, "sleep", "1000"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", [BY_SYSTEM_CALL, BY_BUSYBOX, BY_ENCLOSED], ids=["system calls", "busybox", "Enclosed"])
def test_another_way_earns_every_point(way: str, tmp_path: Path) -> None:
    said = results(tmp_path, cells=[way])
    assert unmet(said) == []


# --- In the background -----------------------------------------------------

INNER = "unshare --user --map-root-user --uts sh -c 'hostname {hostname}; exec sleep infinity'"
FORKS_TWICE = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sh", ["sh", "-c", f"exec {box}"])
        os._exit(0)
"""
BACKGROUND = {
    "a shell's &": 'subprocess.Popen(["sh", "-c", f"{box} &"])',
    "a shell's & inside": "start(\"unshare --user --map-root-user --uts sh -c 'hostname %s; sleep 99 &'\" % hostname)",
    "a shell that has ended": 'os.system(f"{box} &")',
    "setsid": 'start(f"setsid --fork {box}")',
    "nohup": 'subprocess.Popen(["sh", "-c", f"nohup {box} >/dev/null 2>&1 &"])',
    "a shell in a shell": """subprocess.Popen(["sh", "-c", 'sh -c "$0 &" &', box])""",
    "a second fork": FORKS_TWICE,
}


@pytest.mark.parametrize("step", BACKGROUND.values(), ids=BACKGROUND.keys())
def test_what_a_function_puts_in_the_background_is_found(step: str, tmp_path: Path) -> None:
    answer = f"import os\ndef own_name(hostname):\n    box = f{INNER!r}\n    {step.strip()}"
    said = results(tmp_path, 1, task_1=answer)
    assert unmet(said) == []


# --- Who asks ---------------------------------------------------------------

WITH_ROOTS_RIGHTS = {
    "task-1": "def own_name(hostname):\n    return start(f\"unshare --uts sh -c 'hostname {hostname}; sleep 99'\")",
    "task-5": (
        "def companion(pid):\n"
        "    return start(f'nsenter --target {pid} --net --uts unshare --pid --fork --mount-proc sleep 99')"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("cell", WITH_ROOTS_RIGHTS)
def test_what_only_root_may_do_is_refused_to_root_as_well(cell: str, tmp_path: Path) -> None:
    answer = {cell.replace("-", "_"): WITH_ROOTS_RIGHTS[cell]}
    first = first_failed(results(tmp_path, int(cell[-1]), patience_s=2.0, **answer))
    assert "Operation not permitted" in first.observed
    assert first.hint.startswith("What it wrote last says")


@pytest.mark.soak
def test_an_ordinary_user_is_given_the_same_verdict_on_every_answer(as_ordinary_user: Run) -> None:
    """The verdicts on the same answers for root, where that is who tests, are in test_labs.py."""
    done = as_ordinary_user(verdicts.__file__, LAB)
    assert done.returncode == 0, done.stderr
    caught = {wrong.name: [wrong.caught_by] for wrong in wrong_answers(LAB)}
    assert json.loads(done.stdout.splitlines()[-1]) == {"solution": [], **caught}


# --- Cheats ----------------------------------------------------------------

CHEATS = {
    "prints the right thing": "def own_name(hostname):\n    print(hostname)\n    return hostname",
    "says that all is well": "def own_name(hostname):\n    return {'status': 'passed', 'earned': 3}",
    "returns a pid that was there before": "def own_name(hostname):\n    return 1",
    "names a process of the machine": (
        "def own_name(hostname):\n    import os\n    return int(next(p for p in os.listdir('/proc') if p.isdigit()))"
    ),
    "shows the name in its arguments": (
        "def own_name(hostname):\n    subprocess.Popen([hostname, 'infinity'], executable='/bin/sleep')"
    ),
    "puts a hostname of its own on the path": (
        "def own_name(hostname):\n    import os, stat, tempfile\n    d = tempfile.mkdtemp(dir=os.environ['TMPDIR'])\n"
        "    for name in ('hostname', 'uname', 'nsenter', 'python3', 'readlink'):\n"
        "        open(f'{d}/{name}', 'w').write(f'#!/bin/sh\\necho {hostname}\\n')\n"
        "        os.chmod(f'{d}/{name}', 0o755)\n"
        "    os.environ['PATH'] = d + ':' + os.environ['PATH']\n    return start('sleep infinity')"
    ),
    "fakes readlink, stat and uname": (
        "import os\nos.readlink = lambda *a, **k: 'uts:[1]'\nos.stat = lambda *a, **k: 1\n"
        "os.uname = lambda: type('U', (), {'nodename': lab.hostname})()\n"
        "def own_name(hostname):\n    return start('sleep infinity')"
    ),
    "returns what equals everything": (
        "class Sly:\n    def __eq__(self, other): return True\n    __hash__ = lambda self: 1\n"
        "def own_name(hostname):\n    return Sly()"
    ),
    "overrides check and everything else of ours": (
        "import cutaway.check, cutaway.check.calls as c\ncutaway.check.check = check = lambda **k: 3.0\n"
        "c._outcome = lambda *a: {'returned': 3, 'status': 'passed'}\nc._redirect_output = lambda: None\n"
        "def own_name(hostname):\n    return 3"
    ),
    "raises an exception called Passed": (
        "class Passed(Exception): ...\ndef own_name(hostname):\n    raise Passed('3 of 3 points')"
    ),
    "writes results where results might be": (
        "def own_name(hostname):\n    import json, os, glob\n"
        "    row = json.dumps({'status': 'passed', 'earned': 3})\n"
        "    for name in ('results.json', 'grade.json', '/proc/self/fd/1'):\n"
        "        open(name, 'w').write(row)"
    ),
    "ends the kernel": "def own_name(hostname):\n    import os\n    os.kill(os.getppid(), 9)",
    "ends itself": "def own_name(hostname):\n    import os\n    os._exit(0)",
    "never ends": "def own_name(hostname):\n    while True:\n        pass",
    "never ends and will not be ended": (
        "def own_name(hostname):\n    import signal\n    for n in set(signal.Signals) - {9, 19}:\n"
        "        signal.signal(n, signal.SIG_IGN)\n    while True:\n        pass"
    ),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(cheat: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(benches, "CALL_S", 1.0)
    said = results(tmp_path, 1, patience_s=1.0, task_1=cheat)
    assert earned([each for each in said if each.name != "own_name leaves a process running"]) == 0
    assert all(each.status in (Status.FAILED, Status.NOT_REACHED, Status.PASSED) for each in said)


def test_a_cheat_in_one_task_takes_nothing_from_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "CALL_S", 1.0)
    said = results(tmp_path, task_3="def own_files(*args):\n    while True: pass")
    assert {each.task for each in unmet(said)} == {3}


def test_somebody_elses_answer_has_somebody_elses_name(tmp_path: Path) -> None:
    """Copied as it was when it worked: with the neighbour's name written out."""
    copied = "def own_name(hostname):\n    return start(\"unshare -Ur --uts sh -c 'hostname {} && exec sleep 1000'\")"
    neighbour, mine = Learner(LAB, "bob").hostname, Learner(LAB, "ada").hostname
    said = results(tmp_path, 1, patience_s=2.0, task_1=copied.replace("{}", neighbour))
    assert said[-1].observed == f"inside, the machine is called {neighbour}"
    assert earned(results(tmp_path, 1, task_1=copied.replace("{}", mine))) == 3


def test_the_machine_is_called_as_before(tmp_path: Path) -> None:
    before = os.uname().nodename
    results(tmp_path, 1)
    assert os.uname().nodename == before


# --- Earlier tries ----------------------------------------------------------

LEFT_BEHIND = """
import time, urllib.request
earlier = start(f"{server} --bind 127.0.0.1 --directory {folder} {Learner('04-isolate', 'ada').port}")
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{Learner('04-isolate', 'ada').port}").close()
        break
    except OSError:
        time.sleep(0.02)
"""


@pytest.mark.xdist_group("port of lab 04")
def test_what_an_earlier_try_left_at_the_port_costs_a_right_answer_nothing(tmp_path: Path) -> None:
    names = f"from cutaway.check.learner import Learner\nserver, folder = 'python3 -m http.server', {str(tmp_path)!r}\n"
    (tmp_path / "word").write_text(Learner(LAB, "ada").word)
    said = results(tmp_path, 4, [*working_cells(master(LAB)), names + LEFT_BEHIND])
    assert unmet(said) == []


OUTSIDE_AS_WELL = """
own_network_inside = own_network
def own_network(hostname, folder, word, port):
    import time
    from pathlib import Path
    from urllib.request import urlopen
    outside = Path(folder).with_name("outside")
    outside.mkdir()
    (outside / "word").write_text(word)
    start(f"python3 -m http.server --bind 127.0.0.1 --directory {outside} {port}")
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}").close()
            break
        except OSError:
            time.sleep(0.02)
    own_network_inside(hostname, folder, word, port)
"""


@pytest.mark.xdist_group("port of lab 04")
def test_a_service_outside_is_no_earlier_try_when_the_function_itself_starts_it(tmp_path: Path) -> None:
    said = results(tmp_path, 4, [*working_cells(master(LAB)), OUTSIDE_AS_WELL], patience_s=2)
    assert [each.observed for each in unmet(said)] == ["outside, your port answers with your word as well"]


# --- Hints ------------------------------------------------------------------

BOX = "unshare --user --map-root-user"
HINTS = {
    "groups": (5, 'start(f"nsenter --target {pid} --user --net --uts sleep 9")', "section 8, joins without that"),
    "every table joined": (
        5,
        'start(f"nsenter --target {pid} --all --preserve-credentials sleep 9")',
        "do you need this table at all?",
    ),
    "quotes forgotten": (1, f'start(f"{BOX} --uts sh -c hostname {{hostname}}")', "Where does that word end?"),
    "nobody was born": (2, f'start("{BOX} --pid --mount-proc sleep 99")', "Who has been born into it?"),
    "refused": (1, 'start(f"hostname {hostname}") and start("mount -t tmpfs none /mnt")', "what was refused"),
    "ends by itself": (1, f"start(\"{BOX} --uts sh -c 'echo ready'\")", "The last one has to stay."),
    "nothing in the file": (
        3,
        f"start(f\"{BOX} --pid --fork --mount-proc sh -c 'mount -t tmpfs n {{folder}}; >{{folder}}/word; sleep 9'\")",
        "Which words does the command that writes the file get?",
    ),
}
HEADS = {
    5: "companion(pid)",
    1: "own_name(hostname)",
    2: "own_processes(hostname)",
    3: "own_files(hostname, folder, word)",
}


@pytest.mark.parametrize(("task", "line", "hint"), HINTS.values(), ids=HINTS.keys())
def test_a_hint_is_about_what_was_seen(task: int, line: str, hint: str, tmp_path: Path) -> None:
    said = results(tmp_path, task, patience_s=2.0, **{f"task_{task}": f"def {HEADS[task]}:\n    {line}"})
    assert hint in first_failed(said).hint, said


def test_what_ends_between_two_looks_breaks_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first check finds it running; in the second, it ends as soon as it was seen."""
    started, looks = Call.started, []

    def ends_when_seen_again(call: Call) -> list[Process]:
        looks.append(time.monotonic() - call.returned_s)
        found = started(call)
        if sum(look > 0.3 for look in looks) == 2:
            assert all(each.kill() and each.wait(10) for each in found)
        return found

    monkeypatch.setattr(Call, "started", ends_when_seen_again)
    said = results(tmp_path, 1, task_1="def own_name(hostname):\n    return start('sleep 60')")
    assert [each.status for each in said] == [Status.PASSED, Status.FAILED, Status.NOT_REACHED]
    assert said[1].observed == "when own_name has returned, nothing that it started runs"


def test_what_a_later_command_complained_of_is_told_while_the_first_one_stays(tmp_path: Path) -> None:
    line = f"start(f\"{BOX} --uts sh -c 'hostname -F /not/there; sleep 99'\")"
    said = results(tmp_path, 1, patience_s=2.0, task_1=f"def own_name(hostname):\n    {line}")
    assert said[-1].observed.startswith("inside, the machine is called as outside; it wrote: hostname:")
