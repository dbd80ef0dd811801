"""Debian's packages, unpacked into a folder of ours: nothing is installed, and no root is needed.

apt keeps lists of its own in that folder, checks Debian's signature on them, and fetches what it is told to; dpkg
unpacks. So there are programs made for another processor (foreign.py), and the files of another release of Debian.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.guest import cache
from cutaway.linux import CommandFailed, commands
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # Debian's names for processors
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ARCHIVE = "http://deb.debian.org/debian"
FETCH_S = 600  # a slow line

SYSTEM = (
    "base-files",
    "libc6",
    "dash",
    "coreutils",
    "libselinux1",
    "libpcre2-8-0",
    "libcap2",
)  # a shell with its tools, and what ls needs
SUITES = ("trixie", "bookworm")  # whose files to take: the first that this machine is not


@dataclass(frozen=True)
class Missing:
    """Why something is not to be had here. It is false where the thing is true, so that a page can go on without."""

    why: str

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return self.why


# --- Another release -------------------------------------------------------


def another_release() -> Path | Missing:
    """A root folder with the files of a Debian that this machine is not, fetched if they are not here yet."""
    suite = next(suite for suite in SUITES if suite != _codename())
    try:
        architecture = ARCHITECTURES[platform.machine()]
        return cache.kept(f"distribution-{suite}", lambda root: unpack(SYSTEM, architecture, suite, root))
    except KeyError as unknown:
        return Missing(f"fetching another release of Debian: it is not known for {unknown}; read on without")
    except (Problem, CommandFailed) as why:
        return Missing(f"fetching Debian's {suite}: {why}; the page goes on without it")


def _codename() -> str:
    """What this machine's release is called, if it says so."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


# --- Unpacking -------------------------------------------------------------


def unpack(packages: Iterable[str], architecture: str, suite: str, root: Path) -> None:
    """Fetch these packages of a release and unpack them into the folder `root`; Problem where there is no apt."""
    if not (programs.path("apt-get") and programs.path("dpkg") and KEYRING.exists()):
        raise Problem(f"fetching Debian's packages for {architecture}: this is no Debian; read on without them")
    lists, fetched = root / "apt" / "lists", root / "apt" / "fetched"
    for folder in (lists / "partial", fetched):
        folder.mkdir(parents=True)
    sources = root / "apt" / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING} arch={architecture}] {ARCHIVE} {suite} main\n")
    apt = ["apt-get", "--quiet", *_options(architecture, root / "apt", lists, sources)]
    commands.run([*apt, "update"], FETCH_S)
    commands.run(
        ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(fetched), *apt, "download", *packages], FETCH_S
    )
    for package in sorted(fetched.iterdir()):
        commands.run(["dpkg", "-x", str(package), str(root)], FETCH_S)
    shutil.rmtree(root / "apt")


def _options(architecture: str, folder: Path, lists: Path, sources: Path) -> Sequence[str]:
    """An apt that knows nothing of the packages of this machine, and leaves those of this machine alone."""
    settings = {
        "Dir::State": folder,
        "Dir::State::lists": lists,
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",  # as root it would become a user who may not enter our folder
        "Acquire::Languages": "none",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]
