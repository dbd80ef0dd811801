"""The note in a reader's folder that says by which process it is open, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from cutaway.ground.work import Work
from cutaway.linux import Process

NOTE = Path(".cutaway") / "open.json"
DOOR = Path(".cutaway") / "open.html"  # leads a browser in, so that no command line shows the token


class Opened(NamedTuple):
    """A folder is open in `process`; `url` is empty until its server listens."""

    process: Process
    url: str


def by_another(work: Work) -> Opened | None:
    """Who has the folder open, if that process still lives and is not this one."""
    try:
        process, url = json.loads((work.path / NOTE).read_bytes())
        noted = Opened(Process(*process), url)
    except (OSError, ValueError, TypeError):  # no note, or half of one: a living server writes it whole
        return None
    return noted if noted.process.alive() and noted.process != Process.current() else None


def note(work: Work, url: str = "") -> None:
    """Say that this process has the folder open. The note holds the token, so only its owner may read it."""
    work.write(str(NOTE), json.dumps(Opened(Process.current(), url)).encode(), mode=0o600)


def forget(work: Work) -> None:
    """Take the note away."""
    (work.path / NOTE).unlink(missing_ok=True)
