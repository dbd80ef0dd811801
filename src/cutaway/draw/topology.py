"""How networks hang together now, from what the kernel tells of each: which link's other end is in which network.

    topology({"web": web.pid, "host": host.pid})

A link of a pair knows the number of its other end and, by a number of its own network's, the network that this is in.
Each network is asked by which number it knows each of the others; so every wire is concluded from both facts, and
a wire that leads to none of the given networks is called that. Nothing is taken from names.
Reading order: what is seen, wires, the drawing. Taught in notebook 10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cutaway.draw.enclosures import Arrow, Drawing, Enclosure, column, in_rows, link, namespace
from cutaway.draw.tables import Table
from cutaway.linux.networks import Link, Network, Route

LOOPBACK = "lo"  # every network has one, and it leads nowhere

# --- What is seen ----------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What one network tells of itself: its links, its routes, and the names of those that it knows by a number."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    known: Mapping[int, str]


Networks = dict[str, Seen]


def look(places: Mapping[str, int]) -> Networks:
    """What each network tells; a place is a name and a process that is in it."""
    return {name: _seen(pid, places) for name, pid in places.items()}


def _seen(pid: int, places: Mapping[str, int]) -> Seen:
    with Network(pid) as network:
        links = tuple(network.links())  # first: the kernel gives a network its number here when a link to it is told
        numbers = {name: network.number_of(other) for name, other in places.items()}
        known = {number: name for name, number in numbers.items() if number is not None}
        return Seen(links, tuple(network.routes()), known)


# --- Wires -----------------------------------------------------------------


@dataclass(frozen=True)
class End:
    """One end of a wire."""

    network: str
    link: str


Wire = tuple[End, End]


def wires(networks: Networks) -> list[Wire]:
    """Every pair of links whose two ends name each other, once; the networks in the order in which they were given."""
    found: list[Wire] = []
    for name, seen in networks.items():
        for each in seen.links:
            here, there = End(name, each.name), peer(name, each, networks)
            if each.kind == "veth" and there and (there, here) not in found:
                found.append((here, there))
    return found


def peer(name: str, one: Link, networks: Networks) -> End | None:
    """The other end of a link of network `name`, if it is in one of these networks."""
    home = name if one.peer_network is None else networks[name].known.get(one.peer_network)
    if home is None or one.peer is None:
        return None
    return next((End(home, each.name) for each in networks[home].links if each.index == one.peer), None)


# --- The drawing -----------------------------------------------------------


def topology(places: Mapping[str, int]) -> Drawing:
    """The networks with their links and routes, and the wires between them, as they are at this moment."""
    return drawing(look(places))


def drawing(networks: Networks) -> Drawing:
    """The network with most wires stands in the middle: left of it what was given before it, right of it the rest."""
    joined = wires(networks)
    ends = Counter(end.network for wire in joined for end in wire)
    middle = max(networks, key=lambda name: ends[name])
    boxes = {name: _box(name, networks) for name in networks}
    order = list(networks)
    left, right = order[: order.index(middle)], order[order.index(middle) + 1 :]
    columns = [_column(boxes, names) for names in (left, [middle], right) if names]
    drawn = [(one, other) for one, other in joined if (one.network == middle) != (other.network == middle)]
    return Drawing(
        *columns,
        title="The networks now",
        description=_described(joined),
        arrows=[_arrow(sorted(wire, key=lambda end: order.index(end.network)), boxes) for wire in drawn],
        columns=len(columns),
        evidence=evidence(networks),
    )


def _column(boxes: Mapping[str, Enclosure], names: list[str]) -> Enclosure:
    """One network, or several one above the other."""
    if len(names) == 1:
        return boxes[names[0]]
    return column(*(boxes[name] for name in names))


def _box(name: str, networks: Networks) -> Enclosure:
    seen = networks[name]
    routes = [f"to {route.to} via {route.via}" for route in seen.routes if route.via]
    free = [each for each in seen.links if not each.bridge and each.name != LOOPBACK]
    return in_rows(namespace(name, *routes, *(_link(each, name, networks) for each in free)), 1)


def _link(one: Link, name: str, networks: Networks) -> Enclosure:
    ports = [_link(each, name, networks) for each in networks[name].links if each.bridge == one.name]
    facts = [*one.addresses, *([] if one.up else ["switched off"])]
    other = peer(name, one, networks)
    if one.kind == "veth" and not other:
        facts.append("leads to a network that is not drawn")
    if other and other.network == name:
        facts.append(f"leads to {other.link}")
    drawn = link(one.name, *facts, *ports)
    return in_rows(drawn, 1) if ports else drawn


def _arrow(ends: list[End], boxes: Mapping[str, Enclosure]) -> Arrow:
    """A wire, its ends named from left to right."""
    left, right = ends
    word, docks = f"{left.link} – {right.link}", (left.link, right.link)
    return Arrow(boxes[left.network], word, boxes[right.network], mutual=True, docks=docks)


def _described(joined: Iterable[Wire]) -> str:
    ways = [f"{one.link} of {one.network} to {other.link} of {other.network}" for one, other in joined]
    return f"Wires lead from {', from '.join(ways)}." if ways else "No wire joins these networks."


def evidence(networks: Networks) -> Table:
    """From what each wire was concluded: the link, the number of its other end, and whose network that is."""
    return Table(("link", "its number", "its other end's number", "in"), tuple(_evidence(networks)))


def _evidence(networks: Networks) -> Iterator[tuple[str, ...]]:
    for name, seen in networks.items():
        for each in seen.links:
            if each.peer is not None:
                there = name if each.peer_network is None else seen.known.get(each.peer_network, "a network not drawn")
                yield (f"{name} {each.name}", str(each.index), str(each.peer), there)
