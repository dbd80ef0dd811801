"""A container runtime: config.json and a folder in, a process in namespaces of its own out.

Two processes make a container. The runtime stays outside: it writes identity maps, runs hooks, writes down what is.
The first process of the container is a copy of it, born into the new
namespaces; it furnishes them from inside, gives up what it may not keep, waits to be started, and becomes the
program. They talk over two pipes, one word a step, so each waits for exactly what it needs.

Follows the OCI runtime specification, runtime.md. Lacks on purpose: checkpoints, seccomp's
listeners, mounts with mapped owners, systemd's own way to make groups.
Reading order: this file; birth.py (namespaces), settling.py (names and numbers in them), rootfs.py (files), process.py
and judging.py (rights), resources.py (limits); config.py, state.py, hooks.py and console.py beside them; cli.py is the
command line, warm.py another way to ask.
"""

from __future__ import annotations

import os
import select

from cutaway.linux import calls
from cutaway.linux.files import write
from cutaway.linux.light import signal, suppress
from cutaway.runtime import birth, hooks, process, resources, settling
from cutaway.runtime.birth import Pipes
from cutaway.runtime.config import linux
from cutaway.runtime.judging import Judge
from cutaway.runtime.problems import ContainerError
from cutaway.runtime.rootfs import View
from cutaway.runtime.state import Container, now, start_time

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from cutaway.runtime.config import Config
    from cutaway.runtime.console import Terminal

# --- Words -----------------------------------------------------------------


class Wishes:
    """What a command line, or another caller, says besides config.json.

    `instead` is what the first process does in the place of becoming a program; `lower` is a folder that lies below
    the root, which shows it with a layer of `room_bytes` in memory over it, where all that is written goes.
    """

    def __init__(
        self, *, pid_file: str = "", terminal: Terminal | None = None, pivot: bool = True, keyring: bool = True,
        preserve_fds: int = 0, instead: Callable[[Judge], int] | None = None,
        lower: str = "", room_bytes: int = 0,
    ) -> None:  # fmt: skip
        self.pid_file, self.terminal, self.pivot, self.keyring = pid_file, terminal, pivot, keyring
        self.preserve_fds, self.instead, self.lower, self.room_bytes = preserve_fds, instead, lower, room_bytes

    def note(self, pid: int) -> None:
        """Write the process's number where it is asked for, wholly or not at all."""
        if self.pid_file:
            write(f"{self.pid_file}.new", str(pid), new=True)
            os.rename(f"{self.pid_file}.new", self.pid_file)


# --- create ----------------------------------------------------------------


def create(container: Container, config: Config, bundle: str, wishes: Wishes) -> None:
    """Make everything but the program's start; on an error nothing of it stays."""
    container.claim()
    try:
        _create(container, config, bundle, wishes)
    except BaseException:
        with suppress(ProcessLookupError):
            if container.alive():
                os.kill(container.pid, signal.SIGKILL)
        _dispose(container)
        raise


def _create(container: Container, config: Config, bundle: str, wishes: Wishes) -> None:
    if config.get("process") is None:
        raise ContainerError("config.json: process is missing; a container without one can only be described")
    mine = resources.groups_for(container.alone, linux(config).get("cgroupsPath") or "")
    view, judge = View(config, bundle, mine), Judge(linux(config))
    container.describe(config)
    container.save(
        bundle=bundle, rootfs=view.path, created=now(), owner=os.getuid(), groups=mine.folders,
        annotations=config.get("annotations") or {},
    )  # fmt: skip
    if not resources.limited(mine, linux(config).get("resources") or {}, within_user="user" in view.kinds):
        container.save(groups={})
    pipes = Pipes()

    def life() -> NoReturn:
        _first_process(container, config, view, judge, pipes, wishes)

    pid = birth.born_in(container.groups, view.kinds, life)
    pipes.take(0)
    try:
        container.save(pid=pid, start_time=start_time(pid))
        if view.maps_ids:
            pipes.expect("map")
            birth.map_ids(pid, linux(config))
            pipes.say("go")
        pipes.expect("hooks")
        for which in ("prestart", "createRuntime"):
            hooks.run(config, which, container.state("creating"))
        pipes.say("go")
        pipes.expect("created")
    except BaseException:
        birth.reap(pid)
        raise
    finally:
        pipes.close()
    wishes.note(pid)


# --- The container's first process -----------------------------------------


