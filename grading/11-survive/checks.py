"""What lab 11 asks for, in five tasks.

Each task has names, a port and a password of its own, which the check has drawn. The engine tells what was made under
these names, and the page is visited as anybody would. Where something is to survive, the check does the harm: it takes
containers away, kills the database's process from outside while people visit, and drops a table.
"""

from __future__ import annotations

import json
import secrets
import time
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from docker.errors import NotFound
from docker.models.containers import Container

import cutaway
from cutaway import ledger
from cutaway.check.bench import Bench, Call
from cutaway.check.contract import CannotRun, Missed, asks
from cutaway.check.engine import client, engine
from cutaway.ground import base
from cutaway.ground.counter import images, processes, visitors
from cutaway.ground.counter.visitors import Visitors
from cutaway.problem import Problem

SCENES, SOURCE = Path(__file__).with_name("scenes.py"), str(Path(cutaway.__file__).parents[1])
WORDS = ("network", "volume", "database", "page", "second", "proxy")
CALL_S = 40.0  # for a function that starts four containers
START_S = 40.0  # for a database that makes its files, on a machine that has other things to do
AGAIN_S = 25.0  # for one that has them
SETTLED_S = 3.0  # what is not there so long after a function has returned will not be
AWAY_S = 30.0  # for a proxy that came before a page was ready: nginx asks such a page again after ten seconds
ENOUGH = 20  # visits
WHERE_TO_LOOK = "`docker ps --all` says which of yours runs, and `docker logs` what it has to complain of."
KEPT = "`docker rm` takes a container and what was written in it. Where does the database write, and what is there?"

DROP = """
import os, pymysql
account = {"user": "counter", "password": os.environ["PASSWORD"], "database": "counter"}
pymysql.connect(host="127.0.0.1", **account).cursor().execute("DROP TABLE visits")
"""

Names = dict[str, str]


class Given(NamedTuple):
    """What a function of the learner's is given: names, a port, and a password in the file `secret`."""

    names: Names
    port: int
    password: str
    secret: str


class Made(NamedTuple):
    """What such a function has made: the call, the names and password it was given, where its page is."""

    bench: Bench
    call: Call
    names: Names
    password: str
    secret: str
    url: str

    def missed(self, observed: str, hint: str) -> Missed:
        """What is not there; some moments after the call it will not come any more."""
        return Missed(observed, hint, settled_s=self.call.returned_s + SETTLED_S)


# --- Task 1: two containers ----------------------------------------------------


@asks(task=1, points=2)
def the_page_counts_at_its_port(bench: Bench) -> Made:
    made = make(bench, "serve", "one")
    counts_on(made)
    return made


@asks(task=1, points=1, needs=[the_page_counts_at_its_port])
def the_database_is_published_nowhere(bench: Bench, made: Made) -> None:
    settings = container(made, "database").attrs
    open_ports = [port for port, bound in (settings["NetworkSettings"]["Ports"] or {}).items() if bound]
    if open_ports or settings["HostConfig"]["NetworkMode"] == "host":
        raise made.missed(
            f"the database can be reached from this machine: {', '.join(open_ports) or 'it has the host’s network'}",
            "Who has to reach the database, and is that anybody outside its network?",
        )


@asks(task=1, points=1, needs=[the_page_counts_at_its_port])
def the_password_is_in_no_settings(bench: Bench, made: Made) -> None:
    for one in ours(made):
        if made.password in json.dumps(one.attrs):
            raise made.missed(
                f"docker inspect {one.name} shows the password",
                "Both programs can be told where it stands, in place of what it is.",
            )


# --- Task 2: what is kept --------------------------------------------------------


@asks(task=2, points=2)
def the_page_counts_as_before(bench: Bench) -> Made:
    made = make(bench, "keep", "two")
    counts_on(made)
    return made


@asks(task=2, points=2, needs=[the_page_counts_as_before])
def in_a_new_container_of_the_database_the_count_goes_on(bench: Bench, made: Made) -> Made:
    before = visited(made)
    container(made, "database").remove(force=True, v=True)
    bench.call("replace", made.names, made.secret, within_s=CALL_S)
    number = visited(made, hint=KEPT)
    if number != before + 1:
        raise Missed(
            f"visitor {before} came before the database had a new container, and the next one is told {number}",
            KEPT,
            final=True,
        )
    return made


