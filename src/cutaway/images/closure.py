"""The closure of programs: every file that they need to start, as one archive.

A program names its loader and its libraries, a library names more libraries, a script names its interpreter.
Following every name until no new one turns up gives the closure, and a folder with nothing else in it is
enough to run the program in. An image needs no distribution: this is all it is.

Searches as ld.so(8) does; leaves out LD_LIBRARY_PATH, processor-specific variants of libraries, and what a program
opens by name only while it runs: whoever knows where that lies adds a `tree`.
Reading order: words, files, libraries, programs, folders, the archive.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment, DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------


@dataclass(frozen=True)
class Folder:
    """A folder of the image."""

    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    """A symbolic link of the image."""

    target: str


@dataclass(frozen=True)
class Copy:
    """A file of the image that is a copy of one on this machine."""

    source: Path


@dataclass(frozen=True)
class Written:
    """A file of the image that we wrote."""

    content: bytes


Entry = Folder | Link | Copy | Written


@dataclass(frozen=True)
class Closure:
    """What lies where in an image: absolute paths in it, and what is there."""

    entries: Mapping[Path, Entry]

    def __or__(self, more: Closure | Mapping[str, Entry]) -> Closure:
        """The same with `more` in it, which wins where both have a path."""
        added = more.entries if isinstance(more, Closure) else {Path(path): entry for path, entry in more.items()}
        return Closure({**self.entries, **added})


ROOT = Path("/")
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not on everybody's PATH
LIBRARY_FOLDERS = (Path("/lib64"), Path("/usr/lib64"), Path("/lib"), Path("/usr/lib"))  # ld.so(8): looked at last
LIBRARY = re.compile(r"\t(\S+) \(([^)]*)\) => (.+)")  # one line of `ldconfig -p`


def closure(programs: Iterable[str | Path]) -> Closure:
    """Everything that `programs`, names or paths, need to start; a Problem when one is not on this machine."""
    entries: dict[Path, Entry] = {}
    for program in programs:
        entries |= program_entries(found(program))
    return Closure(entries)


# --- Files: how a path is reached -------------------------------------------


def trail(path: Path) -> dict[Path, Entry]:
    """Every folder and link on the way to the absolute `path`, and the file itself, as they lie on this machine.

    Where /bin is merged into /usr/bin, `/bin/sh` is three steps: the link /bin, the link /usr/bin/sh, the file.
    """
    entries: dict[Path, Entry] = {}
    here, ahead = ROOT, deque(_steps(path))
    while ahead:
        parent, here = here, _step(here, ahead.popleft())
        if here.is_symlink():
            target = here.readlink()
            entries[here] = Link(str(target))
            here = ROOT if target.is_absolute() else parent
            ahead.extendleft(reversed(_steps(target)))
        elif here != ROOT:
            entries[here] = Folder() if here.is_dir() else Copy(here)
    return entries


def found(program: str | Path) -> Path:
    """The path of a program: as it is given, or looked up as a shell does, with the system's folders."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
    path = shutil.which(program, path=search)
    if path is None:
        raise Problem(f"packing {str(program)!r}: there is no such program on this machine; install it or leave it out")
    return Path.cwd() / path


def _steps(path: Path) -> list[str]:
    return [part for part in path.parts if part != "/"]


def _step(here: Path, name: str) -> Path:
    return here.parent if name == ".." else here / name


# --- Libraries: what an ELF file asks for -----------------------------------


@dataclass(frozen=True)
class Elf:
    """What the loader reads in the ELF file `path` (elf(5)); `kind` is what a library must share with its user."""

    path: Path
    kind: tuple[int, str]
    interpreter: Path | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[Path, ...] = ()
    runpath: tuple[Path, ...] = ()


@cache
def elf(path: Path) -> Elf | None:
    """What `path` asks of the loader; None when it is no ELF file."""
    try:
        with path.open("rb") as file:
            parsed = ELFFile(file)
            segments = list(parsed.iter_segments())
            interpreters = [Path(each.get_interp_name()) for each in segments if isinstance(each, InterpSegment)]
            tags = [tag for each in segments if isinstance(each, DynamicSegment) for tag in each.iter_tags()]
    except ELFError:
        return None
    needed, rpaths, runpaths = (_texts(tags, word) for word in ("needed", "rpath", "runpath"))
    runpath = _folders(runpaths, path)
    rpath = () if runpath else _folders(rpaths, path)
    kind = parsed.elfclass, parsed["e_machine"]
    return Elf(path, kind, next(iter(interpreters), None), needed, rpath, runpath)


def _texts(tags: Iterable[DynamicTag], word: str) -> tuple[str, ...]:
    return tuple(getattr(tag, word) for tag in tags if tag.entry.d_tag == f"DT_{word.upper()}")


def _folders(lists: Iterable[str], file: Path) -> tuple[Path, ...]:
    """Colon-separated search paths as folders; $ORIGIN is where the file that names it lies."""
    origin = str(file.resolve().parent)
    paths = (path for each in lists for path in each.split(":") if path)
    return tuple(Path(path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)) for path in paths)


