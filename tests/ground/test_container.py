"""Containers for cells: what one can say of them, what keeps them in, and that nothing of them is left.

The same as root and as an ordinary user; the tests run a small program as both, for the runtime is kept by a process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ordinary import as_ordinary_user

from cutaway import ledger
from cutaway.ground import container
from cutaway.ground.container import Container
from cutaway.images import layout
from cutaway.images.closure import archive, closure
from cutaway.images.layers import LayerError
from cutaway.linux import CommandFailed, Process, identity
from cutaway.linux.namespaces import Kind
from cutaway.problem import Problem

__all__ = ["as_ordinary_user"]

DEADLINE_S = 30
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module", autouse=True)
def state() -> Iterator[Path]:
    """A state folder for all tests here, and one runtime that is kept warm for them."""
    folder = Path(f"/tmp/cutaway-containers-{os.getpid()}")
    before = os.environ.get("CUTAWAY_STATE")
    os.environ["CUTAWAY_STATE"] = str(folder)
    yield folder
    container.workshop().close()
    assert ledger.entries() == []
    assert list(folder.glob("containers-*")) == []
    shutil.rmtree(folder)
    os.environ.pop("CUTAWAY_STATE")
    if before:
        os.environ["CUTAWAY_STATE"] = before


# --- What one can say ------------------------------------------------------


def test_commands_run_in_one_container_that_keeps_what_they_write() -> None:
    with Container() as made:
        made.run("echo kept > /file")
        assert made.run("cat /file; hostname") == f"kept\n{made.name}"
        assert identity(Kind.PID, made.pid) != identity(Kind.PID)
        keeper = Process.of(made.pid)
    assert not keeper.alive()


def test_what_is_written_stays_in_its_container_and_never_reaches_the_image(tmp_path: Path) -> None:
    image = tmp_path / "image"
    shutil.copytree(_unpacked(), image, symlinks=True)
    before = sorted(image.rglob("*"))
    with Container(image) as one, Container(image) as other:
        one.run("echo one > /file; rm /etc/passwd; mkdir /bin/new")
        assert other.run("ls / | grep -c file; grep -c root /etc/passwd", timeout_s=10) == "0\n1"
    assert sorted(image.rglob("*")) == before


def test_an_image_may_be_programs_of_this_machine(tmp_path: Path) -> None:
    with Container(["sh", "ls", "cat"]) as made:
        assert "cat" in made.run("ls /bin /usr/bin")
        with pytest.raises(CommandFailed, match=r"grep.*not found"):
            made.run("grep x")


def test_an_image_may_be_an_oci_layout_with_its_settings(tmp_path: Path) -> None:
    packed = archive(closure(["/bin/sh", "pwd"]))
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["COLOUR=blue"], "WorkingDir": "/usr"}}
    layout.write(tmp_path / "layout", layout.Image(config, [packed]))
    with Container(tmp_path / "layout") as made:
        assert made.run("echo $COLOUR; pwd") == "blue\n/usr"
    blob = next(path for path in (tmp_path / "layout/blobs/sha256").iterdir() if path.stat().st_size > 100_000)
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    (tmp_path / "layout/index.json").write_text((tmp_path / "layout/index.json").read_text() + "\n")
    with pytest.raises(LayerError, match="not those of"):
        Container(tmp_path / "layout")


def test_environment_folder_and_user_are_the_containers_or_the_commands() -> None:
    with Container(env={"A": "1"}, cwd="/tmp") as made:
        assert made.run("echo $A; pwd; id -u") == "1\n/tmp\n0"
        assert made.run("echo $A; pwd", env={"A": "2"}, cwd="/etc") == "2\n/etc"
        assert not {"HOSTNAME", "CUTAWAY_STATE", "CUTAWAY_TOKEN"} & _names(made.run("cat /proc/self/environ"))
        assert not {"CUTAWAY_STATE"} & _names(made.run("cat /proc/1/environ 2>/dev/null; true"))


@root
def test_a_command_may_be_another_users() -> None:
    with Container(user=65534) as made:
        assert made.run("id -u; id -g") == "65534\n65534"
        assert made.run("id -u; id -g", user=(1, 2)) == "1\n2"


def test_volumes_are_this_machines_folders(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given")
    with Container(volumes={str(tmp_path): "/data"}) as made:
        made.run("cp /data/given /data/back")
    assert (tmp_path / "back").read_text() == "given"
    with Container(volumes={str(tmp_path): "/data:ro"}) as made, pytest.raises(CommandFailed, match="Read-only"):
        made.run("touch /data/x")
    with pytest.raises(Problem, match="is not there; make it first"):
        Container(volumes={"/nowhere": "/data"})


def test_the_network_is_its_own_loopback_or_this_machines() -> None:
    with Container() as alone, Container(network="host") as shared:
        assert alone.run("ls /sys/class/net") == "lo"
        assert identity(Kind.NET, alone.pid) != identity(Kind.NET)
        assert identity(Kind.NET, shared.pid) == identity(Kind.NET)
    with pytest.raises(Problem, match="neither 'none' nor 'host'"):
        Container(network="bridge")


def test_the_last_word_on_config_json_is_the_readers() -> None:
    with Container(change=lambda config: config.update(hostname="changed")) as made:
        assert made.run("hostname") == "changed"
        assert made.config["hostname"] == "changed"
    with pytest.raises(Problem, match="a uts namespace"):
        Container(change=lambda config: config["linux"].update(namespaces=[{"type": "mount"}, {"type": "pid"}]))


# --- How commands end ------------------------------------------------------


def test_a_failed_command_tells_all_of_itself() -> None:
    with Container() as made:
        with pytest.raises(CommandFailed) as failed:
            made.run("echo said; echo sorry >&2; exit 3")
        assert (failed.value.status, failed.value.stdout, failed.value.stderr) == (3, "said\n", "sorry\n")
        with pytest.raises(CommandFailed, match="status 137"):
            made.run("kill -9 $$")
        with pytest.raises(Problem, match=r"nowhere.*executable file not found"):
            made.run(["nowhere"])
        assert made.run("echo still here") == "still here"


def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    with Container() as made:
        with pytest.raises(CommandFailed, match=r"still running after 0.3 s; killed"):
            made.run("sleep 77 & sleep 78", timeout_s=0.3)
        assert _until(lambda: made.run("ps | grep -c 'sleep 7[78]' || true") == "0")


def test_a_command_in_the_background_is_watched_and_ended() -> None:
    with Container() as made:
        running = made.start("echo begun; echo on >&2; read line; sleep 77")
        assert _until(lambda: running.stdout == "begun\n" and running.stderr == "on\n")
        assert not running.wait(timeout_s=0)
        assert identity(Kind.PID, running.pid) == identity(Kind.PID, made.pid)
        assert made.run("ps | grep -c 'slee[p] 77'") == "1"
        running.kill()
        assert running.wait(timeout_s=DEADLINE_S)
        assert running.status == 137
        waiting = made.start("sleep 79")
    assert waiting.wait(timeout_s=DEADLINE_S)
    assert waiting.status == 137


def test_much_output_is_heard_whole() -> None:
    with Container() as made:
        assert len(made.run("seq 200000")) == len("\n".join(map(str, range(1, 200001))))


def test_orphans_inside_do_not_stay_as_zombies() -> None:
    with Container() as made:
        made.run("(sleep 0 &) ; (sleep 0 &)")
        assert _until(lambda: "Z" not in made.run("cat /proc/[0-9]*/stat | cut -d' ' -f3"))


# --- Limits ----------------------------------------------------------------


@root
def test_limits_hold() -> None:
    with Container(memory_bytes=24 << 20, pids=20, cpus=0.5) as made:
        with pytest.raises(CommandFailed, match="status 137"):
            made.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"])
        with pytest.raises(CommandFailed, match="fork"):
            made.run("for i in $(seq 40); do sleep 5 & done; wait")
        quota = ("cpu.max", "50000 100000") if made.groups.unified else ("cpu.cfs_quota_us", "50000")
        assert made.groups.get("cpu", quota[0]) == quota[1]
        assert int(made.groups.get("memory", "memory.current" if made.groups.unified else "memory.usage_in_bytes")) > 0


@root
def test_a_container_that_is_full_of_processes_says_so_and_stays() -> None:
    with Container(pids=6) as made:
        made.start("sleep 77 & sleep 77 & sleep 77 & sleep 77 & wait")  # and the keeper
        assert _until(lambda: int(made.groups.get("pids", "pids.current")) == 6)
        with pytest.raises(Problem, match="the container may have no more processes"):
            made.run("true")
        made.groups.set("pids", "pids.max", "20")
        assert made.run("echo on") == "on"


def test_what_is_written_has_a_limit_of_its_own() -> None:
    with Container(room_bytes=1 << 20) as made, pytest.raises(CommandFailed, match="No space left"):
        made.run("dd if=/dev/zero of=/file bs=1M count=3")


def test_usual_protections_are_on() -> None:
    with Container() as made:
        status = dict(line.split(":\t", 1) for line in made.run("cat /proc/self/status").splitlines())
        assert (status["Seccomp"], status["NoNewPrivs"], status["CapBnd"]) == ("2", "1", "00000000a80425fb")
        for attempt in ("mount -t tmpfs none /mnt", "echo x > /proc/sys/kernel/domainname", "unshare -U true"):
            with pytest.raises(CommandFailed):
                made.run(f"mkdir -p /mnt; {attempt}")


def test_nobody_inside_can_look_into_the_keeper_or_end_it() -> None:
    """It has more rights than they have: its memory, its files and its program are closed to them."""
    with Container() as made:
        for attempt in ("grep . /proc/1/environ", "grep . /proc/1/maps", "grep . /proc/1/exe", "readlink /proc/1/fd/3"):
            with pytest.raises(CommandFailed):
                made.run(attempt)
        made.run("for signal in 9 15 2 1 19 20 17; do kill -$signal 1; done; true")
        assert made.run("echo as before") == "as before"


# --- As an ordinary user, and after a violent end --------------------------

ORDINARY = """
from pathlib import Path
from cutaway.ground.container import Container
from cutaway.problem import Problem
import os, tempfile
with Container(volumes={tempfile.mkdtemp(dir=os.environ["HOME"]): "/data"}, env={"A": "b"}) as made:
    print(*made.run("id -u; echo $A; touch /x /data/y && ls /data; ls /sys/class/net").split())
    background = made.start("echo begun; sleep 77")
    print(made.run("cat /proc/1/environ /proc/1/exe 2>&1 | grep -c denied; kill -9 1; echo as before").split())
