"""What the first process sets in its new namespaces before it touches any file: names, clocks, numbers of the kernel's.

OCI runtime specification, config.md and config-linux.md: hostname, domainname, timeOffsets, sysctl, personality.
"""

from __future__ import annotations

import os

from cutaway.linux import calls, loopback
from cutaway.linux.files import write
from cutaway.linux.light import suppress
from cutaway.runtime import process
from cutaway.runtime.birth import KINDS, LATER
from cutaway.runtime.config import linux
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cutaway.runtime.config import Config

PERSONALITIES = {"LINUX": 0, "LINUX32": 8}  # linux/personality.h


def settle(config: Config, kinds: Mapping[str, str], *, keyring: bool) -> None:
    """Who it is from now on: root of its user namespace, leader of its session, under its own name."""
    if "user" in kinds:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    for kind in LATER:
        if kinds.get(kind) == "":
            calls.unshare(KINDS[kind], kind)
    if kinds.get("time") == "":
        _shift_clocks(linux(config).get("timeOffsets") or {})
    os.setsid()
    if keyring:
        with suppress(OSError):  # a filter around us may forbid it
            calls.new_session_keyring("_ses")
    if kinds.get("network") == "":
        loopback.bring_up()
    if config.get("hostname"):
        calls.sethostname(config["hostname"])
    if config.get("domainname"):
        calls.setdomainname(config["domainname"])
    for key, value in (linux(config).get("sysctl") or {}).items():
        write(f"/proc/sys/{key.replace('.', '/') if '/' not in key else key}", value)
    process.set_priority(config["process"])


def _shift_clocks(offsets: Mapping[str, Mapping[str, int]]) -> None:
    for clock, each in offsets.items():
        write("/proc/self/timens_offsets", f"{clock} {each.get('secs', 0)} {each.get('nanosecs', 0)}")
    fd = os.open("/proc/self/ns/time_for_children", os.O_RDONLY | os.O_CLOEXEC)
    calls.setns(fd, calls.CLONE_NEWTIME, "time")
    os.close(fd)


def assume_personality(part: Config) -> None:
    """Let the program find another kind of system; the last of all, for it changes what we find, too."""
    domain = (part.get("personality") or {}).get("domain")
    if domain is None:
        return
    if domain not in PERSONALITIES:
        raise ContainerError(f"config.json: linux.personality.domain: {domain!r}: LINUX or LINUX32")
    calls.personality(PERSONALITIES[domain])
