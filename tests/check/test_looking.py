"""Looking at a process from outside: what its namespaces hold, whatever it puts in the way."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway.check import looking
from cutaway.linux import Enclosed, Kind, namespaces
from cutaway.linux.processes import Process

HERE = Process.current()

pytestmark = pytest.mark.skipif(
    namespaces.obstacle() is not None, reason=f"no user namespaces here: {namespaces.obstacle()}"
)


@pytest.fixture(scope="module")
def box() -> Iterator[Process]:
    """A process with everything of its own, called inner, with its loopback up."""
    with Enclosed(set(Kind) - {Kind.TIME}, hostname="inner", network_up=True) as enclosed:
        yield Process.of(enclosed.pid)


def test_each_namespace_is_told_from_ours(box: Process) -> None:
    assert looking.own(box, Kind.UTS)
    assert not looking.own(box, Kind.TIME)
    assert not looking.own(HERE, Kind.UTS)
    assert looking.identity(box, Kind.NET) == namespaces.identity(Kind.NET, box.pid)


def test_the_host_name_is_the_one_inside(box: Process) -> None:
    assert looking.host_name(box) == "inner"
    assert looking.host_name(HERE) == os.uname().nodename


def test_a_process_has_a_number_in_each_pid_namespace(box: Process) -> None:
    assert looking.numbers(box) == [box.pid, 1]
    assert looking.numbers(HERE) == [os.getpid()]


def test_a_signal_is_caught_once_somebody_waits_for_it(box: Process) -> None:
    assert looking.catches(HERE, signal.SIGINT)  # Python's own, of every main program
    assert not looking.catches(HERE, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        assert looking.catches(HERE, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    assert not looking.catches(box, signal.SIGUSR1)


def test_its_proc_is_read_and_not_believed(box: Process) -> None:
    assert 1 in looking.listed_processes(box)
    assert os.getpid() not in looking.listed_processes(box)
    assert os.getpid() in looking.listed_processes(HERE)


def test_a_folder_called_proc_is_no_proc() -> None:
    with Enclosed({Kind.USER, Kind.MNT}) as enclosed:
        enclosed.run("mount -t tmpfs none /proc && mkdir /proc/1")
        assert looking.listed_processes(Process.of(enclosed.pid)) == set()


def test_a_file_is_read_as_the_process_sees_it(box: Process, tmp_path: Path) -> None:
    with Enclosed({Kind.USER, Kind.MNT}) as enclosed:
        enclosed.run(f"mount -t tmpfs none {tmp_path} && echo hidden > {tmp_path}/word")
        assert looking.read(Process.of(enclosed.pid), f"{tmp_path}/word") == "hidden\n"
        assert looking.listed(Process.of(enclosed.pid), str(tmp_path)) == ["word"]
    assert not (tmp_path / "word").exists()


def test_a_file_that_is_not_there_is_an_error_of_the_kernels(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        looking.read(HERE, f"{tmp_path}/nothing")


@pytest.mark.parametrize("trap", ["mkfifo", "ln -s /dev/zero", "ln -s /etc/passwd", "mkdir"])
def test_what_only_looks_like_a_file_is_not_read(trap: str, tmp_path: Path) -> None:
    subprocess.run(f"{trap} {tmp_path}/word", shell=True, check=True)
    with pytest.raises(OSError, match=r"regular file|symbolic links|Is a directory"):
        looking.read(HERE, f"{tmp_path}/word")


def test_an_endless_file_is_read_to_a_limit(tmp_path: Path) -> None:
    with (tmp_path / "word").open("wb") as file:
        file.truncate(1 << 40)
    assert len(looking.read(HERE, f"{tmp_path}/word")) == 65536


def test_a_network_that_is_down_is_told_from_a_port_where_nobody_is(box: Process) -> None:
    with pytest.raises(ConnectionRefusedError):
        looking.fetch(box, 8000, "/")
    with Enclosed({Kind.USER, Kind.NET}) as enclosed, pytest.raises(OSError, match="Network is unreachable"):
        looking.fetch(Process.of(enclosed.pid), 8000, "/")


DRIP = """
import socket, time
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    line, _ = server.accept()
    while True:
        line.sendall(b"x")
        time.sleep(0.1)
"""


def test_a_service_that_never_comes_to_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "DEADLINE_S", 1.0)
    with subprocess.Popen(["python3", "-c", DRIP], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout
        try:
            with pytest.raises(TimeoutError, match="fetch did not end within 1 s"):
                looking.fetch(HERE, int(service.stdout.readline()), "/")
        finally:
            service.kill()


def test_a_process_that_has_ended_is_said_to_have_ended() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        process = Process.of(sleeper.pid)
        sleeper.kill()
    for look in (looking.host_name, looking.numbers, looking.program, looking.listed_processes):
        with pytest.raises(ProcessLookupError):
            look(process)
    with pytest.raises(ProcessLookupError):
        looking.read(process, "/etc/hostname")


def test_the_inmost_process_is_the_first_with_most_of_its_own(box: Process) -> None:
    assert looking.inmost([HERE, box]) == box
    assert looking.inmost([HERE, Process.of(os.getppid())]) == HERE
