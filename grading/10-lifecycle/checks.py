"""What lab 10 asks for, in five tasks.

The engine is looked at from outside, by its own word: what is in it under the names that the check has drawn, how it
ends, what it writes, what is mounted. Two tasks ask for a Dockerfile as text. The check builds it in a folder of its
own, with words and requirements that nobody could know before, changes a file and builds it again: what an image says
of itself tells whether it was installed anew, and no account of the builder is believed.
"""

from __future__ import annotations

import itertools
import secrets
import time
from contextlib import nullcontext, suppress
from typing import NamedTuple, Self
from urllib.parse import quote

from docker.errors import NotFound
from docker.models.containers import Container

from cutaway import ledger
from cutaway.check import installation
from cutaway.check.bench import Bench, Call
from cutaway.check.contract import Missed, asks
from cutaway.check.engine import client, engine
from cutaway.ground import base, building
from cutaway.ground.building import BuildFailed
from cutaway.ledger.engines import PATHS, EngineError, request

KINDS = ("container", "image", "volume")  # in the order in which they let go of one another
CALL_S = 40.0  # for a function that starts a container
SETTLED_S = 3.0  # what is not there so long after a function has returned will not be
SAID_S = 20.0  # for a program that runs to say what it is to say
PATIENCE_S = 4  # for a program that is asked to end
KILLED = 137
MINERALS = ("agate", "basalt", "calcite", "garnet", "gneiss", "marble", "mica", "onyx")


class Made(NamedTuple):
    """What a function of the learner's has made in the engine: the call, and the name that it was given."""

    call: Call
    name: str

    def missed(self, observed: str, hint: str) -> Missed:
        """What is not there; some moments after the call it will not come any more."""
        return Missed(observed, hint, settled_s=self.call.returned_s + SETTLED_S)


class Ended(NamedTuple):
    """How a program has ended that was asked to."""

    code: int


# --- Task 1: a container ---------------------------------------------------


@asks(task=1, points=2)
def the_container_runs(bench: Bench) -> Made:
    made = make(bench, "start", "one", bench.learner.word)
    running(made)
    return made


@asks(task=1, points=1, needs=[the_container_runs])
def its_log_is_the_word(bench: Bench, made: Made) -> None:
    said = log(container(made))
    if said != bench.learner.word:
        raise Missed(f"the log of {made.name} is {said!r}", "What does the program write, and where to, and when?")


# --- Task 2: a good end ------------------------------------------------------


@asks(task=2, points=2)
def it_ends_when_it_is_asked_to(bench: Bench) -> Ended:
    made = make(bench, "listen", "two", agreed_code(bench))
    if "ready" not in log(running(made)).splitlines():
        raise Missed(f"{made.name} has not written ready", "When it can be stopped, the program is to say so.")
    return asked_to_end(made.name, running(made))


@asks(task=2, points=1, needs=[it_ends_when_it_is_asked_to], name="its exit code is the agreed one")
def its_exit_code_is_the_agreed_one(bench: Bench, ended: Ended) -> None:
    if ended.code != agreed_code(bench):
        raise Missed(
            f"it ended with {ended.code}, and {agreed_code(bench)} was agreed",
            "The number is the program's own last word. Who says it, when the signal has come?",
            final=True,
        )


# --- Task 3: what outlives it ------------------------------------------------


@asks(task=3, points=1)
def the_volume_is_mounted(bench: Bench) -> Made:
    volume = called(bench, "volume")
    made = make(bench, "count", "three", volume)
    mounts = container(made).attrs["Mounts"]
    if volume not in [each.get("Name") for each in mounts]:
        has = ", ".join(f"{each['Type']} {each.get('Name') or each.get('Source')}" for each in mounts) or "nothing"
        raise made.missed(f"mounted in {made.name}: {has}", "It is the engine that keeps a volume, under its name.")
    return made


@asks(task=3, points=3, needs=[the_volume_is_mounted])
def the_next_container_goes_on_counting(bench: Bench, first: Made) -> None:
    volume = called(bench, "volume")
    bench.kept("counted once", lambda: nullcontext(counted(first, volume, 1)))
    bench.kept("removed", lambda: nullcontext(container(first).remove(force=True, v=True)))
    second = make(bench, "count", "three-again", volume)
    counted(second, volume, 2)


