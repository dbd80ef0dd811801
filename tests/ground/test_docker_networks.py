"""What Docker made is found by looking, and what was made for looking is gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
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


WITHOUT_RIGHTS = """
from cutaway.linux import rights
rights.give_up()
from cutaway.ground import docker_networks
print(docker_networks.found())
"""


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
@pytest.mark.skipif(os.geteuid() != 0, reason="who has no root's rights can give none up")
def test_a_page_without_roots_rights_is_told_how_to_ask_our_own_engine(engine: Engine) -> None:
    env = {**os.environ, engines.CHOICE: "private"}
    done = subprocess.run([sys.executable, "-c", WITHOUT_RIGHTS], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"Not asked: {docker_networks.ROOT_ALONE.format(module='docker_networks')}"


def test_where_no_docker_answers_it_is_said_and_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engines.CHOICE, f"unix://{tmp_path}/nobody.sock")
    found = docker_networks.found()
    assert not found.complete
    assert repr(found).startswith("Not asked: finding an engine: ")
    assert "there is no such socket; start it" in found.missing
