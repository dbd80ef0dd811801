"""A saved image is read as it comes, in each form that engines give it, and only if it is what its digests say."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tars import hard, layer, member

from cutaway.images import layout, saved
from cutaway.images.layers import LayerError
from cutaway.images.layout import Image
from cutaway.images.stack import Stack, of_tar, step

LAYERS = [layer("etc/", "etc/key", member("big", content=bytes(100_000))), layer("etc/.wh.key"), layer("a")]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def config(layers: list[bytes]) -> bytes:
    history = [{"created_by": f"/bin/sh -c #(nop) COPY file:{sha(each)} in /x "} for each in layers]
    return json.dumps({"history": history, "rootfs": {"diff_ids": [f"sha256:{sha(each)}" for each in layers]}}).encode()


def archive(*layers: bytes, names: list[str] | None = None, **more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """As Docker writes it: the layers before the texts that tell which is which."""
    called = names or [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": called}]
    here = dict(zip(called, layers, strict=True))
    packed = [member(name, content=content) for name, content in here.items() if name not in more]
    texts = [member("c.json", content=config([*layers]))]
    texts += [member("manifest.json", content=json.dumps(manifest).encode())]
    return layer("0/", member("0/VERSION", content=b"1.0"), *packed, *more.values(), *texts)


def in_pieces(content: bytes, size: int = 1000) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def test_the_layers_are_those_that_went_in_and_their_digests_are_their_own() -> None:
    found = saved.read(in_pieces(archive(*LAYERS)))
    assert found.digest == f"sha256:{sha(config(LAYERS))}"
    assert found.digests == [f"sha256:{sha(each)}" for each in LAYERS]
    assert [each.name for each in found.stack.layers] == ["layer 0 COPY /x", "layer 1 COPY /x", "layer 2 COPY /x"]
    assert found.stack.pieces == Stack([of_tar(each, "") for each in LAYERS]).pieces
    assert found.stack.wasted_bytes() == len("etc/key")


def test_a_layer_that_is_there_twice_may_be_a_link_to_the_first() -> None:
    twice = tarfile.TarInfo("1/layer.tar")
    twice.type, twice.linkname = tarfile.SYMTYPE, "../0/layer.tar"
    found = saved.read(in_pieces(archive(LAYERS[0], LAYERS[0], **{"1/layer.tar": (twice, b"")})))
    assert found.digests == [f"sha256:{sha(LAYERS[0])}"] * 2


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["packed", "plain"])
def test_an_oci_layout_is_one_too(pack: type[bytes], tmp_path: Path) -> None:
    """As a Docker on containerd's store and a containerd write it; their layers are packed or not."""
    plain = Image(json.loads(config(LAYERS)), LAYERS)
    digest = layout.write(tmp_path, plain, "1")
    if pack is bytes:
        manifest = json.loads((tmp_path / "blobs/sha256" / digest.partition(":")[2]).read_bytes())
        for descriptor in manifest["layers"]:
            blob = tmp_path / "blobs" / descriptor["digest"].replace(":", "/")
            blob.write_bytes(gzip.decompress(blob.read_bytes()))  # read by its place, and judged by the plain tar
    found = saved.read(in_pieces(tarred(tmp_path)))
    assert found.digests == [f"sha256:{sha(each)}" for each in LAYERS]
    assert found.stack.pieces == Stack.of_image(plain).pieces


def test_of_an_index_the_image_that_is_there_is_read(tmp_path: Path) -> None:
    digest = layout.write(tmp_path, Image(json.loads(config(LAYERS)), LAYERS), "1")
    elsewhere = {"mediaType": layout.MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1}
    index = json.dumps({"manifests": [elsewhere, {"mediaType": layout.MANIFEST, "digest": digest, "size": 1}]}).encode()
    (tmp_path / "blobs/sha256" / sha(index)).write_bytes(index)
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [{"digest": f"sha256:{sha(index)}"}]}))
    assert len(saved.read(in_pieces(tarred(tmp_path))).layers) == len(LAYERS)


