"""What lab 08 asks for, in five tasks.

Each task has a world of its own, which the check has made and in which nothing is wired. The check has the learner's
function called with the process numbers of its places, and then looks and calls from outside, through sockets of its
own in those networks: no program inside is asked, for the learner is root there. What the services say is known to
the check alone.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

import cutaway
from cutaway.check import looking
from cutaway.check.bench import Bench, Call
from cutaway.check.contract import Missed, asks
from cutaway.linux.networks import Link, Network
from cutaway.linux.processes import Process

SCENES, SOURCE = Path(__file__).with_name("scenes.py"), str(Path(cutaway.__file__).parents[1])
HOST, OUTSIDE = "198.51.100.1", "198.51.100.2"
PORT = 80
BOXES = ("web", "database")
SETTLED_S = 3.0  # what the function has not laid so long after it returned is not laid; a kernel asks twice by then
WHY = {errno.ENETUNREACH: "no route", errno.ECONNREFUSED: "refused"}


class Laid(NamedTuple):
    """What the learner's function has laid in a world: the call, a process of each place, and what services say."""

    call: Call
    places: dict[str, Process]
    says: dict[str, str]

    def missed(self, observed: str, hint: str) -> Missed:
        """What is not there; some moments after the call it will not come any more."""
        return Missed(observed, hint, settled_s=self.call.returned_s + SETTLED_S)


# --- Task 1: a wire --------------------------------------------------------


@asks(task=1, points=1, name="each box has a link that is on")
def each_box_has_a_link_that_is_on(bench: Bench) -> Laid:
    laid = lay(bench, "join", bench.learner.network)
    for box in BOXES:
        links = links_of(laid, box)
        if not links:
            raise laid.missed(
                f"{box} has no link but its loopback", "A pair of links has two ends. In whose network is each of them?"
            )
        if not any(link.up for link in links):
            raise laid.missed(
                f"the link of {box} is switched off", "Both ends of a wire have to be on. Who is to do it?"
            )
    return laid


@asks(task=1, points=1, needs=[each_box_has_a_link_that_is_on])
def each_box_has_its_address(bench: Bench, laid: Laid) -> Laid:
    for box in BOXES:
        wanted = bench.learner.network[box]
        has = [address for link in links_of(laid, box) for address in link.addresses]
        if wanted not in [address.partition("/")[0] for address in has]:
            raise laid.missed(
                f"{box} has {' and '.join(has) or 'no address'}, and should have {wanted}",
                "Read `ip address` in there: on which link is which address, and whose is it?",
            )
    return laid


@asks(task=1, points=2, needs=[each_box_has_its_address])
def the_two_boxes_reach_each_other(bench: Bench, laid: Laid) -> None:
    for caller, called in (BOXES, BOXES[::-1]):
        reaches(laid, caller, bench.learner.network[called], called, hints=NEAR)


# --- Task 2: a name --------------------------------------------------------


@asks(task=2, points=2)
def web_reaches_database_by_its_name(bench: Bench) -> Laid:
    laid = lay(bench, "name_it", bench.learner.network, bench.learner.hostname)
    address = knows_the_name(bench, laid)
    reaches(laid, "web", address, "database", hints=NEAR)
    return laid


@asks(task=2, points=1, needs=[web_reaches_database_by_its_name])
def the_host_does_not_know_the_name(bench: Bench, laid: Laid) -> None:
    if looking.resolve(laid.places["host"], bench.learner.hostname):
        raise laid.missed("the host knows that name as well", "Whose files did you write to, and who reads them?")


# --- Task 3: a way out -----------------------------------------------------


@asks(task=3, points=2)
def both_boxes_reach_the_machine_outside(bench: Bench) -> Laid:
    laid = lay(bench, "way_out", bench.learner.network, bench.learner.hostname)
    for box in BOXES:
        reaches(laid, box, OUTSIDE, "outside", hints=FAR)
    return laid


@asks(task=3, points=2, needs=[both_boxes_reach_the_machine_outside])
def outside_sees_the_hosts_own_address(bench: Bench, laid: Laid) -> None:
    for box in BOXES:
        seen = caller_in(reaches(laid, box, OUTSIDE, "outside", hints=FAR))
        if seen != HOST:
            raise laid.missed(
                f"{box} is known outside as {seen}, and the host is {HOST}",
                "Which address does a packet have when it leaves by the uplink, and which one should it have?",
            )


# --- Task 4: a published port ----------------------------------------------


@asks(task=4, points=2, name="the host's port leads to web")
def the_hosts_port_leads_to_web(bench: Bench) -> Laid:
    laid = lay(bench, "publish", bench.learner.network, bench.learner.hostname, bench.learner.port)
    reaches(laid, "outside", HOST, "web", bench.learner.port, hints=INWARDS)
    return laid


