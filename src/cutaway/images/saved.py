"""An image as an engine hands it out, read as it comes: from `docker save`, `podman save`, or a containerd's export.

It is a tar with the layers' tars and some texts in it, and every engine has its own order and names for them; the
text `manifest.json`, or in an OCI layout `index.json`, says which is which. Layers are read for their names alone and
their bytes are summed on the way, so that an image takes no more memory than its list of files.
Taught in notebook 13. Reading order: read, one member, which is which.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from cutaway.images import stack
from cutaway.images.layers import ZSTD, LayerError, way
from cutaway.images.stack import Layer, Place, Stack

MOST_TEXT_BYTES = 4 << 20
PIECE = 1 << 20
GZIP_BEGINS, ZSTD_BEGINS = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # RFC 1952, 2.3.1; RFC 8878, 3.1.1


class Saved(NamedTuple):
    """What is known of an image: its configuration and that text's digest, and its layers with theirs."""

    config: dict[str, Any]
    digest: str
    layers: list[Layer]
    digests: list[str]  # of the plain tars

    @property
    def stack(self) -> Stack:
        """Its layers over one another, each under its name."""
        called = stack.names(self.config, len(self.layers))
        return Stack([replace(layer, name=name) for layer, name in zip(self.layers, called, strict=True)])


class Readable(Protocol):
    """A file, as far as we need one."""

    def read(self, size: int, /) -> bytes: ...


@dataclass
class Parts:
    """What the tar holds, by name."""

    texts: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, tuple[Layer, str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def layer(self, name: str) -> tuple[Layer, str]:
        """The layer of this name, or where a link of this name leads."""
        return self.layers[self.links.get(name, name)]


def read(pieces: Iterable[bytes]) -> Saved:
    """The image in these pieces of a tar; LayerError when there is none, or one that is not what its digests say."""
    parts = Parts()
    try:
        with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces), PIECE), mode="r|") as tar:
            for member in tar:
                _take(tar, member, parts)
        config, layers = _of_docker(parts) if "manifest.json" in parts.texts else _of_layout(parts)
        said = dict(json.loads(config))
        if (wanted := said["rootfs"]["diff_ids"]) != [digest for _, digest in layers]:
            raise LayerError(f"its layers are others than the {len(wanted)} that its configuration names")
    except (tarfile.TarError, zlib.error, EOFError, KeyError, IndexError, TypeError, ValueError) as error:
        raise LayerError(f"reading a saved image: it is none, or a damaged one: {error!r}") from None
    return Saved(said, _digest(config), [layer for layer, _ in layers], [digest for _, digest in layers])


def find(pieces: Iterable[bytes], place: Place) -> list[bytes]:
    """What lies at this place in any layer of a saved image, hidden or not; whoever has the image can have it."""
    found = []
    with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces), PIECE), mode="r|") as tar:
        for member in tar:
            if member.isreg() and (content := tar.extractfile(member)):
                with suppress(tarfile.TarError), tarfile.open(fileobj=content, mode="r|*") as layer:
                    files = (each for each in layer if each.isreg() and way(each.name) == place)
                    found += [file.read() for each in files if (file := layer.extractfile(each))]
    return found


# --- One member ------------------------------------------------------------


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, parts: Parts) -> None:
    name = posixpath.normpath(member.name)
    if member.issym() or member.islnk():
        folder = posixpath.dirname(name) if member.issym() else ""
        parts.links[name] = posixpath.normpath(posixpath.join(folder, member.linkname))
    elif content := tar.extractfile(member):
        head = content.peek(4)[:4]  # type: ignore[attr-defined]  # it is buffered
        if head[:1] in (b"{", b"[") and member.size <= MOST_TEXT_BYTES:
            parts.texts[name] = content.read()
        elif head == ZSTD_BEGINS:
            raise LayerError(f"reading a saved image: {name} {ZSTD}")
        elif head[:2] == GZIP_BEGINS:
            parts.layers[name] = _layer(gzip.GzipFile(fileobj=content))
        elif member.size >= tarfile.BLOCKSIZE:  # what is smaller is no tar
            parts.layers[name] = _layer(content)


def _layer(plain: Readable) -> tuple[Layer, str]:
    """A layer, and the digest of its tar, of which every byte is read."""
    summed = Summed(plain)
    layer = stack.of_tar(io.BufferedReader(summed, PIECE), "")
    while summed.read(PIECE):
        pass
    return layer, f"sha256:{summed.sum.hexdigest()}"


class Pieces(io.RawIOBase):
    """A file of what comes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._left = iter(pieces), b""

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        into = memoryview(room)
        while not self._left and (piece := next(self._pieces, None)) is not None:
            self._left = piece
        taken, self._left = self._left[: len(into)], self._left[len(into) :]
        into[: len(taken)] = taken
        return len(taken)


class Summed(io.RawIOBase):
    """A file, and the sum of what was read of it."""

    def __init__(self, file: Readable) -> None:
        self._file, self.sum = file, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        into = memoryview(room)
        read = self._file.read(len(into))
        self.sum.update(read)
        into[: len(read)] = read
        return len(read)


# --- Which is which --------------------------------------------------------


def _of_docker(parts: Parts) -> tuple[bytes, list[tuple[Layer, str]]]:
    """The configuration and the layers, as Docker's own form of archive names them."""
    manifest = json.loads(parts.texts["manifest.json"])[0]
    return parts.texts[manifest["Config"]], [parts.layer(posixpath.normpath(name)) for name in manifest["Layers"]]


def _of_layout(parts: Parts) -> tuple[bytes, list[tuple[Layer, str]]]:
    """The same, as an OCI layout does: image-layout.md."""
    entry = json.loads(parts.texts["index.json"])["manifests"][0]
    manifest = json.loads(parts.texts[_blob(entry)])
    while "manifests" in manifest:  # an index leads to one image for each processor
        here = [parts.texts[_blob(each)] for each in manifest["manifests"] if _blob(each) in parts.texts]
        manifest = json.loads(here[0])
    return parts.texts[_blob(manifest["config"])], [parts.layer(_blob(each)) for each in manifest["layers"]]


def _blob(descriptor: dict[str, Any]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