# --- Task 3: a kill ----------------------------------------------------------------


class Survived(NamedTuple):
    """What people were told while the database was killed and came back."""

    told: list[int]


@asks(task=3, points=2)
def a_database_that_is_killed_comes_back_by_itself(bench: Bench) -> Survived:
    made = make(bench, "endure", "three")
    counts_on(made)
    with Visitors(made.url, now=bench.now) as people:
        people.wait_for(ENOUGH)
        killed_from_outside(container(made, "database"))
        try:
            people.wait_for(ENOUGH, AGAIN_S)
        except Problem:
            state = container(made, "database").status
            raise Missed(
                f"the database's process was killed, nobody was told a number again, and its container is {state}",
                "An engine starts a container again if it was told so. When is it told?",
                final=True,
            ) from None
    return Survived(people.acknowledged)


@asks(task=3, points=2, needs=[a_database_that_is_killed_comes_back_by_itself])
def nobody_is_told_a_number_that_was_told_before(bench: Bench, survived: Survived) -> None:
    forgotten = len(survived.told) - len(set(survived.told))
    if forgotten:
        raise Missed(
            f"{forgotten} numbers were told twice: the database had acknowledged those visits, and forgotten them",
            "When may a database say that something is done, and where must it stand by then?",
            final=True,
        )


# --- Task 4: a backup ----------------------------------------------------------------


class Saved(NamedTuple):
    """What a backup was made of, and where it is."""

    made: Made
    number: int
    folder: str


@asks(task=4, points=1, needs=[in_a_new_container_of_the_database_the_count_goes_on])
def the_backup_is_in_the_folder(bench: Bench, made: Made) -> Saved:
    folder = bench.folder("backup")
    number = bench.kept("number", lambda: nullcontext(visited(made)))
    call = bench.call("back_up", made.names, made.secret, folder, within_s=CALL_S)
    if not bench.holds_files(folder):
        raise Missed(
            "back_up has returned, and there is no file with anything in it in the folder",
            "Which program reads a database as it is at one moment, and where does what it writes go?",
            settled_s=call.returned_s + SETTLED_S,
        )
    return Saved(made, number, folder)


@asks(task=4, points=2, needs=[the_backup_is_in_the_folder])
def what_was_counted_before_the_backup_is_there_again(bench: Bench, saved: Saved) -> None:
    for _ in range(3):
        visited(saved.made)
    drop_the_table(saved.made)
    if visitors.visit(saved.made.url).number:
        raise CannotRun("the table could not be dropped")
    bench.call("restore", saved.made.names, saved.made.secret, saved.folder, within_s=CALL_S)
    number = visited(saved.made)
    if number != saved.number + 1:
        raise Missed(
            f"visitor {saved.number} came before the backup, and after its return the next one is told {number}",
            "Read the file yourself: is the table in it, and its row? And who reads it back, into which database?",
            final=True,
        )


# --- Task 5: two pages --------------------------------------------------------------------


@asks(task=5, points=2)
def both_pages_are_asked(bench: Bench) -> Made:
    made = make(bench, "front", "five", "sites")
    counts_on(made)
    deadline = bench.now() + AWAY_S
    with Visitors(made.url, now=bench.now) as people:
        people.wait_for(ENOUGH)
        while (never := never_asked(made)) and bench.now() < deadline:
            people.wait_for(1)
    if never:
        raise Missed(
            f"after {len(people.acknowledged)} visits, {never[0]} was never asked",
            "To whom does the proxy pass on what it gets? Read what it was told, and the logs of both pages.",
            final=True,
        )
    return made


@asks(task=5, points=2, needs=[both_pages_are_asked])
def nobody_is_turned_away_when_one_of_them_is_killed(bench: Bench, made: Made) -> None:
    with Visitors(made.url, now=bench.now) as people:
        people.wait_for(ENOUGH)
        container(made, "page").kill()
        people.wait_for(ENOUGH)
    if people.turned_away:
        status, text = people.turned_away[0]
        many = f"{len(people.turned_away)} visitors were turned away: {status} {' '.join(text.split())}"
        raise Missed(
            f"{made.names['page']} was killed, and {many}",
            "What is the proxy to do with a request that one of the pages did not answer?",
            final=True,
        )