# --- Task 4: an image ----------------------------------------------------------


class Tried(NamedTuple):
    """A container of an image that was built of the learner's Dockerfile, and what it was given."""

    name: str
    word: str
    requirements: tuple[str, ...]
    bench: Bench


@asks(task=4, points=2)
def the_image_is_built(bench: Bench) -> Tried:
    return built(bench, "recipe", "four", drawn_word(), drawn_requirements())


@asks(task=4, points=1, needs=[the_image_is_built])
def a_container_of_it_says_what_is_installed(bench: Bench, tried: Tried) -> Tried:
    says_what_it_was_given(tried)
    return tried


@asks(task=4, points=1, needs=[a_container_of_it_says_what_is_installed])
def a_container_of_it_ends_when_it_is_asked_to(bench: Bench, tried: Tried) -> None:
    asked_to_end("the container", client().containers.get(tried.name))


# --- Task 5: the order of its steps -----------------------------------------------


class Twice(NamedTuple):
    """Two images of one Dockerfile, between which a file was changed."""

    before: Tried
    after: Tried


@asks(task=5, points=1, name="a change of the program comes into the next image")
def a_change_of_the_program_comes_into_the_next_image(bench: Bench) -> Twice:
    requirements = drawn_requirements()
    before = built(bench, "in_order", "five", drawn_word(), requirements)
    after = built(bench, "in_order", "five-changed", drawn_word(), requirements)
    for each in (before, after):
        says_what_it_was_given(each)
    return Twice(before, after)


@asks(task=5, points=3, needs=[a_change_of_the_program_comes_into_the_next_image])
def what_is_installed_was_found_in_the_cache(bench: Bench, twice: Twice) -> Twice:
    if installed(twice.before) != installed(twice.after):
        raise Missed(
            "app.sh alone was changed, and all was installed anew",
            "A step is taken from the cache as long as nothing before it has changed, and no file that it copies. "
            "Which of your steps is the first that app.sh changes?",
            final=True,
        )
    return twice


@asks(task=5, points=1, needs=[what_is_installed_was_found_in_the_cache])
def other_requirements_are_installed_anew(bench: Bench, twice: Twice) -> None:
    others = tuple(each for each in MINERALS if each not in twice.after.requirements)[:2]
    third = built(bench, "in_order", "five-other", twice.after.word, others)
    says_what_it_was_given(third)
    if installed(third) == installed(twice.after):
        raise Missed(
            "with other requirements, it says that they were installed when the ones before were",
            "install.sh writes down when it ran. Who writes there after it?",
            final=True,
        )


# --- In the engine ---------------------------------------------------------------


