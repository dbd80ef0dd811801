"""Lab 04, Isolate: what each task asks for, looked at through the kernel.

The first check of a task has the learner's function called. From then on only the processes that the call started
are looked at; what the function returned is the learner's own affair. The finding is the call, and never one of its
processes: a box may still be under construction, so each look finds its way inside again.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import nullcontext
from pathlib import Path

from cutaway.check import looking
from cutaway.check.bench import Bench, Call
from cutaway.check.contract import Missed, asks
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process, descendants

WROTE = "What it wrote last says why it ended: what was refused, to whom, and who may do it?"
STAYS = "Read what it wrote last: which of your commands wrote it, and which comes after? The last one has to stay."
SPLIT = (
    "It asked for the machine's name and did not set one: to `sh -c` the next word is the whole command. "
    "Where does that word end?"
)
HEARD = {  # what tools are heard to say, and what to ask yourself then
    "mount /proc failed": "A /proc is mounted by somebody who is in the new PID namespace. Who has been born into it?",
    "setgroups failed": "The tool wanted to change its groups on the way in; lesson 06, section 8, joins without that.",
    "reassociate to namespace": (
        "What it wrote last says which table it may not join. Who owns that table, have you joined the owner's user "
        "namespace first, and do you need this table at all?"
    ),
    "Address already in use": (
        "Something listens at that port already, in the network that your server is in: which network is that?"
    ),
    "not permitted": WROTE,
    "denied": WROTE,
}
COMPLAINT = ("failed", "cannot", "not found", "No such", "Usage", "unrecognized", "invalid", "rror:", *HEARD)
LIVES = "A namespace lives as long as a process is in it. What do you start, and when does it end?"
SETTLED_S = 0.3  # what still runs so long after the function has returned was meant to stay

# --- Task 1: a name of its own ---------------------------------------------


@asks(task=1, points=1, name="own_name leaves a process running")
def own_name_leaves_a_process_running(bench: Bench) -> Call:
    call = bench.call("own_name", bench.learner.hostname)
    is_running(call)
    return call


@asks(task=1, points=1, needs=[own_name_leaves_a_process_running])
def its_uts_namespace_is_its_own(bench: Bench, call: Call) -> Call:
    has_its_own(Kind.UTS, call)
    return call


@asks(task=1, points=1, needs=[its_uts_namespace_is_its_own])
def the_host_name_inside_is_yours(bench: Bench, call: Call) -> None:
    has_its_name(bench, call)


# --- Task 2: processes of its own ------------------------------------------


@asks(task=2, points=1, name="own_processes starts a process 1")
def own_processes_starts_a_process_1(bench: Bench) -> Call:
    call = bench.call("own_processes", bench.learner.hostname)
    has_a_process_1(call)
    return call


@asks(task=2, points=2, needs=[own_processes_starts_a_process_1], name="/proc shows the processes inside and no others")
def proc_shows_the_processes_inside_and_no_others(bench: Bench, call: Call) -> None:
    has_a_truthful_proc(call)


@asks(task=2, points=1, needs=[own_processes_starts_a_process_1])
def the_name_is_still_its_own(bench: Bench, call: Call) -> None:
    has_its_name(bench, call)


# --- Task 3: files of its own ----------------------------------------------


@asks(task=3, points=1, name="own_files leaves a file with your word inside")
def own_files_leaves_a_file_with_your_word_inside(bench: Bench) -> Call:
    learner, folder = bench.learner, bench.folder("own_files")
    call = bench.call("own_files", learner.hostname, folder, learner.word)
    holds_the_word(call, folder, learner.word)
    return call


@asks(task=3, points=2, needs=[own_files_leaves_a_file_with_your_word_inside])
def the_folder_is_empty_outside(bench: Bench, call: Call) -> None:
    is_empty_outside(bench.folder("own_files"))


@asks(task=3, points=1, needs=[own_files_leaves_a_file_with_your_word_inside])
def name_and_processes_are_still_its_own(bench: Bench, call: Call) -> None:
    has_its_name(bench, call)
    has_a_truthful_proc(call)


# --- Task 4: a network of its own ------------------------------------------


@asks(task=4, points=1, name="own_network gives a process its own network")
def own_network_gives_a_process_its_own_network(bench: Bench) -> Call:
    learner, folder = bench.learner, bench.folder("own_network")
    bench.kept("earlier tries", lambda: nullcontext(end_earlier_tries(bench)))
    call = bench.call("own_network", learner.hostname, folder, learner.word, learner.port)
    has_its_own(Kind.NET, call)
    return call


@asks(task=4, points=1, needs=[own_network_gives_a_process_its_own_network])
def the_loopback_inside_is_up(bench: Bench, call: Call) -> Call:
    try:
        looking.fetch(inmost(call), bench.learner.port, "/word")
    except OSError as refusal:
        if refusal.errno == errno.ENETUNREACH:
            raise Missed(
                "inside, the kernel knows no way to 127.0.0.1",
                "List the links inside: a new network has one, in which state?",
            ) from None
    return call


@asks(task=4, points=2, needs=[the_loopback_inside_is_up], name="the service answers with your word, inside only")
def the_service_answers_with_your_word_inside_only(bench: Bench, call: Call) -> None:
    port, word = bench.learner.port, bench.learner.word
    if word not in answer(inmost(call), port, "inside"):
        raise Missed(
            "inside, what answers on your port does not say your word",
            "Ask for /word from inside: which folder does the service show?",
        )
    if word in answer(Process.current(), port, "outside", silence=""):
        raise Missed(
            "outside, your port answers with your word as well", "How many services run, and in which networks?"
        )


@asks(
    task=4,
    points=1,
    needs=[own_network_gives_a_process_its_own_network],
    name="name, processes and files are still its own",
)
def name_processes_and_files_are_still_its_own(bench: Bench, call: Call) -> None:
    has_its_name(bench, call)
    has_a_truthful_proc(call)
    holds_the_word(call, bench.folder("own_network"), bench.learner.word)
    is_empty_outside(bench.folder("own_network"))


# --- Task 5: a companion ---------------------------------------------------


@asks(task=5, points=2, needs=[own_network_gives_a_process_its_own_network])
def companion_shares_network_and_name_with_the_first(bench: Bench, first: Call) -> Call:
    call = bench.call("companion", inmost(first).pid)
    is_running(call)
    for kind in (Kind.NET, Kind.UTS):
        if looking.identity(inmost(call), kind) != looking.identity(inmost(first), kind):
            raise Missed(
                f"the companion's {kind.value} namespace is not the first one's",
                "A namespace that exists is joined, not made again: which links are equal?",
            )
    return call


@asks(
    task=5,
    points=1,
    needs=[companion_shares_network_and_name_with_the_first, own_network_gives_a_process_its_own_network],
)
def its_processes_and_mounts_are_its_own(bench: Bench, call: Call, first: Call) -> Call:
    for kind in (Kind.PID, Kind.MNT):
        has_its_own(kind, call)
        if looking.identity(inmost(call), kind) == looking.identity(inmost(first), kind):
            raise Missed(
                f"the companion is in the first one's {kind.value} namespace",
                "Two things happen in a row: some namespaces are joined, then others are made. Which are which?",
            )
    return call


@asks(
    task=5,
    points=1,
    needs=[its_processes_and_mounts_are_its_own],
    name="the companion's /proc shows its processes only",
)
def the_companions_proc_shows_its_processes_only(bench: Bench, call: Call) -> None:
    has_a_truthful_proc(call)


# --- What the sentences are made of ----------------------------------------


def inmost(call: Call) -> Process:
    """The process, of those that the call started, with the most namespaces of its own."""
    return looking.inmost(is_running(call))


def is_running(call: Call) -> list[Process]:
    """What the call started that was still running a moment after it returned. Missed when there is nothing."""
    settled = time.monotonic() > call.returned_s + SETTLED_S
    if not (started := call.started()):
        heard = call.heard()
        raise Missed(
            f"when {call.function} has returned, nothing that it started runs"
            + (f"; it wrote: {heard}" if heard else ""),
            about(heard) if heard else LIVES,
            final=settled,  # before that, one process may be handing over to the next
        )
    if not settled:
        raise Missed(f"{call.function} has only just returned", "What it starts is looked at in a moment.")
    return started


def about(heard: str) -> str:
    """The hint to somebody whose processes have all ended, from what they wrote."""
    if heard.splitlines()[-1] == os.uname().nodename:
        return SPLIT
    return next((hint for said, hint in HEARD.items() if said in heard), STAYS)


def complaint(call: Call) -> str:
    """What something that the call started complained of last, as the end of a sentence; nothing if nothing did."""
    lines = [line for line in call.heard().splitlines() if any(word in line for word in COMPLAINT)]
    return f"; it wrote: {lines[-1]}" if lines else ""


def end_earlier_tries(bench: Bench) -> None:
    """Free the learner's port from what the notebook has started before and left listening there."""
    for process in looking.listening(descendants(bench.kernel.pid), bench.learner.port):
        process.kill()
        process.wait(1)


