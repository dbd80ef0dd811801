"""What the guest boots from: its drivers, busybox, and a Python with no more than `inside.py` imports.

Everything comes from this machine. The archive is a cpio in the "newc" format (initramfs buffer format, in the
kernel's Documentation/driver-api/early-userspace); nothing is packed, because to unpack it costs more than to read it.
"""

from __future__ import annotations

import marshal
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.guest import cache, inside, kernel
from cutaway.ground.guest.kernel import Kernel
from cutaway.images.closure import Copy, Entry, Folder, Link, Written, elf, program_entries
from cutaway.problem import Problem

OVERRIDE = "CUTAWAY_GUEST_INITRAMFS"  # for whoever is shown too little of this machine to make one
INIT = Path(__file__).with_name("init")
INSIDE = Path(inside.__file__)

LENT_ETC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "debian_version", "os-release", "localtime"),
    *("services", "protocols", "mime.types", "nginx/mime.types", "fonts", "java-*", "php", "profile", "bash.bashrc"),
)
WRITTEN_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "resolv.conf": "",
}
FOLDERS = ("proc", "sys", "dev", "run", "tmp", "root", "home", "var", "var/tmp", "var/log", "mnt", "opt", "srv", "etc")
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # links into /usr, on every distribution of today

UNCHECKED = (1).to_bytes(4, "little") + bytes(8)  # PEP 552: known by a hash, which nobody is to check

Entries = dict[Path, Entry]

# --- What there is to boot --------------------------------------------------


def ready(guest_kernel: Kernel) -> Path:
    """The archive for this kernel, this Python and this version of the course, or the one that is named to us."""
    if named := os.environ.get(OVERRIDE):
        return Path(named)
    files = [guest_kernel.image, busybox(), interpreter(), INIT, *_own_sources(), *_lent_etc()]
    made_of = cache.sources(files, sys.version)
    return cache.made("initramfs", made_of, lambda draft: _build(guest_kernel, draft)) / "initramfs"


def _build(guest_kernel: Kernel, draft: Path) -> None:
    write(draft / "initramfs", contents(guest_kernel))


def write(file: Path, entries: Entries) -> None:
    """Pack `entries` into `file`."""
    with file.open("wb") as archive:
        for piece in cpio(entries):
            archive.write(piece)


def contents(guest_kernel: Kernel, more: tuple[str, ...] = ()) -> Entries:
    """Everything in the initramfs; `more` are drivers that not every machine needs."""
    found = {Path("/", name): Folder() for name in ("proc", "sys", "dev", "bin", "modules", "skeleton")}
    entries: Entries = {**found, Path("/bin/busybox"): Copy(busybox()), Path("/init"): Copy(INIT)}
    entries |= drivers(guest_kernel, more) | python() | skeleton()
    entries[Path("/command")] = Written(f"{interpreter()} -I -S {INSIDE}c\n".encode())
    return entries


def busybox() -> Path:
    """The host's busybox, which must be one file that needs no other."""
    path = programs.path("busybox")
    if path is None:
        raise Problem(f"building a guest: there is no busybox here; {programs.remedy('busybox')}")
    if (parsed := elf(Path(path).resolve())) is None or parsed.interpreter:
        raise Problem(f"building a guest: {path} needs other files; install the package busybox-static")
    return Path(path).resolve()


def interpreter() -> Path:
    """The Python that runs this, past all links."""
    return Path(sys.executable).resolve()


def _own_sources() -> list[Path]:
    return [*sorted(Path(__file__).parent.glob("*.py")), *sorted(Path(__file__).parents[2].glob("linux/*.py"))]


# --- Its parts --------------------------------------------------------------


def drivers(guest_kernel: Kernel, more: tuple[str, ...]) -> Entries:
    """The modules, and a file that names them in the order of loading."""
    files = kernel.needed_modules(guest_kernel, kernel.LOADED_FIRST + more)
    names = [f"{number:02}-{file.name.partition('.ko')[0]}.ko" for number, file in enumerate(files)]
    entries: Entries = {
        Path("/modules", name): Written(kernel.module_bytes(file)) for name, file in zip(names, files, strict=True)
    }
    return entries | {Path("/modules/order"): Written("".join(f"{name}\n" for name in names).encode())}


