"""What Docker makes for one container with a published port, found by inspection.

A container of ours gets a network made for it. A second one shares the network and the processes of the machine that
Docker runs on, be that this one, one of our own, or a virtual machine under Windows, and looks around there with
`ip` and `iptables-save`. Nothing is taken from Docker's own account of itself. Both are gone afterwards.

Reading order: what is found, the two containers, what they show. Taught in notebook 10.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from cutaway import ledger
from cutaway.ground import base, private
from cutaway.ground import engine as engines
from cutaway.ground.engine import Engine
from cutaway.images.closure import Copy, closure

IMAGE = "cutaway/networks"
TOOLS = ("sh", "cat", "tr", "grep", "sleep", "ip", "iptables-save")
EXTENSIONS = Path("/usr/lib")  # iptables opens these by name, once it meets a rule that needs one
PORT = 80
PROXIES = "cd /proc; for each in [0-9]*; do tr '\\0' ' ' < $each/cmdline; echo; done 2>/dev/null | grep docker-proxy"

ROOT_ALONE = (
    "the course's own engine answers to root alone, and this page has given up root's rights; "
    "in a terminal, `python -m cutaway.ground.{module}` looks at the same things"
)

# --- What is found -----------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What stands for each thing that was laid by hand, empty where nothing does; or why Docker was not asked."""

    engine: str
    objects: dict[str, str]
    missing: str = ""

    @property
    def complete(self) -> bool:
        """Whether something stands for each."""
        return bool(self.objects) and all(self.objects.values())

    def __repr__(self) -> str:
        if self.missing:
            return f"Not asked: {self.missing}"
        width = max(map(len, self.objects))
        return "\n".join([self.engine, *(f"{what:{width}}  {seen or '-'}" for what, seen in self.objects.items())])


def found() -> Found:
    """What the Docker that answers here makes of a container with a port; none is started for it."""
    engine = engines.find()
    if engine is None:
        return Found("", {}, why_none())
    if engine.kind != "docker":
        return Found("", {}, f"this engine is {engine.kind}; to use a Docker, set {engines.CHOICE}=docker")
    with _network(engine) as network, _containers(engine, network) as (web, look):
        objects = inspect(web, look)
    return Found(f"Docker {engine.version}", objects)


def why_none(module: str = "docker_networks") -> str:
    """Why no engine was asked; `module` asks it from a terminal."""
    seen, ours = engines.look_round(), private.running()
    closed = ours and f"{ours.socket}: this user may not use it" in seen
    return ROOT_ALONE.format(module=module) if closed else engines.why_none(seen)


# --- The two containers ------------------------------------------------------


def image(engine: Engine) -> str:
    """An image with the tools, and what they open by name."""
    extensions = {str(path): Copy(path) for path in EXTENSIONS.glob("**/xtables/*.so")}
    return base.image_of(closure(TOOLS) | base.FURNITURE | extensions, IMAGE, engine)


@contextmanager
def _network(engine: Engine) -> Iterator[str]:
    name = f"cutaway-{secrets.token_hex(4)}"
    with ledger.kept("network", name, socket=engine.socket, name=name):
        client = engine.client()
        try:
            client.networks.create(name, labels=ledger.LABELS())
            yield name
        finally:
            client.close()


@contextmanager
def _containers(engine: Engine, network: str) -> Iterator[tuple[Container, Container]]:
    around = {"network_mode": "host", "pid_mode": "host", "cap_add": ["NET_ADMIN"]}
    sleep, tools = "sleep 600", image(engine)
    with (
        engine.container(tools, sleep, network=network, ports={f"{PORT}/tcp": None}) as web,
        engine.container(tools, sleep, **around) as look,
    ):
        yield web, look


# --- What they show ----------------------------------------------------------


def inspect(web: Container, look: Container) -> dict[str, str]:
    """For each thing that was laid by hand, what there is in its place."""
    end = _named("eth0", _json(web, "ip -j link"))
    pair = next((each for each in _json(look, "ip -j -d link") if each["ifindex"] == end.get("link_index")), {})
    bridge = _named(pair.get("master", ""), _json(look, "ip -j address"))
    address = _address(_named("eth0", _json(web, "ip -j address")))
    rules, way = _said(look, "iptables-save -t nat").splitlines(), _json(web, "ip -j route show default")
    return {
        "a bridge": f"{bridge.get('ifname', '')} {_address(bridge)}".strip(),
        "a pair of links": f"eth0 inside, {pair['ifname']} outside" if pair else "",
        "plugged into it": f"{pair['ifname']} is a port of {pair['master']}" if "master" in pair else "",
        "a way out": f"default via {way[0]['gateway']}" if way else "",
        "masquerading": _rule(rules, "POSTROUTING", f"! -o {bridge.get('ifname')} -j MASQUERADE"),
        "publishing": _rule(rules, "DOCKER", f"--to-destination {address.partition('/')[0]}:{PORT}"),
        "  also from the host": _rule(rules, "OUTPUT", "-j DOCKER"),
        "  also at 127.0.0.1": _proxy(_said(look, ["sh", "-c", PROXIES]), address.partition("/")[0]),
        "names": _rule(_said(web, "cat /etc/resolv.conf").splitlines(), "nameserver", ""),
    }


def _named(name: str, links: list[dict[str, Any]]) -> dict[str, Any]:
    return next((each for each in links if each["ifname"] == name), {})


def _address(link: dict[str, Any]) -> str:
    return next((f"{each['local']}/{each['prefixlen']}" for each in link.get("addr_info", [])), "")


def _rule(lines: list[str], begins: str, holds: str) -> str:
    """The first line of the chain, or of the word, that holds this."""
    return next((line for line in lines if line.removeprefix("-A ").startswith(f"{begins} ") and holds in line), "")


def _proxy(lines: str, address: str) -> str:
    """The docker-proxy of this container; another Docker on the machine has others."""
    return next((line.strip() for line in lines.splitlines() if f"-container-ip {address} " in line), "")


def _json(container: Container, command: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_said(container, command) or "[]")
    return [row for row in rows if row]


def _said(container: Container, command: str | list[str]) -> str:
    output: Any = container.exec_run(command).output
    return str(output.decode(errors="replace").strip())


if __name__ == "__main__":
    print(found())
