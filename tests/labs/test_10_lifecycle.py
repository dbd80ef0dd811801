"""Lab 10: every right way passes; no cheat gains a point, and nothing stays in the engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import answered, master, working_cells, wrong_answers
from engines import until
from verdicts import of_cells, of_wrong, unmet

from cutaway.check.contract import Result, Status
from cutaway.check.learner import Learner
from cutaway.ground.engine import Engine

LAB = "10-lifecycle"

pytestmark = pytest.mark.slow


def results(folder: Path, task: int | None = None, **answers: str) -> list[Result]:
    """What the checks say of the solution with some cells answered otherwise."""
    return of_cells(LAB, working_cells(answered(master(LAB), **answers)), folder, task)


# --- Other ways ---------------------------------------------------------------

BY_THE_COMMAND = {
    1: """
def start(url, name, word):
    docker(url, "run", "--detach", "--name", name, "--env", f"WORD={word}", "cutaway/base", "sh", "-c",
           "echo $WORD; tail -f /dev/null")
""",
    2: """
def listen(url, name, code):
    script = f"sleep 600 & trap 'kill $!; exit {code}' TERM; echo ready; wait"
    docker(url, "create", "--name", name, "cutaway/base", "sh", "-c", script)
    docker(url, "start", name)
""",
    3: """
def count(url, name, volume):
    docker(url, "volume", "create", volume)
    docker(url, "run", "-d", "--name", name, "--mount", f"source={volume},target=/kept", "cutaway/base", "sh", "-c",
           "cd /kept; echo one more | tee -a starts; sleep 600")
""",
}

WITH_HELPERS = {
    1: '''
def start(url, name, word):
    """The program is put into a container that was created before."""
    import io, tarfile
    tar, text = io.BytesIO(), f"echo {word}\\nexec sleep 600\\n".encode()
    with tarfile.open(fileobj=tar, mode="w") as into:
        member = tarfile.TarInfo("program.sh"); member.size = len(text)
        into.addfile(member, io.BytesIO(text))
    made = client(url).containers.create("cutaway/base", ["sh", "/program.sh"], name=name)
    made.put_archive("/", tar.getvalue())
    made.start()
''',
    2: '''
def listen(url, name, code):
    """SIGUSR1 is declared as the signal by which it is stopped; SIGTERM would do as well."""
    loop = f"trap 'exit {code}' USR1; echo ready; while :; do sleep 0.1; done"
    client(url).containers.create("cutaway/base", ["sh", "-c", loop], name=name, stop_signal="SIGUSR1").start()
''',
    3: '''
def count(url, name, volume):
    """Another container writes the line; the one that is asked for only holds the volume."""
    volumes = {volume: {"bind": "/v", "mode": "rw"}}
    client(url).containers.run("cutaway/base", "sleep 600", name=name, volumes=volumes, detach=True).exec_run(
        ["sh", "-c", "echo again >> /v/starts"]
    )
''',
}

OTHER_RECIPES = {
    "copied file by file, in the image's own root": """FROM cutaway/base
COPY install.sh /
COPY requirements.txt /
RUN cd / && sh /install.sh
COPY app.sh /
ENTRYPOINT ["sh", "/app.sh"]
""",
    "the program last, by another way to it": """FROM cutaway/base
WORKDIR /srv
ADD requirements.txt install.sh ./
RUN ["sh", "install.sh"]
ADD app.sh ./
CMD exec sh app.sh
""",
    "installed in a stage of its own": """FROM cutaway/base AS tools
WORKDIR /app
COPY requirements.txt install.sh ./
RUN sh install.sh
FROM cutaway/base
WORKDIR /app
COPY --from=tools /app/installed installed
COPY app.sh .
CMD ["sh", "app.sh"]
""",
}


@pytest.mark.soak
@pytest.mark.parametrize(
    "way", [BY_THE_COMMAND, WITH_HELPERS], ids=["docker's own command", "created, filled, started"]
)
@pytest.mark.parametrize("task", [1, 2, 3])
def test_another_way_to_run_is_as_good(way: dict[int, str], task: int, tmp_path: Path) -> None:
    if way is BY_THE_COMMAND and not shutil.which("docker"):
        pytest.skip("needs the command docker")
    assert unmet(results(tmp_path, task, **{f"task_{task}": way[task]})) == []


@pytest.mark.soak
@pytest.mark.parametrize("recipe", OTHER_RECIPES.values(), ids=OTHER_RECIPES.keys())
def test_another_recipe_is_as_good(recipe: str, tmp_path: Path) -> None:
    asked = {4: f"def recipe():\n    return {recipe!r}", 5: f"def in_order():\n    return {recipe!r}"}
    for task, answer in asked.items():
        assert unmet(results(tmp_path, task, **{f"task_{task}": answer})) == []


def test_a_container_that_takes_its_time_to_count_costs_no_point(tmp_path: Path) -> None:
    cell = next(each.source for each in master(LAB).cells if each.id == "task-3")
    assert unmet(results(tmp_path, 3, task_3=cell.replace("date >>", "sleep 1; date >>"))) == []


# --- What the lab is about -------------------------------------------------------


def test_files_that_are_copied_all_at_once_are_caught_by_a_build_that_installs_anew(tmp_path: Path) -> None:
    (wrong,) = [each for each in wrong_answers(LAB) if each.name == "task-5.all-at-once"]
    said = of_wrong(wrong, tmp_path)
    assert [each.name for each in said if each.status is Status.FAILED] == [wrong.caught_by]
    assert [each.observed for each in said if each.status is Status.FAILED] == [
        "app.sh alone was changed, and all was installed anew"
    ]


@pytest.fixture
def empty(engine: Engine) -> Iterator[None]:
    """What is in the engine before, is all that is in it afterwards."""
    before = inside(engine)
    yield
    until(lambda: inside(engine) == before, "the checks have removed what they made")


def inside(engine: Engine) -> list[set[str]]:
    client = engine.client()
    try:
        containers = {str(each.name) for each in client.containers.list(all=True)}
        volumes = {str(each.name) for each in client.volumes.list()}
        return [containers, {tag for each in client.images.list() for tag in each.tags}, volumes]
    finally:
        client.close()


# --- Cheats -----------------------------------------------------------------------

CHEATS = {
    "does nothing": "def start(url, name, word):\n    return None",
    "says that all is well": "def start(url, name, word):\n    return {'status': 'passed', 'earned': 3}",
    "is over before one looks": (
        "def start(url, name, word):\n"
        "    client(url).containers.run('cutaway/base', ['echo', word], name=name, detach=True)"
    ),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing_and_leaves_nothing(cheat: str, tmp_path: Path, empty: None) -> None:
    assert sum(each.earned for each in results(tmp_path, 1, task_1=cheat)) == 0


def test_somebody_elses_answer_has_somebody_elses_word(tmp_path: Path, empty: None) -> None:
    words = json.dumps(Learner(LAB, "bob").word)
    cell = next(each.source for each in master(LAB).cells if each.id == "task-1")
    said = results(tmp_path, 1, task_1=cell.replace("### BEGIN SOLUTION", f"word = {words}"))
    assert [each.status for each in said] == [Status.PASSED, Status.FAILED]
    assert said[1].observed.startswith("the log of ")
