"""What is tried in a lab machine, whose groups are of version 2: `python -I version_2.py SOURCE BESIDE WHAT...`.

Each function below is one trial and says what it saw; the answers go to standard output as JSON, for
test_version_2.py to judge. BESIDE names the trials in which runc stands beside ours. The runtime is loaded once and
every command is a copy of this process, because by emulation a start of Python takes longer than a container.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])

from cutaway.runtime import cli, example

TOP = Path("/sys/fs/cgroup")
HERE = Path("/tmp/version-2")
ROOT = HERE / "rootfs"
PATIENCE_S = 20
MIB = 1 << 20
FORTY_PROCESSES = "(for i in $(seq 40); do sleep 99 & done); sleep 99"  # a shell that cannot fork ends
RICH = {
    "memory": {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 96 * MIB},
    "cpu": {"shares": 512, "quota": 20000, "period": 50000, "cpus": "0", "mems": "0"},
    "pids": {"limit": 33},
    "unified": {"memory.high": str(60 * MIB), "cgroup.max.depth": "7"},
}
COMPARED = (
    "memory.max", "memory.low", "memory.swap.max", "memory.high", "cpu.weight", "cpu.max", "cpuset.cpus",
    "cpuset.mems", "pids.max", "cgroup.max.depth", "cgroup.type", "cgroup.controllers",
)  # fmt: skip

# --- Runtimes --------------------------------------------------------------


def ours(*words: str) -> tuple[int, str]:
    """Status and output of one command of ours, by a copy of this process."""
    with (HERE / "said").open("w+b") as said:
        pid = os.fork()
        if pid == 0:
            status = 99
            for at in (1, 2):
                os.dup2(said.fileno(), at)
            try:
                status = cli.main(["--root", str(HERE / "ours"), *words])
            finally:
                sys.stdout.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        return status, said.read().decode()


def runc(*words: str) -> tuple[int, str]:
    """The same of the oracle."""
    argv = ["/usr/sbin/runc", "--root", str(HERE / "runc"), *words]
    with (HERE / "said").open("w+b") as said:
        status = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=60, check=False)
        said.seek(0)
        return status.returncode, said.read().decode()


Runtime = Callable[..., tuple[int, str]]


def beside(trial: Callable[..., Any]) -> tuple[Runtime, ...]:
    """The runtimes that this trial is made with."""
    return (ours, runc) if trial.__name__ in sys.argv[2].split(",") else (ours,)


class Running:
    """A container in the background, with these resources; its group is `group`."""

    def __init__(self, command: str, runtime: Runtime = ours, **resources: Any) -> None:
        self.runtime = runtime
        self.name = f"{runtime.__name__}-{time.monotonic_ns()}"
        self.group = TOP / self.name
        self.bundle = bundle(self.name, command, resources)

    def __enter__(self) -> Running:
        status, said = self.runtime("run", "-d", "--bundle", str(self.bundle), self.name)
        assert status == 0, said
        return self

    def __exit__(self, *_: object) -> None:
        self.runtime("delete", "--force", self.name)
        shutil.rmtree(self.bundle)

    def do(self, *words: str) -> str:
        """A command about it, which succeeds."""
        status, said = self.runtime(words[0], *[self.name if word == "@" else word for word in words[1:]])
        assert status == 0, (words, said)
        return said

    def numbers(self, file: str) -> dict[str, int]:
        """A file of the group's with a word and a number on each line."""
        return {line.split()[0]: int(line.split()[1]) for line in (self.group / file).read_text().splitlines()}

    def status(self) -> str:
        return str(json.loads(self.do("state", "@"))["status"])