def has_its_own(kind: Kind, call: Call) -> None:
    """The innermost process is in another namespace of this kind than we are."""
    if not looking.own(inmost(call), kind):
        raise Missed(
            f"every process that {call.function} started is in the notebook's {kind.value} namespace",
            f"Read /proc/PID/ns/{kind.value} of your process and of the notebook: what makes the two differ?",
        )


def has_a_process_1(call: Call) -> None:
    """The innermost process is in a PID namespace that has a process 1."""
    if 1 in processes_inside(call):
        return
    made = any(looking.makes_for_its_children(process) for process in call.started())
    raise Missed(
        "a PID namespace was made, and nobody is in it"
        if made
        else f"every process that {call.function} started is in the notebook's pid namespace",
        "Who makes a PID namespace stays outside it. Who is born into it?"
        if made
        else "Read /proc/PID/ns/pid of your process and of the notebook: what makes the two differ?",
    )


def processes_inside(call: Call) -> set[int]:
    """The numbers that processes have in the PID namespace of the innermost one, when that is not ours."""
    box = inmost(call)
    if not looking.own(box, Kind.PID):
        return set()
    inside = looking.identity(box, Kind.PID)
    return {looking.numbers(each)[-1] for each in call.started() if looking.identity(each, Kind.PID) == inside}


def has_a_truthful_proc(call: Call) -> None:
    """What the innermost process finds in /proc is what lives in its PID namespace."""
    shown, inside = looking.listed_processes(inmost(call)), processes_inside(call)
    if not shown:
        raise Missed(
            "inside, no proc filesystem is mounted at /proc", "What does `ps` read? See what is mounted there, inside."
        )
    if shown != inside:
        raise Missed(
            f"inside, /proc shows {'more processes than' if shown > inside else 'other processes than'} there are",
            "/proc shows the processes of the namespace in which it was mounted. In which was the one inside mounted?",
        )


def has_its_name(bench: Bench, call: Call) -> None:
    """The innermost process finds the learner's host name, and ours is as it was."""
    name, outside = looking.host_name(inmost(call)), os.uname().nodename
    if outside != call.before.host_name:
        raise Missed(
            "the machine outside was renamed", "Whose name is set, if no new UTS namespace was made before?", final=True
        )
    if name != bench.learner.hostname:
        raise Missed(
            f"inside, the machine is called {'as outside' if name == outside else name}{complaint(call)}",
            "Ask for the name from inside. Who sets it, to what, and in which namespace?",
        )


def holds_the_word(call: Call, folder: str, word: str) -> None:
    """The innermost process can read the learner's word in the file `word` of the folder."""
    try:
        written = looking.read(inmost(call), f"{folder}/word").strip()
    except OSError as refusal:
        if isinstance(refusal, ProcessLookupError):
            raise
        raise Missed(
            f"inside, the file `word` cannot be read: {refusal.strerror}{complaint(call)}",
            "List the folder from inside. When was the file written: before or after something was mounted there?",
        ) from None
    if not written:
        raise Missed(
            "inside, the file is there and nothing is in it",
            "Which words does the command that writes the file get? Print its line before you start it.",
        )
    if written != word:
        raise Missed("inside, the file holds something other than your word", "Read the file from inside.")


def is_empty_outside(folder: str) -> None:
    """Nobody outside finds anything in the folder."""
    if any(Path(folder).iterdir()):
        raise Missed(
            "outside, the folder holds something too",
            "A file is where its filesystem is. Which filesystem is mounted on the folder, and who sees that mount?",
            final=True,
        )


def answer(process: Process, port: int, where: str, silence: str | None = None) -> str:
    """What the service on the port says to the process; `silence`, or Missed, when nobody is there."""
    try:
        return looking.fetch(process, port, "/word")
    except ProcessLookupError:
        raise
    except OSError as refusal:
        if silence is not None:
            return silence
        raise Missed(
            f"{where}, nobody answers on your port: {refusal.strerror}", "Which program listens, on which address?"
        ) from None
