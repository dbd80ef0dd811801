"""The house: a read-only root in which submissions run, and in which there is nothing else.

It shows the system's programs and libraries and the Python environment, each at its own path, and no more: no home,
no course folder, no gradebook, no submission. The warm parent moves in before it loads anything, so what it forks
cannot see more than the house holds, whatever it manages to break. See pivot_root(2), mount_namespaces(7).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from cutaway.linux import calls, mounts, namespaces, processes
from cutaway.linux.namespaces import Kind
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

WALLS = frozenset(Kind) - {Kind.TIME}
NOBODYS_UID = 0x6C757465  # root's submissions run as a user that owns nothing and that no machine gives out

SITE = "/sys"  # where the house is put up: a folder that every machine has and no submission needs
HOME, TMP, SHARED_MEMORY = "/home/student", "/tmp", "/dev/shm"
OWN = (HOME, TMP, SHARED_MEMORY)  # every submission has these for itself
DEVICES = {each: each for each in ("null", "full", "random", "urandom")}
DEVICES["zero"] = "full"  # as endless, and nobody can map it: what is mapped of /dev/zero is memory that is nobody's
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts", "mime.types", "java-*")
PASSWD = "student:x:1000:1000:student:/home/student:/bin/sh\nroot:x:0:0:root:/:/bin/sh\n"
GROUP = "student:x:1000:\nroot:x:0:\n"
SCRATCH_BYTES = 64 << 20


# --- What is shown ---------------------------------------------------------


def shown(hidden: Iterable[str] = ()) -> list[str]:
    """The system's trees and this Python's, without those that lie within another.

    The environment may lie within what is hidden; what somebody has put on the import path there is not shown.
    Problem when Python or Cutaway lies where every submission has a folder of its own.
    """
    imported = [path for path in _import_path() if not any(_within(path, each) for each in hidden)]
    python = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, *imported)} | {sys.prefix}
    settings = [str(path) for pattern in SETTINGS for path in sorted(Path("/etc").glob(pattern))]
    wanted = [*SYSTEM, *settings, *sorted(python, key=len)]
    for path in (sys.prefix, sys.base_prefix, str(Path(__file__).parents[2])):
        if covers := next((each for each in OWN if _within(path, each)), None):
            raise Problem(
                f"showing {path} to submissions: each has a {covers} of its own, which hides it; move it elsewhere"
            )
    kept: list[str] = []
    for path in wanted:
        if os.path.lexists(path) and not any(_within(path, other) for other in kept):
            kept.append(path)
    return kept


def _import_path() -> list[str]:
    return [entry for entry in sys.path if entry and Path(entry).is_dir()]


def _within(path: str, other: str) -> bool:
    return path == other or path.startswith(other.rstrip("/") + "/")


# --- Moving in -------------------------------------------------------------


def move_in(paths: Iterable[str], hidden: Iterable[str], begin_to_wait: Callable[[], object] = lambda: None) -> None:
    """Be process 1 of the house that shows `paths` but never `hidden`; returns only there. `Refused` when denied.

    Whoever called waits outside for its end, and before that does what is to `begin_to_wait`.
    Root builds first and then becomes a user that owns nothing; anybody else needs the user namespace to build.
    """
    as_root = os.geteuid() == 0 and namespaces.may_make_any()
    if as_root:
        namespaces.unshare(WALLS - {Kind.USER})
    else:
        if os.geteuid() == 0:
            _be_nobody()
        _own_users()
        namespaces.unshare(WALLS - {Kind.USER})
    child = os.fork()  # the first member of the PID namespace
    if child:
        begin_to_wait()
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))
        os.waitpid(child, 0)
        os._exit(0)
    _build(list(paths), list(hidden))
    if as_root:
        _be_nobody()
        _own_users()


def _own_users() -> None:
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare({Kind.USER})
    namespaces.map_self(0, uid, gid)


def _be_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID)
    os.setresuid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID)
    processes.show_to_equals(True)  # else our own /proc entries, the identity maps among them, stay root's


def _build(paths: list[str], hidden: list[str]) -> None:
    mounts.make_private()
    mounts.tmpfs(SITE, SCRATCH_BYTES)
    for path in paths:
        _show(path, f"{SITE}{path}")
    for path in hidden:
        if any(_within(path, each) for each in paths) and Path(f"{SITE}{path}").exists():
            _cover(f"{SITE}{path}")
    for name, device in DEVICES.items():
        _show(f"/dev/{device}", f"{SITE}/dev/{name}", devices=True)
    _furnish(SITE)
    mounts.proc(f"{SITE}/proc")
    os.chdir(SITE)
    calls.pivot_root(".", ".")
    mounts.unmount(".", lazily=True)
    os.chdir("/")
    calls.mount("", "/", flags=mounts.Flag.BIND | mounts.Flag.REMOUNT | mounts.Flag.RDONLY)
    mounts.tmpfs(TMP, SCRATCH_BYTES)
    Path(TMP).chmod(0o1777)


def _show(path: str, target: str, *, devices: bool = False) -> None:
    """Show one tree of outside, sealed; a link stays a link."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    if Path(path).is_symlink() and not path.startswith("/etc/"):
        Path(target).symlink_to(Path(path).readlink())
        return
    if stat.S_ISDIR(Path(path).stat().st_mode):
        Path(target).mkdir(exist_ok=True, parents=True)
    else:
        Path(target).touch()
    mounts.bind(path, target)
    mounts.seal(target, devices=devices)


def _cover(target: str) -> None:
    """Let nothing be seen there."""
    if Path(target).is_dir():
        mounts.tmpfs(target, 4096)
        mounts.seal(target)
    else:
        mounts.bind("/dev/null", target)


def _furnish(root: str) -> None:
    """The folders and small files that programs expect, and the places where a sandbox mounts its own."""
    for folder in ("/proc", TMP, HOME, SHARED_MEMORY, "/var/tmp", "/run"):
        Path(f"{root}{folder}").mkdir(parents=True, exist_ok=True)
    Path(f"{root}/etc/passwd").write_text(PASSWD)
    Path(f"{root}/etc/group").write_text(GROUP)
    Path(f"{root}/etc/hosts").write_text("127.0.0.1 localhost sandbox\n")
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        Path(f"{root}/dev/{name}").symlink_to(f"/proc/self/fd{target}")
