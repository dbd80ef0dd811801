"""`cutaway java`: run a Java program on Cutaway's own machine, as `java` would."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from cutaway.jvm.launcher import ENGINES, launch


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--engine", type=click.Choice(list(ENGINES)), default="compiled", show_default=True, help="How code is run."
)
@click.option(
    "-cp", "--class-path", "class_path", default=".", show_default=True, help="Folders of classes, parted by ':'."
)
@click.argument("main_class")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(engine: str, class_path: str, main_class: str, arguments: tuple[str, ...]) -> None:
    """Run the `main` of MAIN_CLASS; its exit code is the program's."""
    folders = [Path(folder) for folder in class_path.split(os.pathsep) if folder]
    status = launch(engine, folders, main_class, list(arguments))
    # the program is over: nothing is left to tidy up, and Python's own tidying of a large heap takes time
    os._exit(status) if "pytest" not in sys.modules else sys.exit(status)
