"""The same tests of a notebook's kernel in a lab machine, as an ordinary user and as ourselves; and a whole lesson."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from machines import own_cache, skip_without_machines
from ordinary import DROP, NOBODY, Run

from cutaway.ground import course

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("notebook kernel"), pytest.mark.timeout(900)]

CASES = Path(__file__).with_name("notebook_kernel_cases.py")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache for an ordinary user, with the guest kernel and nothing else."""
    skip_without_machines()
    folder = own_cache(Path(tempfile.mkdtemp(prefix="cutaway-cache-")))
    if DROP:
        for each in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            os.chown(each, NOBODY, NOBODY)
    monkeypatch.setenv("CUTAWAY_CACHE", str(folder))
    yield
    shutil.rmtree(folder)


def test_a_notebooks_kernel_in_a_lab_machine_serves_an_ordinary_user(cache: None, as_ordinary_user: Run):
    done = as_ordinary_user(*PYTEST, CASES)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.soak
def test_it_serves_us():
    done = subprocess.run([sys.executable, *PYTEST, CASES], capture_output=True, text=True, check=False)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.soak
def test_lesson_06_runs_unchanged_under_the_lab_machines_kernel(cache: None, as_ordinary_user: Run):
    lesson = course.root() / "notebooks" / "06-namespaces.ipynb"
    done = as_ordinary_user(*PYTEST, "--nbval-lax", "--nbval-kernel-name=cutaway-lab-machine", lesson)
    assert re.search(r"^\d+ passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr
