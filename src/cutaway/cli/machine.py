"""`cutaway machine`: a computer of one's own, with another kernel, in which one is root."""

from __future__ import annotations

import json
import os
import shutil
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cutaway.cli import as_typed
from cutaway.ground import machine
from cutaway.ground.guest import saved
from cutaway.ground.machine import Machine
from cutaway.linux import processes
from cutaway.problem import Problem

DEFAULT = "lab"
INTERRUPTED = 130  # how shells tell of Ctrl-C

name_option = click.option("--name", default="", help="Which machine; else the one called lab, if it runs.")


@click.group("machine", help="Start, use and stop a computer of your own, with another kernel, in which you are root.")
def command() -> None:
    """The words under `cutaway machine`."""


# --- Coming and going --------------------------------------------------------


def what_it_has(function: Any) -> Any:
    """The options of `start` and `resume`."""
    options = [
        click.argument("name", default=DEFAULT),
        click.option("--memory", "memory_mib", type=int, default=machine.MEMORY_MIB, help="In MiB."),
        click.option("--cpus", type=int, default=1, help="Processors."),
        click.option("--cgroups", type=click.Choice(["v2", "v1"]), default="v2", help="The only hierarchy inside."),
        click.option("--folder", "folders", type=Path, multiple=True, help="Of yours, to be shown inside, read-only."),
        click.option("--publish", multiple=True, metavar="[HOST:]GUEST", help="A port inside that you want to reach."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command()
@what_it_has
def start(**wishes: Any) -> None:
    """Boot a machine; it stays until it is stopped."""
    begin(boot=True, **wishes)


@command.command()
@what_it_has
def resume(**wishes: Any) -> None:
    """Go on from the snapshot. That takes a tenth of booting; the machine stays until it is stopped."""
    begin(boot=False, **wishes)


def begin(name: str, publish: tuple[str, ...], **wishes: Any) -> None:
    """Start a machine that owns itself, and say how to use it."""
    wanted = [ports(each) for each in publish]
    guest = machine.start(name, owner="itself", **wishes)
    try:
        published = [(port, guest.publish(port, host)) for host, port in wanted]
        click.echo(f"{name} runs: Linux {guest.run(['uname', '-r'])}")
    except BaseException:
        guest.stop()
        raise
    for inside, outside in published:
        click.echo(f"  port        {inside} inside is {machine.LOOPBACK}:{outside}")
    click.echo(as_typed(f"  to use it   `cutaway machine shell{'' if name == DEFAULT else f' --name {name}'}`"))
    click.echo(as_typed(f"  to end it   `cutaway machine stop {name}`"))


def ports(wish: str) -> tuple[int, int]:
    """HOST:GUEST as numbers; no HOST is 0, any."""
    host, _, guest = wish.rpartition(":")
    if not all(each.isdigit() and int(each) < 1 << 16 for each in (host or "0", guest)):
        raise Problem(f"publishing {wish!r}: a port is a number below 65536; say 80, or 8080:80")
    return int(host or 0), int(guest)


@command.command()
def snapshot() -> None:
    """Save anew what machines go on from. It is a kernel that is up, before anything of this host is mounted."""
    spec = machine.specify()
    saved.forget(spec)
    click.echo(f"saved in {saved.ready(spec)}")


@command.command()
@click.argument("name", default=DEFAULT)
@click.option("--all", "everything", is_flag=True, help="Every machine of yours.")
def stop(name: str, everything: bool) -> None:
    """End a machine with all that is in it."""
    chosen = machine.all_of_them() if everything else [machine.named(name)]
    for guest in chosen:
        guest.stop()
    click.echo(f"gone: {', '.join(guest.name for guest in chosen) or 'none was running'}")


# --- Using it ------------------------------------------------------------------


@command.command(context_settings={"ignore_unknown_options": True})
@name_option
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def run(name: str, argv: tuple[str, ...]) -> None:
    """Run a command as root in a machine. If none runs, a fresh one is made, which is gone afterwards."""
    with chosen(name) as guest:
        try:
            status = guest.converse(argv, 0, lambda data: write(1, data), lambda data: write(2, data))
        except KeyboardInterrupt:
            status = INTERRUPTED
    sys.exit(status)


@command.command()
@name_option
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND...]")
def shell(name: str, argv: tuple[str, ...]) -> None:
    """Open a shell as root in a machine, on this terminal."""
    if not sys.stdin.isatty():
        raise Problem("opening a shell: standard input is no terminal; use `cutaway machine run -- sh`")
    columns, rows = shutil.get_terminal_size()
    with chosen(name) as guest, raw(0):
        show = lambda data: write(1, data)  # noqa: E731
        status = guest.converse(argv or ("bash", "-i"), 0, show, show, terminal=(rows, columns))
    sys.exit(status)


@contextmanager
def chosen(name: str) -> Iterator[Machine]:
    """The machine of this name; without one, the default if it runs, else a fresh one for this once."""
    running = [guest.name for guest in machine.all_of_them()]
    if name or DEFAULT in running:
        yield machine.named(name or DEFAULT)
    else:
        with machine.fresh() as guest:
            yield guest


@contextmanager
def raw(terminal: int) -> Iterator[None]:
    """Every key goes to the guest, Ctrl-C too."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def write(fd: int, data: bytes) -> None:
    """All of it."""
    while data:
        data = data[os.write(fd, data) :]


# --- Saying it -----------------------------------------------------------------


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Say it as one JSON list on standard output.")
def show(as_json: bool) -> None:
    """List the machines that run; exit status 1 when there is none."""
    said = [row(guest) for guest in machine.all_of_them()]
    click.echo(json.dumps(said, indent=2) if as_json else "\n".join(map(told, said)) or "no machine runs")
    sys.exit(0 if said else 1)


def row(guest: Machine) -> dict[str, Any]:
    """What there is to know of a machine from outside."""
    running = guest.running
    owner = None if running.lasting else {"pid": running.owner.pid, "command": processes.command(running.owner.pid)}
    return {"name": guest.name, "pid": running.process.pid, "folder": str(running.folder), "owner": owner}


def told(said: dict[str, Any]) -> str:
    owner = said["owner"]
    until = f"process {owner['pid']} ends ({owner['command']})" if owner else f"`cutaway machine stop {said['name']}`"
    return as_typed(f"{said['name']}\n  process     {said['pid']}, until {until}\n  folder      {said['folder']}")
