"""A sandbox: one fork of the warm parent, behind every wall that an ordinary user can build, killed as a whole.

The fork is process 1 of a PID namespace, so that its end is the end of everything there. It makes its walls from
inside, gives up its rights, and only then is told what to work at. The warm parent keeps it from outside: obeys the
grader, watches memory and processor time, kills. One fork and no more, because to copy a large process is what costs.

See namespaces(7), pid_namespaces(7), capabilities(7), seccomp(2), setrlimit(2).
"""

from __future__ import annotations

import itertools
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from cutaway.grading import house
from cutaway.grading.limits import Limits
from cutaway.linux import calls, capabilities, files, links, mounts, namespaces, seccomp
from cutaway.linux.namespaces import Kind
from cutaway.linux.seccomp import Instruction

STUDENT = 1000  # the user inside
TCP_BYTES = 212_992  # of one of TCP's queues, as the kernel begins with others
WATCH_S = 0.1
INTERRUPT = b"i"
PAGE_BYTES, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")

Work = Callable[[], object]


# --- The keeper ------------------------------------------------------------


@dataclass
class _Kept:
    """A sandbox as its keeper knows it: its process 1, and the grader's hold on it."""

    first: int
    pidfd: int
    control: socket.socket
    limits: Limits
    verdict: bytes = b""  # once it is known


class Keeper:
    """Keeps every sandbox that this process has begun: each until it ends, breaks a limit, or is let go of.

    The last byte on a sandbox's `control` tells its end: `e`nded by itself, `m`emory, `c`pu, `k`illed, or killed by
    somebody `o`utside; `r` and a sentence when the kernel refused a wall.
    """

    def __init__(self, profile: Sequence[Instruction], requests: socket.socket, queues_bytes: int) -> None:
        self._profile, self._requests, self._queues_bytes = seccomp.packed(profile), requests, queues_bytes
        self._kept: dict[int, _Kept] = {}  # by the pidfd and by the control's number
        self._fork = calls.forking(Kind.PID.flag)
        self._poll = select.poll()
        self._poll.register(requests, select.POLLIN)
        self._watched_at = 0.0

    def begin(self, limits: Limits, control: socket.socket, kept: Iterable[int], work: Work) -> None:
        """Run `work` behind walls. Of all descriptors it has only those in `kept`."""
        try:
            first = self._fork()
        except OSError as error:
            control.sendall(b"r" + str(error).encode())
            return
        if first == 0:
            _be_process_one(limits, self._profile, control, list(kept), work)
        one = _Kept(first, os.pidfd_open(first), control, limits)
        for fd in (one.pidfd, control.fileno()):
            self._kept[fd] = one
            self._poll.register(fd, select.POLLIN)

    def attend(self) -> None:
        """Keep what there is until somebody asks for more."""
        requests = self._requests.fileno()
        while True:
            ready = [fd for fd, _ in self._poll.poll(WATCH_S * 1000 if self._kept else None)]
            for fd in ready:
                if one := self._kept.get(fd):
                    self._ended(one) if fd == one.pidfd else self._obey(one)
            if time.monotonic() > self._watched_at + WATCH_S:
                self._watch()
            if requests in ready:
                return

    def _obey(self, one: _Kept) -> None:
        if one.control.recv(1) == INTERRUPT:
            signal.pidfd_send_signal(one.pidfd, signal.SIGINT)
        else:
            self._kill(one, b"k")

    def _kill(self, one: _Kept, verdict: bytes) -> None:
        """Everything in its PID namespace ends with process 1; what it says to that is heard later."""
        one.verdict = verdict
        self._poll.unregister(one.control)
        signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)

    def _ended(self, one: _Kept) -> None:
        _, status, used = os.wait4(one.first, 0)
        if not one.verdict:
            self._poll.unregister(one.control)
            one.verdict = _own_end(one.limits, status, used)
        self._poll.unregister(one.pidfd)
        del self._kept[one.pidfd], self._kept[one.control.fileno()]
        os.close(one.pidfd)
        with suppress(OSError):
            one.control.sendall(one.verdict)
        one.control.close()

    def _watch(self) -> None:
        """End the sandboxes that have broken a limit on everything in them together."""
        self._watched_at, (children, cpu_s) = time.monotonic(), _everybody()
        for one in {id(each): each for each in self._kept.values() if not each.verdict}.values():
            in_queues = self._queues_bytes * _sockets(one.first)
            if broken := _broken_limit(one.limits, _with_descendants(one.first, children), in_queues, cpu_s):
                self._kill(one, broken)


def _own_end(limits: Limits, status: int, used: resource.struct_rusage) -> bytes:
    """How process 1 ended by itself. Nobody inside can send it SIGKILL: that was the kernel, or somebody outside."""
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        return b"e"
    return b"c" if used.ru_utime + used.ru_stime > limits.cpu_s - 1 else b"o"


def _everybody() -> tuple[dict[int, list[int]], dict[int, float]]:
    """Everybody's children, and everybody's processor time with that of the children waited for; see proc(5).

    Both are fields of /proc/PID/stat (4; 14 to 17), which nobody can hide from his keeper, as he can most else there.
    """
    children: dict[int, list[int]] = {}
    cpu_s: dict[int, float] = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208 ten times a second
        with suppress(OSError):
            text = files.read(f"/proc/{pid}/stat")
            fields = text[text.rindex(")") + 2 :].split()
            children.setdefault(int(fields[1]), []).append(pid)
            cpu_s[pid] = sum(map(int, fields[11:15])) / TICKS
    return children, cpu_s


