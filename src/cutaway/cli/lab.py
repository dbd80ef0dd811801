"""`cutaway lab`: hand out what is new, bring an engine up, and open JupyterLab on the reader's own folder.

One process does all of it, from the first line to the goodbye, so that Ctrl-C and SIGTERM end everything in order,
and the ledger's watcher has one process to wait for when it is killed.
"""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import webbrowser
from pathlib import Path

import click

from cutaway import ledger
from cutaway.cli import as_typed, contents, handouts, hub, opened, progress
from cutaway.ground import engine as engines
from cutaway.ground import grounds, probes
from cutaway.ground import work as works
from cutaway.ground.progress import standings, units
from cutaway.ground.work import Damaged, Outcome, Work
from cutaway.linux import Process
from cutaway.problem import Problem

ADDRESS = "127.0.0.1"
LOG = Path(".cutaway") / "jupyter.log"


def named(context: click.Context, option: click.Parameter, folder: str | None) -> Path | None:
    """The folder of this name; an empty one, as of a variable that is not set, is not the current folder."""
    if folder == "":
        raise click.BadParameter("it is empty; name a folder, or leave it out", context, option)
    return None if folder is None else Path(folder)


@click.command()
@click.option("--folder", callback=named, help="Where your work is kept.  [default: ~/cutaway]")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.  [default: 8888, or one near it]")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--no-engine", is_flag=True, help="Do not start a container engine.")
@click.option("--yes", is_flag=True, help="Use the folder also when other things lie in it.")
def command(folder: Path | None, port: int | None, no_browser: bool, no_engine: bool, yes: bool) -> None:
    """Open JupyterLab on the course, in a folder of your own."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # they end what follows as Ctrl-C does
    if folder:
        os.environ["CUTAWAY_FOLDER"] = str(folder.expanduser().absolute())
    work, browser = Work(works.folder()), not no_browser and has_screen()
    os.environ["CUTAWAY_FOLDER"] = str(work.path)  # for the kernels and terminals that start from here
    if hub.here():
        open_on_hub(work, yes)
        return
    if port:
        require_port(port)
    require_consent(work, yes)
    ledger.state_folder()  # where it cannot be made, nothing is handed out
    if other := claim(work):
        point_to(other, work, browser)
        return
    try:
        prepare(work)
        tell("Engine", "none, as you asked" if no_engine else engine())
        serve(work, port, browser)
    except KeyboardInterrupt:
        pass
    finally:
        leave(work)
    click.echo(f"\nCutaway is closed. Your work is in {work.path}.")


def open_on_hub(work: Work, yes: bool) -> None:
    """Hand out, and say where the JupyterLab that the hub started shows it; an engine is started when a lesson asks."""
    where = hub.address(work.path / contents.PLACE)
    require_consent(work, yes)
    prepare(work)
    tell("Open", where)


def leave(work: Work) -> None:
    """Undo all that this process made, and give the folder free."""
    opened.forget(work)
    for entry, trouble in ledger.sweep(lambda entry: entry.owner == Process.current()):
        if trouble:
            click.echo(as_typed(f"cutaway: undoing {entry!r}: {trouble}; `cutaway clean` tries again"), err=True)


def tell(what: str, said: str) -> None:
    """One line of what the reader sees in the terminal."""
    click.echo(as_typed(f"{what:8} {said}"))


# --- Before anything is made -----------------------------------------------


def require_port(port: int) -> None:
    """Problem unless a server could listen on `port` of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            taken = {errno.EADDRINUSE: "another program listens there", errno.EACCES: "ports below 1024 belong to root"}
            cause = taken.get(error.errno or 0) or os.strerror(error.errno or 0).lower()
            raise Problem(
                f"opening JupyterLab on port {port}: {cause}; name another with --port, or leave it out for a free one"
            ) from error


def require_consent(work: Work, yes: bool) -> None:
    """Problem when other things lie in the folder and the reader does not want the course beside them."""
    if yes or not (strangers := work.foreign):
        return
    some = ", ".join(strangers[:3]) + (" ..." if len(strangers) > 3 else "")
    if os.isatty(0) and click.confirm(f"{work.path} already holds other things ({some}). Put the course beside them?"):
        return
    raise Problem(
        f"opening your folder {work.path}: it already holds other things ({some}); "
        "name another with --folder, or say --yes to put the course beside them"
    )


def claim(work: Work) -> opened.Opened | None:
    """Take the folder for this process; who has it, if another does."""
    with work.changing():
        other = opened.by_another(work)
        if not other:
            opened.note(work)
    return other


def point_to(other: opened.Opened, work: Work, browser: bool) -> None:
    """Say where the folder is open already, and show it."""
    where = other.url or "its address will be printed where it was started"
    click.echo(f"{work.path} is open already, by process {other.process.pid}: {where}")
    if browser and other.url:
        webbrowser.open((work.path / opened.DOOR).as_uri())


def has_screen() -> bool:
    """Whether a browser could show itself here."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


# --- Opening ---------------------------------------------------------------


def prepare(work: Work) -> None:
    """Bring the folder up to date, and say where the reader stands and where experiments will run."""
    hand_out(work)
    click.echo(progress.table(standings(work)) + "\n")
    tell("Ground", ground())
    tell("Folder", str(work.path))


def hand_out(work: Work) -> None:
    """Put every handout in its place, and say what was kept because the reader changed it."""
    with work.changing() as book:
        for handout in handouts.everything():
            try:
                outcome = work.give(handout, book)
            except Damaged as trouble:
                click.echo(as_typed(f"cutaway: {trouble}"), err=True)
                continue
            if outcome in (Outcome.UPDATED, Outcome.NEWER):
                click.echo(f"{handout.place}: {outcome.value}")
    contents.write(work)


def ground() -> str:
    """Where the experiments run, and which lessons and labs miss something here."""
    pages = units()
    found = probes.find_all({need for unit in pages for need in unit.needs} - {"engine"})
    lacks = {name: finding for name, finding in found.items() if not finding.ok}
    lines = [grounds.choose(()).value]
    for name, finding in lacks.items():
        lacking = ", ".join(page.name for page in pages if name in page.needs)
        lines.append(f"not for {lacking}: {grounds.lack(finding)}")
    return f"\n{'':8} ".join(lines)


def engine() -> str:
    """Which engine the lessons will use, started if need be; or why there is none."""
    try:
        ready = engines.ready()
    except Problem as problem:
        return f"none; lessons that need one say so ({problem})"
    return f"{ready.kind} {ready.version}, " + ("our own, for as long as this runs" if ready.ours else "yours")


def serve(work: Work, port: int | None, browser: bool) -> None:
    """Open JupyterLab and stay until it ends."""
    from cutaway.cli import server  # takes over a second, which a folder that cannot be used need not wait for

    def listening(url: str) -> None:
        opened.note(work, url)
        tell("Stop", "Ctrl-C here")
        tell("Clean", "`cutaway clean` undoes what a crash left; it does not touch your folder")
        tell("Open", url)

    tell("Start", "JupyterLab, which takes some seconds")
    log = work.path / LOG
    runtime = ledger.state_folder() / f"jupyter-{secrets.token_hex(4)}"
    ledger.record("folder", "JupyterLab's files of the moment", path=runtime)
    with works.told(f"opening JupyterLab (it writes {log})"), server.heard_in(log):
        try:
            lab = server.start(work.path, contents.PLACE, port, browser, runtime)
            server.run(lab, listening, saved=lambda: contents.write(work))
        except SystemExit as error:
            if error.code:
                raise Problem(f"opening JupyterLab: it gave up; read why at the end of {log}") from error
