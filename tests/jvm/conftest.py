"""The corpus, compiled once for all of pytest's workers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from jvm_oracle import compile_java, programs


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every program of the corpus, compiled by one `javac` for all of pytest's workers."""
    shared = (
        tmp_path_factory.getbasetemp().parent
        if os.environ.get("PYTEST_XDIST_WORKER")
        else tmp_path_factory.getbasetemp()
    )
    target = shared / "corpus-classes"
    with Path(f"{target}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            target.mkdir()
            compile_java(programs(), target)
    return target
