"""Images that were damaged, or made to do harm, at random: refused with one sentence, and nothing outside is touched.

The seeds are few in each proof and many in `make soak`; CUTAWAY_SEED chooses another series.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tars import STACKS, hard, layer, link, member

from cutaway.images import files, layers, layout
from cutaway.images.layers import LayerError
from cutaway.images.layout import Image

SEED = os.environ.get("CUTAWAY_SEED", "images")
FEW, MANY = range(60), range(60, 6000)
MOST_BYTES = 1 << 20
ODD: list[Any] = [None, True, -1, 0, 1 << 70, 2.5, "", "x", "../..", "/", "\0", "sha256:00", [], {}, ["x"], {"a": 1}]


def unpacked(stack: list[bytes], folder: Path) -> None:
    """Lay the stack into a folder beside a secret; afterwards both are alone there, and the secret is one."""
    image, outside = folder / "image", folder / "outside"
    for each in (image, outside):
        each.mkdir(parents=True)
    (outside / "secret").write_text("secret")
    with suppress(LayerError):  # anything else that is raised fails the test
        layers.unpack(stack, image, most_bytes=MOST_BYTES)
    assert sorted(path.name for path in folder.iterdir()) == ["image", "outside"]
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("secret", "secret")]
    assert (outside / "secret").stat().st_nlink == 1
    found = [path for path in image.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in found) <= MOST_BYTES


# --- Layers ----------------------------------------------------------------


def hostile(draw: random.Random, folder: Path) -> list[bytes]:
    """Layers of members that want out, in any order, of any kind and under any name."""
    away = "../" * 15 + str(folder / "outside").lstrip("/")
    inside, beyond = ["a", "a/b", "a/b/c", "d", "./d", "d//e"], ["a/../d", "..", away, str(folder / "outside")]
    leaves, odd = ["", "/x", "/y", "/.wh.x", "/.wh..wh..opq"], ["/secret", "/..", "/.wh...", "/\udc80", "x" * 300]

    def name() -> str:
        place = draw.choice(beyond if draw.random() < 0.08 else inside)
        return place + draw.choice(odd if draw.random() < 0.08 else leaves)

    kinds: list[Callable[[], Any]] = [
        lambda: member(name(), tarfile.DIRTYPE, mode=draw.choice((0o755, 0, 0o7777))),
        lambda: member(name(), content=bytes(draw.choice((0, 1, 5000, 400_000))), mode=draw.choice((0o644, 0o6755))),
        lambda: link(name(), draw.choice((away, str(folder / "outside"), "d", "..", "/", "a/b"))),
        lambda: hard(name(), name()),
        lambda: member(name(), draw.choice((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z")), devmajor=1),
        lambda: member(name(), uid=draw.choice((0, 65534, 1 << 20)), mtime=draw.choice((0, 1 << 40))),
    ]
    return [layer(*(draw.choice(kinds)() for _ in range(draw.randrange(1, 9)))) for _ in range(draw.randrange(1, 4))]


def survives_layers(seeds: range, folder: Path) -> None:
    for seed in seeds:
        home = folder / str(seed)
        unpacked(hostile(random.Random(f"{SEED} {seed}"), home), home)


def test_hostile_layers_touch_nothing_outside(tmp_path: Path) -> None:
    survives_layers(FEW, tmp_path)


@pytest.mark.soak
def test_thousands_of_hostile_layers(tmp_path: Path) -> None:
    survives_layers(MANY, tmp_path)


# --- Layouts ---------------------------------------------------------------


def changed(value: Any, draw: random.Random) -> Any:
    """The same with one thing in it replaced, taken away or doubled."""
    if isinstance(value, dict) and value and draw.random() < 0.8:
        key = draw.choice(sorted(value))
        if draw.random() < 0.2:
            return {name: each for name, each in value.items() if name != key}
        return value | {key: changed(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        at = draw.randrange(len(value))
        return value * 2 if draw.random() < 0.1 else [*value[:at], changed(value[at], draw), *value[at + 1 :]]
    return draw.choice(ODD)


def damage(folder: Path, draw: random.Random) -> None:
    """Change one of the layout's documents, with digests that are right again, or bytes of any of its files."""
    blobs = folder / "blobs/sha256"
    index = json.loads((folder / "index.json").read_text())
    if draw.random() < 0.3:
        path = draw.choice(sorted([*blobs.iterdir(), folder / "index.json"]))
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content[: draw.choice((len(content), len(content) // 2))])
        return
    if draw.random() < 0.3:
        (folder / "index.json").write_text(json.dumps(changed(index, draw)))
        return
    manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
    if draw.random() < 0.5:
        config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
        manifest["config"] |= _put(blobs, changed(config, draw))
    else:
        manifest = changed(manifest, draw)
    index["manifests"][0] |= _put(blobs, manifest)
    (folder / "index.json").write_text(json.dumps(index))


def _put(blobs: Path, document: Any) -> dict[str, Any]:
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def survives_layouts(seeds: range, folder: Path) -> None:
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["A=b"], "WorkingDir": "/", "Cmd": ["x"]}}
    for seed in seeds:
        home, draw = folder / str(seed), random.Random(f"{SEED} layout {seed}")
        layout.write(home / "layout", Image(config, STACKS[draw.choice(sorted(STACKS))]))
        damage(home / "layout", draw)
        with suppress(LayerError):
            found = layout.read(home / "layout", most_bytes=MOST_BYTES)
            unpacked(found.layers, home / "beside")
            _, said = files.unpack(home / "layout", home / "files")
            assert all(isinstance(each, str) and "=" in each for each in said["Env"]), seed
            assert isinstance(said["WorkingDir"], str), seed


def test_damaged_layouts_are_refused_with_a_sentence(tmp_path: Path) -> None:
    survives_layouts(FEW, tmp_path)


@pytest.mark.soak
def test_thousands_of_damaged_layouts(tmp_path: Path) -> None:
    survives_layouts(MANY, tmp_path)
