"""A stack of layers as one tree: which layer each file comes from, what is hidden, and how many bytes lie there unseen.

Reads names alone, from the layers as they are, and unpacks nothing: `layers.unpack` makes the files that are visible
here. Wasted are the bytes of files that have no visible name left: they are stored and carried about with the image,
and no program in it finds them. Taught in notebooks 08 and 13. Reading order: words, one layer, the stack.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import IO, Any

from cutaway.images.layers import OPAQUE, WHITEOUT, LayerError, way
from cutaway.images.layout import Image
from cutaway.images.upper import members

# --- Words -----------------------------------------------------------------

NAME_CHARACTERS = 40  # of a layer

BY_A_SHELL = re.compile(r"^(?:RUN )?/bin/sh -c (?:#\(nop\) *)?")  # as builders write a step down in an image's history
BY_DIGEST = re.compile(r"\b(?:file|dir|multi):[0-9a-f]+ in ")

Place = tuple[str, ...]  # the names on the way from the root folder: ("etc", "motd")


class Kind(Enum):
    """What lies at a place."""

    FOLDER = "folder"
    FILE = "file"
    LINK = "link"


class Fate(Enum):
    """What became of it in the layers above."""

    VISIBLE = "visible"
    REPLACED = "replaced"
    WHITEOUT = "whiteout"
    OPAQUE = "opaque folder"


@dataclass(frozen=True)
class Piece:
    """What one layer has at one place, and its fate; `by` is the number of the layer that hides it."""

    place: Place
    kind: Kind
    size_bytes: int = 0
    target: str = ""  # of a link
    same_as: Place = ()  # the name under which the layer has the bytes, if this is another hard link to them
    layer: int = 0  # its number in the stack
    fate: Fate = Fate.VISIBLE
    by: int | None = None

    @property
    def visible(self) -> bool:
        return self.fate is Fate.VISIBLE


# --- One layer -------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """What one layer says: these are there, these names of the layers below are gone, these folders were emptied."""

    name: str
    pieces: Mapping[Place, Piece]
    whiteouts: frozenset[Place]
    opaque: frozenset[Place]


def of_tar(packed: bytes | IO[bytes], name: str) -> Layer:
    """A layer of an image, whole or as it comes."""
    source = io.BytesIO(packed) if isinstance(packed, bytes) else packed
    try:
        with tarfile.open(fileobj=source, mode="r|*") as tar:
            return of_members(tar, name)
    except tarfile.TarError as error:
        raise LayerError(f"reading layer {name!r}: {error}") from None


def of_folder(folder: Path, name: str) -> Layer:
    """A folder that an overlay has as one of its lower folders, or as its upper one."""
    with tarfile.open(fileobj=io.BytesIO(), mode="w") as nothing_is_packed:
        return of_members((member for member, _ in members(folder, nothing_is_packed)), name)


def of_members(those: Iterable[tarfile.TarInfo], name: str) -> Layer:
    """The layer with these members."""
    pieces: dict[Place, Piece] = {}
    whiteouts, opaque = set(), set()
    for member in those:
        place = way(member.name)
        if not place:
            continue
        if place[-1] == OPAQUE:
            opaque.add(place[:-1])
        elif place[-1].startswith(WHITEOUT):
            whiteouts.add((*place[:-1], place[-1].removeprefix(WHITEOUT)))
        else:
            pieces[place] = _piece(member, place)
    return Layer(name, pieces, frozenset(whiteouts), frozenset(opaque))


def _read(layer: Path | bytes, name: str) -> Layer:
    return of_tar(layer, name) if isinstance(layer, bytes) else of_folder(layer, name)


def _piece(member: tarfile.TarInfo, place: Place) -> Piece:
    if member.isdir():
        return Piece(place, Kind.FOLDER)
    if member.issym():
        return Piece(place, Kind.LINK, target=member.linkname)
    same_as = way(member.linkname) if member.islnk() else ()
    return Piece(place, Kind.FILE, member.size, same_as=same_as)


# --- The stack -------------------------------------------------------------


class Stack:
    """Layers over one another, the lowest first."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = [replace(layer, pieces=_numbered(layer, number)) for number, layer in enumerate(layers)]
        self._seen: dict[Place, Piece] = {}
        self._hidden: list[Piece] = []
        self._bytes_of: dict[tuple[int, Place], tuple[int, Place]] = {}  # hard links: whose bytes a name shows
        for number, layer in enumerate(self.layers):
            self._put(number, layer)

    @classmethod
    def of(cls, **layers: Path | bytes) -> Stack:
        """Folders of an overlay, or layers as tars, the lowest first, each under a name."""
        return cls([_read(each, name) for name, each in layers.items()])

    @classmethod
    def of_image(cls, image: Image) -> Stack:
        """The layers of an image, each under its name."""
        called = names(image.config, len(image.layers))
        return cls([of_tar(packed, name) for packed, name in zip(image.layers, called, strict=True)])

    def _put(self, number: int, layer: Layer) -> None:
        """Lay one layer over those before; its marks concern those alone, so they come first."""
        for place in layer.whiteouts:
            self._hide(self._at_or_below(place), Fate.WHITEOUT, number)
        for place in layer.opaque:
            self._hide([each for each in self._at_or_below(place) if each != place], Fate.OPAQUE, number)
        for place, piece in layer.pieces.items():
            old = self._seen.get(place)
            if old and not (old.kind is piece.kind is Kind.FOLDER):
                self._hide(self._at_or_below(place), Fate.REPLACED, number)
            self._bytes_of[number, place] = self._whose(piece)
            self._seen.setdefault(place, piece)  # a folder stays the lowest layer's, and others add to it

    def _whose(self, piece: Piece) -> tuple[int, Place]:
        """The file whose bytes a piece shows: its own, or, of a hard link, one of this layer or of those below."""
        linked = self._seen.get(piece.same_as) if piece.same_as else None
        return self._bytes_of[linked.layer, linked.place] if linked else (piece.layer, piece.place)

    def _at_or_below(self, place: Place) -> list[Place]:
        old = self._seen.get(place)
        if old and old.kind is not Kind.FOLDER:
            return [place]
        return [each for each in self._seen if each[: len(place)] == place]

    def _hide(self, places: Iterable[Place], fate: Fate, by: int) -> None:
        self._hidden += [replace(self._seen.pop(place), fate=fate, by=by) for place in places]

    def upto(self, number: int) -> Stack:
        """The lowest `number` layers."""
        return Stack(self.layers[:number])

    @cached_property
    def pieces(self) -> list[Piece]:
        """All that any layer has, by place; of one place the uppermost first."""
        return sorted([*self._seen.values(), *self._hidden], key=lambda piece: (piece.place, -piece.layer))

    @property
    def visible(self) -> dict[Place, Piece]:
        """What a program in this image finds, by place."""
        return dict(sorted(self._seen.items()))

    def size_bytes(self, layer: int | None = None) -> int:
        """What all files take, or those of one layer; hard links once."""
        return sum(piece.size_bytes for piece in self.pieces if layer in (None, piece.layer))

    def wasted_bytes(self, layer: int | None = None) -> int:
        """What is stored and carried about, and no program ever finds: the files of which no name is visible."""
        found = {self._bytes_of[piece.layer, piece.place] for piece in self._seen.values()}
        hidden = [piece for piece in self._hidden if layer in (None, piece.layer)]
        return sum(piece.size_bytes for piece in hidden if (piece.layer, piece.place) not in found)

    def said(self, piece: Piece) -> str:
        """The fate of a piece in words."""
        if piece.visible:
            return ""
        assert piece.by is not None
        return f"hidden by {self.layers[piece.by].name}: {piece.fate.value}"


