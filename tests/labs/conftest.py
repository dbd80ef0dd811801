"""A lab gives root and an ordinary user the same verdict; one that needs an engine has the one of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import unit_of
from engines import engine
from ordinary import as_ordinary_user

from cutaway.ground.engine import CHOICE

__all__ = ["as_ordinary_user", "engine"]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and needs_engine(item):
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.xdist_group("engine"))


@pytest.fixture(autouse=True)
def _its_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if needs_engine(request.node):
        monkeypatch.setenv(CHOICE, f"unix://{request.getfixturevalue('engine').socket}")


def needs_engine(item: pytest.Item) -> bool:
    """Whether what is tried is a lab that needs an engine."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    its_own = getattr(getattr(item, "module", None), "LAB", None)
    unit = unit_of(parameters.get("lab") or getattr(parameters.get("wrong"), "lab", its_own))
    return unit is not None and "engine" in unit.needs
