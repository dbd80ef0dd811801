"""Push and pull through our registry and through Docker's distribution, in turns, in one run.

    .venv/bin/python benchmarks/registry.py [ROUNDS [MIB [LINES]]]

Each round pushes LINES layers of MIB random MiB at once, as Docker does it (a chunked PATCH, then a PUT), and pulls
them again. Read the ratios. Afterwards ours takes one layer of 2 GiB, and the peak of its memory is told.
The other registry is Debian's package `docker-registry`, 2.8; the variable DOCKER_REGISTRY may name its program.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MIB = 1 << 20
START_S = 60  # a start takes a second
CONFIG = """version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def served(argv: Callable[[Path, int], list[str]]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A registry with a folder of its own, once it answers."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        process = subprocess.Popen(argv(Path(folder), port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await_answer(port, process)
            yield port, process
        finally:
            process.terminate()
            process.wait()


def await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens there; end with a sentence when it will not be."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"starting {process.args}: nobody listened at port {port} within {START_S} s, status {process.poll()}")


def ours(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "cutaway", "registry", "serve", "--port", str(port), "--root", str(folder)]


def distribution(folder: Path, port: int) -> list[str]:
    program = os.environ.get("DOCKER_REGISTRY") or shutil.which("docker-registry")
    if not program:
        sys.exit("looking for docker-registry: it is not here; apt-get install docker-registry, or set DOCKER_REGISTRY")
    (folder / "config.yml").write_text(CONFIG.format(root=folder / "kept", port=port))
    return [program, "serve", str(folder / "config.yml")]


def pieces(content: bytes) -> Iterator[memoryview]:
    whole = memoryview(content)
    for start in range(0, len(content), 32 << 10):  # what Go's io.Copy takes at a time
        yield whole[start : start + (32 << 10)]


def push(port: int, content: bytes, digest: str) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.request("POST", "/v2/a/blobs/uploads/")
    place = told(line, 202)
    line.request("PATCH", place, pieces(content), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    place = told(line, 202)
    line.request("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", headers={"Content-Length": "0"})
    told(line, 201)
    line.close()


def told(line: http.client.HTTPConnection, status: int) -> str:
    answer = line.getresponse()
    said = answer.read()
    assert answer.status == status, said
    return answer.headers["Location"]


def pull(port: int, digest: str, size: int) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.request("GET", f"/v2/a/blobs/{digest}")
    answer, room, came = line.getresponse(), bytearray(MIB), 0
    while read := answer.readinto(room):
        came += read
    assert came == size
    line.close()


def seconds(work: list[Callable[[], None]]) -> float:
    """How long it takes to do all at once."""
    threads = [threading.Thread(target=each) for each in work]
    began = time.monotonic()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return time.monotonic() - began


def main(rounds: int = 5, mib: int = 64, lines: int = 3) -> None:
    taken: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        both = {name: stack.enter_context(served(argv)) for name, argv in (("ours", ours), ("other", distribution))}
        for number in range(rounds):
            layers = [os.urandom(mib * MIB) for _ in range(lines)]
            digests = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers]
            for name in sorted(both, reverse=bool(number % 2)):
                port = both[name][0]
                sent = [lambda p=port, c=c, d=d: push(p, c, d) for c, d in zip(layers, digests, strict=True)]
                fetched = [lambda p=port, d=d: pull(p, d, mib * MIB) for d in digests]
                taken.setdefault((name, "push"), []).append(seconds(sent))
                taken.setdefault((name, "pull"), []).append(seconds(fetched))
        print(f"{rounds} rounds of {lines} layers of {mib} MiB at once, load {os.getloadavg()[0]:.1f}")
        for way in ("push", "pull"):
            medians = {name: statistics.median(taken[name, way]) for name in both}
            speeds = ", ".join(f"{name} {lines * mib / medians[name]:.0f} MiB/s" for name in both)
            print(f"{way}: {speeds}; ours has {medians['other'] / medians['ours']:.2f} of the other's speed")
        port, process = both["ours"]
        peak = Path(f"/proc/{process.pid}/status")
        before = high_water(peak)
        large = bytes(2048 * MIB)
        push(port, large, f"sha256:{hashlib.sha256(large).hexdigest()}")
        print(f"a layer of 2 GiB: the peak of its memory went from {before} to {high_water(peak)} MiB")


def high_water(status: Path) -> int:
    return next(int(line.split()[1]) >> 10 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
