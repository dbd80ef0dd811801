"""Hooks: programs that config.json asks for at six moments; each is told the container's state on its standard input.

OCI runtime specification, config.md, "POSIX-platform Hooks".
"""

from __future__ import annotations

import os
import select

from cutaway.linux.light import dumps, signal
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SHOWN_BYTES = 2000  # of what a failed hook wrote
LONGEST_MS = (1 << 31) - 1  # that poll(2) waits, some 25 days


def run(config: Mapping[str, Any], which: str, state: Mapping[str, Any]) -> None:
    """Run one moment's hooks, in order; a ContainerError when one fails or takes longer than it may."""
    for hook in (config.get("hooks") or {}).get(which) or ():
        problem = _failure(hook, dumps(state).encode())
        if problem:
            raise ContainerError(f"{which} hook {hook['path']}: {problem}")


def _failure(hook: Mapping[str, Any], state: bytes) -> str | None:
    """What went wrong, or None."""
    told, said = os.memfd_create("state"), os.memfd_create("said")
    os.write(told, state)
    os.lseek(told, 0, os.SEEK_SET)
    env = dict(each.split("=", 1) for each in hook.get("env") or () if "=" in each)
    try:
        streams = [(os.POSIX_SPAWN_DUP2, fd, at) for at, fd in enumerate((told, said, said))]
        pid = os.posix_spawn(
            hook["path"], hook.get("args") or [hook["path"]], env,
            file_actions=streams, setsigdef=[signal.SIGPIPE, signal.SIGINT], setsigmask=[],
        )  # fmt: skip
        if not _ended(pid, hook.get("timeout")):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f"still running after {hook['timeout']} s; killed"
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        words = os.pread(said, SHOWN_BYTES, 0).decode(errors="replace").strip()
        return f"status {status}, and it said: {words}" if status else None
    except OSError as error:
        return f"{error.strerror}".lower()
    finally:
        os.close(told)
        os.close(said)


def _ended(pid: int, timeout_s: int | None) -> bool:
    pidfd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    ended = poll.poll(min(timeout_s * 1000, LONGEST_MS) if timeout_s else None)
    os.close(pidfd)
    return bool(ended)