class Names:
    """Names that nobody else uses. What is called so goes when the bench closes, or when the checker is killed."""

    def __init__(self, bench: Bench) -> None:
        self.socket, self.beginning = engine().socket, f"{bench.learner.hostname}-{secrets.token_hex(3)}"
        self.recorded: dict[str, list[ledger.Entry]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for kind, name in itertools.product(KINDS, self.recorded):
            with suppress(EngineError):  # it has gone, with all that was in it
                request(self.socket, "DELETE", PATHS[kind].delete.format(quote(name)))
        for entry in itertools.chain(*self.recorded.values()):
            entry.forget()

    def called(self, name: str) -> str:
        """The name that begins like the others and ends so, written down before anything has it."""
        full = f"{self.beginning}-{name}"
        if full not in self.recorded:
            self.recorded[full] = [ledger.record(kind, full, socket=self.socket, name=full) for kind in KINDS]
        return full


def called(bench: Bench, name: str) -> str:
    """A name that nobody else uses."""
    return bench.kept("names", lambda: Names(bench)).called(name)


def make(bench: Bench, function: str, name: str, *arguments: object) -> Made:
    """Have the learner's function make a container of such a name."""
    one = called(bench, name)
    return Made(bench.call(function, engine().url, one, *arguments, within_s=CALL_S), one)  # type: ignore[arg-type]


def container(made: Made) -> Container:
    """The container that was made. Missed when there is none of that name."""
    try:
        return client().containers.get(made.name)
    except NotFound:
        raise made.missed(
            f"the engine has no container {made.name}", "Which engine did you ask, and what did you call it?"
        ) from None


def running(made: Made) -> Container:
    """The same. Missed when it does not run."""
    found = container(made)
    if found.status == "created":
        raise made.missed(f"{made.name} is created, and was never started", "Two words make a container run.")
    if found.status != "running":
        code = found.attrs["State"]["ExitCode"]
        raise made.missed(
            f"{made.name} is {found.status}; its program ended with {code}",
            "A container runs as long as its program does. What is left to do for yours, once it has written?",
        )
    return found


def log(one: Container) -> str:
    return str(one.logs().decode(errors="replace").strip())


def asked_to_end(name: str, one: Container) -> Ended:
    """Stop it. Missed when its program had to be killed."""
    one.stop(timeout=PATIENCE_S)
    one.reload()
    code = one.attrs["State"]["ExitCode"]
    if code == KILLED:
        raise Missed(
            f"{name} was asked to end, and was killed {PATIENCE_S} s later",
            "Who is process 1 in there: the program that knows what to do when it is asked, or another one before it?",
            final=True,
        )
    return Ended(code)


def counted(made: Made, volume: str, lines: int) -> None:
    """Missed unless the file `starts` in the volume has so many lines, as a container of the check's own reads it."""
    script = "cat /look/starts 2>/dev/null | wc -l"
    mounted = {volume: {"bind": "/look", "mode": "ro"}}
    said = client().containers.run(base.NAME, ["sh", "-c", script], volumes=mounted, remove=True, **quietly())
    if int(said) != lines:
        which = "its first" if lines == 1 else "a second"
        raise made.missed(
            f"after {which} start, the file starts in the volume has {int(said)} lines",
            "Where is the volume in the container's own tree, and what becomes of lines that are there already?",
        )


def quietly() -> dict[str, object]:
    """How the check's own containers are started."""
    return {"network_mode": "none", "labels": ledger.LABELS()}


def agreed_code(bench: Bench) -> int:
    """The learner's own exit code; the notebook draws the same."""
    return bench.learner.random("exit code").randrange(10, 100)


# --- Building ----------------------------------------------------------------------


def drawn_word() -> str:
    return f"word-{secrets.token_hex(3)}"


def drawn_requirements() -> tuple[str, ...]:
    return tuple(sorted(secrets.SystemRandom().sample(MINERALS, 2)))


def built(bench: Bench, function: str, name: str, word: str, requirements: tuple[str, ...]) -> Tried:
    """Build the learner's Dockerfile with these files, and start a container of it. Missed when it cannot be built."""
    text = bench.call(function).value
    if not isinstance(text, str):
        hint = "A Dockerfile is text; return it as it would stand in the file."
        raise Missed(f"{function} returned no text", hint, final=True)
    files = {**installation.files(word, requirements), "Dockerfile": text}
    one = called(bench, name)
    try:
        building.build(engine(), files, one)
    except BuildFailed as failed:
        raise Missed(
            str(failed).partition(": ")[0].replace(one, "it") + f": {failed.build.error.splitlines()[-1]}",
            "At which step did it end? What is there by then in the image, and in which folder is the step?",
            final=True,
        ) from None
    client().containers.run(one, name=one, detach=True, **quietly())
    return Tried(one, word, requirements, bench)


def says_what_it_was_given(tried: Tried) -> None:
    """Missed unless a container of the image writes the word and the requirements."""
    said, wanted = line_of(tried, 0), f"{tried.word} with {' '.join(tried.requirements)}"
    if said != wanted:
        raise Missed(
            f"a container of it wrote {said!r} first, where {wanted!r} was due",
            "Which program does a container of your image start when it is not told which, and in which folder?",
            final=True,
        )


def installed(tried: Tried) -> str:
    """By which word an image tells when its requirements were installed."""
    return line_of(tried, 1)


def line_of(tried: Tried, number: int) -> str:
    """A line that a container of an image writes; nothing, when it ends without, or time is over."""
    one, deadline = client().containers.get(tried.name), tried.bench.now() + SAID_S
    while len(said := log(one).splitlines()) <= number and one.status == "running" and tried.bench.now() < deadline:
        time.sleep(0.05)
        one.reload()
    return said[number] if number < len(said) else ""
