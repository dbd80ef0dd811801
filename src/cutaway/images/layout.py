"""An OCI layout: a folder of blobs under their digests, and an index that says which of them is the image.

Read with every digest verified; written so that skopeo and umoci take it. OCI image specification, image-layout.md.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.images import layers
from cutaway.images.layers import LayerError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Image(NamedTuple):
    """What a container needs of an image: its configuration, and the layers as tars, the lowest first."""

    config: dict[str, Any]
    layers: list[bytes]


def read(folder: Path, name: str | None = None, most_bytes: int = layers.MOST_BYTES) -> Image:
    """The image of a layout; of several, the one with this name."""
    try:
        manifest = _manifest(folder, name)
        config = dict(json.loads(_blob(folder, manifest["config"])))
        packed = [_plain(_blob(folder, each), each, most_bytes) for each in manifest["layers"]]
        wanted = config["rootfs"]["diff_ids"]
        if len(wanted) != len(packed):
            raise LayerError(f"reading {folder}: {len(packed)} layers, but the configuration names {len(wanted)}")
        for each, digest in zip(packed, wanted, strict=True):
            layers.verified(each, digest)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise LayerError(f"reading {folder}: it is no OCI layout, or a damaged one: {error!r}") from None
    return Image(config, packed)


def _manifest(folder: Path, name: str | None) -> dict[str, Any]:
    entries = json.loads(_text(folder / "index.json"))["manifests"]
    named = {(each.get("annotations") or {}).get("org.opencontainers.image.ref.name"): each for each in entries}
    if (name and name not in named) or (not name and len(entries) != 1):
        raise LayerError(f"reading {folder}: it has {', '.join(map(str, named)) or 'no image'}; name one of them")
    return dict(json.loads(_blob(folder, named[name] if name else entries[0])))


def _blob(folder: Path, descriptor: dict[str, Any]) -> bytes:
    digest = descriptor["digest"]
    if not DIGEST.fullmatch(digest):
        raise LayerError(f"reading {folder}: {digest!r} is no digest")
    try:
        content = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
    except OSError as error:
        raise LayerError(f"reading {folder}: blob {digest}: {error.strerror}") from None
    return layers.verified(content, digest)


def _plain(packed: bytes, descriptor: dict[str, Any], most_bytes: int) -> bytes:
    """The tar of a layer; what would unpack to more than is allowed is refused before it does."""
    kind = str(descriptor["mediaType"])
    if kind.endswith("zstd"):
        raise LayerError(f"unpacking {descriptor['digest']}: it {layers.ZSTD}")
    if not kind.endswith("gzip"):
        return packed
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(packed, most_bytes)
    except zlib.error as error:
        raise LayerError(f"unpacking {descriptor['digest']}: {error}") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise LayerError(f"unpacking {descriptor['digest']}: it is cut short, or larger than {most_bytes} bytes")
    return plain


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise LayerError(f"reading {path}: {error.strerror}; is that an OCI layout?") from None


# --- Writing ---------------------------------------------------------------


def write(folder: Path, image: Image, name: str = "latest") -> str:
    """Write a layout with this one image into `folder`; the digest of its manifest."""
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    diff_ids = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in image.layers]
    config = image.config | {"rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _put(folder, json.dumps(config).encode(), CONFIG),
        "layers": [_put(folder, gzip.compress(each, 6, mtime=0), f"{LAYER}+gzip") for each in image.layers],
    }
    entry = _put(folder, json.dumps(manifest).encode(), MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}))
    return str(entry["digest"])


def _put(folder: Path, content: bytes, media_type: str) -> dict[str, Any]:
    name = hashlib.sha256(content).hexdigest()
    (folder / "blobs/sha256" / name).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}