def _first_process(
    container: Container, config: Config, view: View, judge: Judge, pipes: Pipes, wishes: Wishes
) -> NoReturn:
    """From its birth to the moment it becomes the program."""
    try:
        pipes.take(1)
        process.forget_python()
        start = os.open(container.fifo, os.O_RDWR | os.O_CLOEXEC)
        outcome = os.open(container.outcome, os.O_RDWR | os.O_CLOEXEC)
        if view.maps_ids:
            pipes.say("map")
            pipes.expect("go")
        calls.prctl(calls.PR_SET_DUMPABLE, 0)  # nobody inside may look into it; but who maps its ids had to
        settling.settle(config, view.kinds, keyring=wishes.keyring)
        become = _furnish(container, config, view, judge, pipes, wishes)
        pipes.say("created")
        pipes.close()
    except BaseException as error:
        with suppress(OSError):
            pipes.say(str(error).replace("\n", "\x1f"))
        os._exit(1)
    try:
        os.read(start, 1)
        hooks.run(config, "startContainer", container.state("created"))
        become()
    except BaseException as error:
        os.write(outcome, str(error).encode()[:4000])
    os._exit(127)


def _furnish(
    container: Container, config: Config, view: View, judge: Judge, pipes: Pipes, wishes: Wishes
) -> Callable[[], int]:
    """Files, terminal and rights; what remains is returned, and done when the container is started."""
    task = config["process"] | {"preserveFds": wishes.preserve_fds}
    own_mounts = "mount" in view.kinds
    if own_mounts:
        view.furnish(wishes.lower, wishes.room_bytes)
    terminal = wishes.terminal if task.get("terminal") else None
    if terminal:
        terminal.open(view.opened(), task, console=view if own_mounts else None)
    pipes.say("hooks")
    pipes.expect("go")
    hooks.run(config, "createContainer", container.state("creating"))
    if own_mounts:
        view.enter(pivot=wishes.pivot)
    else:
        os.chroot(view.path)
        os.chdir("/")
    if terminal:
        terminal.adopt()
    process.own_streams(task)
    settling.assume_personality(linux(config))
    if instead := wishes.instead:
        return lambda: instead(judge)
    process.limit(task)
    process.enter_folder(task)
    return process.becoming(task, judge)


# --- start, kill, delete ---------------------------------------------------


def start(container: Container) -> None:
    """Let the first process become the program; a ContainerError with its reason when it cannot."""
    status = container.status()
    if status != "created":
        raise ContainerError(
            f"starting container {container.name!r}: it is {status}; only a created one can be started"
        )
    try:
        fifo = os.open(container.fifo, os.O_WRONLY | os.O_NONBLOCK)
        outcome = os.open(container.outcome, os.O_RDONLY | os.O_NONBLOCK)
        os.unlink(container.fifo)  # who does this has the right to start it
    except OSError as error:
        raise ContainerError(f"starting container {container.name!r}: {error.strerror}; has it ended?") from None
    os.set_blocking(outcome, True)
    os.write(fifo, b"s")
    os.close(fifo)
    with open(outcome, "rb") as told:  # it ends when the program starts, for the descriptor closes then
        if reason := told.read().decode():
            raise ContainerError(reason)
    config = container.config()
    try:
        hooks.run(config, "poststart", container.state("running"))
    except ContainerError:
        kill(container, signal.SIGKILL, everybody=True)
        raise


def kill(container: Container, number: int, *, everybody: bool = False) -> None:
    """Send the container's first process a signal, or all of its processes."""
    if everybody and container.groups.folders:
        container.groups.kill(number)
        return
    try:
        pidfd = os.pidfd_open(container.pid) if container.pid else -1
        if pidfd < 0 or not container.alive():  # checked while the descriptor is held: it is this process's own
            raise ProcessLookupError
        signal.pidfd_send_signal(pidfd, number)
        os.close(pidfd)
    except ProcessLookupError:
        raise ContainerError(
            f"sending signal {number} to container {container.name!r}: container not running"
        ) from None
    except OSError as error:
        raise ContainerError(f"sending signal {number} to container {container.name!r}: {error.strerror}") from None


def delete(container: Container, *, force: bool = False) -> None:
    """Make the container gone, with its processes and groups; one that runs only with `force`."""
    status = container.status()
    if status not in ("stopped", "created", "creating") and not force:
        raise ContainerError(f"deleting container {container.name!r}: it is {status}, not stopped; kill it first")
    if status == "paused":
        container.groups.freeze(False)
    config = container.config() if os.path.exists(f"{container.folder}/config.json") else {}
    _dispose(container)
    with suppress(ContainerError):  # runtime.md: a poststop hook that fails stops nothing
        hooks.run(config, "poststop", container.state("stopped"))


def _dispose(container: Container) -> None:
    if container.alive():
        pidfd = os.pidfd_open(container.pid)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [])
        os.close(pidfd)
    container.groups.remove()
    container.forget()


def adopt_orphans() -> None:
    """Let the container's first process count as a child of ours, whoever was between."""
    calls.prctl(calls.PR_SET_CHILD_SUBREAPER, 1)


def wait(pid: int) -> int:
    """The status of a child as a shell tells it, once it has ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status
