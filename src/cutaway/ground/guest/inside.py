"""Process 1 of the guest: it builds the root that commands see, and runs commands for the host.

It starts in the initramfs with a Python of its own. There it prepares all that needs nothing of the host's and waits
for the host's first word, BEGIN: until then the guest can be saved, and each copy goes on from here. BEGIN brings
fresh randomness, the time, and what is to be mounted. Then a worker for each port serves one command after another.

WAKE comes before that in a guest that is to be saved with a notebook's kernel in it (notebook.py).

Reading order: main, the root, workers, one command, ports.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

if not __package__:  # run as a program, with -I, which leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[3]))

from cutaway.ground.guest.frames import (
    CHUNK_BYTES,
    END_OF_INPUT,
    ERRORS,
    EXIT,
    INPUT,
    OUTPUT,
    RUN,
    Frame,
    Frames,
    frame,
)
from cutaway.linux import calls, mounts, randomness
from cutaway.linux.commands import shell_status
from cutaway.linux.mounts import Flag

FIRST_PORT = 1  # where process 1 listens; what is sent to a port just before it closes is lost, so nobody takes it over
PORTS = range(2, 10)  # one command at a time on each
NOTEBOOK_PORT = PORTS.stop
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ROOT = Path("/root-to-be")
LAYERS = Path("/layers")
SKELETON = Path("/skeleton")
CONTROLLERS_1 = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")
FULL_BYTES = 1 << 20  # of input that a command has not taken: then the host is made to wait

Request = dict[str, Any]


def main() -> NoReturn:
    """Prepare, wait for BEGIN, and keep a worker at every port."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
    Path("/proc/self/oom_score_adj").write_text("-1000")  # whatever fills the memory, the host can still say stop
    prepare_root()
    await_beginning()
    workers = {start_worker(number): number for number in PORTS}
    while True:  # process 1 inherits all orphans, and buries them
        pid, _ = os.wait()
        if pid in workers:
            number = workers.pop(pid)
            workers[start_worker(number)] = number


def await_beginning() -> None:
    """Answer the host and do what it says, until that was BEGIN."""
    port = Port(FIRST_PORT)
    while True:
        port.await_host()
        for kind, payload in port.frames():
            if kind == RUN:
                request = port.begin_answer(payload)
                port.send(EXIT, tried(FIRST_WORDS[request["do"]], request))
                if request["do"] == "begin":
                    os.close(port.fd)
                    return


def tried(work: Callable[[Request], None], request: Request) -> bytes:
    """What went wrong in `work`, for the host to tell; empty when nothing did."""
    try:
        work(request)
    except (OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}".encode()
    return b""


# --- The root that commands see --------------------------------------------


def prepare_root() -> None:
    """All of the root that is the same in every guest: its folders, /etc, and the kernel's own file systems."""
    for folder in (ROOT, LAYERS):
        folder.mkdir()
        calls.mount("tmpfs", str(folder), "tmpfs")
    copy(SKELETON, ROOT)
    for filesystem, place, options in (
        ("proc", "proc", ""),
        ("sysfs", "sys", ""),
        ("devtmpfs", "dev", ""),
        ("devpts", "dev/pts", "ptmxmode=666"),
        ("tmpfs", "dev/shm", "mode=1777"),
        ("tmpfs", "run", "mode=755"),
        ("tmpfs", "tmp", "mode=1777"),
    ):
        (ROOT / place).mkdir(exist_ok=True)
        calls.mount(filesystem, str(ROOT / place), filesystem, Flag.NOSUID, options)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (ROOT / "dev" / name).symlink_to(target)
    (ROOT / "dev/ptmx").unlink(missing_ok=True)
    (ROOT / "dev/ptmx").symlink_to("pts/ptmx")


def copy(source: Path, target: Path) -> None:
    """The tree of folders, files and links at `source`, once more."""
    for entry in os.scandir(source):
        there = target / entry.name
        if entry.is_symlink():
            there.symlink_to(Path(entry).readlink())
        elif entry.is_dir():
            there.mkdir()
            copy(Path(entry), there)
        else:
            there.write_bytes(Path(entry).read_bytes())


def begin(request: Request) -> None:
    """Make this guest itself and no copy of another; mount what the host lends, and move into the root."""
    randomness.reseed(bytes.fromhex(request["seed"]))
    time.clock_settime(time.CLOCK_REALTIME, request["time"])
    calls.sethostname(request["hostname"])
    if not os.path.ismount(groups := ROOT / "sys/fs/cgroup"):
        (mount_version_1 if request["cgroups"] == "v1" else mount_version_2)(groups)
    for tag, path in request["lent"]:
        lend(tag, path)
    for tag, path in request["shared"]:
        share(tag, path)
    if not (modprobe := ROOT / "usr/sbin/modprobe").exists():  # what the kernel calls when it wants a module
        modprobe.symlink_to(request["busybox"])
    os.chdir(ROOT)
    calls.mount(".", "/", flags=Flag.MOVE)
    os.chroot(".")
    os.chdir("/")


