"""The program that judges the container's system calls, from config.json's `linux.seccomp`.

OCI runtime specification, config-linux.md, "Seccomp". linux/filters.py compiles it, linux/seccomp.py installs it.
"""

from __future__ import annotations

import os

from cutaway.linux import filters, seccomp
from cutaway.linux.light import dumps
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cutaway.linux.seccomp import Instruction
    from cutaway.runtime.config import Config


class Judge:
    """A filter and how it is installed; empty, and so false, where none is asked for."""

    def __init__(self, part: Config) -> None:
        profile = part.get("seccomp") or {}
        self.flags: Sequence[str] = profile.get("flags") or ()
        unknown = [each for each in self.flags if each not in seccomp.FLAGS]
        if unknown:
            known = ", ".join(seccomp.FLAGS)
            raise ContainerError(f"config.json: linux.seccomp.flags: {unknown[0]!r} is none of {known}")
        actions = [profile.get("defaultAction"), *(rule.get("action") for rule in profile.get("syscalls") or ())]
        if profile.get("listenerPath") or "SCMP_ACT_NOTIFY" in actions:
            raise ContainerError(
                "config.json: linux.seccomp: this runtime tells no listener of calls (SCMP_ACT_NOTIFY)"
            )
        try:
            self.program = _compiled(profile) if profile else []
        except filters.ProfileError as error:
            raise ContainerError(f"config.json: linux.{error}") from None

    def __bool__(self) -> bool:
        return bool(self.program)

    def install(self, *, gaining: bool) -> None:
        """Let it judge this process from now on; see `seccomp.install`."""
        seccomp.install(self.program, self.flags, gaining=gaining)


def _compiled(profile: Config) -> list[Instruction]:
    key = dumps(profile)
    if key not in _known:
        _known[key] = filters.compiled(profile, os.uname().machine)
    return _known[key]


_known: dict[str, list[Instruction]] = {}  # for who makes many containers of one profile
