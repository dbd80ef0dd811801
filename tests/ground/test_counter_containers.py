"""*counter* in containers: it keeps what it has acknowledged, and it is the same application by hand and by compose.

Docker is asked in the proof and Podman in the soak.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engines import our_engine, until
from playwright.sync_api import Browser

from cutaway import ledger
from cutaway.ground import counter, programs, terminal
from cutaway.ground.counter import containers, images, visitors
from cutaway.ground.counter.containers import Containers
from cutaway.ground.counter.visitors import Answer, Visitors
from cutaway.ground.terminal import Compose, Docker, composer
from cutaway.linux import commands
from cutaway.problem import Problem

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.xdist_group("engine")]
NEEDED = {"mariadb": "mariadbd", "nginx": "nginx", "docker client": "docker"}
SEED = os.environ.get("CUTAWAY_SEED", "20")


@pytest.fixture(scope="module", params=["docker", pytest.param("podman", marks=pytest.mark.soak)])
def docker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    for name in NEEDED:
        if not programs.named(name).found:
            pytest.skip(f"needs {name}")
    if request.param == "docker":
        yield Docker(request.getfixturevalue("engine"))
        return
    with our_engine("podman", tmp_path_factory.mktemp("counter")) as engine:
        yield Docker(engine)


@pytest.fixture(scope="module")
def served(docker: Docker) -> Iterator[Containers]:
    """The two containers, for tests that leave them running."""
    with containers.containers(docker) as made:
        yield made


# --- Two containers --------------------------------------------------------------


def test_the_page_is_published_and_its_database_is_not(docker: Docker, served: Containers) -> None:
    first, second = (visitors.visit(served.url).number for _ in range(2))
    assert first
    assert second == first + 1
    assert docker(f"port {served.database}") == ""
    assert docker(f"port {served.page}").startswith("8000/tcp -> 127.0.0.1:")


def test_names_are_answered_by_a_server_in_the_container_on_docker_and_on_the_gateway_on_podman(
    docker: Docker, served: Containers
) -> None:
    (network,) = json.loads(docker(f"network inspect {served.network}"))
    answers = {"docker": "127.0.0.11", "podman": network["IPAM"]["Config"][0]["Gateway"]}[docker.engine.kind]
    assert f"nameserver {answers}\n" in docker(f"exec {served.page} cat /etc/resolv.conf") + "\n"


def test_the_password_is_in_no_settings_and_in_no_image(docker: Docker, served: Containers) -> None:
    known = docker(f"exec {served.page} cat /run/secrets/password")
    assert len(known) > 10
    for told in (
        f"inspect {served.page} {served.database}",
        f"history --no-trunc {images.PAGE}",
        f"logs {served.page}",
    ):
        assert known not in docker(told)


def test_a_database_container_is_replaced_and_the_count_goes_on(docker: Docker, served: Containers) -> None:
    before = visitors.visit(served.url).number
    assert before
    (told,) = json.loads(docker(f"inspect {served.database}"))
    secret = next(each["Source"] for each in told["Mounts"] if each["Destination"] == "/run/secrets/password")
    docker(f"rm -f {served.database}")
    docker(
        f"run -d --name {served.database} --network {served.network} --network-alias database {containers.ACCOUNT} "
        f"-v {served.volume}:/var/lib/mysql -v {secret}:/run/secrets/password:ro {images.DATABASE}"
    )
    assert visitors.welcomed(served.url).number == before + 1


@pytest.mark.soak
def test_while_the_database_is_away_visitors_are_told_so_and_nobody_waits_for_ever(
    docker: Docker, served: Containers
) -> None:
    docker(f"stop {served.database}")
    try:
        answer = visitors.visit(served.url)
        assert answer.status == 503
        assert "try again" in answer.text
        assert visitors.visit(f"{served.url}ready").status == 503
    finally:
        docker(f"start {served.database}")
    assert visitors.welcomed(served.url).number


# --- The database is killed --------------------------------------------------------


def visited(docker: Docker, served: Containers, chance: random.Random) -> list[int]:
    """The numbers that were told to people who visited while the database was killed: a forgotten one comes again."""
    with Visitors(served.url) as people:
        people.wait_for(chance.randrange(5, 40))
        docker(f"kill {served.database}")
        docker(f"start {served.database}")
        people.wait_for(2 * len(people.acknowledged))
    last = visitors.visit(served.url).number
    assert last
    assert last > max(people.acknowledged)
    return people.acknowledged


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.soak)])
def test_every_acknowledged_visit_is_there_after_the_database_was_killed(
    rounds: int, docker: Docker, served: Containers
) -> None:
    chance = random.Random(SEED)
    told = [visited(docker, served, chance) for _ in range(rounds)]
    print(f"{docker.engine.kind}, seed {SEED}: {sum(map(len, told))} visits acknowledged, {rounds} kills")
    assert [forgotten(numbers) for numbers in told] == [0] * rounds


def forgotten(numbers: list[int]) -> int:
    return len(numbers) - len(set(numbers))


@pytest.mark.soak
def test_a_database_that_acknowledges_before_it_writes_loses_visits(docker: Docker) -> None:
    chance = random.Random(SEED)
    with containers.containers(docker, "--innodb-flush-log-at-trx-commit=0") as careless:
        assert any(forgotten(visited(docker, careless, chance)) for _ in range(10))


@pytest.mark.soak
def test_a_volume_whose_making_was_broken_off_is_made_anew(docker: Docker) -> None:
    with containers.containers(docker) as served:
        docker(f"exec {served.database} touch /var/lib/mysql/.making")
        docker(f"kill {served.database}")
        docker(f"start {served.database}")
        assert visitors.welcomed(served.url, lambda answer: answer.status == 503).status == 503  # no tables yet
        docker(f"restart {served.page}")
        assert visitors.welcomed(served.url).number == 1


# --- By compose ----------------------------------------------------------------------


PLUG_IN = """#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo '{"SchemaVersion": "0.1.0", "Vendor": "these tests", "Version": "v0"}'
else
    shift
    exec docker-compose "$@"
