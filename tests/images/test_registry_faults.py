"""Clients that push and pull at once while lines are cut and the registry is killed: nothing wrong is ever kept."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from lab_process import free_port

CLIENTS, MOST_BYTES = 4, 3 << 20
PATIENCE_S = 60
FAILS = (OSError, http.client.HTTPException)


class Killed:
    """A registry that is killed and started again at the same place."""

    def __init__(self, root: Path) -> None:
        self.port, self.root = free_port(), root
        self.process = self._started()

    def again(self) -> None:
        self.stop()
        self.process = self._started()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        argv = [
            sys.executable,
            "-m",
            "cutaway",
            "registry",
            "serve",
            "--port",
            str(self.port),
            "--root",
            str(self.root),
        ]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(FAILS), closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as line:
                line.request("GET", "/v2/")
                assert line.getresponse().status == 200
                return process
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Killed]:
    killed = Killed(tmp_path / "kept")
    yield killed
    killed.stop()


def send(port: int, dice: random.Random) -> str | None:
    """Push one blob, and perhaps cut the line in its middle; its digest when the registry said that it has it."""
    content = dice.randbytes(dice.randrange(1, MOST_BYTES))
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    cut = dice.randrange(len(content)) if dice.random() < 0.3 else len(content)
    with suppress(FAILS):
        place = said(port, "POST", "/v2/a/blobs/uploads/").headers["Location"]
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
            line.putrequest("PATCH", place)
            line.putheader("Content-Length", str(len(content)))
            line.endheaders(content[:cut])
            if cut == len(content):
                line.getresponse().read()
        status = said(port, "PUT", f"{place}?digest={digest}").status  # also of what is not all there
        return digest if status == 201 else None
    return None


def said(port: int, method: str, path: str) -> http.client.HTTPResponse:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        line.request(method, path)
        answer = line.getresponse()
        answer.read()
        return answer


def fetch(port: int, digest: str) -> None:
    """Pull a blob; if all of it comes, it is the right one."""
    with suppress(FAILS), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        line.request("GET", f"/v2/a/blobs/{digest}")
        answer = line.getresponse()
        assert answer.status == 200
        assert f"sha256:{hashlib.sha256(answer.read()).hexdigest()}" == digest


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=pytest.mark.soak)])
def test_no_blob_differs_from_its_digest_and_none_that_was_promised_is_lost(kills: int, registry: Killed) -> None:
    seed = os.environ.get("CUTAWAY_SEED", "7")
    promised: list[str] = []
    wrong: list[BaseException] = []
    over = threading.Event()

    def client(number: int) -> None:
        dice = random.Random(f"{seed} {number}")
        try:
            while not over.is_set():
                if digest := send(registry.port, dice):
                    promised.append(digest)
                if promised:
                    fetch(registry.port, dice.choice(promised))
        except BaseException as error:
            wrong.append(error)
            raise

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    for _ in range(kills):
        before, deadline = len(promised), time.monotonic() + PATIENCE_S
        while len(promised) < before + 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        registry.again()
    over.set()
    for each in clients:
        each.join()
    assert wrong == []
    kept = {path.name: path for path in registry.root.glob("a/blobs/sha256/*")}
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == name for name, path in kept.items())
    assert len(promised) >= 5 * kills
    assert {digest.removeprefix("sha256:") for digest in promised} <= {*kept}
