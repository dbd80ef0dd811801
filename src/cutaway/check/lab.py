"""The learner's side of a lab: begin it, see what was made, have it checked from outside."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.display import display

import __main__
from cutaway import ledger
from cutaway.check import calls, hiding, view
from cutaway.check.learner import Learner
from cutaway.check.results import Results
from cutaway.draw.tables import Table
from cutaway.draw.views import View
from cutaway.ground import course, grounds
from cutaway.problem import Problem

CHECKER = (sys.executable, "-I", "-m", "cutaway.check")


@dataclass(frozen=True)
class Lab:
    """A lab that was begun in this notebook: what is drawn for this learner, and a folder to work in."""

    learner: Learner
    folder: str
    made: list[ledger.Entry] = field(default_factory=list, repr=False, compare=False)

    @property
    def hostname(self) -> str:
        """The learner's own host name."""
        return self.learner.hostname

    @property
    def word(self) -> str:
        """The learner's own word."""
        return self.learner.word

    @property
    def port(self) -> int:
        """The learner's own port."""
        return self.learner.port

    @property
    def network(self) -> dict[str, str]:
        """The learner's own network, and who has which address in it."""
        return self.learner.network

    def clear(self) -> None:
        """End all that this notebook has started since the lab was begun, and empty `folder`."""
        while self.made:
            self.made[0].undo()
            del self.made[0]
        self.begin()

    def begin(self) -> None:
        """Have what is started from now on end with this process, and make `folder`."""
        self.made.append(ledger.record("process", f"what lab {self.learner.lab} starts"))
        os.environ.update(self.made[0].env)
        self.made.append(ledger.record("folder", Path(self.folder).name, path=self.folder))
        Path(self.folder).mkdir(parents=True)

    def look(self, pid: int, *, beside: int | None = None) -> View:
        """What this notebook sees, or process `beside`, and what the innermost process that `pid` started sees."""
        return view.beside(pid, self.folder, self.port, beside)

    def inside(self, pid: int) -> int:
        """The number, out here, of the innermost process that `pid` started."""
        return view.innermost(pid)

    def __repr__(self) -> str:
        return "\n".join(f"{what}: {value}" for what, value in self._facts().items())

    def _repr_html_(self) -> str:
        return Table(("yours", ""), tuple((what, str(value)) for what, value in self._facts().items()))._repr_html_()

    def _facts(self) -> dict[str, Any]:
        drawn = {name: getattr(self, name) for name in ("hostname", "word", "port", "folder")}
        return {"learner": self.learner.name, **{f"lab.{name}": value for name, value in drawn.items()}}


_begun: list[Lab] = []  # in this process; the last is the one that `check()` means


def begin_lab(name: str) -> Lab:
    """Begin a lab in this notebook: its ground, its parameters, and what it hides. Beginning it again changes nothing.

    Whatever the notebook starts from here on ends with the notebook's kernel.
    """
    for lab in _begun:
        if lab.learner.lab == name:
            return lab
    unit = _unit(name)
    print(grounds.begin(name))
    lab = Lab(Learner.here(name), str(ledger.state_folder() / "labs" / f"{name}-{secrets.token_hex(2)}"))
    lab.begin()
    hiding.hide(name, unit.hides)
    _begun.append(lab)
    return lab


class Earned(float):
    """Points: on a page in words, and for nbgrader, which reads the text, a number."""

    def __repr__(self) -> str:
        return f"{self:g}"

    def _repr_html_(self) -> str:
        return f"points earned: {self:g}"


def check(name: str | int | None = None, *, task: int | None = None) -> float:
    """Have a lab, or one task of it, checked from outside: shows what was seen, and returns the points earned.

    Without a name it is the lab that was begun in this notebook.
    """
    if isinstance(name, int):
        raise Problem(f"check({name}): that is no lab's name; say check(task={name}) for one task of this lab")
    if name is None and not _begun:
        raise Problem("check(): no lab was begun in this notebook; run its first code cell, or name the lab")
    learner = Learner.here(_unit(name).name if name else _begun[-1].learner.lab)
    results = _asked(learner, task)
    display(results)  # type: ignore[no-untyped-call]
    return Earned(results.earned)


def _asked(learner: Learner, task: int | None) -> Results:
    """What the checker says: a process of its own, which calls back for the learner's functions."""
    listener, address = calls.listening()
    with listener:
        argv = [*CHECKER, learner.lab, learner.name, str(task or 0), str(listener.fileno())]
        checker = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=[listener.fileno()], start_new_session=True
        )
    with checker:
        with suppress(ConnectionError):  # it ended before it listened, and says why below
            calls.serve(address, vars(__main__))
        said, _ = checker.communicate()
    if checker.returncode:
        raise Problem(f"checking {learner.lab}: the checker ended with status {checker.returncode}; check again")
    told = json.loads(said)
    if "problem" in told:
        raise Problem(told["problem"])
    return Results.of(told)


def _unit(name: str) -> course.Unit:
    for unit in course.labs():
        if unit.name == name:
            return unit
    names = ", ".join(unit.name for unit in course.labs())
    raise Problem(f"looking for lab {name!r}: there is none of that name; there is {names}")
