"""What a process in a container of a real engine finds out about itself."""

import json
from collections.abc import Iterator

import pytest

from cutaway.draw.evidence import Fact, Found
from cutaway.draw.here import drawing_of
from cutaway.ground import engine, private
from cutaway.linux.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]

NAMES = {"docker": "Docker", "podman": "Podman"}
IMAGE = "cutaway/looking"


@pytest.fixture(scope="module", params=NAMES)
def ours(request, tmp_path_factory) -> Iterator[engine.Engine]:
    """An engine of our own, of each kind, in a state folder for these tests alone."""
    if request.param not in private.startable():
        pytest.skip(f"needs {private.PROGRAMS[request.param]}, and the right to start it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTAWAY_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setenv(engine.CHOICE, f"unix://{private.start(request.param, owner=Process.current()).socket}")
        yield engine.ready()
        engine.stop()


def looked(ours: engine.Engine, image: bytes, **options) -> list[Found]:
    client = ours.client()
    client.api.import_image_from_data(image, IMAGE, "latest")
    with ours.container(IMAGE, ["/usr/bin/python3", "-I", "/evidence.py"], **options) as container:
        assert container.wait(timeout=60)["StatusCode"] == 0, container.logs()
        rows = json.loads(container.logs(stderr=False))
    client.close()
    return [Found(**{**row, "facts": tuple(Fact(**fact) for fact in row["facts"])}) for row in rows]


def test_a_container_is_drawn_round_its_process_with_its_engines_name(ours, looking_image):
    found = looked(ours, looking_image)
    name = f"container {NAMES[ours.kind]}"
    edges = drawing_of(found).edges
    assert f"{name} > process" in edges
    assert {f"kernel > {name}", f"guest kernel > {name}"} & set(edges)
    claims = {fact.claim for each in found if each.kind == "container" for fact in each.facts}
    assert {f"{kind} namespace: its own" for kind in ("mnt", "pid", "uts", "ipc", "net")} <= claims
    assert "its root is moved: chroot" not in next(each.details for each in found if each.kind == "process")


def test_a_container_that_shares_the_machines_processes_and_network_is_still_one(ours, looking_image):
    found = looked(ours, looking_image, pid_mode="host", network_mode="host")
    assert f"container {NAMES[ours.kind]} > process" in drawing_of(found).edges
