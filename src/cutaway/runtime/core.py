"""A container runtime: config.json and a folder in, a process in namespaces of its own out.

Two processes make a container. The runtime stays outside: it writes identity maps, puts the other into its control
groups, runs hooks, writes down what is. The first process of the container is a copy of it, born into the new
namespaces; it furnishes them from inside, gives up what it may not keep, waits to be started, and becomes the
program. They talk over two pipes, one word a step, so each waits for exactly what it needs.

Follows the OCI runtime specification, runtime.md. Lacks on purpose: checkpoints, seccomp's
listeners, mounts with mapped owners, systemd's own way to make groups.
Reading order: this file; then rootfs.py (files), process.py (rights), resources.py (limits); config.py, state.py,
hooks.py and console.py beside them; cli.py is the command line.
"""

from __future__ import annotations

import os
import select

from cutaway.linux import calls, capabilities, filters, loopback, seccomp
from cutaway.linux.files import write
from cutaway.linux.groups import Groups
from cutaway.linux.light import dumps, signal, suppress
from cutaway.runtime import hooks, process, resources
from cutaway.runtime.config import linux
from cutaway.runtime.problems import ContainerError
from cutaway.runtime.rootfs import View
from cutaway.runtime.state import Container, now, start_time

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

    from cutaway.runtime.config import Config
    from cutaway.runtime.console import Terminal

    Judge = list[seccomp.Instruction]  # a seccomp filter
    Flags = Sequence[str]  # how it is installed

# --- Words -----------------------------------------------------------------

KINDS = {
    "user": calls.CLONE_NEWUSER, "pid": calls.CLONE_NEWPID, "mount": calls.CLONE_NEWNS, "network": calls.CLONE_NEWNET,
    "ipc": calls.CLONE_NEWIPC, "uts": calls.CLONE_NEWUTS, "cgroup": calls.CLONE_NEWCGROUP, "time": calls.CLONE_NEWTIME,
}  # a user namespace comes first, for its rights open the others  # fmt: skip
LATER = ("cgroup", "time")  # made by the process itself, once it is where they are to begin
PERSONALITIES = {"LINUX": 0, "LINUX32": 8}  # linux/personality.h


class Wishes:
    """What a command line, or another caller, says besides config.json.

    `instead` is what the first process does in the place of becoming a program; `lower` is a folder that lies below
    the root, which shows it with a layer of `room_bytes` in memory over it, where all that is written goes.
    """

    def __init__(
        self, *, pid_file: str = "", terminal: Terminal | None = None, pivot: bool = True, keyring: bool = True,
        preserve_fds: int = 0, instead: Callable[[Judge, Flags], int] | None = None,
        lower: str = "", room_bytes: int = 0,
    ) -> None:  # fmt: skip
        self.pid_file, self.terminal, self.pivot, self.keyring = pid_file, terminal, pivot, keyring
        self.preserve_fds, self.instead, self.lower, self.room_bytes = preserve_fds, instead, lower, room_bytes


class Pipes:
    """Words between the runtime and the container's first process; each side reads one and writes the other."""

    def __init__(self) -> None:
        self.ends = os.pipe(), os.pipe()

    def take(self, side: int) -> None:
        """Be side 0, the runtime, or 1, the container."""
        (self.reading, theirs), (other, self.writing) = self.ends[side], self.ends[1 - side]
        os.close(theirs)
        os.close(other)

    def say(self, word: str) -> None:
        """Send one line."""
        os.write(self.writing, f"{word}\n".encode())

    def hear(self) -> str:
        """The next line; empty when the other side is gone."""
        heard = b""
        while not heard.endswith(b"\n"):
            piece = os.read(self.reading, 1)
            if not piece:
                return ""
            heard += piece
        return heard.decode().rstrip("\n")

    def expect(self, word: str) -> None:
        """Wait for one word; what the other side says instead is why it failed."""
        heard = self.hear()
        if heard != word:
            raise ContainerError(heard.replace("\x1f", "\n") or "the container's first process ended without a word")

    def close(self) -> None:
        """Be done."""
        os.close(self.reading)
        os.close(self.writing)


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
    mine = _groups(container, config)
    view, judge = View(config, bundle, mine), compiled_filter(linux(config))
    write(f"{container.folder}/config.json", dumps(config), new=True)
    container.save(
        bundle=bundle, rootfs=view.path, created=now(), owner=os.getuid(), groups=mine.folders,
        annotations=config.get("annotations") or {},
    )  # fmt: skip
    _limit(container, linux(config).get("resources") or {}, "user" in view.kinds)
    pipes = Pipes()
    pid = _born_as_asked(container, view.kinds, lambda: _first_process(container, config, view, judge, pipes, wishes))
    pipes.take(0)
    try:
        container.save(pid=pid, start_time=start_time(pid))
        pipes.expect("map")
        if view.kinds.get("user") == "":
            _map_ids(pid, linux(config))
        pipes.say("go")
        pipes.expect("hooks")
        for which in ("prestart", "createRuntime"):
            hooks.run(config, which, container.state("creating"))
        pipes.say("go")
        pipes.expect("created")
    except BaseException:
        _reap(pid)
        raise
    finally:
        pipes.close()
    if wishes.pid_file:
        write(f"{wishes.pid_file}.new", str(pid), new=True)
        os.rename(f"{wishes.pid_file}.new", wishes.pid_file)