def bundle(name: str, command: str, resources: dict[str, Any]) -> Path:
    folder = HERE / f"bundle-{name}"
    folder.mkdir(parents=True)
    config = example.config("/bin/sh", "-c", command)
    config["root"]["path"] = str(ROOT)
    config["linux"]["cgroupsPath"] = f"/{name}"
    config["linux"]["resources"] |= resources
    for each in config["process"]["capabilities"].values():
        each.append("CAP_MKNOD")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def to_its_end(command: str, runtime: Runtime = ours, **resources: Any) -> tuple[int, str]:
    """Status and output of a container that runs to its end."""
    name = f"{runtime.__name__}-{time.monotonic_ns()}"
    made = bundle(name, command, resources)
    try:
        return runtime("run", "--bundle", str(made), name)
    finally:
        shutil.rmtree(made)


def until(so: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(so())


# --- Trials ----------------------------------------------------------------


def limits() -> Any:
    """Every file that the resources are about, ours beside runc's."""
    found = {}
    for runtime in beside(limits):
        with Running("sleep 99", runtime, **RICH) as container:
            found[runtime.__name__] = {file: (container.group / file).read_text().split() for file in COMPARED}
    return found


def view() -> Any:
    """What the container sees of its groups."""
    command = "cat /proc/self/cgroup; ls /sys/fs/cgroup | grep -c -e memory.max -e pids.max; mkdir /sys/fs/cgroup/x"
    return to_its_end(command, memory={"limit": 64 * MIB})


def memory() -> Any:
    """A program that takes more than it may: its end, and what the group counts."""
    eat = "dd if=/dev/zero of=/dev/null bs=60M count=1; echo status $?; sleep 99"
    with Running(eat, memory={"limit": 16 * MIB, "swap": 16 * MIB}) as container:
        killed = until(lambda: container.numbers("memory.events")["oom_kill"] > 0)
        return {"killed": killed, "alive": container.status(), "max": (container.group / "memory.max").read_text()}


def pids() -> Any:
    """A fork bomb."""
    with Running(FORTY_PROCESSES, pids={"limit": 10}) as container:
        refused = until(lambda: container.numbers("pids.events")["max"] > 0)
        return {"refused": refused, "current": int((container.group / "pids.current").read_text())}


def cpu() -> Any:
    """A loop with a tenth of a processor: how much it got, and whether it was throttled."""
    with Running("while :; do :; done") as container:
        container.do("update", "--cpu-quota", "5000", "--cpu-period", "50000", "@")  # slow only from here on
        until(lambda: container.numbers("cpu.stat")["nr_throttled"] > 1)
        before, began = container.numbers("cpu.stat")["usage_usec"], time.monotonic()
        used = [0.0]

        def settled() -> bool:
            """On a busy host the guest's clock goes on while its processor does not, which evens out."""
            used[0] = (container.numbers("cpu.stat")["usage_usec"] - before) / 1e6 / (time.monotonic() - began)
            return time.monotonic() - began > 0.4 and 0.02 < used[0] < 0.2

        until(settled)
        return {"used": used[0], "throttled": container.numbers("cpu.stat")["nr_throttled"]}


def pause() -> Any:
    """Frozen: nothing moves, it says so, a second pause is refused, and a frozen one can be killed."""
    with Running("while :; do :; done") as container:
        container.do("pause", "@")
        used = container.numbers("cpu.stat")["usage_usec"]
        saw = {"status": container.status(), "frozen": container.numbers("cgroup.events")["frozen"]}
        saw["twice"] = ours("pause", container.name)[0]
        saw["still"] = container.numbers("cpu.stat")["usage_usec"] - used
        container.do("resume", "@")
        saw["resumed"] = container.status()
        saw["moves"] = until(lambda: container.numbers("cpu.stat")["usage_usec"] > used)
        container.do("pause", "@")
        container.do("delete", "--force", "@")
        return saw | {"gone": not container.group.exists()}


def kill_all() -> Any:
    """Every process of the group at once, also those in groups below and those that ignore signals."""
    with Running("trap '' TERM; for i in 1 2 3; do (trap '' TERM; sleep 99) & done; sleep 99") as container:
        until(lambda: len((container.group / "cgroup.procs").read_text().split()) > 3)
        container.do("kill", "--all", "@", "KILL")
        return {"stopped": until(lambda: container.status() == "stopped")}


def devices() -> Any:
    """Which devices are refused where, besides the usual ones, one disk may be read; neither disk has a driver."""
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "b", "major": 7, "minor": 1, "access": "r"}]
    command = "mknod /dev/disk b 7 0; mknod /dev/lent b 7 1; " + "; ".join(
        f"(: {way} /dev/{name}) 2>&1 | grep -q 'not permitted' && echo '{name} {way}'"
        for name in ("null", "zero", "disk", "lent") for way in "<>"
    )  # fmt: skip
    return {each.__name__: to_its_end(command, each, devices=rules)[1].splitlines() for each in beside(devices)}


