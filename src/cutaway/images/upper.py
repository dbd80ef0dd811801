"""What an overlay wrote into its upper folder, as a layer of an image.

Overlay notes down that a name of the lower folder is gone as a character device 0:0, and that a folder hides all that
lay there as an extended attribute. An image has neither: its layer says `.wh.NAME` and `.wh..wh..opq` instead.
Kernel documentation, filesystems/overlayfs.rst, "whiteouts and opaque directories"; OCI image specification, layer.md.
Taught in notebook 08.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from cutaway.images.layers import OPAQUE, WHITEOUT

OPAQUE_MARKS = ("user.overlay.opaque", "trusted.overlay.opaque")  # with the mount option userxattr, and without


def as_layer(upper: Path) -> bytes:
    """The layer with what was written, made and removed; equal folders give equal bytes. Owner root, no times."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, path in members(upper, tar):
            if path and member.isreg():
                with path.open("rb") as file:
                    tar.addfile(member, file)
            else:
                tar.addfile(member)
    return packed.getvalue()


def members(upper: Path, tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, Path | None]]:
    """Each member of the layer, folders before what lies in them, and where its bytes are."""
    for path in sorted(upper.rglob("*")):
        name = path.relative_to(upper)
        if is_whiteout(path):
            yield _mark(name.with_name(WHITEOUT + name.name)), None
            continue
        member = tar.gettarinfo(path, str(name))
        if member is None:  # a socket: no archive has any
            continue
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        yield member, path
        if member.isdir() and is_opaque(path):
            yield _mark(name / OPAQUE), None


def is_whiteout(path: Path) -> bool:
    """Whether overlay put this there to say that the name is gone."""
    about = path.lstat()
    return stat.S_ISCHR(about.st_mode) and about.st_rdev == 0


def is_opaque(folder: Path) -> bool:
    """Whether this folder hides what the layers below have in it."""
    marks = [mark for mark in OPAQUE_MARKS if mark in os.listxattr(folder, follow_symlinks=False)]
    return any(os.getxattr(folder, mark, follow_symlinks=False) == b"y" for mark in marks)


def _mark(name: Path) -> tarfile.TarInfo:
    member = tarfile.TarInfo(str(name))
    member.mode = 0o644
    return member
