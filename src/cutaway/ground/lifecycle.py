"""The learner's own containers in an engine: made, moved from state to state, and followed by what the engine tells.

    mine = Mine.ready()
    mine.create("web", "sleep 600")
    mine.do("start", "web")
    mine.look("web").state

An engine may be shared. What bears the learner's label is shown and may be changed, whoever made it; all else is as if
it were not there. What is made here is gone when the notebook's kernel ends.

Reading order: words, the containers, what became of one, following. Taught in notebook 12; see the Docker Engine API.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types.daemon import CancellableStream
from requests.exceptions import RequestException

from cutaway import ledger
from cutaway.ground import base
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine, EngineGone, gone
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

STOP_S = 10  # what `docker stop` leaves a program to end by itself
PAUSE_S = 0.05  # between two looks
LOOK_AGAIN_S = 0.3  # for an engine that has gone
GONE = "gone"  # the state of what is not there
LABEL = "cutaway.learner"  # not one of the ledger's: a container inherits its image's labels, whoever starts it


class Move(NamedTuple):
    """A word for the engine, and what it makes of a container in one of its states."""

    source: str
    word: str
    target: str


MOVES = (
    Move(GONE, "create", "created"),
    Move("created", "start", "running"),
    Move("running", "pause", "paused"),
    Move("paused", "unpause", "running"),
    Move("running", "stop", "exited"),
    Move("running", "kill", "exited"),
    Move("running", "its program ends", "exited"),
    Move("running", "restart", "running"),
    Move("exited", "start", "running"),
    Move("created", "rm", GONE),
    Move("exited", "rm", GONE),
)
WORDS = ("create", "start", "pause", "unpause", "stop", "kill", "restart", "rm")
AFTER = {  # an event, and the state that a container is in after it
    "create": "created",
    "start": "running",
    "pause": "paused",
    "unpause": "running",
    "die": "exited",
    "destroy": GONE,
    "remove": GONE,  # Podman's word for it
}
SAME = {"stopped": "exited", "configured": "created", "initialized": "created"}  # Podman's words, in a listing
ALSO = ("kill", "stop", "restart", "oom")  # events that are told, and change no state by themselves


class Life(NamedTuple):
    """One container at one moment, as its engine has it; `pid` is 0 where no program runs."""

    name: str
    state: str
    exit_code: int
    pid: int
    restarts: int
    out_of_memory: bool


class Event(NamedTuple):
    """What an engine tells: what happened to which container, and the state that it was in before and is in now."""

    name: str
    what: str
    before: str
    now: str
    exit_code: int | None = None

    def __str__(self) -> str:
        code = "" if self.exit_code is None else f", exit code {self.exit_code}"
        return f"{self.name}: {self.what}{code}"


# --- The containers ----------------------------------------------------------


class Mine:
    """The learner's own containers in one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._client: DockerClient | None = None
        self._entries: dict[str, ledger.Entry] = {}

    @classmethod
    def ready(cls) -> Mine:
        """Those in the engine that lessons use, which is started if need be and has the base image."""
        engine = engines.ready()
        base.image(engine)
        return cls(engine)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {state}" for name, state in self.states().items()) or "no container of yours"

    def states(self) -> dict[str, str]:
        """Each container's name and state, the oldest first."""
        with self._asking("listing your containers") as client:
            listed = client.api.containers(all=True, filters={"label": mark()})
        return {each["Names"][0].strip("/"): SAME.get(each["State"], each["State"]) for each in reversed(listed)}

    def create(
        self, name: str, command: str | list[str] | None = None, image: str = base.NAME, **options: Any
    ) -> Container:
        """A new container, not started. Without a network unless `options`, docker-py's, name one."""
        entry = ledger.record("container", name, socket=self.engine.socket, name=name)
        try:
            with self._asking(f"creating {name}") as client:
                made = client.containers.create(
                    image, command, name=name, labels=labels(), **{"network_mode": "none", **options}
                )
        except Problem:
            entry.forget()
            raise
        self._entries[name] = entry
        return made

    def run(self, name: str, command: str | list[str] | None = None, **options: Any) -> Container:
        """A new container, started: `docker container run --detach`."""
        made = self.create(name, command, **options)
        self.do("start", name)
        return made

    def do(self, word: str, name: str, patience_s: int = STOP_S) -> None:
        """Say one of WORDS, but create, of a container; Problem when it is not the learner's, or the engine refuses."""
        with self._asking(f"{word} {name}") as client:
            container = _own(client, name)
            if word == "rm":
                container.remove()
            elif word in ("stop", "restart"):
                getattr(container, word)(timeout=patience_s)
            else:
                getattr(container, word)()
        if word == "rm" and name in self._entries:
            self._entries.pop(name).forget()

    def end(self, *names: str) -> None:
        """Remove containers, running or not, and forget them; one that is not there is no trouble."""
        for name in names:
            with self._asking(f"removing {name}") as client, suppress(NotFound):
                _own(client, name).remove(force=True, v=True)
            if name in self._entries:
                self._entries.pop(name).forget()

    def look(self, name: str) -> Life:
        """How a container is now; of one that is not there, that it is gone."""
        with self._asking(f"looking at {name}") as client:
            try:
                found = _own(client, name).attrs
            except NotFound:
                return Life(name, GONE, 0, 0, 0, False)
        state, restarts = found["State"], found.get("RestartCount", 0)
        return Life(name, state["Status"], state["ExitCode"], state["Pid"], restarts, state["OOMKilled"])

    def ended(self, name: str, timeout_s: float = 30) -> Life:
        """The same once its program has ended; EngineGone when it does not within that time."""
        with self._asking(f"waiting for the end of {name}") as client:
            _own(client, name).wait(timeout=timeout_s)
        return self.look(name)

    def until(self, name: str, true: Callable[[Life], bool], within_s: float = 30) -> Life:
        """How a container is as soon as something is true of it; Problem when it does not become so in time."""
        deadline = time.monotonic() + within_s
        while not true(life := self.look(name)):
            if time.monotonic() > deadline:
                raise Problem(f"waiting for {name}: after {within_s:g} s it is still {life}; read its log")
            time.sleep(PAUSE_S)
        return life

    def logs(self, name: str) -> str:
        """What its program has written so far, to standard output and error."""
        with self._asking(f"reading the log of {name}") as client:
            return str(_own(client, name).logs().decode(errors="replace").strip())

    def log(self, name: str) -> Iterator[str]:
        """The same piece by piece, as it comes, until the program ends or the engine does."""
        with self._asking(f"following the log of {name}"):
            client = self.engine.client()
            for piece in _own(client, name).logs(stream=True, follow=True):
                yield piece.decode(errors="replace")

    def inside(self, name: str, command: str | list[str]) -> str:
        """What a second program writes that is started in a running container: `docker exec`."""
        with self._asking(f"running {command!r} in {name}") as client:
            api: Any = client.api
            made = api.exec_create(_own(client, name).id, command)["Id"]
            # Without an upgrade of the connection: docker-py then loses what has come together with the headers.
            start, how = api._url("/exec/{0}/start", made), {"Detach": False, "Tty": False}
            answer = api._post_json(start, data=how, stream=True)
            output: bytes = api._get_result_tty(False, answer, is_tty=False)
        return output.decode(errors="replace").strip()

    # --- What became of one

    def outcome(self, command: str | list[str], image: str = base.NAME, **options: Any) -> int:
        """The exit status of `docker run --rm IMAGE COMMAND`: the program's own, or why there was none.

        125: the engine made no container; 126: the program may not be executed; 127: it is not there.
        """
        name = "tried-once"
        try:
            self.create(name, command, image, **options)
        except EngineGone:
            raise
        except Problem:
            return NO_CONTAINER
        try:
            self.do("start", name)
            return self.ended(name).exit_code
        except EngineGone:
            raise
        except Problem as refused:
            return next((status for words, status in REFUSED.items() if words in str(refused).lower()), NO_CONTAINER)
        finally:
            self.end(name)

    @contextmanager
    def volume(self, name: str) -> Iterator[str]:
        """A volume for containers to share; gone at the end of the block, and also when this process is killed."""
        with ledger.kept("volume", name, socket=self.engine.socket, name=name):
            with self._asking(f"creating the volume {name}") as client:
                client.volumes.create(name, labels=labels())
            yield name

    # --- Asking

    @contextmanager
    def _asking(self, doing: str) -> Iterator[DockerClient]:
        """A client; what the engine refuses is a Problem in its own words, and its silence is one, too."""
        try:
            if self._client is None:
                self._client = self.engine.client()
            yield self._client
        except APIError as refused:
            raise Problem(f"{doing}: the engine refuses: {refused.explanation or refused}") from refused
        except (DockerException, RequestException, EngineGone) as silence:
            self._client = None
            raise EngineGone(f"{doing}: {gone(self.engine)}") from silence


