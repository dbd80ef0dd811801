"""Layers become the files that umoci makes of them, and none reaches out of its folder."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tars import STACKS, hard, layer, link, member, tree

from cutaway.images import layers, layout
from cutaway.images.layers import LayerError, unpack
from cutaway.images.layout import Image


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.skipif(not shutil.which("umoci"), reason="needs umoci")
def test_the_files_are_those_that_umoci_unpacks(name: str, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    unpack(STACKS[name], ours)
    config = {"architecture": "amd64", "os": "linux", "config": {}}
    layout.write(tmp_path / "layout", Image(config, STACKS[name]))
    rootless = ["--rootless"] if os.geteuid() else []
    argv = ["umoci", "unpack", *rootless, "--image", f"{tmp_path}/layout:latest", str(tmp_path / "theirs")]
    subprocess.run(argv, check=True, capture_output=True)
    assert tree(ours) == tree(tmp_path / "theirs/rootfs")


# --- Ways out --------------------------------------------------------------


def outside(tmp_path: Path) -> str:
    return "../" * 20 + str(tmp_path / "outside").lstrip("/")


ATTACKS: dict[str, Callable[[Path], list[bytes]]] = {
    "dots": lambda out: [layer(f"{outside(out)}/x")],
    "an absolute name": lambda out: [layer(f"{out}/outside/x")],
    "dots in the middle": lambda out: [layer("a/", "a/../../x")],
    "through a link of its own": lambda out: [layer(link("a", str(out / "outside")), "a/x")],
    "through a link of the layer below": lambda out: [layer(link("a", str(out / "outside"))), layer("a/x")],
    "through a relative link": lambda out: [layer("d/", link("d/a", outside(out)), "d/a/x")],
    "a whiteout through a link": lambda out: [layer(link("a", str(out / "outside"))), layer("a/.wh.secret")],
    "an opaque folder through a link": lambda out: [layer(link("a", str(out / "outside"))), layer("a/.wh..wh..opq")],
    "a whiteout of the folder above": lambda out: [layer("a/", "a/.wh...")],
    "a hard link to outside": lambda out: [layer(hard("a", f"{outside(out)}/secret"))],
    "a hard link through a link": lambda out: [layer(link("l", str(out / "outside")), hard("a", "l/secret"))],
    "a device": lambda out: [layer(member("disk", tarfile.BLKTYPE, devmajor=254, devminor=0))],
    "a character device": lambda out: [layer(member("mem", tarfile.CHRTYPE, devmajor=1, devminor=1))],
    "more than allowed": lambda out: [layer(member("big", content=b"0" * 200_000))],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_written_outside(attack: str, tmp_path: Path) -> None:
    folder = tmp_path / "image"
    for each in (folder, tmp_path / "outside"):
        each.mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    with pytest.raises(LayerError, match="unpacking layer"):
        unpack(ATTACKS[attack](tmp_path), folder, most_bytes=100_000)
    assert tree(tmp_path / "outside") == {"secret": ("secret", (tmp_path / "outside/secret").stat().st_mode)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image", "outside"]
    assert "secret" not in [what for what, _ in tree(folder).values()]


def test_a_link_that_is_replaced_is_not_followed(tmp_path: Path) -> None:
    """A file over a link of the layer below takes the link's place; what it led to stays as it was."""
    (tmp_path / "victim").write_text("as it was")
    (tmp_path / "image").mkdir()
    unpack([layer(link("a", str(tmp_path / "victim"))), layer("a")], tmp_path / "image")
    assert (tmp_path / "victim").read_text() == "as it was"
    assert (tmp_path / "image/a").read_text() == "a"


@pytest.mark.parametrize("seed", range(40))
def test_damaged_archives_are_refused_with_a_sentence(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    last = member("b", content=b"b" * 3000)
    whole = bytearray(layer("a/", "a/x", link("l", "a/x"), hard("h", "a/x"), "a/.wh.y", last))
    for _ in range(draw.randrange(1, 30)):
        whole[draw.randrange(len(whole))] = draw.randrange(256)
    if draw.random() < 0.3:
        del whole[draw.randrange(len(whole)) :]
    (tmp_path / "image").mkdir()
    with suppress(LayerError):  # anything else that is raised fails the test
        unpack([bytes(whole)], tmp_path / "image", most_bytes=1 << 20)
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


# --- Layouts ---------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path) -> Path:
    stack = STACKS["an opaque folder"]
    layout.write(tmp_path / "layout", Image({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["x"]}}, stack))
    return tmp_path / "layout"


def test_what_is_written_is_read_again(written: Path) -> None:
    image = layout.read(written)
    assert image.layers == STACKS["an opaque folder"]
    assert image.config["config"] == {"Cmd": ["x"]}
    assert layout.read(written, "latest") == image


@pytest.mark.skipif(not shutil.which("skopeo"), reason="needs skopeo")
def test_skopeo_takes_our_layout_and_we_take_its(written: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    argv = ["skopeo", "--insecure-policy", "copy", f"oci:{written}:latest", f"oci:{copied}:again"]
    subprocess.run(argv, check=True, capture_output=True)
    assert layout.read(copied).layers == layout.read(written).layers


@pytest.mark.skipif(not shutil.which("skopeo"), reason="needs skopeo")
def test_a_layout_packed_by_zstd_is_refused_with_the_command_that_makes_one_which_is_not(
    written: Path, tmp_path: Path
) -> None:
    copy = ["skopeo", "--insecure-policy", "copy"]
    packed = ["--dest-compress", "--dest-compress-format", "zstd", f"oci:{written}:latest", f"oci:{tmp_path}/packed:1"]
    subprocess.run([*copy, *packed], check=True, capture_output=True)
    with pytest.raises(LayerError, match="is packed by zstd, which is not read here") as refused:
        layout.read(tmp_path / "packed")
    advice = str(refused.value).split("`")[1].removeprefix("skopeo copy").split()
    subprocess.run([*copy, *advice, f"oci:{tmp_path}/packed:1", f"oci:{tmp_path}/again:1"], check=True)
    assert layout.read(tmp_path / "again").layers == layout.read(written).layers


@pytest.mark.parametrize("damage", ["blob", "index", "missing", "name", "path", "deep"])
def test_a_damaged_layout_is_refused(damage: str, written: Path) -> None:
    index = json.loads((written / "index.json").read_text())
    blobs = sorted((written / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    if damage == "blob":
        blobs[0].write_bytes(blobs[0].read_bytes() + b" ")
    elif damage == "index":
        (written / "index.json").write_text("{}")
    elif damage == "deep":
        (written / "index.json").write_text('{"manifests": ' + "[" * 100_000)
    elif damage == "missing":
        blobs[-1].unlink()
    elif damage == "path":
        index["manifests"][0]["digest"] = "sha256:../../../../etc/passwd"
        (written / "index.json").write_text(json.dumps(index))
    with pytest.raises(LayerError):
        layout.read(written, "other" if damage == "name" else None)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    bomb = layer(member("zeros", content=bytes(50 << 20)))
    layout.write(tmp_path / "layout", Image({"config": {}}, [bomb]))
    with pytest.raises(LayerError, match="larger than 1048576 bytes"):
        layout.read(tmp_path / "layout", most_bytes=1 << 20)


def test_wrong_digests_are_refused() -> None:
    with pytest.raises(LayerError, match="are not those of sha256:00"):
        layers.verified(b"x", "sha256:00")
    with pytest.raises(LayerError, match="neither sha256 nor sha512"):
        layers.verified(b"x", "md5:00")
