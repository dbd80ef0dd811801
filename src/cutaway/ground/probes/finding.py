"""A finding is a trial and what came of it; here is how trials are declared and run."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cutaway.ground import programs
from cutaway.linux import CommandFailed, commands, rights
from cutaway.linux.commands import Command
from cutaway.problem import Problem

# --- Words ------------------------------------------------------------------

PATIENCE_S = 5  # with one command
DEADLINE_S = 15  # for all trials together: more than any takes whose commands all hang; they take about one second

LESS_BUSY = "try again when this machine is less busy"
DEFECT = "nothing here explains it: please report it"

Run = Callable[[], str]  # returns what happened, or raises Lacking


@dataclass(frozen=True)
class Finding:
    """One thing that was tried here: what happened, what it opens, and how to enable it where it failed."""

    name: str
    ok: bool
    tried: str
    evidence: str
    opens: str
    remedy: str


class Lacking(Exception):
    """A trial that failed: what happened, and how to change that."""

    def __init__(self, evidence: str | Exception, remedy: str) -> None:
        super().__init__(evidence if isinstance(evidence, str) else cause(evidence))
        self.remedy = remedy


@dataclass(frozen=True)
class Probe:
    """A trial that can be made."""

    name: str
    tried: str
    opens: str
    run: Run
    by_anybody: bool = False  # it finds out what every user can do, so root tries it without root's rights


PROBES: dict[str, Probe] = {}  # in the order of the report


def probe(name: str, *, tried: str, opens: str, by_anybody: bool = False) -> Callable[[Run], Run]:
    """Declare a function as the trial called `name`."""

    def declare(run: Run) -> Run:
        PROBES[name] = Probe(name, tried, opens, run, by_anybody)
        return run

    return declare


# --- Running ----------------------------------------------------------------


def find(name: str) -> Finding:
    """Try one thing, here and now."""
    trial = PROBES[name]
    ok, remedy = True, ""
    try:
        evidence = trial.run()
    except Lacking as lacking:
        ok, evidence, remedy = False, str(lacking), lacking.remedy
    except Problem as problem:  # its next step stands after a semicolon
        ok, (evidence, _, remedy) = False, str(problem).partition("; ")
    except Exception as error:  # a trial that breaks is something found out, not the end of the report
        ok, evidence, remedy = False, f"the trial broke: {type(error).__name__}: {error}", DEFECT
    return Finding(name, ok, trial.tried, evidence, trial.opens, remedy)


def find_all(names: Iterable[str], deadline_s: float = DEADLINE_S, as_root: bool = False) -> dict[str, Finding]:
    """Try several things at once; what has not answered at the deadline counts as not there.

    Where root is not to use its rights, what is declared to be tried `by_anybody` is tried without them.
    """
    found = {name: _silent(name, deadline_s) for name in names}
    answers: queue.SimpleQueue[Finding] = queue.SimpleQueue()
    for name in found:  # daemons: a trial that hangs in the kernel must not keep the report from ending
        threading.Thread(target=_answer, args=(name, answers, as_root), daemon=True).start()
    deadline = time.monotonic() + deadline_s
    for _ in found:
        try:
            finding = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[finding.name] = finding
    return found


def _answer(name: str, answers: queue.SimpleQueue[Finding], as_root: bool) -> None:
    if PROBES[name].by_anybody and not as_root:
        rights.give_up()  # this thread's, which ends here
    answers.put(find(name))


def _silent(name: str, deadline_s: float) -> Finding:
    trial = PROBES[name]
    return Finding(name, False, trial.tried, f"no answer within {deadline_s:g} s", trial.opens, LESS_BUSY)


# --- What several trials do -------------------------------------------------


def ask(name: str, command: Command) -> str:
    """What the declared program `name` says to `command`; `Lacking` when it is not here or fails."""
    program = programs.named(name)
    if not program.found:
        raise Lacking(f"{' and '.join(program.absent)}: not here", programs.remedy(name))
    places = os.pathsep.join(filter(None, [os.environ.get("PATH"), programs.SBIN]))  # where `found` has looked
    try:
        return commands.run(command, PATIENCE_S, {**os.environ, "PATH": places})
    except (OSError, CommandFailed) as error:
        late = isinstance(error, CommandFailed) and error.status is None
        reinstall = f"mend what it says, or reinstall it: {programs.remedy(name)}"
        raise Lacking(error, LESS_BUSY if late else reinstall) from error


def cause(error: Exception) -> str:
    """An error in one line: of a command that failed its last word, of a file its name and why."""
    if isinstance(error, CommandFailed):
        said = [each for each in error.stderr.splitlines() if each.strip()]
        ended = f"did not end within {PATIENCE_S} s" if error.status is None else f"ended with status {error.status}"
        command = commands.shown(error.command).strip().splitlines()[0]
        return f"{command} {ended}" + (f": {said[-1].strip()}" if said else "")
    if isinstance(error, OSError) and str(error).startswith("[Errno"):  # Python's own words, not one of our sentences
        why = str(error.strerror).lower()
        return f"{error.filename}: {why}" if error.filename else why
    return str(error)
