"""Machines on which set-up cannot succeed, made for real: each gets one sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOT_OF_ITS_OWN = ("unshare", "--user", "--map-root-user", "--mount")
NOWHERE = (*ROOT_OF_ITS_OWN, "--net")
NOBODY = 65534


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A copy of what set-up reads, on which it has never run, where every user may look."""
    with tempfile.TemporaryDirectory(prefix="cutaway-") as above:
        folder = Path(above) / "checkout"
        shutil.copytree(ROOT / "tools", folder / "tools")
        shutil.copytree(ROOT / "src", folder / "src")
        for name in ("Makefile", "pyproject.toml", "environment.yml", "requirements.lock", "requirements-test.lock"):
            shutil.copy(ROOT / name, folder)
        for each in (folder, folder.parent):
            each.chmod(0o755)
        yield folder


def set_up(checkout: Path, *wrapping: str, before: str = "true", **env: str) -> str:
    """What `make setup-lab` says when it fails: the one line after `cutaway:`.

    PYTHON keeps a conda of this machine out of it; without pip's own settings it has only the network to go to.
    """
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name[:4] != "PIP_"}
    quick = {"PYTHON": "/usr/bin/python3", "PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "1", "HOME": str(checkout)}
    ended = subprocess.run(
        [*wrapping, "sh", "-c", f"{before}; cd {checkout} && make setup-lab"],
        env={**clean, **quick, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode != 0, ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    said = [line for line in ended.stderr.splitlines() if line.startswith("cutaway: ")]
    assert len(said) == 1, ended.stderr
    return said[0]


def test_a_small_disk_is_told_before_anything_is_made(checkout: Path):
    mount = f"mount -t tmpfs tmpfs /mnt && cp -r {checkout} /mnt/copy && mount -t tmpfs -o size=20m tmpfs {checkout}"
    said = set_up(checkout, *ROOT_OF_ITS_OWN, before=f"{mount} && cp -r /mnt/copy/. {checkout}")
    assert "it takes 1400 MB and" in said
    assert "MB are free; make room first" in said


def test_a_checkout_that_is_mounted_read_only_is_one_sentence(checkout: Path):
    mount = f"mount --bind {checkout} {checkout} && mount -o remount,bind,ro {checkout}"
    said = set_up(checkout, *ROOT_OF_ITS_OWN, before=mount)
    assert f"{checkout}/.setup.json may not be written (Read-only file system); use a clone of your own" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming an ordinary user takes root")
def test_somebody_elses_checkout_is_one_sentence(checkout: Path):
    said = set_up(checkout, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    assert f"{checkout}/.setup.json may not be written (Permission denied); use a clone of your own" in said


@pytest.mark.slow
def test_without_a_network_it_says_so(checkout: Path):
    assert "packages: the network did not answer; connect this machine" in set_up(checkout, *NOWHERE)


@pytest.mark.slow
def test_a_proxy_that_does_not_answer_is_named(checkout: Path):
    said = set_up(checkout, *NOWHERE, https_proxy="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert "packages: the proxy does not answer; correct http_proxy and https_proxy" in said


@pytest.mark.slow
def test_a_disk_that_fills_up_on_the_way_is_told(checkout: Path):
    small = checkout / "small"
    small.mkdir()
    said = set_up(checkout, *ROOT_OF_ITS_OWN, before=f"mount -t tmpfs -o size=1m tmpfs {small}", TMPDIR=str(small))
    assert "the disk is full; make room in this folder and in TMPDIR" in said
