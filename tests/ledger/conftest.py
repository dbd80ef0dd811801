"""Owners that die, and waiting for what must then happen."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engines import engine, image

__all__ = ["engine", "image"]

DEADLINE_S = 30


@pytest.fixture
def until() -> Callable[[Callable[[], object]], bool]:
    """Whether a condition comes true before the deadline."""

    def wait(condition: Callable[[], object]) -> bool:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    return wait


@pytest.fixture
def owner(state_folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start another process that owns things: lines of Python, and their arguments."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *argv: object) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", PRELUDE + code, *map(str, argv)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


PRELUDE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from cutaway import ledger
from cutaway.linux import Process
folder = ledger.state_folder()
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def tell(*words):
    print(*words, flush=True)
"""
