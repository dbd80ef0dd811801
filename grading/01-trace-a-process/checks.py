"""Lab 01, Trace a process: what each task asks for, held against processes of which the truth is known.

The answers of this lab are what the learner's functions return, so each is asked about a scene that was made for it
(scenes.py): names, numbers, addresses and ports that nobody could know before. What is true of a scene is known from
the calls that made it. In the last task the answer is a file, and is run.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.check.bench import Bench, Call
from cutaway.check.contract import CannotRun, Missed, asks
from cutaway.ground import trace
from cutaway.linux import processes

SCENES = Path(__file__).with_name("scenes.py")
NUMBERS = range(3, 100)  # that a program may end with, and that no shell or signal ends with by itself

# --- Task 1: where a process comes from --------------------------------------


@asks(task=1, points=2)
def ancestors_leads_from_a_process_to_its_parent_and_on(bench: Bench) -> list[int]:
    numbers = line_of_descent(bench, "heir")
    begins_with_the_parents(bench, numbers)
    return numbers


@asks(task=1, points=1, needs=[ancestors_leads_from_a_process_to_its_parent_and_on])
def a_program_with_an_awkward_name_leads_nobody_astray(bench: Bench, numbers: list[int]) -> list[int]:
    begins_with_the_parents(bench, line_of_descent(bench, "heir) S 1 (x"))
    return numbers


@asks(task=1, points=1, needs=[a_program_with_an_awkward_name_leads_nobody_astray])
def the_list_ends_with_the_first_process_of_all(bench: Bench, numbers: list[int]) -> None:
    known = [*numbers[1:], *parents(numbers[-1])]
    returned = bench.call("ancestors", numbers[0]).value
    if returned != known:
        raise missed(
            f"the list ends with {shown(end(returned))}; the first process of all is {known[-1]}",
            "Whose parent is number 0? There is no process 0.",
        )
    first = bench.call("ancestors", known[-1]).value
    if first != []:
        raise missed(f"ancestors({known[-1]}) returned {shown(first)}", "Does the first process have a parent?")


def line_of_descent(bench: Bench, name: str) -> list[int]:
    """The numbers of processes of which each is the child of the next."""
    numbers: list[int] = bench.scene(SCENES, "descent", name)["numbers"]
    return numbers


def begins_with_the_parents(bench: Bench, numbers: list[int]) -> None:
    pid, *above = numbers
    returned = bench.call("ancestors", pid).value
    if not isinstance(returned, list) or returned[: len(above)] != above:
        raise missed(
            f"for process {pid}, called {name_of(pid)!r}, it returned {shown(returned)}; "
            f"its parent is {above[0]}, whose parent is {above[1]}",
            "Look at its files in /proc. Which one tells the parent, and how does one find the place in it when the "
            "name of the program may hold anything?",
        )


def parents(pid: int) -> list[int]:
    """The processes above this one, as the kernel tells."""
    above = processes.stat(pid).parent
    return [above, *parents(above)] if above else []


# --- Task 2: what is at an address -------------------------------------------


@asks(task=2, points=1)
def mapping_finds_what_an_address_lies_in(bench: Bench) -> dict[str, Any]:
    scene = bench.scene(SCENES, "memory", str(Path(bench.folder("memory")).resolve()))
    finds(
        bench,
        scene,
        "within",
        "Print the lines of /proc/PID/maps. Between which two numbers is the address, and in which base are they?",
    )
    return scene


@asks(task=2, points=1, needs=[mapping_finds_what_an_address_lies_in])
def where_one_mapping_ends_the_next_one_begins(bench: Bench, scene: dict[str, Any]) -> None:
    finds(bench, scene, "at the border", "Two neighbours show the same number: to which of them does it belong?")


@asks(task=2, points=1, needs=[mapping_finds_what_an_address_lies_in])
def a_path_comes_back_whole(bench: Bench, scene: dict[str, Any]) -> None:
    finds(bench, scene, "spaced", "A file may be called almost anything. What separates the parts of a line?")


@asks(task=2, points=1, needs=[mapping_finds_what_an_address_lies_in])
def where_nothing_is_mapped_there_is_none(bench: Bench, scene: dict[str, Any]) -> None:
    finds(bench, scene, "nothing", "Not every address is in use. What do you return when no line of the list fits?")


def finds(bench: Bench, scene: dict[str, Any], which: str, hint: str) -> None:
    """For each of these addresses of the scene, the function returned what is there."""
    for address, there in scene[which]:
        returned = bench.call("mapping", scene["pid"], address).value
        if returned != there:
            raise missed(f"for {address:#x} it returned {shown(returned)}; there is {shown(there)}", hint)


# --- Task 3: who listens -----------------------------------------------------


@asks(task=3, points=2)
def listener_finds_who_listens_on_a_port(bench: Bench) -> dict[str, Any]:
    scene = bench.scene(SCENES, "ports")
    somebody = [scene["pid"], *(each.pid for each in processes.descendants(scene["pid"]))]
    for port, returned in answers(bench, scene):
        if returned not in somebody:
            raise missed(
                f"for port {port} it returned {shown(returned)}; process {scene['pid']} listens there",
                "Find the port in /proc/net/tcp by eye first: in which base is it written? "
                "Which of the numbers in that line is also to be seen in /proc/PID/fd?",
            )
    return scene


@asks(task=3, points=1, needs=[listener_finds_who_listens_on_a_port])
def the_same_port_of_another_address_is_somebody_elses(bench: Bench, scene: dict[str, Any]) -> None:
    for port, returned in answers(bench, scene):
        if returned != scene["pid"]:
            raise missed(
                f"for port {port} it returned {shown(returned)}, which does not listen on 127.0.0.1",
                "More than one line has this port. What else stands beside it, and in which order are its bytes?",
            )


@asks(task=3, points=1, needs=[listener_finds_who_listens_on_a_port])
def where_nobody_listens_there_is_none(bench: Bench, scene: dict[str, Any]) -> None:
    returned = bench.call("listener", scene["connected"]).value
    if returned is not None:
        raise missed(
            f"it returned {shown(returned)} for a port that is one end of a connection; nobody listens there",
            "Not every line of /proc/net/tcp is of a listener. Which column tells what a socket is for?",
        )


def answers(bench: Bench, scene: dict[str, Any]) -> list[tuple[int, Any]]:
    return [(port, bench.call("listener", port).value) for port in scene["listening"]]


# --- Task 4: what a program opens --------------------------------------------


class Opening(NamedTuple):
    """A program that opens files, whose names nobody could know, and what the learner's function said of it."""

    by_itself: set[str]
    by_its_child: set[str]
    never: set[str]  # one is not there, one may not be opened so, one is only mentioned
    returned: set[str]


