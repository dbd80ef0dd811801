"""The folder of a test session: its name says whose it is, so that the next one removes what a killed one left."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cutaway.ledger import paths
from cutaway.linux import Process, processes

PREFIX = "cutaway-tests-"


def folder(session: Process) -> str:
    """A new empty folder for this session."""
    return tempfile.mkdtemp(prefix=_named(session))


def remove_dead() -> None:
    """Remove the folders of this user's sessions that are dead, however they died."""
    living = tuple(_named(each) for each in processes.processes())
    for each in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*-*"):
        if not each.name.startswith(living) and each.lstat().st_uid == os.getuid():
            paths.remove(str(each))


def _named(session: Process) -> str:
    return f"{PREFIX}{session.pid}-{session.start_time}-"
