"""`cutaway clean`: undo what dead owners left behind, and prove that nothing is left."""

from __future__ import annotations

import sys
from collections import Counter

import click

from cutaway import ledger
from cutaway.cli import as_typed
from cutaway.ground import private
from cutaway.ground.guest import cache
from cutaway.ledger import engines, state
from cutaway.ledger.entry import Entry, Outcome, set_damaged_aside
from cutaway.ledger.strays import Stray, strays
from cutaway.linux import processes
from cutaway.problem import Problem


@click.command()
@click.option("--all", "everything", is_flag=True, help="Take also what running programs own; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(everything: bool, yes: bool) -> None:
    """Undo what dead owners left behind, and prove that nothing is left."""
    sockets = _sockets()
    for path in set_damaged_aside():
        click.echo(f"damaged: an entry of the ledger cannot be read; it is kept as {path}")
    undone = ledger.sweep()
    if everything and (living := _living()) and (yes or _agreed(living)):
        undone += ledger.sweep(lambda entry: True)
    _tell(undone)
    sockets = [socket for socket in sockets if engines.answers(socket)]  # our own engine may just have been undone
    _end(_strays(sockets))
    for gone in cache.clean():
        click.echo(f"removed: {gone}, made of files that are others now")
    left = _strays(sockets)
    _prove(undone, left, sockets)
    sys.exit(1 if left or any(outcome.trouble for outcome in undone) else 0)


def _living() -> list[Entry]:
    """What running programs own."""
    return [entry for entry in ledger.entries() if not entry.abandoned]


def _sockets() -> list[str]:
    """Where an engine answers: at the usual places, where the ledger has objects, and our own."""
    recorded = [entry.facts["socket"] for entry in ledger.entries() if "socket" in entry.facts]
    own = [running.socket] if (running := private.running()) else []
    return [socket for socket in dict.fromkeys([*engines.usual_sockets(), *recorded, *own]) if engines.answers(socket)]


def _strays(sockets: list[str]) -> list[Stray]:
    try:
        return strays(_living, sockets)
    except engines.EngineError as error:
        raise Problem(str(error)) from error


def _agreed(living: list[Entry]) -> bool:
    for entry in living:
        click.echo(f"in use: {entry!r}, by process {entry.owner.pid} ({processes.command(entry.owner.pid)})")
    return click.confirm("Undo these too? The programs that use them will fail")


# --- Doing and telling -----------------------------------------------------


def _tell(undone: list[Outcome]) -> None:
    for entry, trouble in undone:
        click.echo(f"not undone: {entry!r}: {trouble}" if trouble else f"undone: {entry!r}")


def _end(found: list[Stray]) -> None:
    """End what bears our mark and has no entry, or whose entry could not be undone."""
    for stray in found:
        try:
            stray.undo()
            click.echo(f"undone: {stray!r}, which no entry named")
        except OSError as trouble:
            click.echo(f"not undone: {stray!r}: {trouble}")


def _prove(undone: list[Outcome], left: list[Stray], sockets: list[str]) -> None:
    """Say what was looked for, where, and how many were found."""
    found = Counter(stray.kind for stray in left)
    still = sum(bool(trouble) or entry.exists() for entry, trouble in undone)
    click.echo("Looked again, for what belongs to no running program:")
    click.echo(f"  {still} of the {len(undone)} recorded things")
    click.echo(f"  {found['process']} processes marked by {state.location()}")
    click.echo(f"  {found['mount']} mounts below it")
    for socket in sockets:
        counts = ", ".join(f"{found[kind]} {kind}s" for kind in engines.PATHS)
        click.echo(f"  {counts} labelled by it at {socket}")
    if not sockets:
        click.echo("  no engine answers, so none was asked")
    if living := _living():
        owned = f"Left alone: {len(living)} that running programs own; `cutaway clean --all` takes these, too."
        click.echo(as_typed(owned))