fi
"""  # what the docker command asks of a plug-in; the work is done by the program that is here


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker command that has `compose` as a plug-in."""
    file = tmp_path / "docker/cli-plugins/docker-compose"
    file.parent.mkdir(parents=True)
    file.write_text(PLUG_IN)
    file.chmod(0o755)
    monkeypatch.setattr(terminal, "PLUGINS", ())
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return file


@pytest.fixture
def no_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PLUGINS", ())
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nothing"))


def test_where_dockers_command_has_a_plug_in_that_composes(plug_in: Path) -> None:
    assert composer() == [programs.path("docker"), "compose"]
    if programs.path("docker-compose"):
        assert "ompose version" in commands.run([*composer(), "version"])
    plug_in.chmod(0o644)
    assert composer()[-1] != "compose", "what cannot be run is no plug-in"


def test_where_it_has_none_the_program_composes(no_plug_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "path", lambda name: f"/bin/{name}")
    assert composer() == ["/bin/docker-compose"]
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match=r"^running docker-compose: it is not here; "):
        composer()


def test_a_plug_in_without_dockers_command_is_of_no_use(plug_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "path", lambda name: None if name == "docker" else f"/bin/{name}")
    assert composer() == ["/bin/docker-compose"]


@pytest.mark.soak
def test_the_plug_in_makes_the_same_application(docker: Docker, tmp_path: Path, plug_in: Path) -> None:
    with composed(docker, tmp_path) as (compose, url):
        assert composer()[-1] == "compose"
        assert visitors.welcomed(url).number == 1
    assert compose.name("") not in docker("ps -a --format {{.Names}}")


@contextmanager
def composed(docker: Docker, folder: Path) -> Iterator[tuple[Compose, str]]:
    """*counter* by compose, up when the block begins, and its address."""
    if not programs.named("compose").found:
        pytest.skip("needs compose")
    port = counter.free_port()
    compose = containers.composed(docker, counter.sources(), folder, port)
    compose("up -d")
    try:
        yield compose, f"http://127.0.0.1:{port}/"
    finally:
        compose("down -v")


