"""exec: one more process in a container that runs.

It is born outside and joins: the container's groups, then its namespaces, all in one call. Until it has become its
program it may not be looked into by what is inside, and it loads nothing (see process.py).
"""

from __future__ import annotations

import os

from cutaway.linux import calls
from cutaway.linux.light import suppress
from cutaway.runtime import process
from cutaway.runtime.birth import KINDS, Pipes, born, reap
from cutaway.runtime.config import linux
from cutaway.runtime.core import Wishes
from cutaway.runtime.judging import Judge
from cutaway.runtime.problems import ContainerError
from cutaway.runtime.state import Container

FILES = {"mount": "mnt", "network": "net"}  # under /proc/PID/ns, where the specification has another name

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from typing import NoReturn

    from cutaway.runtime.config import Config


def enter(container: Container, task: Config, wishes: Wishes, *, paused: bool = False) -> int:
    """Start the process; its number, once it is its program. A ContainerError with the reason when it is not."""
    status = container.status()
    if status not in ("running", "created") and not (paused and status == "paused"):
        raise ContainerError(f"exec in container {container.name!r}: it is {status}, not running")
    config = container.config()
    judge = Judge(linux(config))
    pidfd, within_user = os.pidfd_open(container.pid), _differs("user", container.pid)
    joined = sum(flag for kind, flag in KINDS.items() if _differs(FILES.get(kind, kind), container.pid))

    def join() -> None:
        container.groups.enter()
        process.set_priority(task)
        if joined:
            calls.setns(pidfd, joined, "the container's")

    pipes = Pipes()
    pid = born(0, lambda: _live(task, judge, pipes, wishes, within_user), join)
    os.close(pidfd)
    pipes.take(0)
    try:
        pipes.expect("")
    except ContainerError:
        reap(pid)
        raise
    finally:
        pipes.close()
    wishes.note(pid)
    return pid


def _differs(name: str, pid: int) -> bool:
    """Whether the process is in another namespace than we are."""
    return os.stat(f"/proc/{pid}/ns/{name}").st_ino != os.stat(f"/proc/self/ns/{name}").st_ino


def _live(task: Config, judge: Judge, pipes: Pipes, wishes: Wishes, user: bool) -> NoReturn:
    """Become the program; a word on the pipe says why not, and its end says that all is well."""
    try:
        pipes.take(1)
        process.forget_python()
        os.setsid()
        if wishes.keyring:
            with suppress(OSError):
                calls.new_session_keyring("_ses")
        if user:
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        if task.get("terminal") and wishes.terminal:
            wishes.terminal.open(Inside(), task)
            wishes.terminal.adopt()
        process.own_streams(task)
        process.limit(task)
        process.enter_folder(task)
        process.becoming(task, judge)()
    except BaseException as error:
        with suppress(OSError):
            pipes.say(str(error).replace("\n", "\x1f"))
    os._exit(127)


class Inside:
    """The container's root, seen from inside."""

    def __init__(self) -> None:
        self.root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
