"""One warm parent for all tests of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import small_class

from cutaway.grading.executor import Executor


@pytest.fixture(scope="session")
def executor() -> Iterator[Executor]:
    with Executor(["numpy", "pandas"]) as made:
        yield made


@pytest.fixture(scope="session")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which eight students have handed in *objects*, and nothing is graded; to be copied."""
    return small_class.one_assignment(tmp_path_factory.mktemp("eight") / "course", "objects", 8)
