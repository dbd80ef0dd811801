"""One root file system for all, a bundle for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import oci
import pytest
from oci import Config, Runtime

Bundler = Callable[..., Path]


@pytest.fixture(scope="session")
def rootfs() -> Iterator[Path]:
    """The base image's files, where every user may come; containers have them read-only."""
    folder = Path(tempfile.mkdtemp(prefix="rootfs-"))
    folder.chmod(0o755)
    yield oci.unpack(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our runtime, installed."""
    return oci.install(tmp_path_factory.mktemp("bin"))


@pytest.fixture
def ours(program: Path, tmp_path: Path) -> Iterator[Runtime]:
    """Our runtime, with a root of its own."""
    runtime = Runtime(program, tmp_path / "ours")
    yield runtime
    runtime.clear()


@pytest.fixture
def runc(tmp_path: Path) -> Iterator[Runtime]:
    """The oracle, with a root of its own."""
    runtime = Runtime(oci.with_runc(), tmp_path / "runc")
    yield runtime
    runtime.clear()


@pytest.fixture
def bundle(tmp_path: Path, rootfs: Path) -> Bundler:
    """Make a bundle: `bundle("true")`, or with a change of its config.json."""

    def made(*args: str, change: Callable[[Config], object] | None = None, root: Path | None = None) -> Path:
        return oci.bundle(tmp_path / f"bundle{len(list(tmp_path.iterdir()))}", root or rootfs, *args, change=change)

    return made