def names(config: Mapping[str, Any], number: int) -> list[str]:
    """What to call an image's layers: by their numbers, and the steps that made them, where the image tells."""
    history = [each for each in config.get("history") or () if not each.get("empty_layer")]
    said = [shorten(step(str(each.get("created_by", ""))), NAME_CHARACTERS, placeholder=" ...") for each in history]
    return [f"layer {at} {said[at] if at < len(said) else ''}".rstrip() for at in range(number)]


def step(created_by: str) -> str:
    """What the Dockerfile said, from what the builder wrote down: the classic one, BuildKit or Podman's."""
    plain, by_a_shell = BY_A_SHELL.subn("", created_by)
    run = "RUN " if by_a_shell and "#(nop)" not in created_by else ""
    return run + BY_DIGEST.sub("", plain).removesuffix("# buildkit").strip()


def _numbered(layer: Layer, number: int) -> dict[Place, Piece]:
    return {place: replace(piece, layer=number) for place, piece in layer.pieces.items()}


def shown(piece: Piece) -> str:
    """The last name of a piece as one writes it: a folder with a slash, a link with its target."""
    name = os.fsencode(piece.place[-1]).decode(errors="backslashreplace")
    if piece.kind is Kind.FOLDER:
        return f"{name}/"
    if piece.kind is Kind.LINK:
        return f"{name} -> {piece.target}"
    return f"{name} = {'/'.join(piece.same_as)}" if piece.same_as else name