@asks(task=4, points=1)
def opened_returns_what_a_program_opened(bench: Bench) -> Opening:
    opening = opens(bench, bench.folder("opened"))
    contains(
        opening.by_itself,
        opening,
        "Trace `cat /etc/hostname` in a terminal, and look for the file's name. Which system call is it?",
    )
    return opening


@asks(task=4, points=1, needs=[opened_returns_what_a_program_opened])
def what_it_starts_is_followed(bench: Bench, opening: Opening) -> None:
    contains(opening.by_its_child, opening, "Which process opens that file? Is it the one that is being watched?")


@asks(task=4, points=2, needs=[opened_returns_what_a_program_opened])
def what_could_not_be_opened_is_left_out(bench: Bench, opening: Opening) -> None:
    if wrong := opening.never & opening.returned:
        raise missed(
            f"{names(wrong)} {'is' if len(wrong) == 1 else 'are'} among them, and was never opened",
            "A name that was asked for is not yet a file that was opened. What did the kernel answer?",
        )


def opens(bench: Bench, folder: str) -> Opening:
    """Ask about a new program, a script that learns one name only while it runs."""
    here = Path(folder).resolve() / secrets.token_hex(3)
    here.mkdir()
    program, lists, write, child, missing, closed, mentioned = (
        str(here / f"{word}-{secrets.token_hex(3)}")
        for word in ("program", "list", "write", "child", "missing", "closed", "mentioned")
    )
    Path(closed).mkdir()
    Path(child).touch()
    Path(mentioned).touch()
    Path(lists).write_text(f"{child}\n")
    script = f"read name < {lists}; true > {write}; cat $name; cat {missing}; (true > {closed}); exit 0"
    Path(program).write_text(f"#!/bin/sh\n{script}\ncat {mentioned}\n")
    Path(program).chmod(0o755)
    returned = bench.call("opened", [program])
    return Opening({lists, write}, {child}, {missing, closed, mentioned}, set_of_names(returned))


