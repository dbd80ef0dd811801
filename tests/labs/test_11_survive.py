"""Lab 11: every right way passes, no cheat gains a point, and nothing stays in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import answered, master, working_cells
from engines import until
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status
from cutaway.check.learner import Learner
from cutaway.ground.engine import Engine

LAB = "11-survive"

pytestmark = pytest.mark.slow


def results(folder: Path, task: int | None = None, **answers: str) -> list[Result]:
    """What the checks say of the solution with some cells answered otherwise."""
    return of_cells(LAB, working_cells(answered(master(LAB), **answers)), folder, task)


def in_the_engine(engine: Engine) -> list[str]:
    """What has a name that the lab gives."""
    client, beginning = engine.client(), Learner(LAB, "ada").hostname
    everything = [*client.containers.list(all=True), *client.networks.list(), *client.volumes.list()]
    return [each.name for each in everything if each.name.startswith(beginning)]


# --- Other ways -------------------------------------------------------------------

BY_THE_PACKAGE = '''
def parts(names, secret, **more):
    """By the docker package for Python; the database is known by its container's name."""
    given = {secret: {"bind": "/given", "mode": "ro"}}
    account = {"MARIADB_DATABASE": "counter", "MARIADB_USER": "counter", "MARIADB_PASSWORD_FILE": "/given"}
    kept = {names["volume"]: {"bind": "/var/lib/mysql"}}
    client = docker.engine.client()
    client.containers.run(made.database, name=names["database"], network=names["network"], detach=True,
                          environment=account, volumes={**given, **kept}, **more)
    return client, given

def keep(names, port, secret, **more):
    docker.engine.client().networks.create(names["network"])
    client, given = parts(names, secret, **more)
    settings = {"DATABASE_HOST": names["database"], "DATABASE_PASSWORD_FILE": "/given"}
    client.containers.run(made.page, name=names["page"], network=names["network"], detach=True, volumes=given,
                          environment=settings, ports={"8000/tcp": ("127.0.0.1", port)})

def replace(names, secret):
    parts(names, secret)
'''

AND_ENDURES = """
def endure(names, port, secret):
    keep(names, port, secret, restart_policy={"Name": "on-failure", "MaximumRetryCount": 5})
"""

BY_A_CLIENT = '''
def client(names, secret, folder, line):
    """A container of the same image on the same network asks the database."""
    asks, = docker.names("asks")
    given = f"-v {secret}:/given:ro -v {folder}:/out --network {names['network']} --entrypoint sh"
    docker(f"run --rm --name {asks} {given} {made.database} -c 'export MYSQL_PWD=$(cat /given); {line}'")

def back_up(names, secret, folder):
    client(names, secret, folder, "mariadb-dump -h database -u counter counter > /out/all.sql")

def restore(names, secret, folder):
    client(names, secret, folder, "mariadb -h database -u counter counter < /out/all.sql")
'''

ONE_NETWORK = '''
def serve(names, port, secret):
    """The page shares the database's network, as in a pod: its port is published where the network is made."""
    given = f"-v {secret}:/given:ro"
    pod, = docker.names("pod")
    docker(f"run -d --name {names['page']} -p 127.0.0.1:{port}:8000 {given} -e DATABASE_HOST=127.0.0.1 "
           f"-e DATABASE_PASSWORD_FILE=/given {made.page}")
    docker(f"run -d --name {names['database']} --network container:{names['page']} {given} "
           f"-e MARIADB_DATABASE=counter -e MARIADB_USER=counter -e MARIADB_PASSWORD_FILE=/given {made.database}")
'''

BY_COMPOSE = '''
def serve(names, port, secret):
    """A compose file that is written for the names that were given."""
    import json, subprocess, tempfile
    from cutaway.ground.terminal import composer
    word = {"file": secret}
    file = {"services": {
        "database": {"image": made.database, "container_name": names["database"], "secrets": ["word"], "environment": {
            "MARIADB_DATABASE": "counter", "MARIADB_USER": "counter", "MARIADB_PASSWORD_FILE": "/run/secrets/word"}},
        "page": {"image": made.page, "container_name": names["page"], "secrets": ["word"],
                 "environment": {"DATABASE_PASSWORD_FILE": "/run/secrets/word"}, "ports": [f"127.0.0.1:{port}:8000"]}},
        "secrets": {"word": word}, "networks": {"default": {"name": names["network"]}}}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as written:
        json.dump(file, written)
        written.flush()
        argv = [*composer(), "-p", names["network"], "-f", written.name, "up", "-d"]
        subprocess.run(argv, env={"DOCKER_HOST": docker.engine.url, "PATH": "/usr/bin:/bin:/usr/local/bin"}, check=True)
'''


@pytest.mark.soak
@pytest.mark.parametrize(("task", "way"), [
    (1, {"task_1": ONE_NETWORK}),
    (1, {"task_1": BY_COMPOSE}),
    (2, {"task_2": BY_THE_PACKAGE}),
    (3, {"task_2": BY_THE_PACKAGE, "task_3": AND_ENDURES}),
    (4, {"task_4": BY_A_CLIENT}),
], ids=["one network", "compose", "the package", "on failure", "a client"])  # fmt: skip
def test_another_way_is_as_good(task: int, way: dict[str, str], tmp_path: Path, engine: Engine) -> None:
    assert unmet(results(tmp_path, task, **way)) == []
    until(lambda: not in_the_engine(engine), "what was made is gone")


# --- Cheats --------------------------------------------------------------------------

ALONE = '''
def {function}(names, port, secret, folder=""):
    """One container that counts for itself."""
    program = (
        "import http.server as h\\nn=0\\nclass P(h.BaseHTTPRequestHandler):\\n def do_GET(s):\\n  global n; n+=1\\n"
        "  b=b'you are visitor %d' % n; s.send_response(200); s.end_headers(); s.wfile.write(b)\\n"
        "h.HTTPServer(('',8000),P).serve_forever()"
    )
    import shlex
    counts = f"python3 -c {{shlex.quote(program)}}"
    docker(f"run -d --name {{names['page']}} -p 127.0.0.1:{{port}}:8000 {{made.page}} {{counts}}")
'''


@pytest.mark.soak
@pytest.mark.parametrize(("task", "function"), [(1, "serve"), (5, "front")])
def test_a_page_that_counts_by_itself_is_not_enough(task: int, function: str, tmp_path: Path) -> None:
    said = results(tmp_path, task, **{f"task_{task}": ALONE.format(function=function)})
    assert any("no container" in each.observed for each in said if each.status is Status.FAILED), said


def test_a_function_that_says_all_is_well_earns_nothing(tmp_path: Path) -> None:
    said = results(tmp_path, 1, task_1="def serve(names, port, secret):\n    return {'earned': 4}")
    assert sum(each.earned for each in said) == 0


@pytest.fixture(autouse=True)
def nothing_stays(engine: Engine) -> Iterator[None]:
    yield
    until(lambda: not in_the_engine(engine), "what the lab made is gone")
