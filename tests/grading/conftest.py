"""One warm parent for all tests of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cutaway.grading.executor import Executor


@pytest.fixture(scope="session")
def executor() -> Iterator[Executor]:
    with Executor(["numpy", "pandas"]) as made:
        yield made
