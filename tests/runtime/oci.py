"""Bundles and runtimes for tests: ours, and runc as the oracle, called in the same way."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cutaway.ground import base
from cutaway.images.closure import archive
from cutaway.runtime import example, launcher

PATIENCE_S = 30
Config = dict[str, Any]


def unpack(folder: Path) -> Path:
    """The base image's files, as a container's root."""
    with tarfile.open(fileobj=io.BytesIO(archive(base.contents()))) as tar:
        tar.extractall(folder)
    return folder


class Runtime:
    """A runtime's command line; what it made is undone with `clear`."""

    def __init__(self, program: str | Path, root: Path) -> None:
        self.program, self.root = str(program), root
        self.argv = [self.program, "--root", str(root)]
        self.made: list[str] = []

    def __call__(self, *words: str | Path, ok: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end; with `ok` it must succeed."""
        argv = [*self.argv, *map(str, words)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)
        assert done.returncode == 0 or not ok, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def name(self) -> str:
        """A new container's name."""
        self.made.append(f"test-{uuid.uuid4().hex[:12]}")
        return self.made[-1]

    def run(self, bundle: Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a bundle to its end."""
        return self("run", "--bundle", bundle, self.name(), ok=False, **options)

    @contextmanager
    def running(self, bundle: Path) -> Iterator[str]:
        """A container that runs in the background."""
        name = self.name()
        with (bundle / "out").open("wb") as out:  # not a pipe: what stays would hold it open
            argv = [*self.argv, "run", "-d", "--bundle", str(bundle), name]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60, check=False)
        assert done.returncode == 0, (bundle / "out").read_text()
        try:
            yield name
        finally:
            self("delete", "--force", name)

    def state(self, name: str) -> dict[str, Any]:
        """What `state` says."""
        return dict(json.loads(self("state", name).stdout))

    def until(self, name: str, status: str) -> None:
        """Wait until the container has this status."""
        deadline = time.monotonic() + PATIENCE_S
        while self.state(name)["status"] != status:
            assert time.monotonic() < deadline, self.state(name)
            time.sleep(0.01)

    def clear(self) -> None:
        """Delete whatever a test left."""
        for name in self.made:
            self("delete", "--force", name, ok=False)


def install(folder: Path) -> Path:
    """Our program."""
    return launcher.install(folder)


def with_runc() -> str:
    """The oracle, or the test is skipped."""
    found = shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        pytest.skip("needs runc")
    return found


def bundle(folder: Path, root: Path, *args: str, change: Callable[[Config], object] | None = None) -> Path:
    """A bundle that runs `args` in the files of `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = example.config(*args)
    config["root"]["path"] = str(root)
    if os.geteuid():
        example.without_root(config)
    if change:
        change(config)
    (folder / "config.json").write_text(json.dumps(config))
    return folder
