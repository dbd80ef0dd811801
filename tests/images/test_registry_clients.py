"""Podman and skopeo push to our registry and pull from it, and read its folders without it.

Engines are asked to do so in tests/ground/test_images_of_engines.py.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_process import free_port

from cutaway.images import layout

IMAGE = layout.Image({"architecture": "amd64", "os": "linux"}, [bytes(10240)])  # one layer: an empty tar


@contextmanager
def served(root: Path, *before: str) -> Iterator[str]:
    """The command, started with these words before it: where it serves."""
    port = free_port()
    argv = [*before, sys.executable, "-m", "cutaway", "registry", "serve", "--port", str(port), "--root", str(root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == f"a registry at 127.0.0.1:{port}, kept in {root}; Control-C ends it\n"
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def tool(*words: object) -> str:
    """What skopeo or podman says; it has to succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("skopeo"), reason="needs skopeo")
def test_skopeo_copies_in_and_out_and_reads_the_folder_itself(tmp_path: Path) -> None:
    digest = layout.write(tmp_path / "image", IMAGE, "1")
    with served(tmp_path / "kept") as place:
        copy = ("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false")
        tool(*copy, f"oci:{tmp_path}/image:1", f"docker://{place}/class/counter:1")
        tool(*copy, f"docker://{place}/class/counter:1", f"oci:{tmp_path}/back:1")
        tool(*copy, f"docker://{place}/class/counter:1", f"docker://{place}/other:2")
        told = json.loads(tool("skopeo", "inspect", "--tls-verify=false", f"docker://{place}/other:2"))
        assert (told["Digest"], told["RepoTags"]) == (digest, ["2"])
        tool("skopeo", "delete", "--tls-verify=false", f"docker://{place}/other:2")
    assert layout.read(tmp_path / "back", "1") == layout.read(tmp_path / "image", "1")
    there = tmp_path / "kept" / "class+counter"
    assert json.loads(tool("skopeo", "inspect", f"oci:{there}:1"))["Digest"] == digest
    assert layout.read(there, "1") == layout.read(tmp_path / "image", "1")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("podman"), reason="needs podman")
def test_podman_pushes_and_pulls(tmp_path: Path) -> None:
    layout.write(tmp_path / "image", IMAGE, "1")
    with tempfile.TemporaryDirectory() as short, served(tmp_path / "kept") as place:  # a runroot has at most 50 letters
        store = ("--root", tmp_path / "store", "--runroot", short, "--storage-driver", "vfs")
        name = tool("podman", *store, "pull", "-q", f"oci:{tmp_path}/image:1").strip()
        tool("podman", *store, "push", "-q", "--tls-verify=false", name, f"{place}/a:1")
        tool("podman", *store, "rmi", "--force", name)
        assert tool("podman", *store, "pull", "-q", "--tls-verify=false", f"{place}/a:1").strip() == name
