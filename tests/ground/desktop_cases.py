"""An engine in a machine, used from here: run by test_desktop.py, as two users.

The first start saves the machine; it takes half a minute of emulation.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from engines import until

from cutaway import ledger
from cutaway.ground import base, machine
from cutaway.ground.desktop import Desktop, desktop, visit
from cutaway.ground.private import SOCKET_BYTES
from cutaway.images.closure import archive
from cutaway.linux import CommandFailed, Process
from cutaway.problem import Problem

HOLDER = """
import os, sys, time
from cutaway.ground import desktop
d = desktop.start()
print(d.guest.running.process.pid, d.guest.running.folder, flush=True)
time.sleep(600)
"""
HELLO = b"GET /_ping HTTP/1.0\r\n\r\n"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder of the reader's that is shared with the machine, in one that is not."""
    place = Path(tempfile.mkdtemp(prefix="reader-"))
    place.chmod(0o755)
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (place / "secret").write_text("the answer")
    (shared / "page").write_text("first")
    (shared / "out").symlink_to(place / "secret")
    yield shared
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def ours(folder: Path) -> Iterator[Desktop]:
    """A desktop with the base image."""
    with desktop(folder) as begun:
        begun.load("tools", base.contents(), ["sh"])
        yield begun


@pytest.fixture(scope="module")
def server(ours: Desktop, folder: Path) -> str:
    """A container that serves the shared folder, and publishes its port."""
    mounts = ["-v", f"{folder}:/shared", "-v", f"{folder.parent}:/above"]
    ours.docker(["run", "-d", "--name", "server", "-p", "8080:80", *mounts, "tools", "httpd", "-f", "-h", "/shared"])
    return "server"


def inside(ours: Desktop, script: str) -> str:
    return ours.docker(["exec", "server", "sh", "-c", script])


# --- Two sides -------------------------------------------------------------


def test_the_command_and_the_package_reach_an_engine_under_another_kernel(ours: Desktop, server: str):
    release = ours.docker(["exec", server, "uname", "-r"])
    assert release == ours.guest.run("uname -r") == ours.client.info()["KernelVersion"]
    assert release != os.uname().release
    assert ours.client.containers.get(server).status == "running"


def test_what_fails_there_is_told_here(ours: Desktop):
    with pytest.raises(CommandFailed, match="No such image") as failed:
        ours.docker("image inspect nowhere")
    assert failed.value.status == 1


def test_a_published_port_answers_on_the_hosts_loopback_once_it_is_passed_on(ours: Desktop, server: str, folder: Path):
    port = ours.publish(8080)
    (folder / "index.html").write_text("as it is now")
    assert visit(port) == "as it is now"
    (folder / "index.html").write_text("changed")
    assert visit(port) == "changed"


def test_in_the_guest_a_proxy_of_dockers_serves_a_published_port_and_podman_has_rules_for_it(
    ours: Desktop, server: str
):
    if ours.kind == "docker":
        assert "docker-proxy" in ours.guest.run("ps -o args")
    else:
        assert "--dport 8080 -j DNAT" in ours.guest.run("iptables -t nat -S")


def test_an_image_for_windows_is_refused_by_docker_and_podman_only_notes_what_it_is_for(ours: Desktop):
    words, files = "import --platform windows/amd64 - strange", archive(base.contents())
    if ours.kind == "docker":
        with pytest.raises(CommandFailed, match="not supported"):
            ours.docker(words, files)
    else:
        ours.docker(words, files)
        assert ours.docker("image inspect -f {{.Os}} strange") == "windows"
        assert ours.docker("run --rm strange busybox uname") == "Linux"
        ours.docker("image rm strange")


# --- Folders -----------------------------------------------------------------


def test_a_shared_folder_is_one_folder(ours: Desktop, server: str, folder: Path):
    assert inside(ours, "cat /shared/page") == "first"
    (folder / "page").write_text("second")
    assert inside(ours, "cat /shared/page; echo theirs > /shared/answer") == "second"
    assert (folder / "answer").read_text() == "theirs\n"


def test_what_a_containers_root_makes_in_it_has_no_power_here(ours: Desktop, server: str, folder: Path):
    inside(ours, "cd /shared; cp /bin/busybox tool; chmod 4777 tool; mknod memory c 1 1; ln -s /etc/shadow link")
    assert inside(ours, "ls -l /shared/tool").startswith("-rws"), "to the guest it is what was asked for"
    for name in ("tool", "memory", "link"):
        made = (folder / name).lstat()
        assert stat.S_ISREG(made.st_mode), f"{name} is an ordinary file"
        assert made.st_mode & 0o7077 == 0, f"{name} is nobody's but its owner's"
        assert made.st_uid == user_of(ours.guest.running.process)


def user_of(process: Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("Uid:")[2].split()[0])


def test_nothing_leads_out_of_a_shared_folder(ours: Desktop, server: str):
    for path in ("/shared/out", "/shared/../secret", "/above/secret"):
        with pytest.raises(CommandFailed, match=r"No such file|symbolic link"):
            ours.docker(["exec", server, "cat", path])
    assert inside(ours, "ls /above") == "shared", "of the folder above, the guest has only the name"


def test_a_folder_with_more_than_ones_own_work_is_not_shared():
    with pytest.raises(Problem, match="holds more than your own work; lend a folder below it"):
        machine.start(warm="docker", folders=[Path.home()])


# --- The gate ----------------------------------------------------------------


def said_to_the_gate(ours: Desktop, words: bytes) -> bytes:
    """What comes back before the line ends."""
    answer = b""
    with socket.create_connection(ours.gate) as line, suppress(ConnectionResetError):
        line.settimeout(30)
        line.sendall(words)
        while data := line.recv(1000):
            answer += data
    return answer


def test_the_gate_opens_for_its_word_alone(ours: Desktop):
    for words in (HELLO, b"\n" + HELLO, b"0" * len(ours.word) + HELLO, ours.word[:-2] + b"\n" + HELLO):
        assert said_to_the_gate(ours, words) == b"", words
    assert b"200 OK" in said_to_the_gate(ours, ours.word + HELLO)


def test_the_socket_lies_where_only_its_user_comes(ours: Desktop):
    assert stat.S_IMODE(ours.guest.running.folder.stat().st_mode) == 0o700


def test_many_speak_with_the_engine_at_once(ours: Desktop):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: said_to_the_gate(ours, ours.word + HELLO), range(20)))
    assert all(b"200 OK" in answer for answer in answers)


# --- The end -----------------------------------------------------------------


def test_a_desktop_whose_process_is_killed_leaves_nothing():
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        pid, place = process.stdout.readline().split()
        guest = Process.of(int(pid))
        process.send_signal(signal.SIGKILL)
    until(lambda: not guest.alive() and not Path(place).exists(), "the machine is gone, and its folder")
    until(lambda: not [each for each in ledger.entries() if each.owner.pid == process.pid], "the ledger is empty")


def test_a_second_one_works_where_paths_are_long_and_leaves_nothing_when_it_is_stopped(
    ours: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / ("deep" * 25)))
    with desktop() as second:
        running, line = second.guest.running, second.socket
        assert second.word != ours.word
        assert len(line) < SOCKET_BYTES < len(str(running.folder))
        assert second.client.ping()
        assert second.docker("image ls --quiet") == "", "it has nothing of the first one's"
    second.stop()
    assert not running.process.alive()
    assert not running.folder.exists()
    assert not Path(line).exists()
    assert not ledger.entries()
