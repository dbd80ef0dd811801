"""What Docker made is found by looking, and what was made for looking is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutaway.ground import docker_networks
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
def test_everything_laid_by_hand_has_its_counterpart(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine.kind != "docker":
        pytest.skip("needs Docker, which takes root here")
    monkeypatch.setenv(engines.CHOICE, "private")
    client = engine.client()
    before = {each.id for each in client.networks.list()}, {each["Id"] for each in engine.containers()}
    found = docker_networks.found()
    assert found.complete, found
    assert "-j MASQUERADE" in found.objects["masquerading"]
    assert found.objects["names"] == "nameserver 127.0.0.11"
    assert "docker-proxy -proto tcp" in repr(found)
    assert ({each.id for each in client.networks.list()}, {each["Id"] for each in engine.containers()}) == before
    client.close()


def test_where_no_docker_answers_it_is_said_and_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engines.CHOICE, f"unix://{tmp_path}/nobody.sock")
    found = docker_networks.found()
    assert not found.complete
    assert repr(found).startswith("Not asked: finding an engine: ")
    assert "there is no such socket; start it" in found.missing
