"""The list of system programs: right about Debian's archive, found the way an ordinary user would find them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from cutaway.ground import course, programs
from cutaway.ground.programs import Program

ROOT = course.root()


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, and empty; what administrators run is out of sight too."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SBIN", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, script: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def program(probe: tuple[str, ...] = ("anything",), package: str = "anything") -> Program:
    return Program("anything", probe, package, "is for a test", "lab")


# --- The list ---------------------------------------------------------------


def test_every_package_is_in_the_archive_of_this_debian():
    if "ID=debian" not in Path("/etc/os-release").read_text():
        pytest.skip("this is no Debian")
    choices = {each.name: [set(words.split()) for words in each.package.split("|")] for each in programs.declared()}
    archive = programs.known(package for choice in choices.values() for packages in choice for package in packages)
    if not archive:
        pytest.skip("apt has no package lists here: apt-get update")
    assert [name for name, choice in choices.items() if not any(packages <= archive for packages in choice)] == []


def test_names_are_given_once_and_uses_are_known():
    declared = programs.declared()
    assert len({each.name for each in declared}) == len(declared)
    assert {each.use for each in declared} == set(programs.USES)


def test_each_use_needs_what_the_one_before_it_needs():
    lab, test, soak = ({each.name for each in programs.declared(use)} for use in programs.USES)
    assert lab < test < soak


def test_what_code_and_tests_run_is_declared():
    """A test that looks for an undeclared program would skip for ever on a machine that set-up made."""
    declared = {Path(probe).name for each in programs.declared() for probe in each.probe}
    bare = {"sh", "apt-get", "apt-cache", "dpkg", "dpkg-deb", "chroot", "unshare", "mount"}  # what every Debian has
    others = {"sudo", "systemctl", "conda", "mamba", "zstd", "chromium-browser"}  # used where it is, or by another name
    pythons = {"alembic", "cutaway"}  # of the Python environment
    looked_for = {
        (name, str(file.relative_to(ROOT)))
        for folder in ("src", "tests", "tools")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"""(?:which|programs\.path)\("([\w.-]+)"\)""", file.read_text())
    }
    assert {(name, file) for name, file in looked_for if name not in declared | bare | others | pythons} == set()


# --- Finding ----------------------------------------------------------------


def test_a_program_is_here_only_when_all_its_parts_are(bin_folder: Path):
    java = program(probe=("java", "javac"))
    put(bin_folder, "java")
    assert not java.found
    put(bin_folder, "javac")
    assert java.found


def test_a_file_counts_as_well_as_an_executable(tmp_path: Path):
    font = program(probe=(f"{tmp_path}/fonts/*.ttf",))
    assert not font.found
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "letters.ttf").touch()
    assert font.found


def test_what_administrators_run_is_found_without_being_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, "iptables")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "SBIN", str(tmp_path))
    assert programs.path("iptables") == str(tmp_path / "iptables")


def test_what_is_only_unpacked_is_never_listed_as_missing(bin_folder: Path):
    assert programs.named("guest kernel").unpacked
    assert "guest kernel" not in {each.name for each in programs.missing("lab")}


# --- Commands ---------------------------------------------------------------

ARCHIVE = """for name in "$@"; do case $name in docker.io|busybox) echo "Package: $name";; esac; done"""


def test_of_alternatives_the_first_that_the_archive_has_is_taken(bin_folder: Path):
    put(bin_folder, "apt-cache", ARCHIVE)
    assert programs.packages([program(package="docker-cli | docker.io")]) == ["docker.io"]


def test_a_package_is_asked_for_once(bin_folder: Path):
    put(bin_folder, "apt-cache", ARCHIVE)
    both = [program(package="docker.io"), program(package="docker-cli | docker.io")]
    assert programs.packages(both) == ["docker.io"]


def test_an_ordinary_user_is_told_to_become_root(bin_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert programs.install_command(["strace"]) == "su -c 'apt-get install --no-install-recommends strace'"
    put(bin_folder, "sudo")
    assert programs.install_command(["strace"]) == "sudo apt-get install --no-install-recommends strace"


def test_root_is_told_the_command_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert programs.install_command(["strace"]) == "apt-get install --no-install-recommends strace"


def test_another_distribution_is_told_the_name(bin_folder: Path):
    assert shutil.which("apt-get") is None
    assert "install php with this system's package manager (Debian's packages: php-cli)" in programs.remedy("php")


def test_what_is_missing_is_named_and_what_is_here_is_not(tmp_path: Path, bin_folder: Path):
    (tmp_path / "stdio.h").touch()
    assert program(probe=("gcc", f"{tmp_path}/stdio.h")).absent == ["gcc"]


def test_root_is_asked_for_in_the_way_that_is_here(bin_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert programs.as_root("modprobe overlay") == "su -c 'modprobe overlay'"
    put(bin_folder, "sudo")
    assert programs.as_root("modprobe overlay") == "sudo modprobe overlay"