# What Docker's own command makes of an engine's refusal to start; see runStartContainerErr in docker/cli.
NO_CONTAINER = 125
REFUSED = {"permission denied": 126, "no such file or directory": 127, "executable file not found": 127}


def labels() -> dict[str, str]:
    """The labels of what is the learner's."""
    of_ledger = ledger.LABELS()
    return {**of_ledger, LABEL: of_ledger["cutaway.ledger"]}


def mark() -> str:
    """The learner's label, as `docker run --label` takes it."""
    return f"{LABEL}={labels()[LABEL]}"


def _own(client: DockerClient, name: str) -> Container:
    """The container of that name; Problem when it is somebody else's."""
    found = client.containers.get(name)
    if found.labels.get(LABEL) != labels()[LABEL]:
        raise Problem(f"looking at {name}: it bears no label of yours, so it is left alone; choose one of your own")
    return found


# --- Following -----------------------------------------------------------------


class Follower:
    """Hears in a thread what the engine tells of the learner's containers, whoever caused it.

    `heard` is given each event; `lost` the sentence when the engine has gone; `found` is called when it is there, at
    the beginning or again. `states` has then what the engine lists, and from there on what its events have told.
    """

    def __init__(
        self, mine: Mine, heard: Callable[[Event], None], lost: Callable[[str], None], found: Callable[[], None]
    ) -> None:
        self.mine, self.states = mine, dict[str, str]()
        self._heard, self._lost, self._found = heard, lost, found
        self._left = threading.Event()
        self._stream: CancellableStream[dict[str, Any]] | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin; a second time changes nothing."""
        if not self._thread.is_alive() and not self._left.is_set():
            self._thread.start()

    def leave(self) -> None:
        """Hear no more."""
        self._left.set()
        if self._stream is not None:
            self._stream.close()

    def _follow(self) -> None:
        while not self._left.is_set():
            with suppress(DockerException, RequestException, EngineGone, OSError, ValueError):  # or half a word came
                self._hear(self.mine.engine.client())
            if not self._left.is_set():
                self.states.clear()
                self._lost(f"The engine has gone: {gone(self.mine.engine)}.")
                self._await()

    def _hear(self, client: DockerClient) -> None:
        """Listen first and list then, so that nothing happens in between unnoticed."""
        told_by_it = client.events(decode=True, filters={"type": "container", "label": mark()})
        self._stream = told_by_it
        if self._left.is_set():  # while the engine was asked
            return
        self.states.update(self.mine.states())
        self._found()
        for told in told_by_it:
            if event := self._understood(told):
                self._heard(event)

    def _understood(self, told: dict[str, Any]) -> Event | None:
        what, about = told["Action"], told["Actor"]["Attributes"]
        if what not in AFTER and what not in ALSO:
            return None
        name = about["name"]
        before = self.states.get(name, GONE)
        now = AFTER.get(what, before)
        self.states[name] = now
        if now == GONE:
            self.states.pop(name)
        return Event(name, what, before, now, int(about["exitCode"]) if what == "die" else None)

    def _await(self) -> None:
        """Wait for the engine that lessons use."""
        while not self._left.wait(LOOK_AGAIN_S):
            if found := engines.find():
                self.mine.engine = found
                return