def lend(tag: str, path: str) -> None:
    """Show a folder of the host's where it lies there."""
    lower = LAYERS / tag / "lower"
    lower.mkdir(parents=True)
    options = "trans=virtio,version=9p2000.L,msize=262144,cache=loose"
    calls.mount(tag, str(lower), "9p", Flag.RDONLY, options)
    show(lower, LAYERS / tag, path)


def share(tag: str, path: str) -> None:
    """Put a folder of the host's where it lies there, as it is at each moment; what is written to it, is written."""
    target = ROOT / path.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    options = "trans=virtio,version=9p2000.L,msize=262144,cache=none"
    calls.mount(tag, str(target), "9p", Flag.NOSUID | Flag.NODEV, options)


def show(lower: Path, layers: Path, path: str) -> None:
    """Show `lower` at `path` of the root; what is written to it stays in the guest's memory."""
    upper, work, target = layers / "upper", layers / "work", ROOT / path.lstrip("/")
    for folder in (upper, work, target):
        folder.mkdir(parents=True, exist_ok=True)
    mounts.overlay(str(target), str(lower), str(upper), str(work))


def wake(request: Request) -> None:
    """Show what the guest has booted from where the host's own folders will lie, and let a program be started there."""
    mount_version_2(ROOT / "sys/fs/cgroup")
    for number, path in enumerate(path for path in request["own"] if Path(path).exists()):
        show(Path(path), LAYERS / f"own{number}", path)
    if not os.fork():
        os.chroot(ROOT)
        ending(lambda: attend(Port(NOTEBOOK_PORT)))


FIRST_WORDS: dict[str, Callable[[Request], None]] = {"hello": lambda _: None, "wake": wake, "begin": begin}


def mount_version_2(place: Path) -> None:
    calls.mount("cgroup2", str(place), "cgroup2")


def mount_version_1(place: Path) -> None:
    calls.mount("tmpfs", str(place), "tmpfs")
    for controller in CONTROLLERS_1:
        (place / controller).mkdir()
        calls.mount("cgroup", str(place / controller), "cgroup", 0, controller)


# --- Workers ---------------------------------------------------------------


def start_worker(number: int) -> int:
    """A process that serves port `number` for ever."""
    pid = os.fork()
    if not pid:
        ending(lambda: serve(Port(number)))
    return pid


def ending(work: Callable[[], object]) -> NoReturn:
    """Do `work` in a process that ends with it, however that ends."""
    try:
        work()
    finally:
        os._exit(1)


def serve(port: Port) -> NoReturn:
    """One command after another. What follows the end of a command, up to the next RUN, was meant for the last one."""
    while True:
        port.await_host()
        for kind, payload in port.frames():
            if kind == RUN:
                request = port.begin_answer(payload)
                status = Command(port, request).run() if request["do"] == "run" else 0
                if status is not None:
                    port.send(EXIT, b"%d" % status)


def attend(port: Port) -> None:
    """One command for all who come, each of whom finds it as the last one left it, until it ends."""
    command = None
    while True:
        port.await_host()
        for kind, payload in port.frames():
            if kind == RUN:
                request = port.begin_answer(payload)
                command = command or Command(port, request)
                with suppress(ConnectionError):
                    port.send(EXIT, b"%d" % command.carried())
                    return


