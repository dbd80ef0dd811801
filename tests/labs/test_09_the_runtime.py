"""Lab 09: every right way passes, no cheat gains a point, and nothing of the machine's is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import verdicts
from answers import answered, master, working_cells
from ordinary import Run
from standin import bench_of
from verdicts import of_cells, unmet

from cutaway.check import standalone
from cutaway.check.contract import Result, Status
from cutaway.ground.dry_dock import FOLDER, DryDock, config
from cutaway.linux import mounts
from cutaway.linux.processes import Process
from cutaway.problem import Problem

LAB = "09-the-runtime"


def results(folder: Path, task: int | None = None, **answers: str) -> list[Result]:
    """What the checks say of the solution with some cells answered otherwise."""
    return of_cells(LAB, working_cells(answered(master(LAB), **answers)), folder, task)


def solution(task: int) -> str:
    return str(next(cell.source for cell in master(LAB).cells if cell.id == f"task-{task}"))


# --- Other ways -----------------------------------------------------------------

BY_PROGRAMS = {
    "task_1": """
class Enclosed(Runtime):
    def enclose(self):
        for each in self.config["linux"]["namespaces"]:
            if "path" in each:
                call("setns", os.open(each["path"], os.O_RDONLY), 0)
            else:
                call("unshare", KINDS[each["type"]])
        __import__("socket").sethostname(self.config["hostname"])
""",
    "task_2": """
def mount(*words):
    subprocess.run(["mount", *words], check=True)

class Furnished(Enclosed):
    def furnish(self):
        root = os.path.join(self.bundle, self.config["root"]["path"])
        mount("--make-rprivate", "/")
        mount("--rbind", root, root)
        for each in self.config["mounts"]:
            target = root + each["destination"]
            if os.path.isfile(each["source"]):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                open(target, "a").close()
            else:
                os.makedirs(target, exist_ok=True)
            mount("-t", each["type"], "-o", ",".join(each["options"]), each["source"], target)
        os.chdir(root)
        mount("--move", ".", "/")
        os.chroot(".")
""",
    "task_3": """
class Restricted(Furnished):
    def restrict(self):
        process = self.config["process"]
        for number in reversed(range(len(CAPABILITIES))):
            if CAPABILITIES[number] not in process["capabilities"]["bounding"]:
                call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
        if process["noNewPrivileges"]:
            call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    def become(self):
        process = self.config["process"]
        os.chdir(process["cwd"])
        env = dict(each.split("=", 1) for each in process["env"])
        os.execvpe(process["args"][0], process["args"], env)
""",
}

BY_A_SOCKET = {
    "task_4": """
import socket

class Stepwise(Restricted):
    folder = property(lambda self: os.path.join(self.options["root"], self.words[0]))
    door = property(lambda self: f"{self.folder}/door")

    def live(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.door)
        listener.listen()
        self.furnish()
        self.restrict()
        os.close(self.tell)
        listener.accept()
        self.become()

    def create(self):
        os.makedirs(self.folder)
        pid = self.birth()
        with open(f"{self.folder}/pid", "w") as file:
            print(pid, os.path.abspath(self.bundle), file=file)

    def known(self):
        with open(f"{self.folder}/pid") as file:
            pid, bundle = file.read().split()
        status = "created" if os.path.exists(self.door) else "running"
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                status = status if file.read() else "stopped"
        except OSError:
            status = "stopped"
        return {"ociVersion": "1.0.2", "id": self.words[0], "status": status, "pid": int(pid), "bundle": bundle}

    def start(self):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(self.door)
        os.remove(self.door)

    def state(self):
        json.dump(self.known(), sys.stdout)

    def kill(self):
        pidfd = os.pidfd_open(self.known()["pid"])
        signal.pidfd_send_signal(pidfd, int(self.words[1]))

    def delete(self):
        if not os.path.exists(self.folder) and "force" in self.options:
            return 0
        known = self.known()
        if known["status"] == "running" and "force" not in self.options:
            return "it runs"
        if known["status"] != "stopped":
            os.kill(known["pid"], 9)
        subprocess.run(["rm", "-r", self.folder], check=True)
""",
}

BY_SIGNALS = {
    "task_2": """
class Furnished(Enclosed):
    def furnish(self):
        root = os.path.abspath(os.path.join(self.bundle, self.config["root"]["path"]))
        call("mount", "", "/", None, REC | 1 << 19, None)
        call("mount", root, root, "", BIND, "")
        for each in self.config["mounts"]:
            target, flags = root + each["destination"], 0
            data = [option for option in each["options"] if option not in OPTIONS]
            for option in each["options"]:
                flags |= OPTIONS.get(option, 0)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if flags & BIND and not os.path.isdir(each["source"]):
                os.mknod(target) if not os.path.exists(target) else None
            elif not os.path.exists(target):
                os.mkdir(target)
            call("mount", each["source"], target, each["type"], flags & ~READ_ONLY, ",".join(data))
            if flags & READ_ONLY:
                call("mount", "", target, "", BIND | REMOUNT | flags, None)
        os.mkdir(f"{root}/.old")
        call("pivot_root", root, f"{root}/.old")
        os.chdir("/")
        call("umount2", "/.old", DETACH)
        os.rmdir("/.old")
