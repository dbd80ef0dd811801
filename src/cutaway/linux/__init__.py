"""The only room that talks to the kernel by number.

Reading order: calls, namespaces, processes, attach, mounts, links, commands; then stage and enclosed, which use them
all, and confined. sockets, networks and packets look into a network from outside. capabilities stands by itself, with
rights; so do subordinate, groups with devices, and seccomp with filters and syscalls.
The names below are loaded when they are first used: a container runtime starts often and needs few of them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cutaway.linux import confined
    from cutaway.linux.calls import Refused
    from cutaway.linux.commands import CommandFailed
    from cutaway.linux.enclosed import Enclosed, enter, enter_held
    from cutaway.linux.memory import Mapping, memory_map
    from cutaway.linux.namespaces import Kind, hold, identities, identity, join, shared, unshare
    from cutaway.linux.networks import Network
    from cutaway.linux.packets import Watch
    from cutaway.linux.processes import Process, descendants, marked

HOMES = {
    "calls": ["Refused"],
    "commands": ["CommandFailed"],
    "enclosed": ["Enclosed", "enter", "enter_held"],
    "memory": ["Mapping", "memory_map"],
    "namespaces": ["Kind", "hold", "identities", "identity", "join", "shared", "unshare"],
    "networks": ["Network"],
    "packets": ["Watch"],
    "processes": ["Process", "descendants", "marked"],
}

__all__ = [
    "CommandFailed",
    "Enclosed",
    "Kind",
    "Mapping",
    "Network",
    "Process",
    "Refused",
    "Watch",
    "confined",
    "descendants",
    "enter",
    "enter_held",
    "hold",
    "identities",
    "identity",
    "join",
    "marked",
    "memory_map",
    "shared",
    "unshare",
]


def __getattr__(name: str) -> object:
    for home, names in HOMES.items():
        if name in names:
            return getattr(_loaded(home), name)
    if name in __all__:  # a module
        return _loaded(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _loaded(home: str) -> object:
    """The module of this room, without importlib, which a program that starts often cannot afford."""
    __import__(full := f"{__name__}.{home}")
    return sys.modules[full]
