"""The `cutaway` command as a reader types it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

Finished = subprocess.CompletedProcess[str]
Cutaway = Callable[..., Finished]


def run_cutaway(*words: str, within: tuple[str, ...] = (), **options: Any) -> Finished:
    """Run `cutaway ...` to its end; `within` is a command that becomes it, `options` are subprocess.run's."""
    argv = [*within, sys.executable, "-m", "cutaway", *words]
    options = {"env": os.environ, "stdin": subprocess.DEVNULL, "timeout": 120, **options}
    return subprocess.run(argv, capture_output=True, text=True, **options)
