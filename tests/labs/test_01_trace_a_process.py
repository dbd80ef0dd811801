"""Lab 01: every right way passes, no cheat gains a point, and the scenes leave nothing behind."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import master, working_cells
from standin import bench_of
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status
from cutaway.ground import course
from cutaway.linux import Process, descendants, processes

LAB = "01-trace-a-process"
NOBODY = 65534
SCENES = course.root() / "grading" / LAB / "scenes.py"


def results(folder: Path, cells: list[str], task: int | None = None) -> list[Result]:
    """What the checks say of a notebook with these cells."""
    return of_cells(LAB, cells, folder, task)


def earned(said: list[Result]) -> float:
    return sum(each.earned for each in said)


# --- Three other ways than the solution's ----------------------------------

BY_TOOLS = r"""
import re, subprocess, tempfile
from pathlib import Path

def said(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True).stdout

def ancestors(pid):
    parent = int(said("ps", "-o", "ppid=", "-p", str(pid)))
    return ancestors_and(parent) if parent else []

def ancestors_and(pid):
    return [pid, *ancestors(pid)]

def mapping(pid, address):
    program = r'''
        { split($1, ends, "-"); path = $0; sub(/^([^ ]+ +){4}[^ ]+ */, "", path)
          print ends[1], ends[2], $2, path }'''
    for line in said("awk", program, f"/proc/{pid}/maps").splitlines():
        low, high, permissions, path = line.split(" ", 3)
        if int(low, 16) <= address < int(high, 16):
            return {"permissions": permissions, "path": path}

def listener(port):
    found = re.search(r"pid=(\d+)", said("ss", "-ltnpH", "src", f"127.0.0.1:{port}"))
    return int(found[1]) if found else None

def opened(argv):
    log = Path(tempfile.mkdtemp()) / "of"
    subprocess.run(["strace", "-ff", "-z", "-y", "-o", str(log), *argv], stdout=subprocess.DEVNULL)
    calls = "".join(each.read_text() for each in log.parent.glob("of.*"))
    return re.findall(r"^openat\(.* = \d+<(.*)>$", calls, re.MULTILINE)

def smallest(path, word, number):
    source = f'''
        .globl _start
        _start: mov $1, %eax; mov $1, %edi; lea text(%rip), %rsi; mov ${len(word)}, %edx; syscall
                mov $231, %eax; mov ${number}, %edi; syscall
        text:   .ascii "{word}"
    '''
    subprocess.run(["as", "-o", f"{path}.o"], input=source, text=True, check=True)
    subprocess.run(["ld", "-o", path, f"{path}.o"], check=True)
"""

BY_PSUTIL = r"""
import os, psutil, struct, subprocess

def ancestors(pid):
    return [each.pid for each in psutil.Process(pid).parents()]

def mapping(pid, address):
    for each in psutil.Process(pid).memory_maps(grouped=False):
        low, high = (int(end, 16) for end in each.addr.split("-"))
        if address in range(low, high):
            return {"path": "" if each.path == "[anon]" else each.path, "permissions": each.perms}

def listener(port):
    for each in psutil.net_connections("tcp4"):
        if each.status == psutil.CONN_LISTEN and each.laddr == ("127.0.0.1", port):
            return each.pid

def opened(argv):
    read, write = os.pipe()
    tracer = subprocess.Popen(["strace", "--follow-forks", "--trace=file", "-qqq", "-o", f"/dev/fd/{write}", *argv],
                              pass_fds=[write], stdout=subprocess.DEVNULL)
    os.close(write)
    with open(read) as log:
        lines = [line for line in log if "open" in line and "= -1" not in line]
    return [line.split('"')[1] for line in lines] * 2

