"""Each claim is made on both processors, and a machine's files are closed again."""

from __future__ import annotations

import pytest

from cutaway.hypervisor import processors

BOTH = ["kvm", "software"]


@pytest.fixture(params=BOTH)
def on(request: pytest.FixtureRequest) -> str:
    """A processor's name."""
    return _there(str(request.param))


@pytest.fixture
def kvm() -> str:
    return _there("kvm")


def _there(name: str) -> str:
    if missing := processors.missing(name):
        pytest.skip(missing)
    return name
