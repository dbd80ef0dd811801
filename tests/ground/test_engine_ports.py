"""Ports that containers of our own engine publish, asked for where a browser would: on the host's loopback."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from docker.models.containers import Container
from engines import until

from cutaway.ground import counter, private
from cutaway.ground.engine import Engine

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]

LOOPBACK = "127.0.0.1"
PAGE = "httpd -f -h /var/www"
ECHO = ["sh", "-c", "while :; do nc -l -p 80 -e cat; done"]


@pytest.fixture
def port() -> int:
    """A port of the loopback that nobody listens on now."""
    return counter.free_port()


@pytest.fixture
def page(engine: Engine, image: str, port: int) -> Iterator[Container]:
    """A web server in a container, its port 80 published as `port`."""
    with engine.container(image, PAGE, ports={"80/tcp": port}, init=True) as container:
        yield container


def answer(port: int) -> bytes:
    """What a browser would show, or nothing while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}", timeout=30) as page:
            text: bytes = page.read()
            return text
    except OSError:
        return b""


def listeners(port: int) -> set[str]:
    """On which addresses of the host somebody listens at this port, as /proc/net/tcp and tcp6 write them."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}


def test_a_published_port_answers_on_the_loopback_and_nowhere_else(page: Container, port: int):
    assert b"Served from inside" in until(lambda: answer(port), "the page answers")
    assert listeners(port) == {"0100007F"}, "127.0.0.1, as the kernel writes it, and no other"


def test_a_port_is_carried_again_after_a_restart_and_no_more_after_the_end(page: Container, port: int):
    until(lambda: answer(port), "the page answers")
    page.restart(timeout=1)
    until(lambda: answer(port), "the page answers after a restart")
    page.kill()
    until(lambda: not listeners(port), "nobody listens for a container that has ended")


def test_a_port_that_is_taken_here_is_said_so_and_carried_once_it_is_free(engine: Engine, image: str):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with engine.container(image, PAGE, ports={"80/tcp": port}, init=True) as container:
            until(lambda: private.carried().get(port), "the port is reported as taken")
            assert private.carried()[port] == "address already in use"
            container.reload()
            assert container.status == "running"
            taken.close()
            assert b"Served from inside" in until(lambda: answer(port), "the page answers once the port is free")
            until(lambda: private.carried()[port] == "", "the port is reported as carried")


def test_what_one_side_has_said_to_the_end_the_other_still_answers(engine: Engine, image: str, port: int):
    """Eight megabytes there, then the end of that direction, then all of it back: nothing lost, nothing changed."""
    sent = random.Random(6).randbytes(8 << 20)
    with engine.container(image, ECHO, ports={"80/tcp": port}), connected(port) as line:
        sender = threading.Thread(target=lambda: (line.sendall(sent), line.shutdown(socket.SHUT_WR)))
        sender.start()
        received = b"".join(iter(lambda: line.recv(1 << 16), b""))
        sender.join()
    assert len(received) == len(sent)
    assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()


def test_many_at_once_are_all_served(page: Container, port: int):
    until(lambda: answer(port), "the page answers")
    with ThreadPoolExecutor(50) as browsers:
        pages = list(browsers.map(lambda _: answer(port), range(200)))
    assert all(b"Served from inside" in each for each in pages)


def test_a_container_that_goes_takes_its_connections_along(engine: Engine, image: str, port: int):
    with engine.container(image, ECHO, ports={"80/tcp": port}) as container, connected(port) as line:
        line.sendall(b"hello")
        assert line.recv(5) == b"hello"
        container.kill()
        with suppress(ConnectionError):  # it may hear of a reset, or of an orderly end; not of nothing
            assert line.recv(1) == b""


def connected(port: int) -> socket.socket:
    """A connection to what listens on the loopback, made when somebody inside has taken it and echoes."""

    def attempt() -> socket.socket | None:
        line = socket.socket()
        line.settimeout(30)
        try:
            line.connect((LOOPBACK, port))
            line.sendall(b"?")
            if line.recv(1) == b"?":
                return line
        except OSError:
            pass
        line.close()
        return None

    return until(attempt, f"a container echoes at port {port}")


def test_udp_is_not_carried(engine: Engine, image: str, page: Container, port: int):
    with engine.container(image, PAGE, ports={"80/udp": port + 1}, init=True):
        until(lambda: port in private.carried(), "the other port is carried")
        assert port + 1 not in private.carried()
