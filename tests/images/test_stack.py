"""The stack says what unpacking makes, names who hides what, and counts the bytes that nobody finds."""

from __future__ import annotations

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from tars import STACKS, hard, layer, link, member, tree

from cutaway.images import layers, layout, upper
from cutaway.images.layers import LayerError
from cutaway.images.layout import Image
from cutaway.images.stack import Fate, Kind, Piece, Stack, of_tar, shown
from cutaway.linux import Enclosed
from cutaway.linux import Kind as Namespace


def stacked(*tars: bytes) -> Stack:
    return Stack([of_tar(each, f"layer {number}") for number, each in enumerate(tars)])


def at(stack: Stack, path: str, layer: int) -> Piece:
    (piece,) = [each for each in stack.pieces if "/".join(each.place) == path and each.layer == layer]
    return piece


@pytest.mark.parametrize("name", STACKS)
def test_what_is_visible_is_what_unpacking_makes(name: str, tmp_path: Path) -> None:
    layers.unpack(STACKS[name], tmp_path)
    visible = {"/".join(place) for place in stacked(*STACKS[name]).visible}
    assert visible == set(tree(tmp_path))


def test_each_hidden_file_names_its_fate_and_the_layer_that_decided() -> None:
    stack = stacked(
        layer("a/", "a/gone", "a/new", "b/", "b/old", "c"),
        layer("a/", "a/.wh.gone", "a/new"),
        layer("b/", "b/.wh..wh..opq", "b/fresh"),
    )
    fates = {(path, number): at(stack, path, number) for path, number in [("a/gone", 0), ("a/new", 0), ("b/old", 0)]}
    assert [(each.fate, each.by) for each in fates.values()] == [
        (Fate.WHITEOUT, 1),
        (Fate.REPLACED, 1),
        (Fate.OPAQUE, 2),
    ]
    assert stack.said(at(stack, "b/old", 0)) == "hidden by layer 2: opaque folder"
    assert at(stack, "b", 0).visible, "an opaque folder is still there"
    assert stack.upto(1).wasted_bytes() == 0


def test_wasted_bytes_are_those_of_files_that_have_no_visible_name() -> None:
    big = member("big", content=b"x" * 1000)
    stack = stacked(layer(big, hard("again", "big"), "small"), layer(".wh.big", ".wh.small"))
    assert stack.wasted_bytes() == len("small"), "big is still there under its other name"
    assert stacked(layer(big, hard("again", "big")), layer(".wh.big", ".wh.again")).wasted_bytes(0) == 1000
    assert stack.size_bytes() == 1000 + len("small")


def test_names_are_shown_as_one_writes_them() -> None:
    stack = stacked(layer("d/", "f", link("l", "d/x"), hard("h", "f")))
    assert [shown(piece) for piece in stack.pieces] == ["d/", "f", "h = f", "l -> d/x"]


def test_the_layers_of_an_image_are_called_by_the_commands_that_made_them(tmp_path: Path) -> None:
    history = [{"created_by": "ADD base"}, {"created_by": "ENV x", "empty_layer": True}, {"created_by": "RUN make"}]
    layout.write(tmp_path, Image({"config": {}, "history": history}, [layer("a"), layer("b")]))
    stack = Stack.of_image(layout.read(tmp_path))
    assert [each.name for each in stack.layers] == ["layer 0 ADD base", "layer 1 RUN make"]
    assert [each.name for each in Stack.of_image(Image({}, [layer("a")])).layers] == ["layer 0"]


@pytest.mark.parametrize(("bad", "why"), [(b"no tar" * 100, "reading layer 'layer 0'"), (layer("../x"), "leads out")])
def test_a_layer_that_cannot_be_read_is_refused_with_a_sentence(bad: bytes, why: str) -> None:
    with pytest.raises(LayerError, match=why):
        stacked(bad)


# --- What an overlay wrote --------------------------------------------------

LOWER = {"kept": "k", "gone": "g", "changed": "old", "d/old": "o", "d/sub/deep": "s", "e/x": "x"}
CHANGES = (
    "rm gone; printf new > changed; rm -r d; mkdir d; printf n > d/new; rm -r e; ln -s kept e; ln kept twin; mkdir m"
)


@pytest.fixture
def overlaid(tmp_path: Path) -> tuple[Path, dict[str, tuple[str, int]]]:
    """A folder with lower and upper, and what the kernel showed of both after the changes."""
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    for name, text in LOWER.items():
        (tmp_path / "lower" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lower" / name).write_text(text)
    with Enclosed({Namespace.USER, Namespace.MNT}) as box:
        how = "userxattr,lowerdir=lower,upperdir=upper,workdir=work"
        box.run(f"cd {tmp_path} && mount -t overlay none -o {how} merged && cd merged && {CHANGES}")
        seen = tree(Path(f"/proc/{box.pid}/root{tmp_path}/merged"))
    return tmp_path, seen


def test_an_upper_folder_becomes_a_layer_that_unpacks_to_what_the_kernel_showed(
    overlaid: tuple[Path, dict[str, tuple[str, int]]],
) -> None:
    folder, seen = overlaid
    tars = [upper.as_layer(folder / name) for name in ("lower", "upper")]
    (folder / "unpacked").mkdir()
    layers.unpack(tars, folder / "unpacked")
    assert tree(folder / "unpacked") == seen
    stack = Stack.of(lower=folder / "lower", upper=folder / "upper")
    assert {"/".join(place) for place in stack.visible} == set(seen)
    assert at(stack, "d/sub/deep", 0).fate is Fate.OPAQUE
    assert at(stack, "e", 1).kind is Kind.LINK


def test_equal_folders_give_equal_layers_whenever_they_were_written(tmp_path: Path) -> None:
    for name, when in (("one", 1), ("other", 2)):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "d/f").write_text("f")
        os.utime(tmp_path / name / "d/f", (when, when))
    one, other = (upper.as_layer(tmp_path / name) for name in ("one", "other"))
    assert one == other
    with tarfile.open(fileobj=BytesIO(one)) as tar:
        assert {(each.uid, each.mtime) for each in tar} == {(0, 0)}
