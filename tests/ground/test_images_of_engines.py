"""Images of real engines, Docker's and Podman's: built, opened, sent through our registry, moved. Where they differ,
lesson 13 says so, and a test here holds it.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from engines import until
from lab_process import free_port

from cutaway.ground import base, building, private, registries, store
from cutaway.ground import engine as engines
from cutaway.ground.building import BuildFailed, How
from cutaway.ground.engine import Engine
from cutaway.images import saved
from cutaway.images.registry import Registry
from cutaway.images.upstream import Mirrored
from cutaway.linux import Process, sockets
from cutaway.panels import BuildPanel, ImagePanel
from cutaway.problem import Problem

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]

KEY = "a secret key"
SIMPLE = "FROM cutaway/base\nCOPY key /key\nRUN rm /key\n"
COPIES = "FROM cutaway/base\nCOPY key /one\nCOPY key /two\n"
STAGES = """FROM cutaway/base AS make
COPY key /key
FROM cutaway/base
COPY --from=make /key /copied
"""


@pytest.fixture(params=["docker", "podman"], scope="module")
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine of each kind, with a room's mirror that is not there yet; its state folder is that of these tests."""
    if request.param not in private.startable():
        pytest.skip(f"this user cannot start {request.param} here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTAWAY_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setenv(engines.CHOICE, "private")
        patch.setenv(private.MIRROR, f"http://127.0.0.1:{free_port()}")
        private.start(request.param, Process.current())
        started = engines.ready()
        base.image(started)
        yield started
        engines.stop()


def built(engine: Engine, dockerfile: str, name: str, key: str = KEY) -> building.Build:
    return building.build(engine, {"Dockerfile": dockerfile, "key": key}, name)


@contextmanager
def registry(root: Path, engine: Engine) -> Iterator[Registry]:
    serving = registries.start(root, engine)
    yield serving
    registries.stop(serving)


# --- Building ----------------------------------------------------------------


def test_a_build_is_told_step_by_step_with_what_came_from_the_cache(ours: Engine) -> None:
    first = built(ours, COPIES, "cutaway/steps:1")
    assert [step.instruction for step in first.steps] == COPIES.splitlines()
    assert [step.how for step in first.steps] == [How.BASE, How.RAN, How.RAN]
    assert first.number == 3
    again = built(ours, COPIES, "cutaway/steps:1")
    assert (again.count(How.CACHE), again.image) == (2, first.image)
    changed = built(ours, COPIES, "cutaway/steps:2", key="another key")
    assert (changed.count(How.CACHE), changed.count(How.RAN)) == (0, 2)
    with pytest.raises(BuildFailed, match=r"building cutaway/steps:3, step 'RUN echo out; false': ") as failed:
        built(ours, "FROM cutaway/base\nRUN echo out; false", "cutaway/steps:3")
    assert [step.how for step in failed.value.build.steps] == [How.BASE, How.FAILED]
    assert failed.value.build.steps[1].said == ("out",)


def test_the_panel_shows_the_steps_and_builds_what_was_typed(ours: Engine) -> None:
    panel = BuildPanel(ours, {"Dockerfile": SIMPLE, "key": KEY}, "cutaway/panel:1")
    assert "Not built yet." in repr(panel)
    panel.button.click()
    panel.dockerfile.value = SIMPLE.replace("RUN rm", "RUN echo out && rm")
    panel.button.click()
    assert repr(panel).splitlines()[-2].split() == ["3", "RUN", "echo", "out", "&&", "rm", "/key", "ran", "out"]
    assert repr(panel).splitlines()[-1] == "3 of 3 steps: 1 ran, 1 from the cache."
    panel.dockerfile.value = "FROM cutaway/base\nRUNN x"
    panel.button.click()
    assert "RUNN" in panel._said.value
    assert "http" not in panel._said.value, "the reader asked no address for anything"
    assert not panel.button.disabled


def test_what_is_not_the_learners_is_neither_renamed_nor_listed(ours: Engine) -> None:
    client = ours.client()
    client.api.import_image_from_data(base.archive(base.contents()), "others/theirs", "latest")
    there = client.images.get("others/theirs:latest").id
    panel = BuildPanel(ours, {"Dockerfile": SIMPLE, "key": KEY}, "others/theirs:latest")
    panel.build()
    assert "has one of that name that is not yours" in panel._said.value
    assert client.images.get("others/theirs:latest").id == there
    assert not [name for name in store.names(ours) if "theirs" in name]
    with pytest.raises(Problem, match="none of yours has that name; choose among cutaway/base:latest"):
        ImagePanel(ours, "others/theirs:latest")
    client.images.remove("others/theirs:latest")
    client.close()


KILLED = """
import os, signal, sys
from cutaway.ground import base, building, engine
here = engine.ready()
base.image(here)
for key in ("one", "other"):
    building.build(here, {"Dockerfile": sys.argv[1], "key": key}, "cutaway/killed:1")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_of_a_killed_learners_builds_nothing_stays_in_an_engine_that_is_shared(ours: Engine, tmp_path: Path) -> None:
    """Two builds of one name with two stages each: an image with a name, and three without."""
    client = ours.client()
    before = there(client)
    env = {**os.environ, engines.CHOICE: ours.url, "CUTAWAY_STATE": str(tmp_path / "learner")}
    done = subprocess.run([sys.executable, "-c", KILLED, STAGES], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    until(lambda: there(client) == before, "the images are as before")
    client.close()


def there(client: DockerClient) -> set[str]:
    """The ids of all images; none while Podman errs, as it does when one goes while it lists them."""
    try:
        return {each["Id"] for each in client.api.images(all=True)}
    except APIError:
        return set()


# --- Opening -----------------------------------------------------------------


def test_the_explorer_finds_what_was_removed_and_counts_what_the_containers_file_system_lacks(ours: Engine) -> None:
    """The oracle is the engine: a container of the image, exported, has all bytes that are not wasted."""
    built(ours, SIMPLE, "cutaway/waste:1")
    found = store.read(ours, "cutaway/waste:1")
    client = ours.client()
    image = client.images.get("cutaway/waste:1")
    assert found.digests == image.attrs["RootFS"]["Layers"]
    assert found.digest == image.id
    assert [each.name.partition(" ")[2][2:] for each in found.stack.layers[1:]] == [
        "COPY /key",
        "RUN rm /key",
    ]
    container = client.containers.create("cutaway/waste:1", "true")
    exported = b"".join(container.export())
    container.remove()
    client.close()
    assert found.stack.wasted_bytes() == found.stack.size_bytes() - regular_bytes(exported)
    assert found.stack.wasted_bytes() == len(KEY)
    panel = ImagePanel(ours, "cutaway/waste:1")
    assert f"hidden by {found.stack.layers[2].name}: whiteout" in repr(panel)
    assert "busybox" not in repr(panel), "the untouched base is folded"
    panel.choice.value = "cutaway/base:latest"
    assert [len(panel.layers.stack.layers), panel.layers.stack.wasted_bytes()] == [1, 0]
    assert "cutaway/base:latest" in panel._said.value


def regular_bytes(tar: bytes) -> int:
    with tarfile.open(fileobj=io.BytesIO(tar)) as those:
        return sum(member.size for member in those if member.isreg())


def test_podmans_steps_leave_the_places_of_mounts_in_their_layer_and_dockers_do_not(ours: Engine) -> None:
    built(ours, SIMPLE, "cutaway/mounts:1")
    layer = store.read(ours, "cutaway/mounts:1").layers[2]
    mounts = {("proc",), ("sys",), ("etc", "hosts")}
    assert mounts & {*layer.pieces} == (mounts if ours.kind == "podman" else set())


def test_a_later_stage_has_nothing_of_an_earlier_one_but_what_is_copied(ours: Engine) -> None:
    several = built(ours, STAGES, "cutaway/stages:1")
    assert several.count(How.BASE) == 2
    assert several.number == len(several.steps) == 4
    stack = store.read(ours, "cutaway/stages:1").stack
    assert ("key",) not in {piece.place for piece in stack.pieces}
    assert stack.wasted_bytes() == 0


@pytest.mark.parametrize("ours", ["docker"], indirect=True)
def test_a_containerds_own_export_is_read_as_well(ours: Engine, tmp_path: Path) -> None:
    """The store of a containerd: Docker's own, into which the image is brought by containerd's own client."""
    running = private.running()
    assert running
    built(ours, SIMPLE, "cutaway/store:1")
    client = ours.client()
    (tmp_path / "image.tar").write_bytes(b"".join(client.images.get("cutaway/store:1").save(named=True)))
    client.close()
    inside = ["nsenter", f"--mount=/proc/{running.process.pid}/ns/mnt", f"--net=/proc/{running.process.pid}/ns/net"]
    ctr = [*inside, "ctr", "--address", "/run/docker/containerd/containerd.sock", "--namespace", "tried", "images"]
    for words in (["import", "--no-unpack", f"{tmp_path}/image.tar"], ["list", "--quiet"]):
        done = subprocess.run([*ctr, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    name = done.stdout.strip()
    subprocess.run([*ctr, "export", "--platform", "linux/amd64", f"{tmp_path}/export.tar", name], check=True)
    subprocess.run([*ctr, "rm", name], check=True, capture_output=True)
    exported = saved.read([(tmp_path / "export.tar").read_bytes()])
    assert exported == store.read(ours, "cutaway/store:1")


# --- Sending -----------------------------------------------------------------


def test_one_address_means_our_registry_to_this_machine_and_to_our_own_engine(ours: Engine, tmp_path: Path) -> None:
    built(ours, SIMPLE, "cutaway/sent:1")
    with registry(tmp_path, ours) as serving:
        place = f"127.0.0.1:{serving.port}/class/sent"
        digest = store.push(ours, "cutaway/sent:1", f"{place}:1")
        assert digest == serving.repositories["class/sent"].manifest("1").digest
        client = ours.client()
        mine = client.images.get("cutaway/sent:1").id
        client.images.remove(f"{place}:1")
        assert client.images.pull(f"{place}@{digest}").id == mine
        client.images.remove(f"{place}@{digest}")
        client.close()
        with pytest.raises(Problem, match=r"pulling .*class/sent:2: "):
            store.pull(ours, f"{place}:2")


def test_a_blob_that_was_changed_in_the_registry_is_not_taken(ours: Engine, tmp_path: Path) -> None:
    built(ours, "FROM cutaway/base\nCOPY key /alone", "cutaway/changed:1")  # a layer that no other image has
    with registry(tmp_path, ours) as serving:
        name = f"127.0.0.1:{serving.port}/changed:1"
        store.push(ours, "cutaway/changed:1", name)
        client = ours.client()
        client.images.remove(name)
        client.images.remove("cutaway/changed:1")
        for blob in tmp_path.glob("changed/blobs/sha256/*"):
            if (content := blob.read_bytes()).startswith(b"\x1f\x8b"):
                blob.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        with pytest.raises(Problem, match="pulling "):
            store.pull(ours, name)
        with pytest.raises(ImageNotFound):
            client.images.get(name)
        client.close()


def test_what_is_pulled_without_a_registrys_name_comes_from_the_rooms_mirror(ours: Engine, tmp_path: Path) -> None:
    """A published image, in the place of Docker's registry; the room's mirror of that; and an engine told of it."""
    built(ours, SIMPLE, "cutaway/published:1")
    with registry(tmp_path / "published", ours) as published:
        store.push(ours, "cutaway/published:1", f"127.0.0.1:{published.port}/library/hello:1")
        client = ours.client()
        mine = client.images.get("cutaway/published:1").id
        client.images.remove(f"127.0.0.1:{published.port}/library/hello:1")
        client.close()
        port = int(private.mirror()[1])
        with Registry(tmp_path / "mirror", port, upstream=Mirrored(f"http://127.0.0.1:{published.port}")) as room:
            threading.Thread(target=room.run, daemon=True).start()
            assert store.pull(ours, "hello:1") == mine
            room.shutdown()
        assert (tmp_path / "mirror/library+hello/index.json").exists()
    client = ours.client()
    client.images.remove("hello:1")
    client.close()


@pytest.mark.parametrize("said", ["https://room:5000", "room:5000", "http://room:many", "http://"])
def test_a_mirror_that_our_engine_cannot_use_is_refused_with_a_sentence(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(private.MIRROR, said)
    with pytest.raises(Problem, match="takes one by http alone, as http://room:5000"):
        private.mirror()


def test_the_registrys_second_socket_comes_with_the_engine_and_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that was there before the engine, and outlives it without keeping its network alive."""
    monkeypatch.setenv("CUTAWAY_STATE", str(tmp_path / "state"))
    if "podman" not in private.startable():
        pytest.skip("this user cannot start podman here")
    with Registry(tmp_path / "kept") as serving:
        threading.Thread(target=serving.run, daemon=True).start()
        registries.follow(serving)
        process = private.start("podman", Process.current()).process
        until(lambda: answers_inside(process, serving.port), "the registry answers in the engine's network")
        engines.stop()
        until(lambda: not serving._others, "the second socket has gone with the engine")
        serving.shutdown()


def answers_inside(engine: Process, port: int) -> bool:
    with sockets.made_inside(engine.pid, socket.AF_INET, socket.SOCK_STREAM) as line:
        try:
            line.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return False
        line.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        return line.recv(12) == b"HTTP/1.1 200"


# --- Moving ------------------------------------------------------------------


def test_each_way_without_a_registry_keeps_what_lesson_13_says(ours: Engine) -> None:
    built(ours, f"{SIMPLE}ENV A=b\n", "cutaway/moved:1")
    before, packed = store.read(ours, "cutaway/moved:1"), store.saved_bytes(ours, "cutaway/moved:1")
    with ours.container("cutaway/moved:1", "sleep 60") as container:
        container.exec_run(["sh", "-c", "echo note > /note"])
        store.commit(ours, container, "cutaway/committed:1")
        store.flatten(ours, container, "cutaway/flat:1")
    store.remove(ours, "cutaway/moved:1")
    assert store.load(ours, "cutaway/moved:1", packed) == before.digest
    found = {name: store.read(ours, f"cutaway/{name}:1") for name in ("moved", "committed", "flat")}
    assert {name: len(image.layers) for name, image in found.items()} == {"moved": 3, "committed": 4, "flat": 1}
    assert found["committed"].digests[:3] == before.digests
    env = {name: "A=b" in (image.config["config"].get("Env") or []) for name, image in found.items()}
    assert env == {"moved": True, "committed": True, "flat": False}
    keys = {name: saved.find([store.saved_bytes(ours, f"cutaway/{name}:1")], ("key",)) for name in found}
    assert keys == {"moved": [KEY.encode()], "committed": [KEY.encode()], "flat": []}
    assert ("note",) in found["flat"].stack.visible
    client = ours.client()
    client.api.import_image_from_data(base.archive(base.contents()), "others/alone:latest")
    with pytest.raises(Problem, match="removing the image others/alone:latest: it is not yours"):
        store.remove(ours, "others/alone:latest")
    client.images.remove("others/alone:latest")
    client.close()
