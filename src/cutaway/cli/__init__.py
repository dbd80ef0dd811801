"""The `cutaway` command: one word for each thing that a reader or a teacher does.

Each word lives in the module of its name and is imported only when it is said,
so that `cutaway engine status` does not pay for JupyterLab.
"""

from __future__ import annotations

import importlib
import sys

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
        click.echo(f"cutaway: {problem}", err=True)
        sys.exit(1)
