"""Engines of our own, really started: what they can do, what they leave alone, where they may live, how they fail."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from engines import executed, skip_without, sleeping, until

from cutaway import ledger
from cutaway.ground import base, private, programs
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine
from cutaway.linux import Process, mounts, namespaces
from cutaway.linux.namespaces import Kind
from cutaway.problem import Problem

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]


# --- What it can do ------------------------------------------------------------


def test_the_base_image_has_what_the_lessons_want(shared: Engine):
    wanted = ["sh", "ps", "ip", "sleep", "httpd", "nc", "hostname"]
    script = f"for name in {' '.join(wanted)}; do which $name; done; echo $$ $(whoami)"
    said = shared.client().containers.run(base.NAME, ["sh", "-c", script], remove=True).decode().split("\n")
    assert [Path(line).name for line in said[: len(wanted)]] == wanted
    assert said[len(wanted)] == "1 root"


def test_the_base_image_says_whose_it_is_and_is_made_once(shared: Engine):
    client = shared.client()
    first = client.images.get(base.NAME)
    assert first.labels["cutaway"] == "1"
    assert first.labels[base.DIGEST].startswith("sha256:")
    base.image(shared)
    assert client.images.get(base.NAME).id == first.id, "the same programs, and yet it was made again"


def test_containers_on_one_network_reach_one_another(shared: Engine):
    client = shared.client()
    network = client.networks.create("pair")
    page = client.containers.run(base.NAME, "httpd -f -h /var/www", network="pair", detach=True)
    page.reload()
    address = page.attrs["NetworkSettings"]["Networks"]["pair"]["IPAddress"]
    ask = ["sh", "-c", f"until printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc {address} 80; do sleep 0.1; done"]
    assert b"Served from inside" in client.containers.run(base.NAME, ask, network="pair", remove=True)
    page.remove(force=True)
    network.remove()


def test_a_container_in_a_block_is_gone_after_it(shared: Engine):
    with shared.container(base.NAME, "sleep 600") as container:
        assert executed(container, "hostname")[0] == 0
        assert container.labels["cutaway"] == "1"
    assert shared.containers() == []
    assert not [entry for entry in ledger.entries() if entry.kind == "container"]


def test_a_container_in_a_block_is_gone_when_its_process_is_killed(shared: Engine):
    script = "from cutaway.ground import base, engine\nimport time\n"
    script += "with engine.find().container(base.NAME, 'sleep 600'): print('runs', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"runs\n"
        assert len(shared.containers()) == 1
        holder.kill()
    until(lambda: shared.containers() == [], "the container is gone with the process that held it")


# --- What it leaves alone --------------------------------------------------------


def test_what_it_writes_outside_its_folder_is_not_on_the_host(shared: Engine):
    running = private.running()
    assert running
    places = ["/run", "/var/lib", "/dev/shm", *(["/etc"] if os.geteuid() == 0 else [])]
    for place in places:
        written = Path(place, f"written-by-{running.process.pid}")
        Path(f"/proc/{running.process.pid}/root{written}").touch()
        assert not written.exists()


def test_its_mounts_and_links_are_not_the_hosts(shared: Engine):
    with shared.container(base.NAME, "sleep 600"):
        running = private.running()
        assert running
        inside = mounts.mounts(running.process.pid)
        assert [mount for mount in inside if mount.filesystem == "overlay" and str(private.folder()) in mount.target]
        assert not [mount for mount in mounts.mounts() if mount.target.startswith(str(private.folder()))]
        assert namespaces.identity(Kind.NET, running.process.pid) != namespaces.identity(Kind.NET)


def test_a_container_cannot_reach_what_listens_on_the_hosts_loopback(shared: Engine):
    with socket.create_server(("", 0)) as service:  # on every address that the host has
        port = service.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()  # from the host it is there
        gateway = "$(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p')"
        attack = f"for address in {gateway} 127.0.0.1 {' '.join(host_addresses())}; do "
        attack += f"nc -w 1 $address {port} </dev/null && echo reached $address || echo refused; done"
        said = shared.client().containers.run(base.NAME, ["sh", "-c", attack], remove=True)
    assert set(said.decode().splitlines()) == {"refused"}


def host_addresses() -> list[str]:
    """The addresses of this host other than the loopback's."""
    said = subprocess.run(["ip", "-o", "-4", "addr"], capture_output=True, text=True, check=True).stdout
    return [line.split()[3].split("/")[0] for line in said.splitlines() if " lo " not in line]


def test_the_base_image_is_made_anew_when_its_programs_changed(fresh: Engine, monkeypatch: pytest.MonkeyPatch):
    before = fresh.client().images.get(base.NAME).id
    monkeypatch.setitem(base.FURNITURE, "/etc/motd", base.Written(b"changed\n"))
    base.image(fresh)
    assert fresh.client().containers.run(base.NAME, ["cat", "/etc/motd"], remove=True) == b"changed\n"
    assert before not in [image.id for image in fresh.client().images.list(all=True)], "the old one was left"


# --- More than one, and odd places ---------------------------------------------