class Command:
    """One command while it runs: its process, and the pipes or the terminal between it and the host."""

    def __init__(self, port: Port, request: Request) -> None:
        self.port, self.pending, self.input_ended = port, bytearray(), False
        self.pid = -1
        start = self._on_terminal if request.get("terminal") else self._on_pipes
        self.input, self.outputs = start(request)
        self.end = os.pidfd_open(self.pid)
        os.set_blocking(self.input, False)

    def _on_pipes(self, request: Request) -> tuple[int, dict[int, bytes]]:
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            become(request, (stdin, stdout, stderr))
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        return to_stdin, {from_stdout: OUTPUT, from_stderr: ERRORS}

    def _on_terminal(self, request: Request) -> tuple[int, dict[int, bytes]]:
        master, slave = os.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *request["terminal"], 0, 0))
        self.pid = os.fork()
        if not self.pid:
            become(request, (slave, slave, slave), terminal=True)
        os.close(slave)
        return os.dup(master), {master: OUTPUT}

    def run(self) -> int | None:
        """Its status when it has ended, or None when the host went away: then it was killed."""
        try:
            return self.carried()
        except ConnectionError:
            self._kill()
            os.waitpid(self.pid, 0)
            return None
        finally:
            for fd in {self.input, self.end, *self.outputs} - {-1}:
                os.close(fd)

    def carried(self) -> int:
        """Carry everything until it has ended; its status as a shell tells it. ConnectionError when the host leaves."""
        while not self._carry():
            pass
        return shell_status(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))

    def _carry(self) -> bool:
        """Wait until something can be done and do it; whether the process has ended and all that it said is sent."""
        poll = select.poll()
        listening = len(self.pending) < FULL_BYTES
        if listening:
            poll.register(self.port.fd, select.POLLIN)
        if self.pending:
            poll.register(self.input, select.POLLOUT)
        for fd in (self.end, *self.outputs):
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(0 if listening and self.port.waiting else None)]
        for fd in [fd for fd in ready if fd in self.outputs]:
            self._say(fd)
        if self.port.fd in ready or (listening and self.port.waiting):
            for each in self.port.received():
                self._heed(*each)
        if self.input in ready:
            self._feed()
        return self.end in ready and not any(fd in self.outputs for fd in ready)

    def _say(self, fd: int) -> None:
        try:
            data = os.read(fd, CHUNK_BYTES)
        except OSError:  # a terminal that nobody has open any more
            data = b""
        if data:
            self.port.send(self.outputs[fd], data)
        else:
            os.close(fd)
            del self.outputs[fd]

    def _heed(self, kind: bytes, payload: bytes) -> None:
        if kind == INPUT:
            self.pending += payload
            self._feed()
        elif kind == END_OF_INPUT:
            self.input_ended = True
            self._feed()
        elif kind == RUN:
            self.port.put_back((kind, payload))
            raise ConnectionResetError("somebody else came so soon that nobody was seen to go")

    def _feed(self) -> None:
        if self.input < 0:
            self.pending.clear()
            return
        try:
            del self.pending[: os.write(self.input, self.pending) if self.pending else 0]
        except BlockingIOError:
            return
        except OSError:  # it takes no more
            self.pending.clear()
        if self.input_ended and not self.pending:
            os.close(self.input)
            self.input = -1

    def _kill(self) -> None:
        for end in (os.killpg, os.kill):  # so soon after its birth, the process may lead no group yet
            with suppress(ProcessLookupError):
                end(self.pid, signal.SIGKILL)


def become(request: Request, streams: tuple[int, int, int], terminal: bool = False) -> NoReturn:
    """Turn this new process into the command that the host asked for."""
    try:
        os.setsid()
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        if terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.closerange(3, 256)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        Path("/proc/self/oom_score_adj").write_text("0")
        os.chdir(request["env"]["HOME"])
        with suppress(OSError):  # the folder in which the host's command stands, where the guest has it
            os.chdir(request["cwd"])
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except OSError as error:
        os.write(2, f"{request['argv'][0]}: {os.strerror(error.errno or 0).lower()}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)
    finally:
        os._exit(126)


# --- Ports -----------------------------------------------------------------


class Port:
    """One of the guest's ends of the channel: /dev/vport0pN, see the kernel's drivers/char/virtio_console.c."""

    def __init__(self, number: int) -> None:
        self.fd = os.open(f"/dev/vport0p{number}", os.O_RDWR | os.O_CLOEXEC)
        fcntl.fcntl(self.fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self.fd, fcntl.F_SETFL, fcntl.fcntl(self.fd, fcntl.F_GETFL) | os.O_ASYNC)
        self._frames, self._waiting = Frames(), deque[Frame]()

    def await_host(self) -> None:
        """Sleep until somebody is at the other end: the kernel sends SIGIO whenever that changes."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        while any(event & select.POLLHUP for _, event in poll.poll(0)):
            signal.sigwait({signal.SIGIO})
        self._frames, self._waiting = Frames(), deque()

    def frames(self) -> Iterator[Frame]:
        """What the host says, until it goes away."""
        try:
            while True:
                yield self.next()
        except ConnectionError:
            return

    def next(self) -> Frame:
        """The next frame, when it is whole; ConnectionError when the host has gone."""
        while not self._waiting:
            self._receive()
        return self._waiting.popleft()

    def received(self) -> Iterator[Frame]:
        """The frames that are here, after waiting for some bytes if there is none."""
        if not self._waiting:
            self._receive()
        while self._waiting:
            yield self._waiting.popleft()

    def put_back(self, one: Frame) -> None:
        """Let a frame be the next once more."""
        self._waiting.appendleft(one)

    @property
    def waiting(self) -> bool:
        """Whether a whole frame is here, which no poll would tell."""
        return bool(self._waiting)

    def _receive(self) -> None:
        data = os.read(self.fd, CHUNK_BYTES)
        if not data:
            raise ConnectionResetError("the host has gone")
        self._waiting.extend(self._frames.feed(data))

    def begin_answer(self, payload: bytes) -> Request:
        """The request that RUN brings; our answer begins with its nonce."""
        request: Request = json.loads(payload)
        self._write(bytes.fromhex(request["nonce"]))
        return request

    def send(self, kind: bytes, payload: bytes) -> None:
        """Say something to the host; to one that has gone, in vain."""
        self._write(frame(kind, payload))

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.fd, rest) or len(rest) :]


if __name__ == "__main__":
    main()