def tarred(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(folder, "")
    return packed.getvalue()


def damaged() -> dict[str, bytes]:
    whole = archive(*LAYERS)
    return {
        "cut": whole[: len(whole) // 2],
        "nothing": b"",
        "no tar": b"?" * 2000,
        "a tar of other things": layer("a", "b"),
        "a byte changed": whole.replace(b"etc/key", b"etc/kex"),
        "a layer that is not there": archive(*LAYERS, **{"1/layer.tar": member("1/other.tar", content=LAYERS[1])}),
    }


@pytest.mark.parametrize("how", damaged())
def test_what_is_damaged_is_refused_with_a_sentence(how: str) -> None:
    with pytest.raises(LayerError):
        saved.read(in_pieces(damaged()[how]))


def test_a_layer_packed_by_zstd_is_refused_with_what_to_do() -> None:
    with pytest.raises(LayerError, match=r"is packed by zstd, which is not read here; `skopeo copy --dest-compress-f"):
        saved.read(in_pieces(archive(b"\x28\xb5\x2f\xfd" + bytes(1000))))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/bin/sh -c #(nop) COPY file:d0f86f in /out ", "COPY /out"),
        ('/bin/sh -c #(nop)  CMD ["cat"]', 'CMD ["cat"]'),
        ("/bin/sh -c rm /key", "RUN rm /key"),
        ("RUN /bin/sh -c rm /key # buildkit", "RUN rm /key"),
        ("COPY key /key # buildkit", "COPY key /key"),
        ("", ""),
    ],
)
def test_a_step_is_called_as_its_dockerfile_called_it(written: str, meant: str) -> None:
    assert step(written) == meant


# --- Wasted bytes, by somebody else's unpacking -----------------------------


def drawn(dice: random.Random) -> tuple[list[bytes], int]:
    """A stack in which every file has bytes of its own, and how many bytes that is."""
    names, layers, whole = [f"{folder}{name}" for folder in ("", "d/", "d/e/") for name in "xyz"], [], 0
    for number in range(dice.randrange(2, 5)):
        members: dict[str, object] = {"d/": "d/", "d/e/": "d/e/"}
        files: list[str] = []
        for name in dice.sample(names, 4):
            fate = dice.choice(["file", "file", "whiteout", "hard", "opaque"])
            folder, _, last = name.rpartition("/")
            if fate == "hard" and files:
                members[name] = hard(name, dice.choice(files))
            elif fate == "whiteout" and number:
                members[name] = f"{folder}/.wh.{last}".lstrip("/")
            elif fate == "opaque" and number and folder:
                members[name] = f"{folder}/.wh..wh..opq"
            else:
                content = f"{number} {name} ".encode() + dice.randbytes(dice.randrange(1, 5000))
                members[name] = member(name, content=content)
                files.append(name)
                whole += len(content)
        layers.append(layer(*dict.fromkeys(members.values())))  # type: ignore[arg-type]
    return layers, whole


@pytest.mark.skipif(not shutil.which("umoci"), reason="needs umoci")
@pytest.mark.parametrize("seed", [*range(4), pytest.param("many", marks=pytest.mark.soak)])
def test_wasted_is_what_umoci_does_not_unpack(seed: int | str, tmp_path: Path) -> None:
    """The oracle knows neither layers nor whiteouts of ours: it looks which files' bytes are in umoci's tree."""
    for number in range(200) if seed == "many" else [seed]:
        layers, whole = drawn(random.Random(f"wasted {number}"))
        where = tmp_path / str(number)
        layout.write(where / "image", Image({"architecture": "amd64", "os": "linux"}, layers), "1")
        argv = ["umoci", "raw", "unpack", "--rootless", "--image", f"{where}/image:1", f"{where}/tree"]
        subprocess.run(argv, check=True, capture_output=True)
        inodes = {path.stat().st_ino: path for path in (where / "tree").rglob("*") if path.is_file()}
        found = sum(path.stat().st_size for path in inodes.values())
        stack = Stack.of_image(layout.read(where / "image"))
        assert (stack.size_bytes(), stack.wasted_bytes()) == (whole, whole - found), f"seed {number}"
