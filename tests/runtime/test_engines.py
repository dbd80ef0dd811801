"""Docker and Podman take `cutaway-oci` as their runtime: each thing that an engine asks of one, asked by the engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from engines import engine, executed, our_engine, until  # noqa: F401  a fixture

from cutaway.ground import base, private
from cutaway.ground.engine import Engine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.xdist_group("engine"),
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: an ordinary user's engine has no control groups here"),
]
RUNTIME = {"runtime": private.OUR_RUNTIME}


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[docker.DockerClient]:  # noqa: F811
    base.image(engine)
    made = engine.client()
    yield made
    made.close()


def run(client: docker.DockerClient, *command: str, **options: object) -> str:
    """What a container of ours says until it ends."""
    made = client.containers.create(base.NAME, list(command), **RUNTIME, **options)
    try:
        made.start()
        status = made.wait()["StatusCode"]
        said = made.logs()  # which are complete only now
        if status:
            raise docker.errors.ContainerError(made, status, command, base.NAME, said)
        return str(said.decode())
    finally:
        made.remove(force=True)


@pytest.fixture
def sleeper(client: docker.DockerClient) -> Iterator[Container]:
    made = client.containers.run(base.NAME, ["sleep", "600"], detach=True, mem_limit="64m", init=True, **RUNTIME)
    yield made
    made.remove(force=True)


def test_a_container_runs_and_says_who_made_it(client: docker.DockerClient) -> None:
    assert run(client, "echo", "hello") == "hello\n"
    made = client.containers.create(base.NAME, "true", **RUNTIME)
    assert made.attrs["HostConfig"]["Runtime"] == "cutaway"
    made.remove()


def test_the_default_protections_are_on(client: docker.DockerClient) -> None:
    said = run(client, "grep", "-E", "CapEff|Seccomp:|NoNew", "/proc/self/status")
    assert said == "CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n"
    said = run(
        client, "sh", "-c", "mount -t tmpfs x /mnt; unshare -m true; hostname x; echo > /proc/sysrq-trigger; true"
    )
    assert said.count("ermitted") == 2
    assert "permission denied" in said
    assert "can't create /proc/sysrq-trigger" in said


def test_they_are_the_same_as_under_runc(client: docker.DockerClient) -> None:
    look = "grep -E 'Cap|Sec|NoNew|Groups' /proc/self/status; id; ls /dev; mount | cut -d' ' -f3 | sort; env | sort"
    ours, theirs = (
        client.containers.run(base.NAME, ["sh", "-c", look], remove=True, hostname="h", **options).decode()
        for options in (RUNTIME, {})
    )
    assert ours == theirs


def test_limits_are_those_asked_for(client: docker.DockerClient) -> None:
    look = "cd /sys/fs/cgroup && cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpuset/cpuset.cpus"
    if not Path("/sys/fs/cgroup/memory").exists():
        look = "cd /sys/fs/cgroup && cat memory.max pids.max cpu.max cpuset.cpus"
    said = run(client, "sh", "-c", look, mem_limit="32m", pids_limit=12, nano_cpus=500_000_000, cpuset_cpus="0")
    assert said.split()[:2] == [str(32 << 20), "12"]
    with pytest.raises(docker.errors.ContainerError) as killed:
        run(client, "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1", mem_limit="32m")
    assert killed.value.exit_status == 137


@pytest.mark.parametrize(("command", "status"), [("exit 7", 7), ("kill -9 $$; :", 0), ("true", 0)])
def test_exit_codes_arrive(client: docker.DockerClient, command: str, status: int) -> None:
    made = client.containers.run(base.NAME, ["sh", "-c", command], detach=True, **RUNTIME)
    assert made.wait()["StatusCode"] == status
    made.remove()


def test_a_missing_program_is_127_and_said(client: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.APIError, match="executable file not found in \\$PATH"):
        run(client, "nosuch")
    with pytest.raises(docker.errors.APIError, match="no such file or directory"):
        run(client, "/no/such")
    for made in client.containers.list(all=True, filters={"status": "created"}):
        made.remove(force=True)


def test_exec_pause_update_top_and_stop(sleeper: Container) -> None:
    assert executed(sleeper, ["sh", "-c", "echo inside; exit 3"]) == (3, b"inside\n")
    assert sleeper.exec_run("id -u", user="1000").output == b"1000\n"
    assert "sleep 600" in json.dumps(sleeper.top()["Processes"])
    sleeper.pause()
    sleeper.reload()
    assert sleeper.status == "paused"
    sleeper.unpause()
    sleeper.update(mem_limit="48m", memswap_limit="48m")
    group = next(iter(Path("/sys/fs/cgroup").glob(f"memory/**/{sleeper.id}/memory.limit_in_bytes")), None)
    assert group is None or group.read_text() == f"{48 << 20}\n"
    assert sleeper.stats(stream=False)["pids_stats"]["current"] >= 1
    began = time.monotonic()
    sleeper.stop(timeout=50)
    assert time.monotonic() - began < 40
    sleeper.reload()
    assert sleeper.attrs["State"]["ExitCode"] == 143


def test_a_terminal_is_one(client: docker.DockerClient) -> None:
    assert "/dev/pts/0" in run(client, "sh", "-c", "tty; ls -l /dev/console", tty=True)


def test_a_terminal_takes_what_is_typed(client: docker.DockerClient, engine: Engine) -> None:  # noqa: F811
    argv = ["docker", "run", "--rm", "-i", "--runtime", "cutaway", base.NAME, "cat"]
    env = os.environ | {"DOCKER_HOST": engine.url}
    said = subprocess.run(argv, env=env, input="typed\n", capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout == "typed\n"


def test_volumes_and_binds_stay(client: docker.DockerClient, tmp_path: Path) -> None:
    volume = client.volumes.create()
    where = {volume.name: {"bind": "/data", "mode": "rw"}}
    run(client, "sh", "-c", "echo kept > /data/file", volumes=where)
    assert run(client, "cat", "/data/file", volumes=where) == "kept\n"
    volume.remove()
    assert "Read-only" in run(
        client, "sh", "-c", "touch /b/x; true", volumes={"/usr/lib": {"bind": "/b", "mode": "ro"}}
    )


def test_containers_of_one_network_find_each_other(client: docker.DockerClient) -> None:
    network = client.networks.create("ours-test")
    web, options = ["httpd", "-f", "-h", "/var/www"], {"name": "server", "network": network.name, "init": True}
    serve = client.containers.run(base.NAME, web, detach=True, **options, **RUNTIME)
    try:
        ask = "for i in $(seq 50); do printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 server 80 && exit; sleep 0.1; done"
        assert "Cutaway" in run(client, "sh", "-c", ask, network=network.name)
        joined = run(client, "hostname", network_mode=f"container:{serve.id}")
        assert joined.strip() == serve.id[:12]
    finally:
        serve.remove(force=True)
        network.remove()


def test_restart_policies_restart(client: docker.DockerClient) -> None:
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    made = client.containers.run(base.NAME, ["sh", "-c", "exit 1"], detach=True, restart_policy=policy, **RUNTIME)
    made.wait()

    def tried() -> bool:
        made.reload()
        return bool(made.attrs["RestartCount"] == 2)

    until(tried, "restarted twice")
    made.remove(force=True)


def test_init_read_only_and_dropped_capabilities(client: docker.DockerClient) -> None:
    assert "docker-init" in run(client, "sh", "-c", "cat /proc/1/cmdline", init=True)
    assert "Read-only" in run(client, "sh", "-c", "touch /x; true", read_only=True)
    said = run(client, "grep", "CapEff", "/proc/self/status", cap_drop=["ALL"], cap_add=["CHOWN"])
    assert said == "CapEff:\t0000000000000001\n"
    assert "ffeffffff" in run(client, "grep", "CapEff", "/proc/self/status", privileged=True)


# --- No leak ---------------------------------------------------------------


def left(client: docker.DockerClient) -> list[str]:
    """What may be there after all containers are gone: nothing of ours."""
    running = private.running()
    assert running
    run = os.walk(f"/proc/{running.process.pid}/root/run")  # which passes over folders that go meanwhile
    states = [folder for folder, _, _ in run if "/runtime-cutaway/moby/" in folder]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("*/cutaway-*/docker/*") if path.is_dir()]
    return [*states, *groups, *(each.name for each in client.containers.list(all=True))]


def many(client: docker.DockerClient, one_after_another: int, at_once: int) -> None:
    for number in range(one_after_another):
        assert run(client, "echo", str(number)) == f"{number}\n"
    with ThreadPoolExecutor(at_once) as pool:
        said = list(pool.map(lambda number: run(client, "echo", str(number)), range(at_once)))
    assert said == [f"{number}\n" for number in range(at_once)]
    until(lambda: not left(client), f"nothing is left: {left(client)}")


def test_a_few_leave_nothing(client: docker.DockerClient) -> None:
    many(client, 3, 4)


@pytest.mark.soak
def test_two_hundred_one_after_another_and_twenty_at_once_leave_nothing(client: docker.DockerClient) -> None:
    many(client, 200, 20)


def test_podman_takes_it_as_its_runtime(tmp_path: Path, program: Path, state_folder: Path) -> None:
    if not shutil.which("podman"):
        pytest.skip("needs podman")
    with our_engine("podman", state_folder) as ready:
        client = ready.client()
        made = client.containers.create(base.NAME, ["sh", "-c", "echo podman; exit 4"], **RUNTIME)
        made.start()
        assert made.wait()["StatusCode"] == 4
        assert made.logs() == b"podman\n"
        made.remove()
        client.close()