def _born_as_asked(container: Container, kinds: Mapping[str, str], life: Callable[[], NoReturn]) -> int:
    """In the container's groups, in new namespaces and in those that are joined by their paths."""
    new = sum(KINDS[kind] for kind, path in kinds.items() if not path and kind not in LATER)
    joined = sorted((kind for kind, path in kinds.items() if path), key=list(KINDS).index)

    def join() -> None:
        container.groups.enter()
        for kind in joined:
            _join(kind, kinds[kind])

    def life_in_groups() -> NoReturn:
        container.groups.enter()
        life()

    return born(new, life, join) if joined else born(new, life_in_groups)


def born(new: int, life: Callable[[], NoReturn], first: Callable[[], None] | None = None) -> int:
    """A child that lives `life` in `new` namespaces, flags of clone(2); its number here.

    One clone makes all new ones. To be born into namespaces that exist already, somebody must be in them before:
    a process between does `first`, has the child, and ends; the child counts as ours.
    """
    if first is None:
        return calls.clone(new) or life()
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        _between(new, life, first, writing)
    os.close(writing)
    said = os.read(reading, 4096).decode()
    os.close(reading)
    os.waitpid(between, 0)
    if not said.isdigit():
        raise ContainerError(said or "joining namespaces: the process between ended without a word")
    return int(said)


def _between(new: int, life: Callable[[], NoReturn], first: Callable[[], None], writing: int) -> NoReturn:
    try:
        calls.prctl(calls.PR_SET_DUMPABLE, 0)  # nobody inside may look into it
        first()
        pid = calls.clone(new | calls.CLONE_PARENT)
    except BaseException as error:
        os.write(writing, str(error).encode()[:4000])
        os._exit(1)
    if pid == 0:
        os.close(writing)
        life()
    os.write(writing, str(pid).encode())
    os._exit(0)


def _join(kind: str, path: str) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ContainerError(f"joining the {kind} namespace at {path}: {error.strerror}") from None
    calls.setns(fd, KINDS[kind], path)
    os.close(fd)


# --- The container's first process -----------------------------------------


def _first_process(
    container: Container, config: Config, view: View, judge: list[seccomp.Instruction], pipes: Pipes, wishes: Wishes
) -> NoReturn:
    """From its birth to the moment it becomes the program."""
    try:
        pipes.take(1)
        process.forget_python()
        calls.prctl(calls.PR_SET_DUMPABLE, 0)  # nobody inside may look into it, also when it joined their namespaces
        start = os.open(container.fifo, os.O_RDWR | os.O_CLOEXEC)
        outcome = os.open(container.outcome, os.O_RDWR | os.O_CLOEXEC)
        pipes.say("map")
        pipes.expect("go")
        _settle(config, view, wishes)
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


def _settle(config: Config, view: View, wishes: Wishes) -> None:
    """Who it is from now on: root of its user namespace, leader of its session, under its own name."""
    kinds = view.kinds
    if "user" in kinds:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    for kind in LATER:
        if kinds.get(kind) == "":
            calls.unshare(KINDS[kind], kind)
    if kinds.get("time") == "":
        _shift_clocks(linux(config).get("timeOffsets") or {})
    os.setsid()
    if wishes.keyring:
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