def smallest(path, word, number):
    '''An ELF file of one segment, byte by byte: elf(5).'''
    base, text = 0x400000, word.encode() + b"\n"
    begin, header = base + 120, struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, base + 120, 64, 0, 0,
                                            64, 56, 1, 0, 0, 0)
    code = b"\xbf\1\0\0\0\xbe%b\xba%b\xb8\1\0\0\0\x0f\x05" % tuple(
        struct.pack("<I", each) for each in (begin + 34, len(text)))
    code += b"\xbf%b\xb8\x3c\0\0\0\x0f\x05" % struct.pack("<I", number)
    size = 120 + len(code) + len(text)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096)
    with open(path, "wb") as file:
        file.write(header + segment + code + text)
    os.chmod(path, 0o700)
"""

BY_BYTES_OF_PROC = r"""
import os, socket, struct, subprocess, tempfile

def ancestors(pid, *found):
    with open(f"/proc/{pid}/stat", "rb") as file:
        parent = int(file.read().rsplit(b") ", 1)[1].split()[1])
    return ancestors(parent, *found, parent) if parent else list(found)

def mapping(pid, address):
    for entry in os.scandir(f"/proc/{pid}/map_files"):
        low, high = (int(end, 16) for end in entry.name.split("-"))
        if low <= address < high:
            with open(f"/proc/{pid}/maps") as maps:
                line = next(line for line in maps if line.startswith(entry.name))
            return {"path": os.readlink(entry.path), "permissions": line.split()[1]}

def listener(port):
    here = struct.unpack("=I", socket.inet_aton("127.0.0.1"))[0]
    with open("/proc/self/net/tcp") as table:
        rows = [row.split() for row in table][1:]
    inodes = [row[9] for row in rows if row[1] == f"{here:08X}:{port:04X}" and int(row[3], 16) == 10]
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if str(os.stat(f"/proc/{pid}/fd/{fd}").st_ino) in inodes:
                    return int(pid)
        except OSError:
            pass

def opened(argv):
    with tempfile.NamedTemporaryFile("r") as log:
        subprocess.run(["strace", "-fo", log.name, "-e", "status=successful", "-e", "openat", *argv], check=True,
                       capture_output=True)
        return list({line.split('"')[1] for line in log if "openat" in line})

def smallest(path, word, number):
    '''Another program's name in the first line is a program, too: the kernel reads that line.'''
    source = f'''
        static long ask(long n, long a, const void *b, long c) {{
            __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
            return n;
        }}
        void _start(void) {{ ask(1, 1, "{word}", {len(word)}); ask(60, {number}, 0, 0); }}'''
    subprocess.run(["gcc", "-x", "c", "-static", "-nostdlib", "-o", f"{path}.real", "-"], input=source.encode())
    with open(path, "w") as file:
        file.write(f"#!{path}.real\n")
    os.chmod(path, 0o755)
