"""Layers of an image, unpacked one over the other into a folder that they cannot leave.

A layer is a tar. A file in it named `.wh.NAME` takes NAME of the layers below away; `.wh..wh..opq` takes all that its
folder had. Nothing in a layer is trusted: each name is walked from the folder's own descriptor without following a
link, so that `../`, absolute names and links in the layer or below it lead nowhere; hard links lead to files of the
same image; device nodes are refused, and so is what would take more room than is allowed.
OCI image specification, layer.md. Reading order: unpack, one member, the walk.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cutaway.problem import Problem

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
MOST_BYTES, MOST_MEMBERS = 8 << 30, 1_000_000  # of one image, unpacked
CHUNK = 1 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ZSTD = "is packed by zstd, which is not read here; `skopeo copy --dest-compress-format gzip` makes a copy that is"


class LayerError(Problem):
    """A layer that is damaged, or that tries to reach out of its image; what was unpacked of it is of no use."""


def verified(packed: bytes, digest: str) -> bytes:
    """The same bytes, when they are those that `digest` names."""
    kind, _, wanted = digest.partition(":")
    if kind not in ("sha256", "sha512"):
        raise LayerError(f"verifying a layer: digest {digest!r} is neither sha256 nor sha512")
    if hashlib.new(kind, packed).hexdigest() != wanted:
        raise LayerError(f"verifying a layer: its bytes are not those of {digest}; fetch it again")
    return packed


def unpack(layers: Iterable[bytes], folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Lay the layers, the lowest first, into an empty `folder`. Owners are kept where we are root."""
    top, room = os.open(folder, FOLDER), [most_bytes, MOST_MEMBERS]
    try:
        for number, packed in enumerate(layers):
            with _told(f"unpacking layer {number}"), tarfile.open(fileobj=io.BytesIO(packed)) as tar:
                fresh: set[tuple[str, ...]] = set()
                for member in tar:
                    _take(room, member)
                    _lay(top, tar, member, fresh)
    finally:
        os.close(top)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise LayerError(f"{what}: {error}") from None
    except LayerError as error:
        raise LayerError(f"{what}: {error}") from None


def _take(room: list[int], member: tarfile.TarInfo) -> None:
    room[0] -= max(0, member.size)
    room[1] -= 1
    if min(room) < 0 or member.size < 0:
        raise LayerError(f"{member.name!r}: with it the image is larger than allowed")


# --- One member ------------------------------------------------------------


def _lay(top: int, tar: tarfile.TarFile, member: tarfile.TarInfo, fresh: set[tuple[str, ...]]) -> None:
    """Put one member where its name says; `fresh` is what this layer itself has laid, which its whiteouts spare."""
    steps = way(member.name)
    if not steps:
        return
    with _opened(top, steps[:-1]) as parent:
        name = steps[-1]
        if name == OPAQUE:
            _clear(parent, steps[:-1], fresh)
            return
        if name.startswith(WHITEOUT):
            _hide(parent, (*steps[:-1], name.removeprefix(WHITEOUT)), fresh)
            return
        fresh.update(steps[:depth] for depth in range(1, len(steps) + 1))
        if not (member.isdir() and _is_folder(parent, name)):
            _remove(parent, name)
        _make(top, parent, name, tar, member)
        _dress(parent, name, member)


def _make(top: int, parent: int, name: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    if member.isdir():
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
    elif member.issym():
        os.symlink(member.linkname, name, dir_fd=parent)
    elif member.islnk():
        steps = way(member.linkname)
        with _opened(top, steps[:-1], make=False) as there:
            os.link(steps[-1], name, src_dir_fd=there, dst_dir_fd=parent, follow_symlinks=False)
    elif member.isfifo():
        os.mkfifo(name, dir_fd=parent)
    elif member.isreg():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        content = tar.extractfile(member)
        assert content is not None
        with open(os.open(name, flags, 0o600, dir_fd=parent), "wb") as file:  # noqa: PTH123  it is a descriptor
            shutil.copyfileobj(content, file, CHUNK)
    else:
        raise LayerError(f"{member.name!r}: a device, or a kind of file that no image needs")


def _dress(parent: int, name: str, member: tarfile.TarInfo) -> None:
    """Owner first, for a change of owner takes setuid bits away."""
    if member.islnk():
        return
    if os.geteuid() == 0:
        os.chown(name, member.uid, member.gid, dir_fd=parent, follow_symlinks=False)
    if not member.issym():
        os.chmod(name, member.mode & 0o7777, dir_fd=parent)
    os.utime(name, (member.mtime, member.mtime), dir_fd=parent, follow_symlinks=False)


def _hide(parent: int, steps: tuple[str, ...], fresh: set[tuple[str, ...]]) -> None:
    """Take away what the layers below have at `steps`, whose folder is open as `parent`, and spare what is fresh."""
    if steps not in fresh:
        _remove(parent, steps[-1])
    elif _is_folder(parent, steps[-1]):
        folder = os.open(steps[-1], FOLDER, dir_fd=parent)
        try:
            _clear(folder, steps, fresh)
        finally:
            os.close(folder)


def _clear(folder: int, steps: tuple[str, ...], fresh: set[tuple[str, ...]]) -> None:
    """The same for all that the open folder holds."""
    for name in os.listdir(folder):
        _hide(folder, (*steps, name), fresh)


def _remove(parent: int, name: str) -> None:
    if _is_folder(parent, name):
        shutil.rmtree(name, dir_fd=parent)
        return
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)


def _is_folder(parent: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


# --- The walk --------------------------------------------------------------


def way(name: str) -> tuple[str, ...]:
    """The names on the way from the image's root to a member; LayerError when they lead out of it."""
    steps = tuple(each for each in name.split("/") if each not in ("", "."))
    if ".." in steps or "\0" in name or name.startswith("/"):
        raise LayerError(f"{name!r}: such a name leads out of the image")
    if steps and steps[-1].removeprefix(WHITEOUT) in ("", ".", ".."):
        raise LayerError(f"{name!r}: a whiteout of nothing")
    return steps


@contextmanager
def _opened(top: int, steps: tuple[str, ...], *, make: bool = True) -> Iterator[int]:
    """The folder at the end of the steps, open; missing ones are made, and a link on the way is an error."""
    here = os.dup(top)
    try:
        for step in steps:
            try:
                below = os.open(step, FOLDER, dir_fd=here)
            except FileNotFoundError:
                if not make:
                    raise
                os.mkdir(step, dir_fd=here)
                below = os.open(step, FOLDER, dir_fd=here)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise LayerError(f"{'/'.join(steps)!r}: {step!r} is no folder, but a link or a file") from None
                raise
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)
