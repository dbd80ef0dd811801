"""Layers made on the spot: tars of a few members, and stacks of them that every reader of layers must agree about."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **more: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, len(content), 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def layer(*members: tuple[tarfile.TarInfo, bytes] | str) -> bytes:
    """A tar of these; a plain name is a file that holds its name, with a slash at its end a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for each in members:
            if isinstance(each, str):
                each = member(each, tarfile.DIRTYPE) if each.endswith("/") else member(each, content=each.encode())
            tar.addfile(each[0], io.BytesIO(each[1]))
    return packed.getvalue()


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, tarfile.SYMTYPE, linkname=target)


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, tarfile.LNKTYPE, linkname=target)


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Every path below: what it is or holds, and its mode."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        what = str(path.readlink()) if path.is_symlink() else "folder" if path.is_dir() else path.read_text()
        found[str(path.relative_to(folder))] = (what, mode)
    return found


STACKS: dict[str, list[bytes]] = {
    "one over the other": [layer("a/", "a/x", "b"), layer("a/y", member("b", content=b"new"))],
    "a whiteout takes a file": [layer("a/", "a/x", "a/y"), layer("a/.wh.x")],
    "a whiteout takes a folder": [layer("a/", "a/b/", "a/b/c", "d"), layer(".wh.a")],
    "a whiteout of nothing there": [layer("a/"), layer("a/.wh.none")],
    "an opaque folder": [layer("a/", "a/x", "a/b/", "a/b/c"), layer("a/", "a/.wh..wh..opq", "a/new")],
    "opaque spares its own layer": [layer("a/", "a/x"), layer("a/", "a/new", "a/.wh..wh..opq")],
    "a whiteout spares its own layer": [layer("a", "b"), layer(member("a", content=b"new"), ".wh.a", ".wh.b", "b")],
    "a whiteout of a folder spares its own layer": [
        layer("a/", "a/b/", "a/b/old", "a/old"),
        layer("a/", "a/b/", "a/b/new", ".wh.a"),
    ],
    "opaque reaches into folders of its own layer": [
        layer("a/", "a/b/", "a/b/old", "a/c/", "a/c/old"),
        layer("a/", "a/b/", "a/b/new", "a/.wh..wh..opq"),
    ],
    "an opaque root": [layer("a/", "a/old", "b"), layer("c", ".wh..wh..opq", "a/", "a/new")],
    "a file becomes a folder": [layer("a"), layer("a/", "a/x")],
    "a folder becomes a file": [layer("a/", "a/x"), layer("a")],
    "a folder becomes a link": [layer("a/", "a/x", "b/"), layer(link("a", "b"))],
    "links are kept as they are": [layer(link("abs", "/etc/passwd"), link("up", "../../x"), "f", hard("g", "f"))],
    "modes": [layer(member("s", content=b"", mode=0o4755), member("d", tarfile.DIRTYPE, mode=0o1777))],
}
