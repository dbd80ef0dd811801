"""A sandbox: one fork of the warm parent, behind every wall that an ordinary user can build, killed as a whole.

Three processes, each forked from the one before:

    keeper    outside the walls. Obeys the executor, watches memory and processor time, kills process 1.
    process 1 makes the walls from inside, reaps orphans, passes on an interrupt. Its end is the end of all.
    work      the submission's own, or its tests'. It has one line out, and no rights to give up.

See namespaces(7), pid_namespaces(7), capabilities(7), seccomp(2), setrlimit(2).
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from cutaway.grading import house
from cutaway.grading.limits import Limits
from cutaway.linux import calls, capabilities, links, mounts, namespaces, processes, seccomp
from cutaway.linux.seccomp import Instruction

STUDENT = 1000  # the user inside
WATCH_S = 0.1
INTERRUPT, PASSED_ON = b"i", signal.SIGUSR1
PAGE_BYTES, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")

Work = Callable[[], object]


# --- The keeper ------------------------------------------------------------


def keep(
    limits: Limits, profile: Sequence[Instruction], control: socket.socket, kept: Iterable[int], work: Work
) -> NoReturn:
    """Run `work` behind walls until it ends, breaks a limit, or whoever holds the other end of `control` lets go.

    Of all descriptors it has only those in `kept`. The last byte on `control` tells the end: `e`nded by itself,
    `m`emory, `c`pu, or `k`illed; `r` and a sentence when the kernel refused a wall.
    """
    try:
        os.setsid()
        uid, gid = os.geteuid(), os.getegid()
        namespaces.unshare(house.WALLS)
        namespaces.map_self(STUDENT, uid, gid)
        first = os.fork()
        if first == 0:
            control.close()
            _be_process_one(limits, profile, list(kept), work)
    except OSError as error:
        control.sendall(b"r" + str(error).encode())
        os._exit(1)
    for fd in kept:
        os.close(fd)
    control.sendall(_watched(limits, control, first))
    os._exit(0)


def _watched(limits: Limits, control: socket.socket, first: int) -> bytes:
    """Watch process 1 to its end; the letter that says how it came."""
    pidfd = os.pidfd_open(first)
    poll = select.poll()
    for fd in (pidfd, control.fileno()):
        poll.register(fd, select.POLLIN)
    verdict = b""
    while not verdict:
        ready = {fd for fd, _ in poll.poll(WATCH_S * 1000)}
        if control.fileno() in ready:
            verdict = _obey(control, first)
        if pidfd in ready:
            verdict = b"e"
        verdict = verdict or _broken_limit(limits)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.waitpid(first, 0)  # the kernel lets it end only after everything in its PID namespace
    return verdict


def _obey(control: socket.socket, first: int) -> bytes:
    word = control.recv(1)
    if word == INTERRUPT:
        os.kill(first, PASSED_ON)
    return b"" if word == INTERRUPT else b"k"


def _broken_limit(limits: Limits) -> bytes:
    """Which of the limits on everything together is broken; /proc here shows just the sandbox."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 ten times a second
    if sum(map(_resident_bytes, pids)) > limits.memory_bytes and sum(map(_shares_bytes, pids)) > limits.memory_bytes:
        return b"m"
    return b"c" if sum(map(_cpu_s, pids)) > limits.cpu_s else b""


def _resident_bytes(pid: int) -> int:
    """Resident and swapped: an upper bound, which counts each page once for each process that shares it."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


def _shares_bytes(pid: int) -> int:
    """Its fair share of what it uses; slower to ask."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss:", "SwapPss:")))
    return 0


def _cpu_s(pid: int) -> float:
    """Its own and that of the children it has waited for, fields 14 to 17 of proc(5)."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text()
        return sum(map(int, text[text.rindex(")") + 2 :].split()[11:15])) / TICKS
    return 0.0


# --- Process 1 -------------------------------------------------------------


def _be_process_one(limits: Limits, profile: Sequence[Instruction], kept: list[int], work: Work) -> NoReturn:
    signals = {signal.SIGCHLD, PASSED_ON}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    _close_all_but(kept)
    _furnish(limits)
    _limit(limits)
    capabilities.confine({})
    seccomp.install(profile)
    processes.show_to_equals(False)  # the work has our user's number, and must not write to our memory
    inner = os.fork()
    if inner == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        processes.show_to_equals(True)
        try:
            work()
        finally:
            os._exit(0)
    for fd in kept:
        os.close(fd)
    _reap_until(inner, signals)
    os._exit(0)


def _reap_until(inner: int, signals: set[signal.Signals]) -> None:
    while True:
        if signal.sigwait(signals) is PASSED_ON:
            with suppress(ProcessLookupError):
                os.kill(inner, signal.SIGINT)
        with suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG)[0]:
                if ended == inner:
                    return


def _close_all_but(kept: list[int]) -> None:
    previous = 2
    for fd in [*sorted(kept), os.sysconf("SC_OPEN_MAX")]:
        os.closerange(previous + 1, fd)
        previous = fd


def _furnish(limits: Limits) -> None:
    """Its own /proc, its own empty folders, its own name and loopback."""
    mounts.make_private()
    mounts.proc()
    for folder, part in ((house.HOME, 1), (house.TMP, 2), (house.SHARED_MEMORY, 4)):
        mounts.tmpfs(folder, limits.disk_bytes // part, limits.disk_entries)
    calls.sethostname("sandbox")
    links.bring_up("lo")
    os.chdir(house.HOME)


def _limit(limits: Limits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
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
    Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(5)