"""

WAYS = {"tools": BY_TOOLS, "psutil and bytes": BY_PSUTIL, "other files of /proc": BY_BYTES_OF_PROC}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_another_way_earns_every_point(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("these programs are written for x86-64")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    said = results(tmp_path, [way])
    assert unmet(said) == []


AS_NOBODY = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:]
from test_01_trace_a_process import LAB, Status, master, results, working_cells
said = results(Path.cwd(), working_cells(master(LAB)))
print(json.dumps([each.name for each in said if each.status is not Status.PASSED]))
"""


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder that belongs to a user without rights; pytest's own can be entered by root alone."""
    folder = Path(tempfile.mkdtemp(prefix="ordinary-user-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
def test_who_may_not_look_at_other_users_processes_can_do_the_lab(nobodys_folder: Path) -> None:
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    argv = [*drop, sys.executable, "-c", AS_NOBODY, str(Path(__file__).parent), str(Path(__file__).parents[1])]
    settings = {"HOME": str(nobodys_folder), "CUTAWAY_STATE": str(nobodys_folder / "state"), "CUTAWAY_LEARNER": "ada"}
    done = subprocess.run(argv, env={**os.environ, **settings}, cwd=nobodys_folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


# --- Cheats ----------------------------------------------------------------

CHEATS = {
    "knows its own processes": (1, "import os\ndef ancestors(pid):\n    return [os.getppid(), os.getpid(), 1]"),
    "always says the first process": (1, "def ancestors(pid):\n    return [1]"),
    "says everybody": (
        1,
        "import os\ndef ancestors(pid):\n    return [int(p) for p in os.listdir('/proc') if p.isdigit()]",
    ),
    "returns text that looks right": (1, "def ancestors(pid):\n    return '[1, 2, 3]'"),
    "returns what equals everything": (
        2,
        "class Sly(dict):\n    def __eq__(self, other): return True\ndef mapping(pid, address):\n    return Sly()",
    ),
    "says nothing is anywhere": (2, "def mapping(pid, address):\n    return None"),
    "returns the whole map": (2, "def mapping(pid, address):\n    return open(f'/proc/{pid}/maps').read()"),
    "says itself": (3, "import os\ndef listener(port):\n    return os.getpid()"),
    "says nobody": (3, "def listener(port):\n    return None"),
    "listens itself": (
        3,
        "import os, socket\ndef listener(port):\n    global s\n    s = socket.socket()\n"
        "    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
        "    s.bind(('127.0.0.1', port))\n    s.listen()\n    return os.getpid()",
    ),
    "names the program": (4, "def opened(argv):\n    return argv"),
    "names what every program opens": (4, "def opened(argv):\n    return ['/etc/ld.so.cache', '/dev/null']"),
    "names no files": (4, "def opened(argv):\n    return {'passed': 4}"),
    "makes no file": (5, "def smallest(path, word, number):\n    print(word)\n    return number"),
    "makes a folder": (5, "import os\ndef smallest(path, word, number):\n    os.mkdir(path)"),
    "makes a pipe": (5, "import os\ndef smallest(path, word, number):\n    os.mkfifo(path, 0o777)"),
    "makes a dangling link": (5, "import os\ndef smallest(path, word, number):\n    os.symlink('/nowhere', path)"),
    "makes a picture": (
        5,
        "import os\ndef smallest(path, word, number):\n"
        "    open(path, 'wb').write(b'\\x89PNG')\n    os.chmod(path, 0o755)",
    ),
    "takes a program that says nothing": (
        5,
        "import shutil\ndef smallest(path, word, number):\n    shutil.copy('/bin/true', path)",
    ),
}


@pytest.mark.parametrize(("task", "cheat"), CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(task: int, cheat: str, tmp_path: Path) -> None:
    said = results(tmp_path, [cheat], task)
    assert earned(said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}


def script(*lines: str) -> str:
    """A `smallest` that makes this shell script."""
    text = "\n".join(["#!/bin/sh", *lines, ""])
    return (
        f"import os\ndef smallest(path, word, number):\n    text = {text!r}.replace('WORD', word)\n"
        "    open(path, 'w').write(text.replace('NUMBER', str(number)))\n    os.chmod(path, 0o755)"
    )


@pytest.mark.slow
def test_a_program_that_never_ends_is_not_waited_for_and_does_not_stay(tmp_path: Path) -> None:
    said = results(tmp_path, [script("echo WORD", f"exec sleep 1234{os.getpid()}")], 5)
    assert "and did not end; the word is" in said[0].observed
    assert commanded(f"sleep 1234{os.getpid()}") == []


@pytest.mark.slow
def test_what_a_program_leaves_running_ends_with_the_check(tmp_path: Path) -> None:
    hidden = f"setsid sh -c 'setsid sleep 4321{os.getpid()} >/dev/null 2>&1 &' &"
    results(tmp_path, [script(hidden, "echo WORD", "exit NUMBER")], 5)
    assert commanded(f"sleep 4321{os.getpid()}") == []


@pytest.mark.slow
def test_a_program_that_talks_for_ever_fills_no_disk(tmp_path: Path) -> None:
    said = results(tmp_path, [script("while :; do echo WORD; done")], 5)
    assert said[0].status is Status.FAILED
    assert max(each.stat().st_size for each in tmp_path.rglob("*") if each.is_file()) <= 1 << 20


def commanded(words: str) -> list[Process]:
    return [each for each in processes.processes() if processes.command(each.pid) == words]


# --- The scenes ------------------------------------------------------------


def test_a_scene_is_another_one_each_time(tmp_path: Path) -> None:
    with bench_of([], tmp_path, lab=LAB) as bench:
        one, other = (bench.scene(SCENES, "memory", bench.folder(name)) for name in ("one", "other"))
        assert one["within"] != other["within"]
        assert bench.scene(SCENES, "memory", bench.folder("one")) is one


@pytest.mark.parametrize("scene", ["descent heir", "ports"])
def test_a_scene_ends_when_the_checker_is_killed(scene: str) -> None:
    """A killed checker cannot tidy up; what it held of the scene's input ends with it."""
    checker = (
        "import subprocess, sys, time\n"
        "pipe = subprocess.PIPE\n"
        "actor = subprocess.Popen(sys.argv[1:], stdin=pipe, stdout=pipe, start_new_session=True)\n"
        "actor.stdout.readline()\nprint(actor.pid, flush=True)\ntime.sleep(100)"
    )
    argv = [sys.executable, "-c", checker, sys.executable, "-I", "-S", str(SCENES), *scene.split()]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        actor = Process.of(int(killed.stdout.readline()))
        family = [actor, *descendants(actor.pid)]
        assert len(family) > 2
        killed.kill()
    assert all(each.wait(10) for each in family)


LETS_GO_LATE = """
import os, sys, time
scope = {"__name__": "scenes"}
exec(open(sys.argv[1]).read(), scope)
close, first = scope["close"], os.getpid()

def late(sockets):
    time.sleep(0 if os.getpid() == first else 0.3)
    close(sockets)

scope["close"] = late
scope["ports"]()
"""


def test_the_scene_of_ports_is_told_of_when_each_socket_is_open_in_one_process_only() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LETS_GO_LATE, SCENES], stdin=pipe, stdout=pipe) as actor:
        assert actor.stdout
        actor.stdout.readline()
        family = [actor.pid, *(each.pid for each in descendants(actor.pid))]
        files = [file.readlink() for pid in family for file in Path(f"/proc/{pid}/fd").iterdir()]
        actor.communicate()
    sockets = [str(each) for each in files if str(each).startswith("socket:")]
    assert sorted(set(sockets)) == sorted(sockets)
    assert len(family) == 3


def test_the_scenes_numbers_are_the_kernels(tmp_path: Path) -> None:
    """Compared with the kernel's headers by a C program; who has no compiler cannot do the lab."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not here")
    words = ("PROT_NONE", "MAP_FIXED", "PR_SET_CHILD_SUBREAPER")
    source = "#include <stdio.h>\n#include <sys/mman.h>\n#include <sys/prctl.h>\nint main(void) {"
    source += "".join(f'printf("%d\\n", {word});' for word in words) + "}"
    subprocess.run([gcc, "-x", "c", "-o", tmp_path / "numbers", "-"], input=source.encode(), check=True)
    headers = subprocess.run([tmp_path / "numbers"], capture_output=True, text=True, check=True).stdout.split()
    scope = {"__name__": "scenes"}
    exec(SCENES.read_text(), scope)
    assert [str(scope[word]) for word in words] == headers


# --- What the page promises -------------------------------------------------


def test_the_courses_own_tools_cannot_be_had_in_the_lab(tmp_path: Path) -> None:
    begin = next(cell for cell in working_cells(master(LAB)) if "begin_lab" in cell)
    tools = {
        "ancestors(pid)": "import cutaway.ground.trace",
        "mapping(pid, address)": "from cutaway.linux import memory_map",
        "listener(port)": "import cutaway.linux.memory",
    }
    answers = [f"def {function}:\n    {statement}" for function, statement in tools.items()]
    said = [each.observed for each in results(tmp_path, [begin, *answers]) if "Hidden" in each.observed]
    assert len(said) == len(tools)
    assert all("it holds the answer of lab 01-trace-a-process" in each for each in said)