@asks(task=4, points=1, needs=[the_hosts_port_leads_to_web])
def web_sees_who_called(bench: Bench, laid: Laid) -> None:
    seen = caller_in(reaches(laid, "outside", HOST, "web", bench.learner.port, hints=INWARDS))
    if seen != OUTSIDE:
        raise laid.missed(
            f"{OUTSIDE} calls, and web is told that {seen} does",
            "Which of your rules also fits what comes in? Say more exactly what it is for.",
        )


# --- Task 5: nothing else --------------------------------------------------


@asks(task=5, points=2)
def what_should_come_through_still_does(bench: Bench) -> Laid:
    learner = bench.learner
    laid = lay(bench, "close_off", learner.network, learner.hostname, learner.port, way_in=learner.network["network"])
    reaches(laid, "web", knows_the_name(bench, laid), "database", hints=KEPT)
    for box in BOXES:
        reaches(laid, box, OUTSIDE, "outside", hints=KEPT)
    reaches(laid, "outside", HOST, "web", learner.port, hints=KEPT)
    return laid


@asks(task=5, points=2, needs=[what_should_come_through_still_does], name="outside does not reach database")
def outside_does_not_reach_database(bench: Bench, laid: Laid) -> None:
    try:
        answer = looking.call(laid.places["outside"], bench.learner.network["database"], PORT)
    except OSError:
        return
    raise laid.missed(
        f"outside calls {bench.learner.network['database']} directly and hears {answer!r}",
        "A packet that the host passes on goes through one chain on its way. What stands in that chain now?",
    )


# --- What the sentences are made of ----------------------------------------

NEAR = {
    "no route": "A kernel reads from the length behind an address who is on the same wire. Which length did you give?",
    "no answer": "Follow the call from link to link: which are on, and what joins the two wires in the middle?",
    "somebody else": "Somebody has that address who should not.",
}
FAR = {
    "no route": "What is not on its wire a box gives to somebody who passes it on. Whom does it know for that?",
    "no answer": (
        "Draw the networks, and follow the call from link to link, then the answer: does the host pass on what is not "
        "its own? From whom does the call come, as the machine outside sees it?"
    ),
}
INWARDS = {
    "refused": "The call stayed with the host, or went on to a port at which nobody waits. List your rules.",
    "no answer": "The call was sent on, to somebody who did not answer. To which address, and which port?",
    "somebody else": "The call was answered by another box. To which address does your rule send it?",
}
KEPT = {
    "no answer": "Some of what you dropped was wanted: answers to your own calls come in as well. How are they known?",
    "refused": "Some of what you refused was wanted. In which order does the kernel read the rules of a chain?",
}
OTHERWISE = "Ask at each stop on the way, as on repair day in lesson 10: link, address, route, rule."


def lay(bench: Bench, function: str, *arguments: object, way_in: str = "") -> Laid:
    """Have the learner's function lay its part in a world of its own, in which `way_in` says what outside knows."""
    scene = bench.scene(SCENES, SOURCE, function, *([way_in] if way_in else []))
    given = {name: pid for name, pid in scene["places"].items() if name != "outside"}
    call = bench.call(function, given, *arguments)  # type: ignore[arg-type]
    return Laid(call, {name: Process.of(pid) for name, pid in scene["places"].items()}, scene["says"])


def links_of(laid: Laid, place: str) -> list[Link]:
    """The links of a place but for its loopback."""
    with Network(laid.places[place].pid) as network:
        return [link for link in network.links() if link.name != "lo"]


def knows_the_name(bench: Bench, laid: Laid) -> str:
    """The address that web has for the learner's name, which is the one of database."""
    name, wanted = bench.learner.hostname, bench.learner.network["database"]
    address = looking.resolve(laid.places["web"], name)
    if address is None:
        raise laid.missed(
            f"web does not know {name}", "Where does a program in web look a name up, and what stands there?"
        )
    if address != wanted:
        raise laid.missed(f"to web, {name} is {address}", f"Whose address is that? The name is for {wanted}.")
    return address


def reaches(laid: Laid, caller: str, address: str, called: str, port: int = PORT, *, hints: dict[str, str]) -> str:
    """What the service of `called` answers to `caller`; Missed when nobody or somebody else does."""
    try:
        answer = looking.call(laid.places[caller], address, port)
    except ProcessLookupError:
        raise
    except OSError as error:
        why = WHY.get(error.errno or 0, "no answer")
        raise laid.missed(f"{caller} calls {address}, port {port}: {why}", hints.get(why, OTHERWISE)) from None
    if answer.split(" ")[0] != laid.says[called]:
        hint = hints.get("somebody else", OTHERWISE)
        raise laid.missed(f"{caller} calls {address}, port {port}, and it is not {called} that answers", hint)
    return answer


def caller_in(answer: str) -> str:
    """The address from which the service says that it was called."""
    return answer.split(" ")[-1]
