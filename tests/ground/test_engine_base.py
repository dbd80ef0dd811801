"""The base image without an engine: what is packed, and what is packed where there is no busybox."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cutaway.ground import base
from cutaway.images.closure import Copy, Link, archive, digest, found
from cutaway.problem import Problem


@pytest.fixture
def without_busybox(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(program: str) -> Path:
        if program == "busybox":
            raise Problem("no such program")
        return found(program)

    monkeypatch.setattr(base, "found", find)


def run_inside(root: Path, script: str) -> str:
    """What a shell says that has nothing but this image."""
    subprocess.run(["tar", "--extract", "--directory", root], input=archive(base.contents()), check=True)
    argv = ["unshare", "--user", "--map-root-user", "chroot", str(root), "/bin/sh", "-c", script]
    env = {"PATH": f"/usr/sbin:/sbin:{base.PATH}"}
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout


def test_every_name_of_busybox_leads_to_it():
    try:
        busybox = found("busybox").resolve()
    except Problem:
        pytest.skip("needs busybox")
    entries = base.contents().entries
    assert entries[busybox] == Copy(busybox)
    for name in ("/bin/sh", "/bin/ps", "/bin/sleep", "/bin/hostname"):
        assert entries[Path(name)] == Link(str(busybox))


def test_a_shell_in_it_finds_its_tools_and_its_user(tmp_path: Path):
    assert run_inside(tmp_path, "ls /var/www && sleep 0 && echo $(whoami)") == "index.html\nroot\n"


@pytest.mark.usefixtures("without_busybox")
def test_without_busybox_the_machines_own_tools_do(tmp_path: Path):
    assert run_inside(tmp_path, "ls /var/www && sleep 0 && echo $(id -un)") == "index.html\nroot\n"


@pytest.mark.usefixtures("without_busybox")
def test_a_tool_that_this_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "TOOLS", ("ls", "no-such-tool"))
    names = {path.name for path in base.contents().entries}
    assert "ls" in names
    assert "no-such-tool" not in names


def test_the_same_programs_make_the_same_image():
    assert digest(archive(base.contents())) == digest(archive(base.contents()))