@pytest.mark.soak  # lesson 14 composes in the proof
def test_compose_makes_the_same_application_behind_nginx_and_takes_all_of_it_away(
    docker: Docker, tmp_path: Path
) -> None:
    with composed(docker, tmp_path) as (compose, url):
        assert visitors.welcomed(url).number == 1
        assert '"GET / HTTP/1.0" 200' in docker(f"logs {compose.name('web')}"), "nginx asked the page"
    assert compose.name("") not in docker("ps -a --format {{.Names}}")
    assert compose.name("") not in docker("volume ls -q")


@pytest.mark.soak
def test_compose_leaves_the_volume_when_it_goes_down(docker: Docker, tmp_path: Path) -> None:
    with composed(docker, tmp_path) as (compose, url):
        assert visitors.welcomed(url).number == 1
        compose("down")
        compose("up -d")
        assert visitors.welcomed(url).number == 2


@pytest.mark.soak
def test_a_health_check_is_shown_by_docker_and_not_by_a_podman_without_systemd(docker: Docker, tmp_path: Path) -> None:
    systemd = Path("/run/systemd/system").exists()
    with composed(docker, tmp_path) as (compose, url):
        visitors.welcomed(url)
        state = f"inspect -f {{{{.State.Health.Status}}}} {compose.name('database')}"
        if docker.engine.kind == "podman" and not systemd:
            assert docker(state) == "starting"
        else:
            until(lambda: docker(state) == "healthy", "the database is shown as healthy")


# --- From outside ----------------------------------------------------------------------


@pytest.mark.browser
def test_a_browser_opens_the_published_port(served: Containers, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(served.url)
    page.wait_for_selector("text=/Python says: you are visitor [0-9]+/")
    page.close()


def test_what_docker_makes_is_written_down_first_and_is_ours(docker: Docker, served: Containers) -> None:
    noted = {(entry.kind, entry.facts["name"]) for entry in ledger.entries() if "name" in entry.facts}
    expected = {("container", served.page), ("container", served.database), ("volume", served.volume)}
    assert expected | {("network", served.network)} <= noted
    assert docker(f"inspect --format '{{{{index .Config.Labels \"cutaway\"}}}}' {served.page}") == "1"
    with pytest.raises(Problem, match="a container needs a --name here"):
        docker(f"run -d {images.PAGE}")


def test_a_line_is_said_again_until_it_does_not_fail_or_time_is_over(docker: Docker, served: Containers) -> None:
    docker(f"exec -d {served.page} sh -c 'sleep 0.5; echo there > /tmp/late'")
    assert docker.until(f"exec {served.page} cat /tmp/late") == "there"
    with pytest.raises(Problem, match=r"^docker inspect no-such: after 0.1 s it still says .*no-such"):
        docker.until("inspect no-such", within_s=0.1)


def test_only_an_answer_with_a_number_is_an_acknowledgement() -> None:
    assert Answer(200, "<p>Python says: you are visitor 7.</p>").number == 7
    assert Answer(503, "you are visitor 7").number is None
    assert Answer(200, "ready").number is None


def test_a_program_that_is_missing_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, docker: Docker) -> None:
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match=r"^running docker: it is not here; "):
        docker("version")
    with pytest.raises(Problem, match=r"^packing mariadbd: it is not on this machine; "):
        images.database(docker.engine)


def test_the_page_reads_a_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    code = (
        f"import sys; sys.path.insert(0, {str(counter.sources())!r}); import counter; print(counter.setting('X', ''))"
    )
    env = {"X_FILE": str(tmp_path / "password"), "X": "from the environment"}
    assert commands.run([sys.executable, "-c", code], env=env) == "from a file"
    assert commands.run([sys.executable, "-c", code], env={"X": "from the environment"}) == "from the environment"
