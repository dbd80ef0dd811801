"""Layers in one line a member, for a lab's page and its checks: packed as tars, and read back from folders.

etc/                     a folder
etc/motd = hello         a file and what is in it
640 etc/key = secret     the same with permissions, which are 755 for folders and 644 for files if none are named
bin -> usr/bin           a symbolic link
etc/twin == etc/motd     another name of the same file, a hard link
etc/.wh.motd             an empty file; layers have those for whiteouts
disk #                   a device
"""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from random import Random

from cutaway.check.learner import BIRDS, MINERALS

Lines = Sequence[str]  # of one layer, or of a folder

LINE = re.compile(r"(?:([0-7]{3,4}) )?(\S+?)(/)?(?: (==|=|->|#) ?(.*))?", re.DOTALL)
KINDS = {"=": tarfile.REGTYPE, "->": tarfile.SYMTYPE, "==": tarfile.LNKTYPE, "#": tarfile.BLKTYPE}
SHOWN_BYTES, MOST = 200, 1000  # of a file, and files, that somebody else made

NEITHER_WAIT_NOR_FOLLOW = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC  # whatever lies there by now

# --- To tars ---------------------------------------------------------------


def packed(folder: str | Path, layers: Iterable[Lines]) -> list[str]:
    """The paths of one tar for each layer, written into `folder`."""
    paths = []
    for number, lines in enumerate(layers, 1):
        path = Path(folder, f"layer-{number}.tar")
        with tarfile.open(path, "w") as tar:
            for line in lines:
                member, content = _member(line)
                tar.addfile(member, io.BytesIO(content))
        paths.append(str(path))
    return paths


def _member(line: str) -> tuple[tarfile.TarInfo, bytes]:
    parts = LINE.fullmatch(line)
    if parts is None:
        raise ValueError(f"reading {line!r}: it is no line about a member; write NAME/, NAME = TEXT or NAME -> NAME")
    mode, name, is_folder, sign, rest = parts.groups()
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE if is_folder else KINDS[sign or "="]
    member.mode = int(mode, 8) if mode else 0o755 if is_folder else 0o644
    content = (rest or "").encode() if member.isreg() else b""
    member.linkname, member.size = "" if member.isreg() else rest or "", len(content)
    return member, content


# --- From folders ----------------------------------------------------------


def tree(folder: str | Path) -> list[str]:
    """What a folder holds, in the same lines, sorted; permissions are always named."""
    names: dict[int, str] = {}  # of each file by its inode: the first one
    paths = sorted(islice(Path(folder).rglob("*"), MOST))
    return sorted((_line(path, str(path.relative_to(folder)), names) for path in paths), key=_name)


def _line(path: Path, name: str, names: dict[int, str]) -> str:
    about = path.lstat()
    mode = f"{stat.S_IMODE(about.st_mode):03o}"
    if stat.S_ISLNK(about.st_mode):
        return f"{name} -> {path.readlink()}"
    if stat.S_ISDIR(about.st_mode):
        return f"{mode} {name}/"
    if not stat.S_ISREG(about.st_mode):
        return f"{mode} {name} #"
    first = names.setdefault(about.st_ino, name)
    return f"{mode} {name} = {_text(path)}" if first == name else f"{name} == {first}"


def _text(path: Path) -> str:
    try:
        with open(os.open(path, NEITHER_WAIT_NOR_FOLLOW), "rb") as file:  # noqa: PTH123  it is a descriptor
            return file.read(SHOWN_BYTES).decode(errors="replace")
    except OSError as error:
        return f"({error.strerror})"


def wanted(lines: Lines) -> list[str]:
    """Lines as `tree` would say them."""
    return sorted(map(_in_full, lines), key=_name)


def _in_full(line: str) -> str:
    parts = LINE.fullmatch(line)
    assert parts is not None, line
    mode, _name, is_folder, sign, _rest = parts.groups()
    return line if mode or sign in ("->", "==") else f"{755 if is_folder else 644} {line}"


def _name(line: str) -> str:
    parts = LINE.fullmatch(line)
    return parts[2] if parts else line


# --- A learner's own -------------------------------------------------------


def own_layers(draw: Random) -> list[Lines]:
    """Three layers with everything in them that a layer can say, and names and order of the learner's own."""
    kept, gone, folder, deep, twin, fresh = draw.sample(BIRDS, 6)
    text, other, new = (f"{draw.choice(MINERALS)}-{draw.randrange(1000, 10_000)}" for _ in range(3))
    base = [
        *("etc/", f"etc/{kept} = {text}", f"640 etc/{gone} = {other}"),
        *(f"{folder}/", f"{folder}/{kept} = {other}", f"700 {folder}/{deep}/", f"{folder}/{deep}/old = {text}"),
        *(f"current -> {folder}/{kept}", f"{twin} == etc/{kept}", f"1777 {fresh}/", f"{fresh}/a = 1"),
    ]
    again = [f"{folder}/", f"{folder}/{deep}/", f"{folder}/{deep}/new = {new}"]
    changes = [f"etc/{kept} = {new}", f"etc/.wh.{gone}", *_in_some_order(draw, again, f"{folder}/.wh..wh..opq")]
    top = [
        *_in_some_order(draw, [f"755 {fresh} = a file now"], f".wh.{fresh}"),
        "current/",
        "current/x = 2",
        f".wh.{twin}",
    ]
    return [base, changes, top]


def own_trap(draw: Random) -> Lines:
    """A layer that reaches out of its folder."""
    bird, text = draw.choice(BIRDS), draw.choice(MINERALS)
    return [f"{'../' * draw.randrange(1, 4)}{bird} = {text}"]


def _in_some_order(draw: Random, lines: Lines, mark: str) -> Lines:
    """A mark before or after those of its layer, which it spares either way."""
    return [mark, *lines] if draw.random() < 0.5 else [*lines, mark]
