"""What the root of a guest, and a QEMU that was taken over, cannot do; and what is left when something is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from engines import until
from machines import own_cache, skip_without_machines

from cutaway import ledger
from cutaway.ground import machine
from cutaway.ground.guest import accelerators, qemu, qmp, running, saved
from cutaway.ground.guest.running import Running
from cutaway.ground.machine import Machine
from cutaway.ledger import watch
from cutaway.linux import CommandFailed, Process, processes
from cutaway.problem import Problem

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

HOLDER = """
import sys, time
from cutaway.ground import machine
guest = machine.start(sys.argv[1])
print(guest.running.process.pid, guest.running.folder, flush=True)
time.sleep(600)
"""


# --- Attacks from inside -------------------------------------------------------


def test_a_file_outside_the_list_cannot_be_read(guest: Machine, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("the answer")
    for path in (secret, Path("/etc/shadow"), Path.home() / ".bashrc"):
        with pytest.raises(CommandFailed, match="No such file"):
            guest.run(["cat", str(path)])


def test_no_link_leads_out_of_what_is_lent(tmp_path: Path):
    skip_without_machines()
    lent = tmp_path / "mine"
    lent.mkdir(mode=0o755)
    (tmp_path / "secret").write_text("the answer")
    (lent / "out").symlink_to(tmp_path / "secret")
    (lent / "far out").symlink_to("../secret")
    (lent / "own").write_text("mine")
    with machine.fresh(folders=[lent]) as guest:
        assert guest.run(["cat", f"{lent}/own"]) == "mine"
        for path in ("out", "far out", "../secret"):
            with pytest.raises(CommandFailed, match="No such file"):
                guest.run(["cat", f"{lent}/{path}"])


def test_what_is_lent_is_not_written_to_on_the_host(tmp_path: Path):
    skip_without_machines()
    (tmp_path / "own").write_text("mine")
    tmp_path.chmod(0o777)
    (tmp_path / "own").chmod(0o666)
    with machine.fresh(folders=[tmp_path]) as guest:
        guest.run(f"cd {tmp_path}; echo theirs > own; echo new > new; rm -f own; chmod 4755 new; mknod null c 1 3")
        attack = "mkdir /again && mount -t 9p -o trans=virtio,version=9p2000.L lent0 /again && touch /again/written"
        with pytest.raises(CommandFailed):
            guest.run(attack)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
    assert (tmp_path / "own").read_text() == "mine"
    assert not Path("/usr/written").exists()


def test_the_hosts_loopback_and_every_other_network_are_out_of_reach(guest: Machine):
    with socket.create_server(("", 0)) as service:
        port = service.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        for address in ("10.0.2.2", "10.0.2.3", host_address()):
            with pytest.raises(CommandFailed):
                guest.run(f"busybox nc -w 2 {address} {port} < /dev/null")
        service.settimeout(0)
        service.accept()[0].close()  # our own
        with pytest.raises(BlockingIOError):
            service.accept()


def host_address() -> str:
    """One that others would use for this host; the loopback's where it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


def test_the_guests_root_does_not_see_the_hosts_processes(guest: Machine):
    ours = processes.command(os.getpid()).split()[0]
    assert f"{os.getpid()} {ours}" not in guest.run(["ps", "-eo", "pid,args"])
    assert guest.run("cat /proc/sys/kernel/random/boot_id") != processes.boot_id()


# --- A QEMU that was taken over ------------------------------------------------------


def test_qemu_has_no_privilege_and_may_start_nothing(guest: Machine):
    status = dict(line.split(":\t") for line in status_of(guest) if ":\t" in line)
    assert status["CapEff"] == status["CapPrm"] == "0" * 16
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    users = {int(user) for user in status["Uid"].split()}
    assert 0 not in users
    if os.geteuid() == 0:
        assert users <= set(qemu.USERS)


def status_of(guest: Machine) -> list[str]:
    return Path(f"/proc/{guest.running.process.pid}/status").read_text().splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: an ordinary user's machines are all that user's")
def test_two_machines_of_root_are_two_users_and_cannot_reach_one_another(guest: Machine):
    with machine.fresh() as other:
        user, theirs = (Path(f"/proc/{each.running.process.pid}").stat().st_uid for each in (guest, other))
        assert user != theirs
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        spec = machine.specify()
        for attack in (
            ["cat", f"{other.running.folder}/console"],
            ["cat", str(saved.ready(spec) / saved.MEMORY)],
            ["head", "-c1", f"/proc/{other.running.process.pid}/mem"],
            ["kill", str(other.running.process.pid)],
        ):
            done = subprocess.run([*become, *attack], capture_output=True, check=False)
            assert done.returncode != 0, attack
        assert other.run("echo alive") == "alive"


# --- What breaks -------------------------------------------------------------------------


@pytest.fixture
def own() -> Iterator[Machine]:
    """A machine for one test to break."""
    skip_without_machines()
    with machine.fresh() as started:
        yield started