""",
    "task_4": solution(4)
    .replace('word = os.open(f"{self.folder}/word", os.O_RDWR)', "signal.pthread_sigmask(signal.SIG_BLOCK, [12])")
    .replace("os.read(word, 1)", "signal.sigwait([12])\n        signal.pthread_sigmask(signal.SIG_UNBLOCK, [12])")
    .replace('word = os.open(f"{self.folder}/word", os.O_WRONLY | os.O_NONBLOCK)', "pid = self.known()['pid']")
    .replace('os.write(word, b"s")', "os.kill(pid, 12)"),
}

WAYS = [
    pytest.param(BY_PROGRAMS, 3, id="programs", marks=pytest.mark.soak),
    pytest.param(BY_A_SOCKET, 5, id="a socket", marks=pytest.mark.soak),
    pytest.param(BY_SIGNALS, 4, id="signals"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("way", "last"), WAYS)
def test_another_way_earns_every_point_of_its_tasks_and_touches_nothing_outside(
    way: dict[str, str], last: int, tmp_path: Path
) -> None:
    before = outside()
    for task in sorted({int(name.removeprefix("task_")) for name in way} | {last}):
        (tmp_path / str(task)).mkdir()
        said = results(tmp_path / str(task), task, **way)
        assert unmet(said) == []
    assert outside() == before


def outside() -> tuple[list[tuple[str, str]], str]:
    """The machine's own mounts and its name."""
    return [(each.target, each.source) for each in mounts.mounts()], os.uname().nodename


# --- Who asks --------------------------------------------------------------------


@pytest.mark.slow
def test_an_ordinary_user_earns_every_point_as_well_docker_included(as_ordinary_user: Run) -> None:
    done = as_ordinary_user(verdicts.__file__, LAB, "5")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"solution": []}


def test_a_program_that_takes_its_time_to_end_costs_no_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is busy ends a process some time after the signal; the check asks again until it has."""
    late: set[Process] = set()

    def alive(process: Process) -> bool:
        if running(process) or process in late:
            return running(process)
        late.add(process)
        return True

    running = Process.alive
    monkeypatch.setattr(Process, "alive", alive)
    assert unmet(results(tmp_path, 4)) == []
    assert late


# --- Cheats -----------------------------------------------------------------------

ELSEWHERE = """
class Enclosed(Runtime):
    def birth(self):
        os.execv({program!r}, [{program!r}, "run", "--bundle", self.bundle, "box"])
"""
CHEATS = {
    "does nothing": (1, "class Enclosed(Runtime):\n    pass"),
    "says that all is well": (1, "class Enclosed(Runtime):\n    def run(self):\n        print('passed')"),
    "has runc do it": (1, ELSEWHERE.format(program="/usr/sbin/runc")),
    "has the course's runtime do it": (
        1,
        f"SOURCE = {str(Path(standalone.__file__).parents[2])!r}\nclass Enclosed(Runtime):\n    def run(self):\n"
        "        sys.path.insert(0, SOURCE)\n        from cutaway.runtime import cli\n"
        "        return cli.main(['run', '--bundle', self.bundle, 'box'])",
    ),
    "tells of a container that is not there": (
        4,
        "class Stepwise(Restricted):\n    def create(self):\n        pass\n"
        "    def state(self):\n        print(json.dumps({'id': 'box', 'status': 'created', 'pid': os.getppid(), "
        "'bundle': '/run/dock/steps', 'ociVersion': '1.0.2'}))",
    ),
}


IN_THE_PROOF = ("has runc do it", "tells of a container that is not there")
TRIED = [
    pytest.param(*cheat, id=name, marks=[] if name in IN_THE_PROOF else pytest.mark.soak)
    for name, cheat in CHEATS.items()
]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "cheat"), TRIED)
def test_a_cheat_gains_nothing(task: int, cheat: str, tmp_path: Path) -> None:
    said = results(tmp_path, task, **{f"task_{task}": cheat})
    assert sum(each.earned for each in said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}


@pytest.mark.soak
def test_somebody_elses_container_has_somebody_elses_name(tmp_path: Path) -> None:
    copied = solution(1).replace('self.config.get("hostname")', '"amber-heron-417"')
    said = results(tmp_path, 1, task_1=copied)
    assert [each.observed.partition(",")[0] for each in said if each.status is Status.FAILED] == [
        "the container is called amber-heron-417"
    ]


# --- What a notebook is as a program ------------------------------------------------


def test_a_program_is_what_the_notebook_defines_now_and_nothing_that_it_only_tries(tmp_path: Path) -> None:
    cells = [
        "import os, json as j\nfrom functools import reduce\nMOST = 7\nlittle = 8",
        "def twice(n):\n    return n",
        "raised = []\nraised.append(twice(1))",
        "class Early:\n    @property\n    def value(self):\n        return MOST",
        "class Late(Early):\n    pass",
        "def twice(n):\n    # the second\n    return j.loads(str(2 * n))",
        "from cutaway.check import standalone\n"
        "def written():\n    return standalone.program(globals(), 'print(twice(Early().value))')",
    ]
    with bench_of(cells, tmp_path) as bench, DryDock() as dock:
        text = bench.call("written").value
        assert isinstance(text, str)
        said = dock.run(dock.program(text))
    assert said.out == "14\n", said
    assert "the second" in text
    assert text.count("def twice") == 1
    assert "little" not in text
    assert "raised" not in text
    assert "import cutaway" not in text


# --- The dock ------------------------------------------------------------------------


def test_in_a_dock_one_is_root_over_nothing_of_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    with DryDock() as dock:
        pid = dock.box.pid
        assert dock.run("id", "-u").out == "0\n"
        assert dock.run("sh", "-c", "echo 1 > /proc/sys/kernel/sysrq").status
        assert dock.run("sh", "-c", "mount -t tmpfs none /mnt && hostname elsewhere").status == 0
        assert dock.run("runc", "--version").status == 1
        assert config("true")["root"]["path"] == f"{FOLDER}/rootfs"
        monkeypatch.setattr("cutaway.ground.programs.path", lambda _: None)
        with pytest.raises(Problem, match="starting Docker: it is not installed; to get it: "):
            dock.docker()
    assert not Path(f"/proc/{pid}").exists()
    assert os.uname().nodename not in ("dock", "elsewhere")
