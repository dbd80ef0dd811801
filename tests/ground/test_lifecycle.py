"""A learner's containers through their whole life, on Docker and on Podman; followed, whoever moves them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engines import PODMAN_LATER, begun, until

from cutaway import ledger
from cutaway.ground import base, lifecycle, sides
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine, EngineGone
from cutaway.ground.lifecycle import Event, Follower, Mine
from cutaway.problem import Problem

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("engine")]

DOCKER_FIRST = pytest.mark.parametrize("shared", ["docker", PODMAN_LATER], indirect=True)
WORDS = (
    ("start", "running"), ("pause", "paused"), ("unpause", "running"), ("restart", "running"), ("kill", "exited"),
    ("start", "running"),
)  # fmt: skip
TRAPS = ["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"]


@pytest.fixture
def mine(shared: Engine) -> Iterator[Mine]:
    """The learner's containers, none of which is left afterwards."""
    yours = Mine(shared)
    yield yours
    yours.end(*yours.states())
    assert [entry for entry in ledger.entries() if entry.kind == "container"] == []


@contextmanager
def following(mine: Mine) -> Iterator[tuple[list[Event], list[str]]]:
    """What a follower hears, and what it says of the engine itself."""
    heard: list[Event] = []
    said: list[str] = []
    follower = Follower(mine, heard.append, said.append, lambda: said.append("found"))
    follower.start()
    until(lambda: said == ["found"], "the follower has begun")
    yield heard, said
    follower.leave()
    follower._thread.join(30)
    assert not follower._thread.is_alive()


# --- Life ------------------------------------------------------------------


def test_each_word_brings_the_state_that_the_diagram_says_and_its_event(mine: Mine) -> None:
    with following(mine) as (heard, _):
        mine.create("web", TRAPS)
        states = [mine.look("web").state]
        for word, state in WORDS:
            mine.do(word, "web", patience_s=1)
            states.append(mine.until("web", lambda life, state=state: life.state == state).state)  # type: ignore[misc]
        until(lambda: mine.logs("web").endswith("ready"), "its trap is set")
        mine.do("stop", "web")
        ended = mine.look("web")
        mine.do("rm", "web")
        assert mine.look("web").state == lifecycle.GONE
        until(lambda: heard and heard[-1].now == lifecycle.GONE, "its removal is told")
    assert states == ["created", *(state for _, state in WORDS)]
    assert (ended.state, ended.exit_code, ended.pid) == ("exited", 3, 0)
    moves = [(event.before, event.now) for event in heard if event.before != event.now]
    told = {(move.source, move.target) for move in lifecycle.MOVES}
    assert set(moves) <= told
    assert {"start", "pause", "unpause", "die"} <= {event.what for event in heard}


@DOCKER_FIRST
def test_a_second_client_is_followed_also_where_it_makes_one_of_mine(mine: Mine) -> None:
    other = mine.engine.client()
    with following(mine) as (heard, _):
        made = other.containers.run(base.NAME, "sleep 600", name="by-hand", labels=lifecycle.labels(), detach=True)
        until(lambda: heard and heard[-1].now == "running", "its start is told")
        made.kill()
        until(lambda: any(event.exit_code == 137 for event in heard), "its end is told, and how")
        until(lambda: mine.states() == {"by-hand": "exited"}, "Docker's list knows it, too, a moment later")
    other.close()


@DOCKER_FIRST
def test_what_bears_no_label_of_mine_is_neither_shown_nor_touched(mine: Mine) -> None:
    other = mine.engine.client()
    made = other.containers.create(base.NAME, "sleep 600", name="somebodys")  # of an image that bears our ledger's
    with following(mine) as (heard, _):
        made.start()
        mine.run("mine", "sleep 600")
        until(lambda: heard and heard[-1].now == "running", "the start of mine is told")
        assert {event.name for event in heard} == {"mine"}
    assert list(mine.states()) == ["mine"]
    for deed in (mine.look, mine.end, lambda name: mine.do("kill", name)):
        with pytest.raises(Problem, match="it bears no label of yours, so it is left alone"):
            deed("somebodys")
    made.reload()
    assert made.status == "running"
    made.remove(force=True)
    other.close()


