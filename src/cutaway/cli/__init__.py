"""The `cutaway` command: one word for each thing that a reader or a teacher does.

Each word lives in the module of its name and is imported only when it is said,
so that `cutaway engine status` does not pay for JupyterLab.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import IO

import click

from cutaway.problem import Problem

WORDS = {
    "lab": "Open JupyterLab on the course.",
    "doctor": "Say what this machine can do, by trying it.",
    "check": "Check a lab from outside.",
    "release": "Make what students of an nbgrader course are given.",
    "validate": "Try an assignment's tests on its solution and on its stub.",
    "grade": "Mark what a class has handed in, each submission in a sandbox.",
    "feedback": "Write for each student what was seen of their work.",
    "report": "Say how a class did: scores, questions, what went wrong, whom to look at.",
    "similarity": "Show which submissions have code in common.",
    "export": "Export marks for a spreadsheet or a learning platform.",
    "reset": "Put a lesson or lab back to how it was given; the old version is kept.",
    "progress": "Show what is done and the minutes that remain.",
    "engine": "Start, stop or show the container engine.",
    "registry": "Serve images to engines, from a folder of your own.",
    "machine": "Start, use and stop a computer of your own, in which you are root.",
    "java": "Run a Java program on Cutaway's own virtual machine.",
    "clean": "Undo what dead owners left behind, and prove it.",
}


class Words(click.Group):
    """A group whose commands are looked up in `WORDS` and imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(WORDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in WORDS:
            return None
        command: click.Command = importlib.import_module(f"cutaway.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as unknown:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=WORDS, ctx=ctx) from unknown

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Words"):
            formatter.write_dl(list(WORDS.items()))


@click.command(cls=Words, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cutaway")
def cutaway() -> None:
    """See inside what runs your program."""


def main() -> None:
    """Run the command line; a user's problem is one sentence on standard error and exit code 1."""
    try:
        cutaway(prog_name="cutaway")
    except Problem as problem:
        click.echo(f"cutaway: {as_typed(str(problem))}", err=True)
        sys.exit(1)
    except OSError as refused:
        if refused.errno not in REFUSALS:
            raise
        drop_output()
        what = f"using {refused.filename}" if refused.filename else "saying what was found"
        cause = os.strerror(refused.errno).lower()
        click.echo(f"cutaway: {what}: {cause}; make room or give yourself the right to it, and say it again", err=True)
        sys.exit(1)


# What a disk says to whoever is at the keyboard; all else that goes wrong is a defect of ours, and shows where it is.
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


def drop_output() -> None:
    """Have standard output lead nowhere: what it could not take would be tried once more at the end, and fail there."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def writing(path: Path, content: bytes) -> None:
    """Write a file that somebody asked for, and say so; a folder that is not there is a Problem."""
    try:
        path.write_bytes(content)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        cause = (error.strerror or str(error)).lower()
        raise Problem(f"writing {path}: {cause}; name a file in a folder that is there") from None
    click.echo(f"wrote {path}")


def rewritable(stream: IO[str]) -> bool:
    """Whether a line that was written can be written over: on a terminal that is more than a typewriter."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def as_typed(text: str) -> str:
    """`text`, with each `cutaway WORD` in it as this command was called, where no shell finds it by its name."""
    called = sys.argv[0]
    if Path(called).name != "cutaway" or shutil.which("cutaway"):
        return text
    return text.replace("`cutaway ", f"`{called} ")
