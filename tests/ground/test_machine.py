"""The lab machine, really started: what can be done with it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from engines import until
from machines import skip_without_machines

from cutaway.ground import machine
from cutaway.ground.guest import inside
from cutaway.ground.machine import Machine
from cutaway.linux import CommandFailed
from cutaway.problem import Problem

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

CUTAWAY = [sys.executable, "-m", "cutaway", "machine"]


# --- Commands ----------------------------------------------------------------


def test_a_command_runs_as_root_under_another_kernel(guest: Machine):
    assert guest.run("uname -r") != os.uname().release
    assert guest.run("id -u") == "0"
    assert guest.run("cat /proc/sys/kernel/hostname") == guest.name


def test_the_courses_own_python_is_there_with_the_course(guest: Machine):
    script = "import sys, cutaway.linux.calls as calls; print(sys.prefix, calls.__file__)"
    prefix, file = guest.run(["python", "-c", script]).split()
    assert prefix == sys.prefix
    assert file == sys.modules["cutaway.linux.calls"].__file__


def test_outputs_are_kept_apart_and_the_status_comes_through(guest: Machine):
    with pytest.raises(CommandFailed) as failed:
        guest.run("echo out; echo err >&2; exit 7")
    assert (failed.value.status, failed.value.stdout, failed.value.stderr) == (7, "out\n", "err\n")


def test_a_signal_and_a_missing_program_have_the_shells_status(guest: Machine):
    for command, status in ((["sh", "-c", "kill -TERM $$"], 128 + 15), (["nowhere"], 127), (["/etc/passwd"], 126)):
        with pytest.raises(CommandFailed) as failed:
            guest.run(command)
        assert failed.value.status == status


def test_input_arrives_whole_and_ends(guest: Machine):
    content = secrets.token_bytes(1 << 20)
    guest.put("/tmp/there and back", content)
    assert guest.get("/tmp/there and back") == content
    assert guest.run("cat", stdin=b"") == ""


def test_a_command_that_takes_no_input_does_not_stop_one_that_sends_much(guest: Machine):
    assert guest.run("echo done", stdin=bytes(4 << 20)) == "done"


def test_a_command_that_takes_too_long_is_killed_in_the_guest(guest: Machine):
    with pytest.raises(CommandFailed, match=r"still running after 0\.5 s; killed") as failed:
        guest.run("echo begun; sleep 1234", timeout_s=0.5)
    assert failed.value.status is None
    until(lambda: gone(guest, "sleep 1234"), "the guest's process is gone, too")


def test_who_is_killed_in_the_middle_takes_the_command_along(guest: Machine):
    argv = [*CUTAWAY, "run", "--name", guest.name, "--", "sh", "-c", "echo begun; sleep 2345"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as client:
        assert client.stdout
        assert client.stdout.readline() == b"begun\n"
        client.kill()
    until(lambda: gone(guest, "sleep 2345"), "the guest's process is gone with the host's")


def gone(guest: Machine, words: str) -> bool:
    return words not in guest.run(["ps", "-eo", "args"])


def test_eight_commands_run_at_once(guest: Machine):
    numbers = [str(number) for number in range(len(inside.PORTS))]
    meet = "echo >> /tmp/here; until [ $(wc -l < /tmp/here) = 8 ]; do sleep 0.1; done; echo $N"
    with ThreadPoolExecutor(len(numbers)) as pool:
        assert list(pool.map(lambda number: guest.run(meet, env={"N": number}), numbers)) == numbers
    guest.run("rm /tmp/here")


def test_a_ninth_command_is_told_to_wait(guest: Machine):
    with ExitStack() as locks:
        for number in inside.PORTS:
            held = locks.enter_context((guest.running.folder / f"port{number}.lock").open("w"))
            fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Problem, match="8 run in this machine already; wait until one has ended"):
            guest.run("true")


# --- What it has ---------------------------------------------------------------


def test_control_groups_are_version_2_and_nothing_else(guest: Machine):
    mounted = guest.run("cut -d' ' -f3 /proc/mounts").split()
    assert "cgroup2" in mounted
    assert "cgroup" not in mounted
    assert {"cpu", "io", "memory", "pids"} <= set(guest.run("cat /sys/fs/cgroup/cgroup.controllers").split())


def test_a_memory_limit_kills_inside(guest: Machine):
    hog = "x = bytearray(60 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1"
    guest.run("cd /sys/fs/cgroup; echo +memory > cgroup.subtree_control; mkdir tight; echo 30M > tight/memory.max")
    script = 'echo $$ > $G/cgroup.procs && exec python3 -I -S -c "$HOG"'
    env = {"G": "/sys/fs/cgroup/tight", "HOG": hog}
    with pytest.raises(CommandFailed) as failed:
        guest.run(script, env=env)
    assert failed.value.status == 128 + 9
    assert "oom_kill 1" in guest.run("cat $G/memory.events; rmdir $G", env=env)


def test_a_published_port_answers_on_the_hosts_loopback(guest: Machine):
    page = "HTTP/1.0 200 OK\\r\\n\\r\\nfrom inside"
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(guest.run, f"printf '{page}' | busybox nc -l -p 8080 > /dev/null")
        port = guest.publish(8080)
        assert b"from inside" in until(lambda: asked(port), "somebody answers inside")
        served.result()


def asked(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(60)
        try:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return client.recv(1000)
        except OSError:
            return b""


def test_a_port_of_the_host_that_is_taken_is_one_sentence(guest: Machine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Problem, match=rf"publishing port 80 of .* as {port}: .*; choose another"):
            guest.publish(80, port)


def test_a_module_is_loaded_when_something_asks_for_it(guest: Machine):
    assert "dummy7" in guest.run("ip link add dummy7 type dummy && ip -br link show dummy7; ip link del dummy7")


def test_the_clock_in_its_hardware_goes_on(guest: Machine):
    before = guest.clock()
    until(lambda: guest.clock() > before, "a second has gone by")


# --- A clean one -----------------------------------------------------------------


def test_two_copies_of_one_machine_are_two_machines(guest: Machine):
    draw = "cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | od -An -tx1; date +%s"
    with machine.fresh() as other:
        before = time.time()
        ours, theirs = (each.run(draw).split("\n") for each in (guest, other))
        assert ours[0] != theirs[0]
        assert ours[1] != theirs[1]
        assert before - 5 < int(theirs[2]) < time.time() + 5
        other.run("echo mine > /usr/mine; mkdir /sys/fs/cgroup/mine")
        assert guest.run("ls /usr /sys/fs/cgroup").split().count("mine") == 0
    assert not other.running.process.alive()
    assert not other.running.folder.exists()


def test_control_groups_of_version_1_are_had_on_request():
    skip_without_machines()
    with machine.fresh(cgroups="v1") as old:
        mounted = old.run("cut -d' ' -f3 /proc/mounts").split()
        assert "cgroup2" not in mounted
        assert old.run("cat /sys/fs/cgroup/memory/memory.limit_in_bytes").isdigit()


# --- The command -----------------------------------------------------------------


def cutaway(*words: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*CUTAWAY, *words], input=stdin, capture_output=True, env=os.environ | env, timeout=120)


def test_run_passes_streams_and_status_through_and_says_nothing_itself():
    skip_without_machines()
    done = cutaway("run", "--", "sh", "-c", "cat; echo oops >&2; exit 3", stdin=b"\0\xffhello")
    assert (done.stdout, done.stderr, done.returncode) == (b"\0\xffhello", b"oops\n", 3)


def test_a_machine_stays_until_it_is_stopped(state_folder: Path):
    skip_without_machines()
    began = cutaway("resume", "mine", "--publish", "80")
    assert began.returncode == 0, began.stderr
    assert b"cutaway machine stop mine" in began.stdout
    try:
        assert cutaway("run", "--name", "mine", "--", "hostname").stdout == b"mine\n"
        (said,) = json.loads(cutaway("status", "--json").stdout)
        assert (said["name"], said["owner"]) == ("mine", None)
        again = cutaway("resume", "mine")
        assert again.returncode == 1
        assert again.stderr.startswith(b"cutaway: starting mine: a machine of that name runs; stop it first")
    finally:
        assert cutaway("stop", "mine").stdout == b"gone: mine\n"
    assert not Path(said["folder"]).exists()
    assert cutaway("status").returncode == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "--name", "nobody", "--", "true"], "looking for nobody: no such machine runs"),
        (["stop", "nobody"], "looking for nobody: no such machine runs"),
        (["resume", "x", "--memory", "20"], "starting a machine of 20 MiB: it takes 160; give it more"),
        (["resume", "x", "--cpus", "99"], "starting a machine with 99 processors: it may have 1 to 16"),
        (["resume", "x", "--publish", "0x50"], "publishing '0x50': a port is a number below 65536"),
        (["resume", "x", "--folder", "/"], "lending / to a machine: it holds more than your own work"),
        (["resume", "x", "--folder", "/nowhere"], "lending /nowhere to a machine: there is no such folder"),
        (["shell"], "opening a shell: standard input is no terminal; use `cutaway machine run -- sh`"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], sentence: str):
    skip_without_machines()
    done = cutaway(*words)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode().startswith(f"cutaway: {sentence}")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="asks what becomes of root's own folders")
def test_what_only_root_may_read_is_not_lent(tmp_path: Path):
    skip_without_machines()
    tmp_path.chmod(0o700)
    with pytest.raises(Problem, match=r"QEMU gives root's rights up .* `chmod o\+rx /"):
        machine.start(folders=[tmp_path])
