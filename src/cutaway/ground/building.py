"""A build, step by step, as the engine tells of it: which steps ran, and which were found in its cache.

Docker's classic builder and Podman's say the same things in other words. Docker counts the steps of all stages in one
row and Podman those of each stage; Docker tells of the container in which it runs a step and Podman does not.
Reading order: words, what is heard, building. Taught in notebook 13.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from cutaway import ledger
from cutaway.ground import store
from cutaway.ground.engine import Engine, gone
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

Files = Mapping[str, str | bytes]  # by name: what is sent to the builder, `Dockerfile` among it

BEGINS = re.compile(r"(?:Step (\d+)/(\d+) : |(?:\[\d+/\d+\] )?STEP (\d+)/(\d+): )(.*)")
CACHED = re.compile(r" *-+> Using cache")
LEFT = re.compile(r" *-+> ([0-9a-f]{11,64})$")
BROKEN_OFF = (RequestException, HTTPError)  # before an answer, and in its middle
STAGE = re.compile(r"^(?=FROM\s)", re.IGNORECASE | re.MULTILINE)
COLOUR = re.compile(r"\x1b\[\d*m")  # which Docker puts round what a program writes to its standard error
NEWS = re.compile(r" *-+> Running in|Removing intermediate|Successfully |(?:\[\d+/\d+\] )?COMMIT |[0-9a-f]{64}$|$")


class How(Enum):
    """What became of a step."""

    RUNNING = "running"
    BASE = "base"  # FROM: it takes an image that is there
    RAN = "ran"
    CACHE = "cache"
    FAILED = "failed"


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile; `image` is what it left, as the engine shortens it, `said` what it printed."""

    instruction: str
    how: How = How.RUNNING
    image: str = ""
    said: tuple[str, ...] = ()


class BuildFailed(Problem):
    """A build that came to no image; `build` is how far it came."""

    def __init__(self, sentence: str, build: Build) -> None:
        super().__init__(sentence)
        self.build = build


# --- What is heard ---------------------------------------------------------


@dataclass
class Build:
    """What is known of a build: its steps so far, how many there are, and in the end its image or an error."""

    steps: list[Step] = field(default_factory=list)
    number: int = 0  # of steps, those of a stage that Podman has not begun left out
    image: str = ""
    error: str = ""

    def count(self, how: How) -> int:
        """So many steps went like this."""
        return sum(step.how is how for step in self.steps)

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in one line of the engine's."""
        if "error" in event:
            self.error = str(event["error"]).strip()
            self._last(how=How.FAILED)
        if image := (event.get("aux") or {}).get("ID"):
            self.image = str(image)  # of each stage; the last one stays
        for line in str(event.get("stream", "")).splitlines():
            self._read(line)

    def _read(self, line: str) -> None:
        if begins := BEGINS.match(line):
            self._begin(begins)
        elif not self.steps:
            return
        elif CACHED.match(line):
            self._last(how=How.CACHE)
        elif left := LEFT.match(line):
            self._end(left[1])
        elif not NEWS.match(line):
            self._last(said=(*self.steps[-1].said, *filter(None, [COLOUR.sub("", line)])))

    def _begin(self, begins: re.Match[str]) -> None:
        at, of, instruction = begins[1] or begins[3], begins[2] or begins[4], begins[5]
        self._end()
        if at == "1":
            self.number += int(of)
        if instruction == labelled():
            self.number -= 1
            return
        base = instruction.upper().startswith("FROM ")
        self.steps.append(Step(instruction, How.BASE if base else How.RUNNING))

    def _end(self, image: str = "") -> None:
        """The step before has run, if nothing else is known of it."""
        if self.steps:
            how = self.steps[-1].how
            self._last(how=How.RAN if how is How.RUNNING else how, image=image or self.steps[-1].image)

    def _last(self, **known: Any) -> None:
        if self.steps:
            self.steps[-1] = replace(self.steps[-1], **known)

    def finish(self) -> None:
        """No more is to come."""
        if not self.error:
            self._end()


# --- Building --------------------------------------------------------------


def build(engine: Engine, files: Files, name: str, **options: Any) -> Build:
    """Build an image of these files and give it this name; BuildFailed when a step fails. Options as `following`."""
    *_, built = following(engine, files, name, **options)
    if built.error:
        raise BuildFailed(f"building {name}, step {built.steps[-1].instruction!r}: {built.error}", built)
    return built


def following(engine: Engine, files: Files, name: str, *, cache: bool = True) -> Iterator[Build]:
    """The same, and what is known so far, whenever the engine tells more; a failure is told in it and not raised.

    What each stage leaves bears the learner's label, by one more instruction, and goes when this process ends.
    """
    store.free(engine, name)
    sent = packed({**files, "Dockerfile": with_labels(_text(files["Dockerfile"]))})
    store.record(engine, name)
    store.record_builds(engine)
    client, built = engine.client(), Build()
    try:
        how: dict[str, Any] = {"custom_context": True, "nocache": not cache, "rm": True, "forcerm": True}
        for event in client.api.build(fileobj=io.BytesIO(sent), tag=name, decode=True, **how):
            built.hear(event)
            yield built
    except APIError as refused:
        raise Problem(f"building {name}: the engine refuses: {refused.explanation or refused}") from refused
    except (DockerException, *BROKEN_OFF) as error:
        raise Problem(f"building {name} in {engine.url}: {error}; see `cutaway engine status`") from error
    finally:
        client.close()
    if not (built.image or built.error):
        built.hear({"error": f"the engine said no more, and there is no image; is it gone? {gone(engine)}"})
    built.finish()
    yield built


def with_labels(dockerfile: str) -> str:
    """The Dockerfile, with the learner's label at the end of each stage."""
    first, *stages = STAGE.split(dockerfile)
    return "".join([first, *stages[:1], *(f"{labelled()}\n{each}" for each in stages[1:]), f"\n{labelled()}\n"])


def labelled() -> str:
    """The instruction that puts the learner's label on an image."""
    return "LABEL " + " ".join(f"{name}={value}" for name, value in ledger.LABELS().items())


def packed(files: Files) -> bytes:
    """The files as the tar that a builder takes; equal files make equal tars."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as into:
        for name, content in sorted(files.items()):
            plain = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(plain)
            into.addfile(member, io.BytesIO(plain))
    return tar.getvalue()


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()
