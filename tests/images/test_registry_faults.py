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
DISK_BYTES = 1 << 20
PATIENCE_S = 60
FAILS = (OSError, http.client.HTTPException)


class Killed:
    """A registry that is killed and started again at the same place."""

    def __init__(self, root: Path, *before: str) -> None:
        self.port, self.root, self.before = free_port(), root, before
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
        process = subprocess.Popen([*self.before, *argv], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(FAILS), closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as line:
                line.request("GET", "/v2/")
                assert line.getresponse().status == 200
                return process
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def answer(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, str]:
        """Status and text of the answer to one request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as line:
            line.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = line.getresponse()
            return answer.status, answer.headers.get("Location") or answer.read().decode()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Killed]:
    killed = Killed(tmp_path / "kept")
    yield killed
    killed.stop()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Killed]:
    """A registry whose disk is a file system in memory, in a mount namespace of its own."""
    (tmp_path / "kept").mkdir()
    mount = f'mount -t tmpfs -o size={DISK_BYTES} none {tmp_path}/kept && exec "$@"'
    killed = Killed(tmp_path / "kept", "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
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


def fetch(port: int, digest: str, dice: random.Random) -> None:
    """Pull a blob, and perhaps cut the line in its middle; if all of it comes, it is the right one."""
    with suppress(FAILS), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        line.request("GET", f"/v2/a/blobs/{digest}")
        answer = line.getresponse()
        assert answer.status == 200
        if dice.random() < 0.3:
            answer.read(dice.randrange(MOST_BYTES))
            return
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
                    fetch(registry.port, dice.choice(promised), dice)
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


def test_a_full_disk_is_said_to_the_client_and_leaves_room_for_what_fits(small: Killed) -> None:
    """More than the disk holds, in one piece and in several at once; then what fits, and a manifest of it."""
    large, fits = os.urandom(2 * DISK_BYTES), os.urandom(DISK_BYTES // 4)
    for _ in range(3):  # what one has taken in vain is there for the next
        status, said = small.answer("PATCH", small.answer("POST", "/v2/a/blobs/uploads/")[1], large)
        assert (status, "the registry's disk is full" in said) == (507, True)
    halves = [small.answer("POST", "/v2/a/blobs/uploads/")[1] for _ in range(3)]
    statuses = [small.answer("PATCH", place, large[: DISK_BYTES * 2 // 5])[0] for place in halves]
    assert sorted(statuses) == [202, 202, 507]
    for place in halves:
        small.answer("DELETE", place)
    digest = f"sha256:{hashlib.sha256(fits).hexdigest()}"
    assert small.answer("POST", f"/v2/a/blobs/uploads/?digest={digest}", fits)[0] == 201
    empty = f"sha256:{hashlib.sha256(b'').hexdigest()}"
    assert small.answer("POST", f"/v2/a/blobs/uploads/?digest={empty}")[0] == 201
    assert small.answer("HEAD", f"/v2/a/blobs/{digest}")[0] == 200
    inside = Path(f"/proc/{small.process.pid}/root{small.root}/a")
    kept = {path.name: path.read_bytes() for path in inside.glob("blobs/sha256/*")}
    assert {hashlib.sha256(content).hexdigest() for content in kept.values()} == {*kept}
    assert [*inside.glob("uploads/*")] == []


def test_a_manifest_that_finds_the_disk_full_is_answered_and_not_taken(small: Killed) -> None:
    config = b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    assert small.answer("POST", f"/v2/a/blobs/uploads/?digest={digest}", config)[0] == 201
    inside = Path(f"/proc/{small.process.pid}/root{small.root}")
    manifest = b'{"config": {"digest": "%s"}, "layers": []}' % digest.encode()
    rest = os.statvfs(inside)
    (inside / "rest").write_bytes(bytes((rest.f_bavail - 1) * rest.f_frsize))  # a page for the blob, none for the index
    status, said = small.answer("PUT", "/v2/a/manifests/1", manifest, "application/vnd.oci.image.manifest.v1+json")
    assert (status, "the registry's disk is full" in said) == (507, True)
    assert small.answer("GET", "/v2/a/manifests/1")[0] == 404
    (inside / "rest").unlink()
    status, _ = small.answer("PUT", "/v2/a/manifests/1", manifest, "application/vnd.oci.image.manifest.v1+json")
    assert status == 201