try:
    Container(memory_bytes=1 << 25).close()
    print("limited")
except Problem as problem:
    print(problem)
with Container(network="host") as made:
    print(made.run("ls /sys/class/net | grep lo"))
from cutaway.ground import container
container.workshop().close()
from cutaway import ledger
print(ledger.entries(), [each.name for each in Path(os.environ["CUTAWAY_STATE"]).glob("containers*")])
"""


def test_an_ordinary_user_has_containers_too(as_ordinary_user: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = as_ordinary_user("-c", ORDINARY)
    told = done.stdout.splitlines()
    assert told[:2] == ["0 b y lo", "['2', 'as', 'before']"], done
    assert told[2] == "limited" or "delegated to this user, or a lab machine" in told[2]
    assert told[3:] == ["lo", "[] []"], done


@root
def test_root_that_gave_its_rights_up_has_containers_too(state: Path) -> None:
    """As on the pages that go for root as for everybody."""
    told = subprocess.run(
        [sys.executable, "-c", f"from cutaway.linux import rights\nrights.give_up()\n{ORDINARY}"],
        env=os.environ | {"HOME": str(state), "CUTAWAY_STATE": str(state / "other")},
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert told[:2] == ["0 b y lo", "['2', 'as', 'before']"]
    assert told[2] == "limited" or "delegated to this user, or a lab machine" in told[2]
    assert told[3:] == ["lo", "[] []"]


KILLED = """
import os, signal, sys, threading, time
from cutaway.ground.container import Container
made = [Container(), Container()]
made[0].start("sleep 77")
made[1].start("setsid sleep 78")
runtime = made[0]._workshop.warm.process.pid
print(made[0].pid, made[1].pid, runtime, *made[0].groups.folders.values(), flush=True)
if sys.argv[1] == "all":
    os.kill(runtime, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("what", ["the kernel", "all"])
def test_a_kernel_that_is_killed_leaves_no_container(what: str, state: Path) -> None:
    own = state / f"killed-{what[:3]}"
    said = subprocess.run(
        [sys.executable, "-c", KILLED, what], env=os.environ | {"CUTAWAY_STATE": str(own)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == -signal.SIGKILL, said
    pids, groups = said.stdout.split()[:3], said.stdout.split()[3:]
    assert _until(lambda: not [pid for pid in pids if Path("/proc", pid).exists()]), pids
    assert _until(lambda: not [folder for folder in groups if Path(folder).parent.exists()]), groups
    assert _until(lambda: not list((own / "ledger").glob("*.json")) and not list(own.glob("containers-*")))


def test_a_container_that_cannot_be_leaves_nothing(state: Path) -> None:
    def folders() -> list[Path]:
        return list(container.workshop().folder.iterdir())

    before = folders()
    with pytest.raises(Problem, match="ociVersion"):
        Container(change=lambda config: config.pop("ociVersion"))
    for wrong in ({"network": "bridge"}, {"volumes": {"/nowhere": "/x"}}, {"capabilities": ["FLY"]}):
        with pytest.raises(Problem, match=r"making a container: .*(neither|is not there|FLY)"):
            Container(**wrong)  # type: ignore[arg-type]
    with pytest.raises(Problem, match="no such folder"):
        Container(tmp := state / "nowhere")
    assert not tmp.exists()
    assert folders() == before


# --- Helpers ---------------------------------------------------------------


def _unpacked() -> Path:
    return container.workshop().files(None)[0]


def _names(environment: str) -> set[str]:
    return {each.partition("=")[0] for each in environment.split("\0")}


def _until(so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return so()
