"""The only room that talks to the kernel by number.

Reading order: calls, namespaces, processes, mounts, links, cgroups, commands; then stage and enclosed, which use
them all, and confined. capabilities stands by itself, with rights; so do subordinate, and seccomp with filters and
syscalls.
"""

from cutaway.linux import confined
from cutaway.linux.calls import Refused
from cutaway.linux.commands import CommandFailed
from cutaway.linux.enclosed import Enclosed, enter, enter_held
from cutaway.linux.memory import Mapping, memory_map
from cutaway.linux.namespaces import Kind, hold, identities, identity, join, shared, unshare
from cutaway.linux.processes import Process, descendants, marked

__all__ = [
    "CommandFailed",
    "Enclosed",
    "Kind",
    "Mapping",
    "Process",
    "Refused",
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