def python(program: Path = INSIDE) -> Entries:
    """The interpreter with its libraries, and `program` with the modules that it imports, compiled."""
    entries = program_entries(interpreter())
    for file in imported(program):
        if file.suffix == ".py":
            entries |= folders(file) | {file.with_suffix(".pyc"): Written(bytecode(file))}
        else:
            entries |= program_entries(file)
    return entries


def bytecode(source: Path) -> bytes:
    """The module's bytecode, marked to be taken as it is: its source has another date there, or is not there."""
    code = SourceFileLoader("module", str(source)).get_code("module")
    return MAGIC_NUMBER + UNCHECKED + marshal.dumps(code)


IMPORTED = """
import os, runpy, sys, encodings.utf_8, encodings.ascii, encodings.latin_1
runpy.run_path(sys.argv[1])
print(*{each.__file__ for each in sys.modules.values() if getattr(each, "__file__", None)}, os.__file__, sep="\\n")
"""  # whatever does not run as __main__ is only imported


def imported(program: Path = INSIDE) -> list[Path]:
    """The files of every module that `program` imports, itself among them."""
    argv = [str(interpreter()), "-I", "-S", "-c", IMPORTED, str(program)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return sorted({program, *map(Path, said.splitlines())})


def skeleton() -> Entries:
    """The folders and the /etc that the guest's root begins with; of the host's /etc, what programs cannot miss."""
    top = Path("/skeleton")
    entries: Entries = {top / name: Folder() for name in FOLDERS}
    links = [path for name in MERGED if (path := Path("/", name)).is_symlink()]
    for path in [*links, *_lent_etc()]:
        there = top / path.relative_to("/")
        entries |= folders(there) | {there: Link(str(path.readlink())) if path.is_symlink() else Copy(path)}
    return entries | {top / "etc" / name: Written(text.encode()) for name, text in WRITTEN_ETC.items()}


def _lent_etc() -> list[Path]:
    """Files and links of /etc without which this machine's programs would not run; only what anybody may read."""
    tops = [path for pattern in LENT_ETC for path in Path("/etc").glob(pattern)]
    below = [path for top in tops if top.is_dir() and not top.is_symlink() for path in top.rglob("*")]
    return sorted(path for path in {*tops, *below} if path.is_symlink() or _is_for_anybody(path))


def _is_for_anybody(path: Path) -> bool:
    return path.is_file() and bool(path.stat().st_mode & stat.S_IROTH)


def folders(path: Path) -> Entries:
    """Those above `path`."""
    return {parent: Folder() for parent in path.parents if parent != Path("/")}


# --- The archive ------------------------------------------------------------

FOLDER, FILE, LINK = 0o040000, 0o100000, 0o120000  # inode(7)


def cpio(entries: Entries) -> Iterator[bytes]:
    """The archive of `entries`, parents first."""
    for number, (path, entry) in enumerate(sorted(entries.items()), 1):
        yield _member(str(path.relative_to("/")), number, *_inode(entry))
    yield _member("TRAILER!!!", 0, 0, b"")


def _inode(entry: Entry) -> tuple[int, bytes]:
    match entry:
        case Folder(mode):
            return FOLDER | mode, b""
        case Link(target):
            return LINK | 0o777, os.fsencode(target)
        case Copy(source):
            return FILE | 0o755, source.read_bytes()
        case Written(content):
            return FILE | 0o644, content


def _member(name: str, number: int, mode: int, data: bytes) -> bytes:
    """Thirteen numbers of eight hexadecimal digits, the name and the data, each filled up to four bytes."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(os.fsencode(name)) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + os.fsencode(name) + b"\0"
    return _filled(head) + _filled(data)


def _filled(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