def _furnish(
    container: Container, config: Config, view: View, judge: list[seccomp.Instruction], pipes: Pipes, wishes: Wishes
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
    persona = linux(config).get("personality") or {}
    if persona:
        if persona.get("domain") not in PERSONALITIES:
            raise ContainerError(f"config.json: linux.personality.domain: {persona.get('domain')!r}: LINUX or LINUX32")
        calls.personality(PERSONALITIES[persona["domain"]])
    flags, instead = _flags(linux(config)), wishes.instead
    if instead:
        return lambda: instead(judge, flags)
    process.limit(task)
    process.enter_folder(task)
    return process.becoming(task, judge, flags)


def _flags(part: Config) -> Sequence[str]:
    asked = list((part.get("seccomp") or {}).get("flags") or ())
    unknown = [each for each in asked if each not in seccomp.FLAGS]
    if unknown:
        raise ContainerError(f"config.json: linux.seccomp.flags: {unknown[0]!r} is none of {', '.join(seccomp.FLAGS)}")
    return asked


# --- The runtime's part ----------------------------------------------------


def compiled_filter(part: Config) -> list[seccomp.Instruction]:
    """The program that judges the container's system calls; none when config.json asks for none."""
    profile = part.get("seccomp") or {}
    actions = [profile.get("defaultAction"), *(rule.get("action") for rule in profile.get("syscalls") or ())]
    if profile.get("listenerPath") or "SCMP_ACT_NOTIFY" in actions:
        raise ContainerError("config.json: linux.seccomp: this runtime tells no listener of calls (SCMP_ACT_NOTIFY)")
    key = dumps(profile)
    try:
        if key not in _filters:
            _filters[key] = filters.compiled(profile, os.uname().machine) if profile else []
        return _filters[key]
    except filters.ProfileError as error:
        raise ContainerError(f"config.json: linux.{error}") from None


_filters: dict[str, list[seccomp.Instruction]] = {}  # for who makes many containers


def _groups(container: Container, config: Config) -> Groups:
    """Where the container is counted; a path of three parts with colons is how systemd names it."""
    path = linux(config).get("cgroupsPath") or f"/cutaway-oci-{container.name}"
    if path.count(":") == 2:
        slice_, prefix, name = path.split(":")
        path = f"/{slice_ or 'system.slice'}/{prefix}-{name}.scope"
    if ".." in path.split("/"):
        raise ContainerError(f"config.json: linux.cgroupsPath: {path!r} leads upwards")
    return Groups.named(path)


def _limit(container: Container, wanted: Mapping[str, Any], within_user: bool) -> None:
    """Make the groups with their limits; without root there may be none to be had, and then no limits may be asked."""
    mine = container.groups
    try:
        mine.make()
        resources.apply(mine, wanted)
        if not within_user or _privileged():
            resources.permit(mine, wanted.get("devices") or [])
    except OSError as error:
        if not within_user or any(each for name, each in wanted.items() if name != "devices"):
            raise ContainerError(
                f"making the control group: {error.strerror}: {error.filename}; without root, limits take groups that "
                "were delegated to this user, or a lab machine"
            ) from None
        mine.remove()
        container.save(groups={})


def _map_ids(pid: int, part: Config) -> None:
    """Say who is who inside; an ordinary user may map more than himself only through newuidmap(1)."""
    for which, key in (("uid", "uidMappings"), ("gid", "gidMappings")):
        lines = [f"{each['containerID']} {each['hostID']} {each['size']}" for each in part.get(key) or ()]
        if not lines:
            raise ContainerError(f"config.json: linux.{key} is missing; a user namespace needs to know who is who")
        try:
            if which == "gid" and not _privileged():
                write(f"/proc/{pid}/setgroups", "deny")
            write(f"/proc/{pid}/{which}_map", "\n".join(lines))
        except PermissionError:
            words = [str(pid), *" ".join(lines).split()]
            status = os.waitpid(os.posix_spawnp(f"new{which}map", [f"new{which}map", *words], os.environ), 0)[1]
            if status:
                raise ContainerError(f"new{which}map {' '.join(words)}: status {status >> 8}; see subuid(5)") from None


def _privileged() -> bool:
    """Whether this process has root's rights here; its user's number does not tell."""
    return bool(capabilities.sets()["effective"] & process.SYS_ADMIN)


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


def _reap(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
