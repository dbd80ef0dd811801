"""The system programs that Cutaway uses: which are here, which are not, and the command that brings them.

`programs.toml` beside this file declares them. Only the standard library is used,
because set-up reads this before there is an environment.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DECLARED = Path(__file__).with_name("programs.toml")
USES = ("lab", "test", "soak")  # each needs all that the ones before it need
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # not on an ordinary user's PATH, though anybody may run what is there


@dataclass(frozen=True)
class Program:
    """One declared program, or a set of files that belongs together."""

    name: str
    probe: tuple[str, ...]
    package: str
    purpose: str
    use: str
    service: str = ""
    unpacked: bool = False

    @property
    def found(self) -> bool:
        """Whether everything that it is known by is here."""
        return not self.absent

    @property
    def absent(self) -> list[str]:
        """What is not here of what it is known by."""
        return [each for each in self.probe if not _is_here(each)]


def declared(use: str = "soak") -> list[Program]:
    """Every program that `use` needs, in the order of the file."""
    needed = USES[: USES.index(use) + 1]
    return [program for program in _all() if program.use in needed]


def named(name: str) -> Program:
    """The program called `name`; KeyError when nobody declared it."""
    return {program.name: program for program in _all()}[name]


def missing(use: str) -> list[Program]:
    """What `use` needs, is not here, and can be installed."""
    return [program for program in declared(use) if not program.found and not program.unpacked]


def path(executable: str) -> str | None:
    """Where `executable` is: on PATH, or where Debian keeps what administrators run."""
    return shutil.which(executable) or shutil.which(executable, path=SBIN)


# --- Packages ---------------------------------------------------------------


def packages(programs: Iterable[Program]) -> list[str]:
    """The Debian packages of `programs`, once each; of alternatives, the first that the archive has."""
    choices = [[each.split() for each in program.package.split("|")] for program in programs]
    archive = known(name for choice in choices if len(choice) > 1 for names in choice for name in names)
    chosen = [next((names for names in choice if archive.issuperset(names)), choice[0]) for choice in choices]
    return list(dict.fromkeys(name for names in chosen for name in names))


def known(names: Iterable[str]) -> set[str]:
    """Those of the packages `names` that this machine's package lists have."""
    wanted = sorted(set(names))
    if not wanted or not shutil.which("apt-cache"):
        return set()
    argv = ["apt-cache", "show", "--no-all-versions", *wanted]
    shown = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    return {line.split()[1] for line in shown.splitlines() if line.startswith("Package: ")}


def install_command(names: Iterable[str]) -> str:
    """What the person at the keyboard types to install the packages `names`."""
    return as_root(f"apt-get install --no-install-recommends {' '.join(names)}")


def as_root(command: str) -> str:
    """What the person at the keyboard types to run `command` as root."""
    if os.geteuid() == 0:
        return command
    return f"sudo {command}" if shutil.which("sudo") else f"su -c '{command}'"


def remedy(*names: str) -> str:
    """How to get the declared programs `names` on this machine."""
    wanted = [named(name) for name in names]
    if shutil.which("apt-get"):
        return install_command(packages(wanted))
    theirs = ", ".join(program.package for program in wanted)
    return f"install {', '.join(names)} with this system's package manager (Debian's packages: {theirs})"


# --- Plumbing ---------------------------------------------------------------


@functools.cache
def _all() -> tuple[Program, ...]:
    rows = tomllib.loads(DECLARED.read_text())["program"]
    return tuple(Program(**{**row, "probe": tuple(row["probe"])}) for row in rows)


def _is_here(probe: str) -> bool:
    return any(_found(each) for each in probe.split(" | "))


def _found(probe: str) -> bool:
    if probe.startswith("/"):
        return any(Path("/").glob(probe[1:]))
    return path(probe) is not None
