"""`cutaway engine`: start, stop or show the container engine that the lessons use."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from cutaway.cli import as_typed
from cutaway.ground import engine as engines
from cutaway.ground import private
from cutaway.ground.engine import Engine
from cutaway.linux import processes

Rows = dict[str, Any]  # what `--json` says


@click.group("engine", help="Start, stop or show the container engine that the lessons use.")
def command() -> None:
    """The words under `cutaway engine`."""


@command.command()
def start() -> None:
    """See that an engine answers. If none does, our own is started, which stays until it is stopped."""
    click.echo(told(rows(engines.ready("itself"))))


@command.command()
def stop() -> None:
    """Stop our own engine with everything in it. One of yours is left alone."""
    click.echo("our own engine is gone, with all that was in it" if engines.stop() else "no engine of ours was running")


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Say it as one JSON object on standard output.")
def show(as_json: bool) -> None:
    """Say which engine lessons use now. Also whose it is and what of ours is in it; status 1 when none answers."""
    engine = engines.find()
    said = rows(engine) if engine else {"kind": None, "why": engines.why_none(engines.look_round())}
    click.echo(json.dumps(said, indent=2) if as_json else told(said))
    sys.exit(0 if engine else 1)


# --- What there is to say ------------------------------------------------------


def rows(engine: Engine) -> Rows:
    """All that is known of an engine, as plain values."""
    said = {"kind": engine.kind, "version": engine.version, "socket": engine.socket, "ours": engine.ours}
    return said | {"containers": containers(engine)} | (whose() if engine.ours else {})


def containers(engine: Engine) -> list[Rows]:
    """The containers that are ours: all in our own engine, and those with our label in another."""
    ours = [each for each in engine.containers() if engine.ours or "cutaway" in (each["Labels"] or {})]
    return [{"name": each["Names"][0].strip("/"), "image": each["Image"], "state": each["State"]} for each in ours]


def whose() -> Rows:
    """What there is to know of our own engine alone: its process, with whom it ends, the ports that it has here."""
    running = private.running()
    if running is None:
        return {}
    owner = None if running.lasting else {"pid": running.owner.pid, "command": processes.command(running.owner.pid)}
    ports = [{"port": port, "trouble": trouble} for port, trouble in sorted(private.carried().items())]
    return {"pid": running.process.pid, "owner": owner, "ports": ports, "folder": str(private.folder())}


# --- Saying it ---------------------------------------------------------------


def told(said: Rows) -> str:
    """The same for people, a line for each thing."""
    if said["kind"] is None:
        return as_typed(f"no engine: {said['why']}")
    lines = [f"{said['kind']} {said['version']}, {'our own' if said['ours'] else 'yours'}"]
    lines += [f"  socket      {said['socket']}"]
    if said["ours"]:
        owner = said["owner"]
        until = f"process {owner['pid']} ends ({owner['command']})" if owner else "`cutaway engine stop`"
        lines += [f"  process     {said['pid']}, until {until}"]
    lines += [f"  container   {each['name']}: {each['image']}, {each['state']}" for each in said["containers"]]
    lines += [f"  port        {each['port']}: {each['trouble'] or 'carried'}" for each in said.get("ports", [])]
    return as_typed("\n".join([*lines, f"  to use it   export DOCKER_HOST=unix://{said['socket']}"]))