def libraries(program: Path) -> dict[str, Path]:
    """The libraries that the loader would map for `program`, and the loader: name asked for -> path.

    Breadth first, and the first file found under a name serves all who ask for that name, as in ld.so.
    """
    start = elf(program)
    if start is None:
        return {}
    loaded = {start.interpreter.name: start.interpreter} if start.interpreter else {}
    ahead = deque([(start, start.rpath)])
    while ahead:
        user, rpaths = ahead.popleft()  # a library inherits the RPATHs, not the RUNPATHs, of who asked for it
        for name in user.needed:
            if name not in loaded:
                library = _library(name, user, () if user.runpath else rpaths)
                loaded[name] = library.path
                ahead.append((library, library.rpath + rpaths))
    return loaded


def _library(name: str, user: Elf, rpaths: tuple[Path, ...]) -> Elf:
    """The library that `user` gets when it asks for `name`: RPATH, RUNPATH, the loader's cache, the default folders."""
    named = (folder / name for folder in rpaths + user.runpath)
    default = (folder / name for folder in LIBRARY_FOLDERS)
    candidates = [Path(name)] if "/" in name else [*named, *cached().get(name, ()), *default]
    for path in candidates:
        if path.is_file() and (library := elf(path)) and library.kind == user.kind:
            return library
    raise Problem(f"packing '{user.path}': its library {name} is not on this machine; install the package that has it")


@cache
def cached() -> dict[str, tuple[Path, ...]]:
    """The loader's cache, /etc/ld.so.cache, as ldconfig(8) shows it: name -> paths. Empty where there is none."""
    ldconfig = shutil.which("ldconfig", path=os.pathsep.join(SYSTEM_FOLDERS))
    if ldconfig is None:
        return {}
    shown = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    paths: dict[str, tuple[Path, ...]] = {}
    for name, traits, path in LIBRARY.findall(shown):
        if "hwcap" not in traits:  # a variant for newer processors than the image may meet
            paths[name] = (*paths.get(name, ()), Path(path))
    return paths


# --- Programs ---------------------------------------------------------------


def program_entries(program: Path) -> dict[Path, Entry]:
    """A program's own trail and those of its libraries, or of its interpreter when it is a script."""
    entries = trail(program)
    if elf(program):
        loaded = libraries(program)
        for path in loaded.values():
            entries |= trail(path)
        return entries | _without_cache(loaded)
    for interpreter in interpreters(program):
        entries |= program_entries(interpreter)
    return entries


def interpreters(script: Path) -> Iterator[Path]:
    """The interpreter that a script names in its first line and, if that is env, the program it looks up."""
    with script.open("rb") as file:
        first = file.readline(4096)
    if not first.startswith(b"#!") or not first[2:].strip():
        raise Problem(f"packing '{script}': it is neither an ELF program nor a script; name a program")
    interpreter, *arguments = os.fsdecode(first[2:].strip()).split()
    yield found(interpreter)
    if Path(interpreter).name == "env":
        yield found(next(each for each in arguments if not each.startswith("-") and "=" not in each))


def _without_cache(loaded: Mapping[str, Path]) -> dict[Path, Entry]:
    """Links beside the C library to libraries that only this machine's cache leads to: the image has no cache."""
    libc = next((path for name, path in loaded.items() if name.startswith("libc.")), None)
    home = (libc.parent if libc else LIBRARY_FOLDERS[-1]).resolve()
    strays = {name: path for name, path in loaded.items() if path in cached().get(name, ())}
    return {home / name: Link(str(path)) for name, path in strays.items() if path.parent.resolve() != home}


# --- Folders ----------------------------------------------------------------


def tree(folder: str | Path, without: Iterable[str] = ()) -> Closure:
    """All that lies in `folder`, but for names that fit a pattern of `without`, and the libraries that its files need.

    For what a program opens by name while it runs: modules, plug-ins, tables.
    """
    entries = trail(Path(folder))
    for path in _below(Path(folder), tuple(without)):
        entries |= {path: Folder()} if path.is_dir() and not path.is_symlink() else trail(path)
        if path.suffix == ".so":
            loaded = libraries(path)
            entries |= {step: entry for library in loaded.values() for step, entry in trail(library).items()}
            entries |= _without_cache(loaded)
    return Closure(entries)


def _below(folder: Path, without: tuple[str, ...]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not any(path.match(pattern) for pattern in without) and path.exists():
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from _below(path, without)


# --- The archive ------------------------------------------------------------


def archive(content: Closure) -> bytes:
    """A tar of the closure; equal files give equal bytes, whoever packs them, when and under which umask.

    Owner root, no times, sorted; of a file's mode only "may be executed" is kept, so that nothing in it is setuid.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(content.entries):
            member, data = _member(path, content.entries[path])
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def digest(packed: bytes) -> str:
    """The name of these bytes, as OCI images write it."""
    return f"sha256:{hashlib.sha256(packed).hexdigest()}"


def _member(path: Path, entry: Entry) -> tuple[tarfile.TarInfo, bytes]:
    member, data = tarfile.TarInfo(str(path.relative_to(ROOT))), b""
    match entry:
        case Folder(mode):
            member.type, member.mode = tarfile.DIRTYPE, mode
        case Link(target):
            member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, target
        case Copy(source):
            data, member.mode = source.read_bytes(), 0o755 if source.stat().st_mode & 0o111 else 0o644
        case Written(content):
            data, member.mode = content, 0o644
    member.size = len(data)
    return member, data