def never_asked(made: Made) -> list[str]:
    """Which of the two pages has not written of any visitor."""
    return [made.names[page] for page in ("page", "second") if b"GET / " not in container(made, page).logs()]


# --- In the engine --------------------------------------------------------------------------


def make(bench: Bench, function: str, task: str, *folders: str) -> Made:
    """Have the learner's function make something under names that nobody else uses."""
    images.images(engine())
    names, port, password, secret = bench.kept(task, lambda: nullcontext(given(bench, task)))
    more = [bench.folder(f"{task}-{each}") for each in folders]
    call = bench.call(function, names, port, secret, *more, within_s=CALL_S)
    return Made(bench, call, names, password, secret, bench.url(port))


def given(bench: Bench, task: str) -> Given:
    """Names that nobody else uses, a port, and a password."""
    scene = bench.scene(SCENES, SOURCE, engine().socket, bench.learner.hostname)
    names = {word: f"{scene['beginning']}-{task}-{word}" for word in WORDS}
    taken = bench.kept("ports", lambda: nullcontext(set[int]()))
    port = next(port for port in iter(processes.free_port, None) if port not in taken)
    taken.add(port)
    password = secrets.token_hex(12)
    bench.folder(f"{task}-secret")
    return Given(names, port, password, bench.file(f"{task}-secret/password", f"{password}\n"))


def container(made: Made, word: str) -> Container:
    """A container that was made. Missed when there is none of that name."""
    try:
        return client().containers.get(made.names[word])
    except NotFound:
        raise made.missed(
            f"the engine has no container {made.names[word]}", "Which names was your function given?"
        ) from None


def ours(made: Made) -> list[Container]:
    """Every container that has one of the names."""
    return [one for one in client().containers.list(all=True, ignore_removed=True) if one.name in made.names.values()]


def counts_on(made: Made) -> None:
    """Two visits after one another are told numbers that follow one another."""
    first, second = visited(made, START_S), visited(made)
    if second != first + 1:
        raise made.missed(f"two visitors were told {first} and {second}", "Do both speak of one database?")


def visited(made: Made, within_s: float = AGAIN_S, hint: str = WHERE_TO_LOOK) -> int:
    """What the next visitor is told. Missed when nobody is told anything for a long time."""
    deadline = made.bench.now() + within_s
    while (answer := visitors.visit(made.url)).number is None:
        if made.bench.now() > deadline:
            raise Missed(f"{made.url}: {told(answer)}{last_words(made)}", hint, final=True)
        if answer.status == visitors.NO_ANSWER and made.names["page"] not in [one.name for one in ours(made)]:
            raise made.missed(f"nobody answers at {made.url}, and no container has the page's name", WHERE_TO_LOOK)
        time.sleep(0.05)
    return answer.number


def told(answer: visitors.Answer) -> str:
    return f"status {answer.status}" if answer.status else f"nobody answers ({answer.text})"


def last_words(made: Made) -> str:
    """The last line that each of the containers wrote."""
    logs = {one.name: one.logs().decode(errors="replace").strip().splitlines() for one in ours(made)}
    return "".join(f"; {name} wrote last: {lines[-1]}" for name, lines in logs.items() if lines)


def killed_from_outside(one: Container) -> None:
    """Send SIGKILL to its first process, as the kernel does when memory ends: the engine is not told of an order.

    Come back when that process is no more.
    """
    pid = one.attrs["State"]["Pid"]
    script = f"kill -9 {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done"
    client().containers.run(base.image(engine()), ["sh", "-c", script], pid_mode="host", **quietly())


def drop_the_table(made: Made) -> None:
    """Do what somebody did by mistake, from the database's own network and with the page's account."""
    password = {"PASSWORD": made.password}
    there = {**quietly(), "network_mode": f"container:{made.names['database']}"}
    client().containers.run(images.python(engine()), ["python3", "-c", DROP], environment=password, **there)


def quietly() -> dict[str, object]:
    """How the check's own containers are started."""
    return {"network_mode": "none", "labels": ledger.LABELS(), "remove": True}
