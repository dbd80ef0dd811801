"""Whose work it is: a learner's seed, and what a lab draws from it.

The learner's side and the checker's side each draw for themselves, from the lab's name and the learner's name alone,
and come to the same values. Every purpose has a generator of its own, so that a new parameter changes no other.
"""

from __future__ import annotations

import getpass
import hashlib
import os
from dataclasses import dataclass
from random import Random

COLOURS = ("amber", "azure", "coral", "ivory", "jade", "khaki", "lilac", "ochre", "olive", "pearl", "ruby", "umber")
BIRDS = (
    "avocet",
    "bittern",
    "crane",
    "egret",
    "falcon",
    "godwit",
    "heron",
    "ibis",
    "linnet",
    "osprey",
    "plover",
    "wren",
)
MINERALS = ("agate", "basalt", "calcite", "garnet", "gneiss", "granite", "gypsum", "marble", "mica", "onyx", "quartz")
PORTS = range(20_000, 30_000)  # above what needs a privilege, below what the kernel hands out by itself (32768)


@dataclass(frozen=True)
class Learner:
    """One learner in one lab."""

    lab: str
    name: str

    @classmethod
    def here(cls, lab: str) -> Learner:
        """Whoever runs this: CUTAWAY_LEARNER, else JUPYTERHUB_USER, else the login name."""
        name = os.environ.get("CUTAWAY_LEARNER") or os.environ.get("JUPYTERHUB_USER") or _login_name()
        return cls(lab, name)

    @property
    def seed(self) -> int:
        return int.from_bytes(
            hashlib.sha256(f"cutaway:{self.lab}:{self.name}".encode(errors="surrogateescape")).digest()[:8], "big"
        )

    def random(self, purpose: str) -> Random:
        """The generator for one purpose; the same on every machine and in every release of Python."""
        return Random(f"{self.seed}:{purpose}")

    @property
    def hostname(self) -> str:
        """A host name, such as amber-heron-417."""
        draw = self.random("hostname")
        return f"{draw.choice(COLOURS)}-{draw.choice(BIRDS)}-{draw.randrange(100, 1000)}"

    @property
    def word(self) -> str:
        """A word to write down, such as quartz-4127."""
        draw = self.random("word")
        return f"{draw.choice(MINERALS)}-{draw.randrange(1000, 10_000)}"

    @property
    def network(self) -> dict[str, str]:
        """A network for private use with an address for each of `host`, `web` and `database`, such as 10.37.4.0/24."""
        draw = self.random("network")
        prefix = f"10.{draw.randrange(20, 250)}.{draw.randrange(20, 250)}"
        web, database = draw.sample(range(2, 250), 2)
        parts = {"network": "0/24", "host": "1", "web": str(web), "database": str(database)}
        return {name: f"{prefix}.{part}" for name, part in parts.items()}

    @property
    def port(self) -> int:
        """A port for a service."""
        return self.random("port").choice(PORTS)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in a container
        return str(os.getuid())
