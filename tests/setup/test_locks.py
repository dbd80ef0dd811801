"""The three lists of Python packages agree: pyproject.toml, the locks, and conda's environment.yml.

For environment.yml this is all that is tried: what it says was never given to a conda.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-test.lock")

CONDAS_NAMES = {"docker": "docker-py", "graphviz": "python-graphviz", "flit_core": "flit-core"}
HASHES = r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)(?: ; .+)? \\\n" + HASHES, re.MULTILINE)


def pins(lock: str) -> list[tuple[str, str]]:
    """Every package of the lock and its version; those for other systems, too, and some once for each Python."""
    return PIN.findall((ROOT / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str):
    lines = [line for line in (ROOT / lock).read_text().splitlines() if line[:1].isalnum()]
    assert len(pins(lock)) == len(lines) > 50


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_registry(lock: str):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_all_that_the_project_asks_for(lock: str):
    wanted = PROJECT["dependencies"] + (PROJECT["optional-dependencies"]["test"] if "test" in lock else [])
    for requirement in map(Requirement, wanted):
        versions = [version for name, version in pins(lock) if name == canonicalize_name(requirement.name)]
        assert versions, requirement
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_the_test_lock_holds_the_other_at_the_same_versions():
    """Set-up relies on it: an environment for the tests is one for the course."""
    assert set(pins("requirements.lock")) <= set(pins("requirements-test.lock"))


def test_the_build_tool_is_pinned_so_that_installing_cutaway_downloads_nothing():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert build == ["flit_core==3.12.0"]
    assert ("flit-core", "3.12.0") in pins("requirements.lock")


def test_conda_is_asked_for_the_same_as_pip():
    text = (ROOT / "environment.yml").read_text()
    asked = [line.partition("#")[0].strip("- ") for line in text.partition("dependencies:")[2].splitlines() if line]
    python = f"python{PROJECT['requires-python']}"
    names = [requirement_in_condas_words(each) for each in PROJECT["dependencies"]]
    assert asked == [python, "pip", *names]


def requirement_in_condas_words(said: str) -> str:
    requirement = Requirement(said)
    return f"{CONDAS_NAMES.get(requirement.name, requirement.name)}{requirement.specifier}"


def test_conda_takes_nothing_from_a_channel_that_asks_for_a_licence():
    channels = (ROOT / "environment.yml").read_text().partition("channels:")[2].partition("dependencies:")[0]
    assert channels.split() == ["-", "conda-forge", "-", "nodefaults"]