def set_of_names(call: Call) -> set[str]:
    value = call.value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise missed(f"{call.function} returned {shown(value)}", "It is asked for a list of names. What have you got?")
    return set(value)


def contains(wanted: set[str], opening: Opening, hint: str) -> None:
    if lacking := wanted - opening.returned:
        raise missed(f"{names(lacking)} was opened, and is not among the {len(opening.returned)} names", hint)


# --- Task 5: a program that asks for nothing more -----------------------------


class Ran(NamedTuple):
    """What a program did when it was run: its status (None: it did not end), its words, its system calls."""

    status: int | None
    said: str
    calls: list[str]


@asks(task=5, points=1)
def the_program_says_your_word_and_ends_with_your_number(bench: Bench) -> Ran:
    word, number = bench.learner.word, bench.learner.random("number").choice(NUMBERS)
    program = Path(bench.folder("smallest")).resolve() / "program"
    bench.call("smallest", str(program), word, number)
    ran = run(bench, program)
    if (ran.said.strip(), ran.status) != (word, number):
        raise missed(
            f"it said {shown(ran.said)} and {'did not end' if ran.status is None else f'ended with {ran.status}'}; "
            f"the word is {word}, the number {number}",
            "Run it in a terminal. `echo $?` prints the number that the last program ended with.",
        )
    return ran


@asks(task=5, points=1, needs=[the_program_says_your_word_and_ends_with_your_number])
def it_opens_no_file(bench: Bench, ran: Ran) -> Ran:
    if "open" in " ".join(ran.calls):
        raise missed(
            f"it makes {len(ran.calls)} system calls, and opens files with some of them",
            "Ask your own function of task 4 what it opens. Who needs these files before your first line runs?",
        )
    return ran


@asks(task=5, points=2, needs=[it_opens_no_file])
def it_makes_three_system_calls(bench: Bench, ran: Ran) -> None:
    if len(ran.calls) != 3:
        raise missed(
            f"it makes {len(ran.calls)} system calls: {', '.join(ran.calls[:12])}{' ...' * (len(ran.calls) > 12)}",
            "Which of these did you write? Where do the others come from?",
        )


def run(bench: Bench, program: Path) -> Ran:
    """Run what the learner's function has made."""
    if not program.is_file():
        raise missed(
            "at the path that it was given, there is no file", "Print the path inside the function, and list it."
        )
    if not program.stat().st_mode & stat.S_IXUSR:
        raise missed("the file may not be executed", "Which permission makes a file a program?")
    told = bench.scene(SCENES, "run", str(program), bench.folder("trace"))
    lines = [found for found in map(trace.LINE.match, told["trace"]) if found]
    if not lines:
        raise CannotRun("strace shows nothing of a program; `cutaway doctor` says more")
    if lines[0]["result"] != "0":
        raise missed(
            f"the kernel refuses to execute the file: {lines[0]['result']}", "How does a file begin that it accepts?"
        )
    return Ran(told["status"], told["said"], [each["name"] for each in lines])


# --- What the sentences are made of ------------------------------------------


def missed(observed: str, hint: str) -> Missed:
    """What a function returned once it returns always: looking again would change nothing."""
    return Missed(observed, hint, final=True)


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def names(paths: Iterable[str]) -> str:
    return " and ".join(sorted(Path(path).name.partition("-")[0] for path in paths))


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]} ..."


def end(value: object) -> object:
    return value[-1] if isinstance(value, list) and value else value