def update() -> Any:
    """New limits for one that runs, from options and from JSON."""
    with Running("sleep 99", memory={"limit": 64 * MIB}) as container:
        container.do("update", "--memory", str(48 * MIB), "--pids-limit", "5", "--cpu-quota", "30000", "@")
        (HERE / "resources").write_text(json.dumps({"memory": {"reservation": 8 * MIB}, "cpu": {"shares": 2048}}))
        container.do("update", "--resources", str(HERE / "resources"), "@")
        files = ("memory.max", "pids.max", "cpu.max", "memory.low", "cpu.weight")
        return {file: (container.group / file).read_text().strip() for file in files}


def events() -> Any:
    """What it uses, in ours and in runc's words."""
    saw = {}
    for runtime in beside(events):
        with Running("sleep 99", runtime, memory={"limit": 64 * MIB}, pids={"limit": 9}) as container:
            told = json.loads(container.do("events", "--stats", "@"))["data"]
            saw[runtime.__name__] = {
                "limit": told["memory"]["usage"]["limit"], "used": told["memory"]["usage"]["usage"] > 0,
                "pids": told["pids"], "cpu": told["cpu"]["usage"]["total"] > 0,
            }  # fmt: skip
    return saw


def entering() -> Any:
    """exec joins the groups, ps lists them, and nothing is left of the group afterwards."""
    with Running("sleep 98 & sleep 99", pids={"limit": 9}) as container:
        said = container.do("exec", "@", "/bin/sh", "-c", "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max")
        listed = json.loads(container.do("ps", "--format", "json", "@"))
    return {"said": said, "listed": len(listed), "gone": not container.group.exists()}


def refused() -> Any:
    """What only version 1 has is refused with a sentence, and nothing stays of it."""
    said = {}
    for name, resources in (
        ("swappiness", {"memory": {"swappiness": 50}}),
        ("realtime", {"cpu": {"realtimeRuntime": 1000}}),
        ("unified", {"unified": {"../memory.max": "1"}}),
        ("nonsense", {"unified": {"memory.nonsense": "1"}}),
    ):
        status, words = to_its_end("true", **resources)
        said[name] = f"{status} {words.strip()}"
    return said | {"left": sorted(path.name for path in TOP.glob("ours-*"))}


def main(names: list[str]) -> None:
    shutil.rmtree(HERE, ignore_errors=True)
    (ROOT / "bin").mkdir(parents=True)
    for folder in ("proc", "sys", "dev", "tmp", "etc"):
        (ROOT / folder).mkdir()
    shutil.copy(shutil.which("busybox") or "/bin/busybox", ROOT / "bin/busybox")
    for tool in ("sh", "cat", "dd", "echo", "grep", "head", "ls", "mkdir", "mknod", "seq", "sleep", "true"):
        (ROOT / "bin" / tool).symlink_to("busybox")
    for name in names:
        began = time.monotonic()
        try:
            saw = globals()[name]()
        except Exception as error:
            saw = {"error": repr(error)}
        print(json.dumps({"trial": name, "saw": saw, "seconds": round(time.monotonic() - began, 2)}), flush=True)


main(sys.argv[3:])