def test_two_engines_at_once_know_nothing_of_each_other(
    shared: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mine = sleeping(shared, "mine")
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / "other"))
    other = engines.ready()
    try:
        assert other.socket != shared.socket
        base.image(other)
        sleeping(other, "mine")
        assert [len(each.containers()) for each in (shared, other)] == [1, 1]
    finally:
        engines.stop()
    mine.reload()
    assert mine.status == "running", "stopping one engine ended a container of another"
    mine.remove(force=True)


def test_two_who_ask_at_the_same_time_get_the_same_engine(state_folder: Path, monkeypatch: pytest.MonkeyPatch):
    skip_without(private.startable())
    monkeypatch.setenv(engines.CHOICE, "private")
    argv = [sys.executable, "-m", "cutaway", "engine", "start"]
    pair = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {each.communicate()[0] for each in pair}
    engines.stop()
    assert len(said) == 1, said


def test_a_state_folder_whose_name_is_too_long_for_a_socket_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    skip_without(private.startable())
    monkeypatch.setenv(engines.CHOICE, "private")
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / ("long" * 30)))
    started = engines.ready()
    try:
        base.image(started)
        with started.container(base.NAME, "sleep 600"):
            assert len(started.containers()) == 1
    finally:
        engines.stop()
    assert ledger.entries() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_a_state_folder_below_run_is_no_obstacle(monkeypatch: pytest.MonkeyPatch):
    """An engine of ours has a /run for itself, in which its own folder must be seen all the same."""
    state = Path(f"/run/cutaway-{os.getpid()}")
    monkeypatch.setenv(engines.CHOICE, "private")
    monkeypatch.setenv("CUTAWAY_STATE", str(state))
    try:
        base.image(engines.ready())
        engines.stop()
    finally:
        subprocess.run(["rm", "-r", state], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_where_only_version_2_of_control_groups_is_the_engine_keeps_to_a_leaf(tmp_path: Path):
    if "docker" not in private.startable():
        pytest.skip("needs dockerd")
    where = ["umount -l /sys/fs/cgroup", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"]
    argv = ["unshare", "--mount", "sh", "-c", " && ".join([*where, 'exec "$@"']), "sh", sys.executable, "-c", IN_A_LEAF]
    env = {**os.environ, "CUTAWAY_STATE": str(tmp_path / "state"), engines.CHOICE: "docker"}
    run = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert run.stdout == "the engine: engine\nthe container: docker\nleft: []\n", run.stderr


IN_A_LEAF = """
from pathlib import Path
from cutaway.ground import base, engine, private
from cutaway.linux import Process
private.start("docker", Process.current())
ready = engine.ready()
def group(pid):  # the part of its path that is below the engine's own group
    line = [line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::/cutaway-")]
    return line[0].split("/")[2]
with ready.container(base.image(ready), "sleep 600") as container:
    container.reload()
    print("the engine:", group(private.running().process.pid))
    print("the container:", group(container.attrs["State"]["Pid"]))
name = f"cutaway-{private.running().process.pid}-*"
engine.stop()
print("left:", list(Path("/sys/fs/cgroup").glob(name)))
"""


def test_an_image_in_an_engine_of_the_users_goes_with_who_made_it(
    shared: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shared.client().images.remove(base.TAGGED)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("CUTAWAY_STATE", str(tmp_path / "other"))  # from there it is anybody's engine
        elsewhere.setenv(engines.CHOICE, shared.url)
        script = "from cutaway.ground import base, engine; print(engine.find().ours, base.image(engine.find()))"
        said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        assert said.stdout == f"False {base.NAME}\n"
        until(lambda: not shared.client().api.images(), "the image is gone with its maker")
        until(lambda: not ledger.entries(), "the ledger is empty")
    base.image(shared)


# --- What goes wrong ---------------------------------------------------------------


@pytest.mark.parametrize("then", ["true", "rm {}/log"], ids=["alone", "and the watcher was there before us"])
def test_a_program_that_does_not_start_is_quoted(
    then: str, state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "dockerd"
    program.write_text(f"#!/bin/sh\necho it broke in half >&2\n{then.format(private.folder())}\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(programs, "path", lambda name: str(program))
    with pytest.raises(Problem, match=r"our own dockerd: it ended after .* s, and its log ends: it broke in half"):
        private.start("docker", Process.current())
    assert ledger.entries() == []
    assert not private.folder().exists()


def test_a_program_that_cannot_be_run_is_named(state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "dockerd"
    program.write_bytes(b"\x7fELF, and nothing more")
    program.chmod(0o755)
    monkeypatch.setattr(programs, "path", lambda name: str(program))
    with pytest.raises(Problem, match=r"starting our own dockerd: .*Exec format error.*; set CUTAWAY_ENGINE"):
        private.start("docker", Process.current())
    assert ledger.entries() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
def test_a_full_disk_is_one_sentence(tmp_path: Path):
    small = tmp_path / "small"
    small.mkdir()
    script = f"mount -t tmpfs -o size=60k tmpfs {small} && exec {sys.executable} -m cutaway engine start"
    env = {**os.environ, "CUTAWAY_STATE": str(small), engines.CHOICE: "private"}
    run = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("cutaway: ")
    assert run.stderr.count("\n") == 1, run.stderr
    assert "no space left on device" in run.stderr.lower()
