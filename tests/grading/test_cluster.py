"""On a Dask cluster that is already running a class has the marks that it has here, to the byte."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest
import small_class
from click.testing import CliRunner, Result
from distributed import LocalCluster, Security
from distributed.comm.core import CommClosedError

from cutaway import cli
from cutaway.grading import cluster
from cutaway.problem import Problem

pytestmark = [pytest.mark.xdist_group("class"), pytest.mark.slow]

LOOPBACK = "127.0.0.1"


@pytest.fixture
def course(eight: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(eight, tmp_path / "course"))


@contextmanager
def running(folder: Path, workers: int = 1, security: Security | None = None) -> Iterator[str]:
    """A cluster on the loopback, in this process; its address."""
    kind = {"protocol": "tls" if security else "tcp", "security": security, "dashboard_address": None}
    with dask.config.set({"temporary-directory": str(folder)}):  # else it leaves one under /tmp
        there = LocalCluster(n_workers=workers, threads_per_worker=2, processes=False, host=LOOPBACK, **kind)
    with there:
        yield there.scheduler_address


def grade(course: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.cutaway, ["grade", "objects", "--course", str(course), "--json", *words])


def test_a_cluster_says_what_this_machine_says_and_keeps_nothing_of_ours(course: Path, tmp_path: Path) -> None:
    here, there = (Path(shutil.copytree(course, tmp_path / name)) for name in ("here", "there"))
    with running(tmp_path) as address:
        done = grade(there, "--scheduler", address)
        assert "8 graded now" in done.stderr, done.stderr or done.exception
        assert cluster._warm == {}
    assert grade(here).stdout == done.stdout
    assert small_class.autograded(here) == small_class.autograded(there)


def test_dasks_own_security_settings_open_a_cluster_that_is_closed_to_others(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(
        [*make, "-subj", "/CN=cluster", "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    named = {f"{who}.{what}": {"cert": certificate, "key": key}[what] for who in ("scheduler", "worker", "client")
             for what in ("cert", "key")}  # fmt: skip
    settings = {f"distributed.comm.tls.{name}": path for name, path in {**named, "ca-file": certificate}.items()}
    with dask.config.set({**settings, "distributed.comm.require-encryption": True}):
        security = Security()
    with running(tmp_path, security=security) as address:
        with monkeypatch.context() as hurried:
            hurried.setattr(cluster, "CONNECT_S", 1)
            refused = grade(course, "--dry-run", "--scheduler", address)
        assert isinstance(refused.exception, Problem)
        assert "distributed.comm.tls" in str(refused.exception)
        with dask.config.set(settings):
            assert "8 graded now" in grade(course, "--dry-run", "--scheduler", address).stderr


def test_a_worker_with_another_version_is_named_and_nothing_is_graded(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = threading.main_thread().ident
    monkeypatch.setattr(cluster, "versions", lambda: {"Python": "3.11.2" if threading.get_ident() == main else "3.9.1"})
    with running(tmp_path) as address:
        done = grade(course, "--scheduler", address)
    assert isinstance(done.exception, Problem)
    assert "has Python 3.9.1, and here is 3.11.2; install the same there as here" in str(done.exception)
    assert not (course / "autograded").exists()


def test_no_cluster_and_one_without_workers_are_told(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hurried:
        hurried.setattr(cluster, "CONNECT_S", 0.5)
        refused = grade(course, "--scheduler", "tcp://127.0.0.1:9")
    assert "connecting to the Dask scheduler tcp://127.0.0.1:9" in str(refused.exception)
    with running(tmp_path, workers=0) as address:
        done = grade(course, "--scheduler", address)
    assert f"the cluster has no workers; start some with `dask worker {address}`" in str(done.exception)


class Ended:
    """A cluster without workers, and the result of a submission on one that is lost."""

    def __init__(self, error: Exception) -> None:
        self._error, self._address = error, "tcp://gone:8786"
        self.is_there: list[Callable[[Any], object]] = []

    def add_done_callback(self, tell: Callable[[Any], object]) -> None:
        self.is_there.append(tell)

    def result(self, timeout: float) -> None:
        raise self._error

    def workers(self) -> dict[str, str]:
        return {}

    lost = cluster.Cluster.lost


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CommClosedError("in <TCP (closed)>"), "its scheduler has gone, or the workers that had our work"),
        (distributed.KilledWorker("task", "worker", 3), "its workers died of one submission again and again"),
        (TimeoutError(), "its workers have gone"),
    ],
    ids=["scheduler", "submission", "workers"],
)
def test_a_cluster_that_is_lost_is_one_sentence(error: Exception, said: str) -> None:
    """The real thing is killed in test_faults.py, in `make soak`."""
    with pytest.raises(Problem) as told:
        cluster._Result(Ended(error), Ended(error)).result()  # type: ignore[arg-type]
    assert str(told.value) == f"grading on tcp://gone:8786: the cluster is lost: {said}; grade again to go on from here"


def test_a_result_is_asked_of_dask_only_when_it_is_there() -> None:
    """Dask's own waiting, when it is cut short, ends in an error of Dask's."""
    future = Ended(CommClosedError("in <TCP (closed)>"))
    waiting = cluster._Result(future, future)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0)
    (tell,) = future.is_there
    tell(future)
    with pytest.raises(Problem, match="the cluster is lost"):
        waiting.result(timeout=0)


def test_a_mark_depends_on_versions_that_are_compared() -> None:
    assert {"Python", "Cutaway's grading", "nbgrader", "numpy", "pandas"} <= set(cluster.versions())
