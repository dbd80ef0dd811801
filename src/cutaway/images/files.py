"""The files of an image, as a folder: whatever form the image has.

A folder is one already; an OCI layout is unpacked; the names of programs become their closure. What is unpacked is
never written to afterwards: a container lays a layer of its own over it.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from cutaway.images import closure, layers, layout
from cutaway.images.closure import Closure
from cutaway.images.layers import LayerError
from cutaway.problem import Problem

Image = str | os.PathLike[str] | Iterable[str] | Closure  # a folder or a layout, names of programs, or their closure


def key(image: Image) -> Hashable:
    """The same for images with the same files, as far as one can tell without unpacking them."""
    if isinstance(image, Closure):
        return frozenset(image.entries.items())
    if not isinstance(image, str | os.PathLike):
        return tuple(image)
    index = Path(image, "index.json")
    return os.path.realpath(image), index.read_bytes() if _is_layout(Path(image)) else b""


def unpack(image: Image, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Where its files are, its own folder or this new one, and what the image says of its programs."""
    if isinstance(image, str | os.PathLike):
        where = Path(image).resolve()
        if not where.is_dir():
            raise Problem(f"reading the image {where}: there is no such folder; name one, or a list of programs")
        if not _is_layout(where):
            return where, {}
        found = layout.read(where)
        folder.mkdir()
        layers.unpack(found.layers, folder)
        return folder, _settings(where, found.config)
    content = image if isinstance(image, Closure) else _with_bin(closure.closure(image))
    folder.mkdir()
    layers.unpack([closure.archive(content)], folder)
    return folder, {}


def _settings(layout: Path, config: dict[str, Any]) -> dict[str, Any]:
    """What a container needs of an image's configuration, when it is what the specification says."""
    said = config.get("config") or {}
    env, folder = (said.get("Env") or [], said.get("WorkingDir") or "/") if isinstance(said, dict) else (None, None)
    if not isinstance(env, list) or not all(isinstance(each, str) and "=" in each for each in env):
        raise LayerError(f"reading {layout}: its Env is no list of NAME=VALUE; the image is damaged, fetch it again")
    if not isinstance(folder, str):
        raise LayerError(f"reading {layout}: its WorkingDir is no path; the image is damaged, fetch it again")
    return {"Env": env, "WorkingDir": folder}


def _with_bin(content: Closure) -> Closure:
    """With /bin, which scripts and shells rely on: a link where it is merged into /usr/bin, as on this machine."""
    return content | {str(path): entry for path, entry in closure.trail(Path("/bin")).items()}


def _is_layout(folder: Path) -> bool:
    return (folder / "oci-layout").exists()
