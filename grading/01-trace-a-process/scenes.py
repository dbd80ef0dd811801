"""The scenes of lab 01: processes for a learner's function to be asked about, each with what is true of it.

Run as `python -I -S scenes.py SCENE ARGUMENT...`. A scene makes its processes, tells the truth about them as one line
of JSON, from what it did and not from what /proc says of it, and lasts until its standard input ends. Names, numbers,
addresses and ports are drawn anew each time, so that no answer can be known beforehand.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

PAGE = mmap.PAGESIZE
PROT_NONE, MAP_FIXED = 0, 0x10  # asm-generic/mman-common.h
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
DEADLINE_S = 5.0  # for a program of a learner's
LIMIT_BYTES = 1 << 20  # of what it writes, and of its trace
HEARD_CHARACTERS, LINES = 1000, 2000  # of both that we tell

libc = ctypes.CDLL(None, use_errno=True)


# --- A line of descent -----------------------------------------------------


def descent(name: str) -> NoReturn:
    """Processes below one another, all called `name`: their numbers, from the last one up to this one."""
    Path("/proc/self/comm").write_text(name)  # which children inherit
    end, tell = os.pipe()
    numbers = [os.getpid()]
    for _ in range(3 + secrets.randbelow(4)):
        if os.fork():
            break
        numbers.insert(0, os.getpid())
    else:
        os.write(tell, json.dumps(numbers).encode())
    first = len(numbers) == 1
    stay({"numbers": json.loads(os.read(end, 4096))} if first else None)


# --- Files in memory -------------------------------------------------------


def memory(folder: str) -> NoReturn:
    """Two files mapped with a gap between them: for some addresses of process `pid`, what is there."""
    plain = written(folder, f"ledger-{secrets.token_hex(3)}")
    spaced = written(folder, f"a b {secrets.token_hex(3)} c")
    pages = 3 + secrets.randbelow(30)
    start = mapped(None, pages + 4, PROT_NONE)
    border = start + pages * PAGE
    mapped(plain, pages, mmap.PROT_READ, at=start)
    mapped(plain, 1, mmap.PROT_READ | mmap.PROT_WRITE, at=border)
    nothing = border + PAGE
    libc.munmap(ctypes.c_void_p(nothing), PAGE)
    mapped(spaced, 1, mmap.PROT_READ | mmap.PROT_WRITE, at=nothing + PAGE, flags=mmap.MAP_SHARED)
    within = start + secrets.randbelow(pages * PAGE - 2) + 1
    readable, writable = there(plain, "r--p"), there(plain, "rw-p")
    stay(
        {
            "pid": os.getpid(),
            "within": [[within, readable], [border + PAGE // 2, writable]],
            "at the border": [[start, readable], [border - 1, readable], [border, writable]],
            "spaced": [[nothing + PAGE + secrets.randbelow(PAGE), there(spaced, "rw-s")]],
            "nothing": [[nothing + secrets.randbelow(PAGE), None]],
        }
    )


def written(folder: str, name: str) -> str:
    """A new file, long enough to be mapped."""
    path = Path(folder).resolve() / name
    path.write_bytes(bytes(64 * PAGE))
    return str(path)


def mapped(path: str | None, pages: int, protection: int, at: int | None = None, flags: int = mmap.MAP_PRIVATE) -> int:
    """Map the beginning of a file, or of nothing, at this address or where the kernel likes."""
    libc.mmap.restype = ctypes.c_void_p
    file = os.open(path, os.O_RDWR) if path else -1
    how = flags | (MAP_FIXED if at else 0) | (0 if path else mmap.MAP_ANONYMOUS)
    address = libc.mmap(ctypes.c_void_p(at), ctypes.c_size_t(pages * PAGE), protection, how, file, ctypes.c_long(0))
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), f"mmap({path})")
    return int(address)


def there(path: str, permissions: str) -> dict[str, str]:
    return {"path": path, "permissions": permissions}


# --- Ports -----------------------------------------------------------------


def ports() -> NoReturn:
    """`listening` are ports of 127.0.0.1 on which process `pid` listens; at port `connected` nobody does.

    Another process listens on the same ports of other addresses, a third one holds both ends of a connection.
    Each socket is open in one process only.
    """
    ours = [socket.socket() for _ in range(3)]
    for each in ours:
        each.bind(("127.0.0.1", 0))
    numbers = [each.getsockname()[1] for each in ours]
    # A kernel that keeps its list by port shows the newest first or last: let neither be ours.
    elsewhere = [listener(last, number) for number in numbers for last in range(2, 18)]
    for each in ours:
        each.listen()
    elsewhere += [listener(last, number) for number in numbers for last in range(18, 34)]
    client = socket.create_connection(ours[0].getsockname())
    connected = client.getsockname()[1]
    kept_apart(ours, elsewhere, [client, ours[0].accept()[0]])
    stay({"pid": os.getpid(), "listening": numbers, "connected": connected})


def listener(last: int, port: int) -> socket.socket:
    return socket.create_server((f"127.0.0.{last}", port))


def kept_apart(ours: list[socket.socket], *others: list[socket.socket]) -> None:
    """Leave each of the `others` to a child that has nothing else, and `ours` to this process."""
    hear, tell = os.pipe()
    for kept in others:
        if os.fork() == 0:
            close(each for group in (ours, *others) if group is not kept for each in group)
            os.close(tell)
            stay(None)
    close(each for group in others for each in group)
    os.close(tell)
    os.read(hear, 1)  # comes back when nobody holds the other end: each child has let go of all else


def close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()


# --- A program that a learner made -----------------------------------------


def run(program: str, folder: str) -> NoReturn:
    """Run the program under strace: how it ended, what it said, and the lines of the trace.

    `status` is None when it had to be left running; whoever ends us ends it as well.
    """
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent below stays below
    log, said = Path(folder, "trace"), Path(folder, "said")
    argv = ["strace", "-f", "-qq", "-s", "120", "-o", str(log), "--", program]
    limit = (LIMIT_BYTES, LIMIT_BYTES)
    with said.open("wb") as out:
        traced = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        )
    try:
        status = traced.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        status = None
    heard, trace = (path.read_bytes().decode(errors="replace") if path.exists() else "" for path in (said, log))
    stay({"status": status, "said": heard[:HEARD_CHARACTERS], "trace": trace.splitlines()[:LINES]})


# --- The edge --------------------------------------------------------------


def stay(truth: dict[str, Any] | None) -> NoReturn:
    """Tell what is true, if it falls to this process, and stay until standard input ends."""
    if truth is not None:
        os.write(1, json.dumps(truth).encode() + b"\n")
    os.read(0, 1)
    os._exit(0)


SCENES: dict[str, Callable[..., NoReturn]] = {"descent": descent, "memory": memory, "ports": ports, "run": run}

if __name__ == "__main__":
    SCENES[sys.argv[1]](*sys.argv[2:])