def _with_descendants(first: int, children: dict[int, list[int]]) -> list[int]:
    """All in a sandbox: process 1 cannot have siblings made, and an orphan is its child from then on."""
    found = [first]
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def queues_bytes() -> int:
    """The most that the kernel holds for a socket whose queues are as long as in the beginning, which profile.py keeps.

    To be asked on the machine's own network: another one may not tell.
    """
    return sum(max(TCP_BYTES, int(files.read(f"/proc/sys/net/core/{each}mem_default"))) for each in "rw")


def _broken_limit(limits: Limits, pids: list[int], in_queues: int, cpu_s: dict[int, float]) -> bytes:
    """Which of the limits on these processes together is broken."""
    most = limits.memory_bytes - in_queues
    if sum(map(_resident_bytes, pids)) > most and sum(map(_shares_bytes, pids)) > most:
        return b"m"
    return b"c" if sum(cpu_s.get(pid, 0.0) for pid in pids) > limits.cpu_s else b""


def _sockets(first: int) -> int:
    """How many there are in its network; what waits in them belongs to no process."""
    return _told(first, "net/sockstat", lambda text: int(text.split()[2]))


def _resident_bytes(pid: int) -> int:
    """Resident and swapped: an upper bound, which counts each page once for each process that shares it."""
    return _told(pid, "status", lambda text: _sum_bytes(text, "VmRSS:", "VmSwap:"))


def _shares_bytes(pid: int) -> int:
    """Its fair share of what it uses; slower to ask. Who hides that has all of it counted."""
    try:
        return _told(pid, "smaps_rollup", lambda text: _sum_bytes(text, "Pss:", "SwapPss:"))
    except PermissionError:
        return _resident_bytes(pid)


def _told(pid: int, name: str, number: Callable[[str], int]) -> int:
    """A number of a file of /proc/PID; 0 when the process is gone.

    Where the first thread has ended by itself it has no memory and no network any more, and the others have.
    """
    for place in itertools.chain([f"/proc/{pid}"], _threads(pid)):
        try:
            if told := number(files.read(f"{place}/{name}")):
                return told
        except PermissionError:
            raise
        except OSError:  # it is going
            continue
    return 0


def _threads(pid: int) -> Iterator[str]:
    """Where each is told of; looked for only when somebody asks."""
    with suppress(FileNotFoundError, ProcessLookupError):
        yield from (f"/proc/{pid}/task/{each}" for each in os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208


def _sum_bytes(text: str, *fields: str) -> int:
    """Of these fields. A name in it may hold any end of line but this one."""
    return sum(int(line.split()[1]) * 1024 for line in text.split("\n") if line.startswith(fields))


# --- Process 1 -------------------------------------------------------------


def _be_process_one(limits: Limits, profile: bytes, control: socket.socket, kept: list[int], work: Work) -> NoReturn:
    try:
        if _walled(limits, profile, control, kept):
            work()
    finally:
        os._exit(0)  # and never back into the loop of the keeper


def _walled(limits: Limits, profile: bytes, control: socket.socket, kept: list[int]) -> bool:
    """Make every wall and give up every right; or say which the kernel refused."""
    with control:
        try:
            os.setsid()
            _close_all_but([*kept, control.fileno()])
            _furnish(limits)
            _own_users()
            _limit(limits)
            capabilities.confine({})
            seccomp.install(profile)
        except OSError as error:
            control.sendall(b"r" + str(error).encode())
            return False
    return True


def _close_all_but(kept: list[int]) -> None:
    previous = 2
    for fd in [*sorted(kept), os.sysconf("SC_OPEN_MAX")]:
        os.closerange(previous + 1, fd)
        previous = fd


def _furnish(limits: Limits) -> None:
    """Its own /proc, empty folders, name and loopback: made while it still is the house's, so not its to change."""
    namespaces.unshare(house.WALLS - {Kind.PID, Kind.USER})
    mounts.make_private()
    mounts.proc()
    for folder, part in ((house.HOME, 1), (house.TMP, 2), (house.SHARED_MEMORY, 4)):
        mounts.tmpfs(folder, limits.disk_bytes // part, limits.disk_entries)
    calls.sethostname("sandbox")
    links.bring_up("lo")
    for queue in ("tcp_rmem", "tcp_wmem"):
        files.write(f"/proc/sys/net/ipv4/{queue}", f"4096 16384 {TCP_BYTES}")
    os.chdir(house.HOME)


def _own_users() -> None:
    """Be the student, of whom no other namespace than this one's users knows anything."""
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare({Kind.USER})
    namespaces.map_self(STUDENT, uid, gid)


def _limit(limits: Limits) -> None:
    pages = int(files.read("/proc/self/statm").split()[0])
    for which, most in (
        (resource.RLIMIT_AS, pages * PAGE_BYTES + limits.memory_bytes),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(which, (most, most))
    files.write("/proc/self/oom_score_adj", "1000")
    os.nice(5)
