"""Programs made for another processor: Debian's, unpacked into a folder of ours, and run by qemu-user.

qemu-user translates the machine code of one process as it goes and hands its system calls to our kernel; it is no
virtual machine, and nothing is booted. Nothing is installed either: debian.py fetches a Java and a Python with the
libraries that they need, and pip adds wasmtime.
All of that is done once, needs no root, and stays in the cache (guest/cache.py) until that is deleted.
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cutaway.ground import debian, programs
from cutaway.ground.debian import ARCHITECTURES, FETCH_S, Missing
from cutaway.ground.guest import cache
from cutaway.ground.sieve import WASM_HOST
from cutaway.linux import CommandFailed, commands
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

OTHER = {"x86_64": "aarch64", "aarch64": "x86_64"}  # whose programs each processor shall run
ELF_MACHINE = {62: "x86_64", 183: "aarch64"}  # e_machine: EM_X86_64, EM_AARCH64

SUITE = "bookworm"  # whose packages are unpacked, on whatever system
PACKAGES = (
    *("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libffi8"),
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "openjdk-17-jre-headless"),
)


@dataclass(frozen=True)
class Foreign:
    """A folder of programs made for `processor`."""

    processor: str
    root: Path

    def __str__(self) -> str:
        return "programs for another processor, run by qemu-user"

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.root / "usr/bin/python3.11"

    @property
    def java(self) -> Path:
        """Its Java."""
        return self.root / f"usr/lib/jvm/java-17-openjdk-{ARCHITECTURES[self.processor]}/bin/java"

    def command(self, program: Path | str, *arguments: str) -> list[str]:
        """How to run a program that was made for this processor."""
        libraries = ["-L", str(self.root), "-E", f"PYTHONPATH={self.root / 'wheels'}"]
        return [f"qemu-{self.processor}", *libraries, str(program), *arguments]

    def interpreters(self, folder: Path) -> dict[str, list[str]]:
        """By language, who reads the files that `sieve.build` left in `folder`, and which; a limit follows."""
        host, module = str(WASM_HOST), str(folder / "sieve.wasm")
        return {
            "Java": self.command(self.java, "-cp", str(folder), "Sieve"),
            "WebAssembly": self.command(self.python, host, module),
        }


# --- Getting it ------------------------------------------------------------


def other() -> Foreign | Missing:
    """Programs for a processor that this machine does not have, fetched if they are not here yet; else why not."""
    try:
        return _other()
    except Problem as problem:
        return Missing(str(problem))


def _other() -> Foreign:
    here = platform.machine()
    if here not in OTHER:
        raise Problem(f"looking for programs for another processor: none are known for {here}; read on without")
    processor = OTHER[here]
    if not programs.path(f"qemu-{processor}"):
        raise Problem(f"running programs made for {processor}: qemu-user is not here; {programs.remedy('qemu-user')}")
    return Foreign(processor, cache.kept(f"programs-for-{processor}", lambda folder: _fetch(processor, folder)))


def _fetch(processor: str, root: Path) -> None:
    """Fill the empty folder `root`."""
    try:
        debian.unpack(PACKAGES, ARCHITECTURES[processor], SUITE, root)
        _unpack_wasmtime(processor, root)
    except CommandFailed as failed:
        raise Problem(f"fetching programs for {processor}: {failed}; the page goes on without them") from failed


def _unpack_wasmtime(processor: str, root: Path) -> None:
    wanted = f"wasmtime=={importlib.metadata.version('wasmtime')}"
    where = ["--no-deps", "--only-binary=:all:", f"--platform=manylinux2014_{processor}", f"--dest={root / 'wheels'}"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    commands.run([*pip, *where, f"--platform=manylinux1_{processor}", wanted], FETCH_S)
    for wheel in (root / "wheels").glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(root / "wheels")
        wheel.unlink()


# --- Looking at machine code -----------------------------------------------


@functools.cache
def made_for(program: Path | str) -> str:
    """For which processor a program's file says that it was made; empty when it is no ELF file or for a third one."""
    with Path(program).open("rb") as file:
        header = file.read(20)
    return ELF_MACHINE.get(int.from_bytes(header[18:20], "little"), "") if header.startswith(b"\x7fELF") else ""