@DOCKER_FIRST
def test_two_learners_on_one_engine_see_each_their_own(
    mine: Mine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.create("of-ada")
    with monkeypatch.context() as bob:
        bob.setenv("CUTAWAY_STATE", str(tmp_path / "bob"))
        bobs = Mine(mine.engine)
        bobs.create("of-bob")
        assert list(bobs.states()) == ["of-bob"]
        with pytest.raises(Problem, match="left alone"):
            bobs.do("start", "of-ada")
        bobs.end("of-bob")
    assert list(mine.states()) == ["of-ada"]


@DOCKER_FIRST
def test_what_the_engine_refuses_is_said_in_its_words(mine: Mine) -> None:
    mine.run("web", "sleep 600")
    for word, name in (("rm", "web"), ("unpause", "web"), ("start", "nobody")):
        with pytest.raises(Problem, match=f"^{word} {name}: the engine refuses: "):
            mine.do(word, name)
    with pytest.raises(Problem, match="recording container web: it is there already"):
        mine.create("web")
    with pytest.raises(Problem, match="creating none: the engine refuses: "):
        mine.create("none", image="no/such:image")


OUTCOMES = {
    "true": ("true", 0),
    "its own": (["sh", "-c", "exit 5"], 5),
    "no program": ("/etc/passwd", 126),
    "not there": ("/nosuch", 127),
    "a child ended by SIGTERM": (["sh", "-c", "sh -c 'kill -TERM $$'; exit $?"], 143),
    "SIGKILL to all": (["sh", "-c", "sh -c 'kill -KILL $$'; exit $?"], 137),
}


def test_exit_statuses_are_those_of_dockers_own_command(mine: Mine) -> None:
    outcomes = {name: mine.outcome(command) for name, (command, _) in OUTCOMES.items()}
    assert outcomes == {name: status for name, (_, status) in OUTCOMES.items()}
    assert mine.outcome("true", image="no/such:image") == 125
    assert mine.states() == {}


def test_podman_keeps_no_status_of_a_program_that_never_ran_and_docker_does(mine: Mine) -> None:
    mine.create("never", "/nosuch")
    with pytest.raises(Problem, match="the engine refuses"):
        mine.do("start", "never")
    assert mine.look("never").exit_code == {"docker": 127, "podman": 0}[mine.engine.kind]


@DOCKER_FIRST
def test_a_restart_policy_starts_it_again_as_often_as_it_says(mine: Mine) -> None:
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    mine.run("again", ["sh", "-c", "echo here; exit 1"], restart_policy=policy)
    until(lambda: mine.look("again")[1:5] == ("exited", 1, 0, 2), "it has failed three times")
    assert mine.logs("again").split() == ["here"] * 3


@DOCKER_FIRST
def test_a_volume_outlives_its_container_and_ends_with_its_block(mine: Mine) -> None:
    with mine.volume("cutaway-shared") as volume:
        bound = {volume: {"bind": "/data", "mode": "rw"}}
        mine.run("writer", ["sh", "-c", "echo word > /data/file"], volumes=bound)
        mine.ended("writer")
        mine.end("writer")
        read_only = {volume: {"bind": "/data", "mode": "ro"}}
        mine.run("reader", ["sh", "-c", "exec 2>&1; cat /data/file; touch /data/other"], volumes=read_only)
        assert mine.ended("reader").exit_code == 1
        assert mine.logs("reader").startswith("word")
        assert "Read-only file system" in mine.logs("reader")
        mine.end("reader")
    client = mine.engine.client()
    assert "cutaway-shared" not in [each.name for each in client.volumes.list()]
    client.close()


@DOCKER_FIRST
def test_the_log_comes_while_the_program_runs(mine: Mine) -> None:
    mine.run("talks", ["sh", "-c", "echo first; while [ ! -e /go ]; do sleep 0.05; done; echo last"])
    log = mine.log("talks")
    assert next(log).strip() == "first"
    mine.inside("talks", "touch /go")
    assert "".join(log).strip() == "last"


# --- Both sides ------------------------------------------------------------


def test_both_sides_tell_of_one_process(mine: Mine) -> None:
    mine.run("web", "sleep 600", mem_limit="32m", pids_limit=20)
    until(lambda: sides.both(mine, "web").inside.program == "sleep", "the runtime has become the program")
    seen = sides.both(mine, "web")
    assert seen.outside
    assert (seen.inside.number, seen.outside.number) == (1, mine.look("web").pid)
    assert seen.inside.namespaces == seen.outside.namespaces
    assert seen.inside.program == seen.outside.program == "sleep"
    assert {"pid", "mnt", "net", "uts", "ipc"} <= seen.own
    assert seen.inside.host_name in seen.group
    its = sides.groups(mine, "web")
    until(lambda: sides.used("web", its).processes == 1, "who was asked inside has gone")
    reading = sides.used("web", its)
    assert (reading.memory_max_bytes, reading.processes_max) == (32 << 20, 20)
    assert 0 < reading.memory_bytes < 32 << 20
    os.kill(seen.outside.number, 9)
    assert mine.ended("web").exit_code == 137
    with pytest.raises(Problem, match="no program runs in it; start it first"):
        sides.both(mine, "web")
    until(lambda: not its.exist(), "its control group has gone")
    with pytest.raises(Problem, match="metering web: its control group went with its last process"):
        sides.used("web", its)


@DOCKER_FIRST
def test_a_program_that_ends_while_it_is_looked_at_is_said_to_have_ended(
    mine: Mine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(number: int) -> sides.Side:
        mine.do("kill", "web")
        mine.ended("web")
        return from_outside(number)

    mine.run("web", "sleep 600")
    from_outside = sides._from_outside
    monkeypatch.setattr(sides, "_from_outside", too_late)
    with pytest.raises(Problem, match="looking at web from both sides: its program has just ended; start it again"):
        sides.both(mine, "web")


@DOCKER_FIRST
def test_a_process_that_has_the_number_here_and_is_another_one_is_not_taken_for_it(
    mine: Mine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.run("web", "sleep 600")
    monkeypatch.setattr(Mine, "look", lambda *_: lifecycle.Life("web", "running", 0, os.getpid(), 0, False))
    seen = sides.both(mine, "web")
    assert seen.outside is None
    assert seen.missing == sides.ELSEWHERE


# --- An engine that goes -----------------------------------------------------


@pytest.mark.parametrize("fresh", ["docker", PODMAN_LATER], indirect=True)
def test_an_engine_that_goes_is_one_sentence_and_its_return_is_noticed(fresh: Engine) -> None:
    mine = Mine(fresh)
    mine.create("web", "sleep 600")
    with following(mine) as (heard, said):
        engines.stop()
        until(lambda: len(said) == 2, "the loss is told")
        assert said[1].startswith("The engine has gone: no engine answers at ")
        assert said[1].endswith("start it, or say `cutaway engine start` in a terminal.")
        with pytest.raises(EngineGone, match="listing your containers: no engine answers at"):
            mine.states()
        begun(fresh.kind)
        until(lambda: said[2:] == ["found"], "the return is noticed")
        mine.create("web", "sleep 600")
        until(lambda: [event.name for event in heard] == ["web"], "what happens then is heard")
        assert mine.states() == {"web": "created"}


def test_who_leaves_while_the_engine_is_asked_hears_no_more() -> None:
    said: list[object] = []
    follower = Follower(Mine(Engine("docker", "/nowhere", "1")), said.append, said.append, lambda: said.append("found"))
    told = {"Action": "start", "Actor": {"Attributes": {"name": "web"}}}

    class Asked:
        def events(self, **_: object) -> Iterator[dict[str, object]]:
            follower.leave()
            return iter([told])

    follower._hear(Asked())  # type: ignore[arg-type]
    assert said == []


# --- Many ------------------------------------------------------------------


@pytest.mark.soak
def test_two_hundred_containers_are_listed_and_followed(mine: Mine) -> None:
    names = [f"many-{number}" for number in range(200)]
    for name in names:
        mine.create(name, "sleep 600")
    with following(mine) as (heard, _):
        assert list(mine.states()) == names
        mine.do("start", "many-100")
        until(lambda: [event.now for event in heard] == ["running"], "the start of one is told")


@DOCKER_FIRST
def test_dockers_own_command_makes_one_of_mine_with_the_label(mine: Mine) -> None:
    env = {**os.environ, "DOCKER_HOST": mine.engine.url}
    words = ["docker", "container", "run", "--detach", "--name", "typed", "--label", lifecycle.mark()]
    done = subprocess.run([*words, base.NAME, "sleep", "600"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert mine.states() == {"typed": "running"}
