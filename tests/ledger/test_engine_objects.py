"""Engine objects are deleted by HTTP over the engine's socket: against a small engine that serves just that."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from docker import DockerClient

from cutaway import ledger
from cutaway.ground.engine import Engine
from cutaway.ledger import engines
from cutaway.ledger.engines import EngineError
from cutaway.linux import Process

KINDS = ["container", "image", "network", "volume"]
Objects = dict[tuple[str, str], dict[str, str]]  # labels by kind and name


class SmallEngine(ThreadingUnixStreamServer):
    """Answers as the Docker Engine API says, for looking up, listing and deleting; nothing else."""

    daemon_threads = True

    def __init__(self, socket: str) -> None:
        self.objects: Objects = {}
        self.conflicts = 0  # so many deletions are answered with 409
        self.takes_s = 0.0  # each of them
        self.deleted: list[str] = []
        super().__init__(socket, Answers)


class Answers(BaseHTTPRequestHandler):
    server: SmallEngine

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        kind, name = self.asked()
        if kind == "_ping":
            self.say(200, "OK")
        elif name in ("json", ""):
            (label,) = json.loads(parse_qs(urlsplit(self.path).query)["filters"][0])["label"]
            found = [(key, labels) for key, labels in self.server.objects.items() if key[0] == kind]
            rows = [row(*key, labels) for key, labels in found if label in (f"{k}={v}" for k, v in labels.items())]
            self.say(200, {"Volumes": rows} if kind == "volume" else rows)
        elif (kind, name) not in self.server.objects:
            self.say(404, {"message": f"no such {kind}: {name}"})
        else:
            labels = self.server.objects[kind, name]
            self.say(200, {"Config": {"Labels": labels}} if kind in ("container", "image") else {"Labels": labels})

    def do_DELETE(self) -> None:
        kind, name = self.asked()
        time.sleep(self.server.takes_s)
        if self.server.conflicts:
            self.server.conflicts -= 1
            self.say(409, {"message": "removal is already in progress"})
        elif name == "stuck":
            self.say(500, {"message": "the driver failed"})
        else:
            del self.server.objects[kind, name]
            self.server.deleted.append(self.path)
            self.say(204, "")

    def asked(self) -> tuple[str, str]:
        first, *rest = urlsplit(self.path).path.strip("/").split("/")
        return first.removesuffix("s") if first != "_ping" else first, unquote("/".join(rest).removesuffix("/json"))

    def say(self, status: int, body: object) -> None:
        text = json.dumps(body).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def row(kind: str, name: str, labels: dict[str, str]) -> dict[str, object]:
    names = {"container": {"Names": [f"/{name}"]}, "image": {"RepoTags": [name]}}.get(kind, {"Name": name})
    return {"Id": "7f", "Labels": labels, **names}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallEngine]:
    with SmallEngine(str(tmp_path / "engine.sock")) as small:
        thread = threading.Thread(target=small.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield small
        small.shutdown()
        thread.join()


@pytest.fixture
def socket(small: SmallEngine) -> str:
    return str(small.server_address)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_deleted_at_the_end_of_the_block(
    kind: str, small: SmallEngine, socket: str, state_folder: Path
) -> None:
    with ledger.kept(kind, "web", socket=socket, name="cutaway/web:1") as entry:
        assert not entry.exists()
        small.objects[kind, "cutaway/web:1"] = ledger.LABELS()
        assert entry.exists()
    assert small.objects == {}


def test_a_container_is_deleted_while_it_runs_and_with_its_nameless_volumes(
    small: SmallEngine, socket: str, state_folder: Path
) -> None:
    with ledger.kept("container", "web", socket=socket, name="web"):
        small.objects["container", "web"] = ledger.LABELS()
    assert small.deleted == ["/containers/web?force=true&v=true"]


def test_what_was_never_made_is_no_error(socket: str, state_folder: Path) -> None:
    ledger.record("container", "web", socket=socket, name="web").undo()


def test_what_lacks_our_label_is_left_alone(small: SmallEngine, socket: str, state_folder: Path) -> None:
    entry = ledger.record("container", "db", socket=socket, name="db")
    small.objects["container", "db"] = {"theirs": "1"}
    with pytest.raises(
        EngineError, match=r"^deleting container db through .*: it lacks our label, so it was left alone"
    ):
        entry.undo()
    assert small.objects
    entry.forget()


def test_a_removal_in_progress_is_waited_for(small: SmallEngine, socket: str, state_folder: Path) -> None:
    with ledger.kept("container", "web", socket=socket, name="web"):
        small.objects["container", "web"] = ledger.LABELS()
        small.conflicts = 3
    assert small.objects == {}


def test_a_removal_may_take_longer_than_an_answer(
    small: SmallEngine, socket: str, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger.kept("container", "web", socket=socket, name="web"):
        small.objects["container", "web"] = ledger.LABELS()
        small.takes_s = 1.5
        monkeypatch.setattr(engines, "TIMEOUT_S", 1)
    assert small.objects == {}


def test_what_an_engine_will_not_delete_is_said_in_its_words_and_stays_recorded(
    small: SmallEngine, socket: str, state_folder: Path
) -> None:
    entry = ledger.record("volume", "stuck", socket=socket, name="stuck")
    small.objects["volume", "stuck"] = ledger.LABELS()
    with pytest.raises(
        EngineError, match=r"^deleting volume stuck through .*: status 500: the driver failed; mend that, then run"
    ):
        entry.undo()
    assert [each.name for each in ledger.entries()] == ["stuck"]
    entry.forget()


def test_an_engine_that_does_not_answer_is_said(tmp_path: Path, state_folder: Path) -> None:
    with pytest.raises(EngineError, match=r"^asking the engine at .*no.sock: .*No such file.*; start it, then run"):
        ledger.record("container", "web", socket=tmp_path / "no.sock", name="web")


def test_an_engine_of_ours_that_is_gone_took_its_objects_with_it(state_folder: Path) -> None:
    with ledger.kept("container", "web", socket=state_folder / "engine.sock", name="web") as entry:
        assert not entry.exists()
    assert ledger.entries() == []


def test_a_killed_owners_objects_are_deleted_by_the_watcher(
    small: SmallEngine,
    socket: str,
    owner: Callable[..., subprocess.Popen[str]],
    until: Callable[[Callable[[], object]], bool],
) -> None:
    process = owner(
        "ledger.record('container', 'web', socket=sys.argv[1], name='web'); tell('recorded'); input(); die()", socket
    )
    assert process.stdout
    process.stdout.readline()
    small.objects["container", "web"] = ledger.LABELS()
    small.objects["container", "theirs"] = {}
    process.communicate("go\n")
    assert until(lambda: list(small.objects) == [("container", "theirs")])


def test_objects_are_found_by_their_label(small: SmallEngine, socket: str, state_folder: Path) -> None:
    small.objects.update({(kind, f"{kind}1"): ledger.LABELS() for kind in KINDS})
    small.objects["container", "theirs"] = {"cutaway": "1", "cutaway.ledger": "another"}
    label = f"cutaway.ledger={ledger.LABELS()['cutaway.ledger']}"
    found = [name for kind in KINDS for name, _ in engines.labelled(socket, kind, label)]
    assert found == ["container1", "image1", "network1", "volume1"]


def test_clean_deletes_what_bears_the_label_of_a_dead_owner_and_has_no_entry(
    small: SmallEngine, socket: str, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Process.current()._replace(start_time=1)
    small.objects.update({("container", "lost"): ledger.LABELS(dead), ("volume", "lost"): ledger.LABELS(dead)})
    small.objects.update({("container", "used"): ledger.LABELS(), ("container", "theirs"): {}})
    monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
    done = subprocess.run([sys.executable, "-m", "cutaway", "clean"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:2] == [
        "undone: container lost, which no entry named",
        "undone: volume lost, which no entry named",
    ]
    assert f"  0 containers, 0 images, 0 networks, 0 volumes labelled by it at {socket}" in done.stdout
    assert list(small.objects) == [("container", "used"), ("container", "theirs")]


# --- A real engine ---------------------------------------------------------


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
def test_a_real_engine_deletes_each_kind_in_the_right_order(engine: Engine, image: str) -> None:
    client = engine.client()
    with ExitStack() as kept:
        for kind, name in (("image", "cutaway/copy:1"), ("volume", "v-1"), ("network", "n-1"), ("container", "c-1")):
            entry = kept.enter_context(ledger.kept(kind, name, socket=engine.socket, name=name))
            make(client, kind, name, image)
            assert entry.exists()
    client.close()
    assert not entry.exists()
    label = f"cutaway.owner={ledger.LABELS()['cutaway.owner']}"
    assert [name for kind in KINDS for name, _ in engines.labelled(engine.socket, kind, label)] == []


def make(client: DockerClient, kind: str, name: str, image: str) -> None:
    """An object of the kind; the container runs, and holds the others."""
    labels = ledger.LABELS()
    if kind == "image":
        source = client.containers.create(image)
        source.commit("cutaway/copy", "1", changes=[f"LABEL {key}={value}" for key, value in labels.items()])
        source.remove()
    elif kind == "volume":
        client.volumes.create(name, labels=labels)
    elif kind == "network":
        client.networks.create(name, labels=labels)
    else:
        held = {"network": "n-1", "volumes": {"v-1": {"bind": "/v"}}}
        client.containers.run("cutaway/copy:1", "sleep 77", name=name, labels=labels, detach=True, **held)