def test_a_guest_that_fills_its_memory_kills_the_one_that_fills_it(own: Machine):
    with pytest.raises(CommandFailed) as failed:
        own.run(["python3", "-I", "-S", "-c", "x = []\nwhile True: x.append(b'1' * (1 << 20))"], timeout_s=240)
    assert failed.value.status == 128 + signal.SIGKILL
    assert own.run("echo alive") == "alive"


def test_a_guest_whose_processes_are_all_killed_still_answers(own: Machine):
    with suppress(CommandFailed, Problem):
        own.run("kill -9 -1", timeout_s=2)
    assert own.run("echo alive") == "alive"


def test_a_guest_that_panics_is_one_sentence_with_its_last_words(own: Machine):
    with pytest.raises(Problem, match=r"asking .*: the machine has ended, its console ends: .*; start another"):
        own.run("echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 60", timeout_s=60)
    with pytest.raises(Problem, match="the machine has ended"):
        own.run("true")


def test_a_guest_that_hangs_is_one_sentence_and_can_be_stopped(own: Machine):
    with qmp.Monitor(own.running.folder) as monitor:
        monitor.do("stop")
    with pytest.raises(Problem, match=r"the guest has not answered for 0\.3 s, so it hangs; `cutaway machine stop"):
        own.hear(0.3)
    own.stop()
    assert not own.running.process.alive()


def test_a_qemu_that_is_killed_is_one_sentence_and_leaves_nothing(own: Machine):
    own.running.process.kill()
    own.running.process.wait(30)
    with pytest.raises(Problem, match=r"asking .*: the machine has ended"):
        own.run("true")
    own.stop()
    assert not own.running.folder.exists()
    assert not [entry for entry in ledger.entries() if own.name in entry.name]


# --- What is killed --------------------------------------------------------------------------


@contextmanager
def holder(name: str) -> Iterator[tuple[Process, Path]]:
    """A process that has a machine and is killed at the end of the block: the QEMU, and the folder."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, name], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            pid, folder = process.stdout.readline().split(maxsplit=1)
            yield Process.of(int(pid)), Path(folder.strip())
        finally:
            process.kill()


def test_when_its_process_is_killed_nothing_of_a_machine_is_left():
    skip_without_machines()
    with holder("held") as (guest, folder):
        assert guest.alive()
    until(lambda: not guest.alive() and not folder.exists(), "QEMU and its folder are gone")
    until(lambda: not [entry for entry in ledger.entries() if "held" in entry.name], "the ledger is empty")


def test_a_machine_that_stays_is_cleaned_away_when_its_qemu_is_killed(state_folder: Path):
    skip_without_machines()
    staying = machine.start("staying", owner="itself")
    staying.running.process.kill()
    until(lambda: not staying.running.folder.exists(), "its own watcher took its folder away")
    assert machine.all_of_them() == []


SAVER = """
from cutaway.ground import machine
from cutaway.ground.guest import saved
saved.ready(machine.specify())
"""


def test_who_is_killed_while_it_saves_a_machine_leaves_none_though_its_ledger_was_deleted(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As when a test is killed for its time, and its folder is removed."""
    skip_without_machines()
    monkeypatch.setenv("CUTAWAY_CACHE", str(own_cache(tmp_path / "cache")))
    monkeypatch.setenv(accelerators.OVERRIDE, "tcg")
    with subprocess.Popen([sys.executable, "-c", SAVER]) as saver:
        (template,) = until(lambda: [each for each in running.all_of_them() if up(each)], "it is saved", 120)
        shutil.rmtree(state_folder)
        saver.kill()
    until(lambda: not template.process.alive(), "QEMU has ended with who started it")


def up(machine: Running) -> bool:
    """Whether it is QEMU already, and no shell any more that waits to become it."""
    return (machine.folder / "qmp").exists()


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_thirty_faults_leave_nothing_and_no_two_machines_clash(state_folder: Path):
    skip_without_machines()
    dice = random.Random(seed := int(os.environ.get("CUTAWAY_SEED", "1")))
    print(f"seed {seed}")
    for number in range(30):
        with holder(f"one-{number}") as one, holder(f"two-{number}") as two:
            time.sleep(dice.random())
            victim = dice.choice(["kernel", "qemu", "watcher", "saved"])
            if victim == "qemu":
                one[0].kill()
            elif victim == "watcher":
                kill_a_watcher()
            elif victim == "saved":
                saved.forget(machine.specify())
        if victim == "watcher":
            ledger.sweep()
        for guest, folder in (one, two):
            until(lambda g=guest, f=folder: not g.alive() and not f.exists(), f"{victim}, {number}: all is gone", 30)
    until(lambda: ledger.entries() == [], "the ledger is empty")  # an entry goes a moment after its thing
    assert running.all_of_them() == []


def kill_a_watcher() -> None:
    """It is known by its program, and by the state folder that it watches."""
    for each in processes.processes():
        held = processes.environment(each.pid).get("CUTAWAY_STATE", "")
        if watch.__file__ in processes.command(each.pid) and held == os.environ["CUTAWAY_STATE"]:
            each.kill()
            return


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_boots_of_a_hundred(state_folder: Path):
    skip_without_machines()
    for number in range(100):
        with machine.fresh(boot=True) as booted:
            assert booted.run("echo up") == "up", number
