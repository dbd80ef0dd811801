"""Which engine is chosen, and what is said when there is none."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest
from click.testing import CliRunner

from cutaway.cli import engine as words
from cutaway.ground import engine as engines
from cutaway.ground import private, programs
from cutaway.linux import subordinate
from cutaway.problem import Problem

Talker = Callable[[str, str], Path]

DOCKER, PODMAN = "Engine", "Podman Engine"  # as the two call themselves, among their components


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without any engine, whatever is on this machine."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", engines.CHOICE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    monkeypatch.setattr(engines, "_present", lambda *_: [])


@pytest.fixture
def talker(tmp_path: Path) -> Iterator[Talker]:
    """Makes something that answers at a socket as an engine does when it is asked for its version, and no more."""
    servers: list[ThreadingUnixStreamServer] = []

    def talk(name: str, says: str) -> Path:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"Version": "1.2.3", "Components": [{"Name": says}]}).encode())

            def log_message(self, *_: object) -> None:
                pass

            def address_string(self) -> str:
                return ""

        servers.append(ThreadingUnixStreamServer(str(tmp_path / name), Answer))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return tmp_path / name

    yield talk
    for server in servers:
        server.shutdown()
        server.server_close()


# --- Choosing ----------------------------------------------------------------


def test_a_docker_that_answers_is_preferred_to_a_podman_that_answers(talker: Talker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{talker('podman.sock', PODMAN)}")
    assert engines.find() == engines.Engine("podman", os.environ["CONTAINER_HOST"][len("unix://") :], "1.2.3")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{talker('docker.sock', DOCKER)}")
    assert engines.find() == engines.Engine("docker", os.environ["DOCKER_HOST"][len("unix://") :], "1.2.3")


def test_what_answers_decides_which_kind_it_is_and_not_its_sockets_name(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{talker('docker.sock', PODMAN)}")
    found = engines.find()
    assert found
    assert found.kind == "podman"


def test_the_docker_commands_context_is_followed(talker: Talker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spoken = talker("desktop.sock", DOCKER)
    config = tmp_path / "config"
    meta = config / "contexts" / "meta" / hashlib.sha256(b"desktop").hexdigest()
    meta.mkdir(parents=True)
    (config / "config.json").write_text('{"currentContext": "desktop"}')
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": f"unix://{spoken}"}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    found = engines.find()
    assert found
    assert found.socket == str(spoken)


def test_the_reader_may_choose(talker: Talker, monkeypatch: pytest.MonkeyPatch):
    docker, podman = talker("docker.sock", DOCKER), talker("podman.sock", PODMAN)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{docker}")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{podman}")
    for choice, socket_found in {"docker": docker, "podman": podman, f"unix://{podman}": podman}.items():
        monkeypatch.setenv(engines.CHOICE, choice)
        found = engines.find()
        assert found
        assert found.socket == str(socket_found)
    monkeypatch.setenv(engines.CHOICE, "private")
    assert engines.find() is None


def test_a_choice_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(engines.CHOICE, "rkt")
    with pytest.raises(Problem, match=r"^choosing an engine: CUTAWAY_ENGINE='rkt' is none; say docker, podman"):
        engines.ready()


# --- None --------------------------------------------------------------------


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "startable", list)
    monkeypatch.setattr(programs, "path", lambda _: None)


def why(monkeypatch: pytest.MonkeyPatch, host: str = "", uid: int = 0) -> str:
    """What `ready` says when it fails."""
    if host:
        monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(Problem) as caught:
        engines.ready()
    sentence = str(caught.value)
    assert sentence.count("; ") == 1, "one sentence: what is wrong, and after the semicolon what to do"
    return sentence


@pytest.mark.usefixtures("nothing_installed")
def test_no_engine_and_none_installed(monkeypatch: pytest.MonkeyPatch):
    said = why(monkeypatch)
    assert said.startswith("finding an engine: no Docker and no Podman answers, and we cannot start one: ")
    assert "docker is not installed; to get it: " in said


@pytest.mark.usefixtures("nothing_installed")
def test_no_engine_and_no_root(monkeypatch: pytest.MonkeyPatch):
    assert "podman is not installed; to get it: " in why(monkeypatch, uid=1000)


def test_no_engine_no_root_and_no_ids_to_borrow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(private, "startable", list)
    monkeypatch.setattr(subordinate, "lent", lambda _: [])
    if programs.path("podman") is None:
        pytest.skip("needs podman")
    said = why(monkeypatch, uid=1000)
    assert "Podman has no ids to borrow" in said
    assert re.search("; to lend it some: .*usermod --add-subuids", said)


def test_root_of_a_container_is_told_so_and_not_to_install_what_is_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "path", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert private.startable() == []
    assert "we cannot start one: root may make no control groups here" in why(monkeypatch)


@pytest.mark.usefixtures("nothing_installed")
def test_a_stale_socket_is_called_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stale = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stale))
    assert f"{stale}: nobody listens there any more" in why(monkeypatch, f"unix://{stale}")


@pytest.mark.usefixtures("nothing_installed")
def test_a_socket_that_is_not_for_this_user_is_said_so(talker: Talker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spoken = talker("docker.sock", DOCKER)

    def refused(*_: object) -> None:
        raise engines.EngineError("not for you") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(engines, "request", refused)
    assert f"{spoken}: this user may not use it" in why(monkeypatch, f"unix://{spoken}", uid=1000)


@pytest.mark.usefixtures("nothing_installed")
def test_an_engine_on_another_machine_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    assert "tcp://10.0.0.1:2375 is on another machine" in why(monkeypatch, "tcp://10.0.0.1:2375")


@pytest.mark.usefixtures("nothing_installed")
def test_something_that_is_no_engine_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talker: Talker):
    spoken = talker("odd.sock", DOCKER)
    monkeypatch.setattr(engines, "request", lambda *_: (200, b"<html>"))
    assert f"{spoken}: what answers there is no engine" in why(monkeypatch, f"unix://{spoken}")


def test_a_named_engine_that_does_not_answer_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(engines.CHOICE, f"unix://{tmp_path}/none.sock")
    said = why(monkeypatch)
    assert said.endswith("none.sock: there is no such socket; start it, or unset CUTAWAY_ENGINE, which names it")


# --- The command line ----------------------------------------------------------


def test_status_says_as_json_which_engine_it_is(talker: Talker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{talker('docker.sock', DOCKER)}")
    monkeypatch.setattr(engines.Engine, "containers", lambda _: [CONTAINER, {**CONTAINER, "Labels": {}}])
    said = CliRunner().invoke(words.command, ["status", "--json"])
    assert said.exit_code == 0
    assert json.loads(said.stdout) == {
        "kind": "docker",
        "version": "1.2.3",
        "socket": os.environ["DOCKER_HOST"][len("unix://") :],
        "ours": False,
        "containers": [{"name": "mine", "image": "cutaway/base", "state": "running"}],
    }


CONTAINER = {"Names": ["/mine"], "Image": "cutaway/base", "State": "running", "Labels": {"cutaway": "1"}}


@pytest.mark.usefixtures("nothing_installed")
def test_status_without_an_engine_says_why_and_fails():
    said = CliRunner().invoke(words.command, ["status", "--json"])
    assert said.exit_code == 1
    assert json.loads(said.stdout)["kind"] is None
    assert json.loads(said.stdout)["why"].startswith("finding an engine: ")


def test_stop_without_an_engine_of_ours_is_no_error():
    said = CliRunner().invoke(words.command, ["stop"])
    assert (said.exit_code, said.stdout) == (0, "no engine of ours was running\n")
