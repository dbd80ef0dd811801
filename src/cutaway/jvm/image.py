"""The class library: read from the Java that is installed, one class at a time.

Java keeps its library in one file, `lib/modules`, the jrt image: a header, a perfect hash table over the names of all
resources, and the resources themselves. (The format is the JDK's own, `jdk.internal.jimage`; it is not specified.)
The file is mapped, so a lookup reads a few pages, and starting costs nothing however large the library is.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cutaway.jvm.problems import NoJava

IMAGE_MAGIC: Final = 0xCAFEDADA
HASH_SEED: Final = 0x01000193  # FNV's prime, which is also the hash's multiplier
MODULES: Final = ("java.base", "java.logging")
END, OFFSET, COMPRESSED, SIZE = 0, 5, 6, 7  # kinds of location attribute that matter here


class Image:
    """The jrt image of one Java home."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.order = "<" if struct.unpack_from("<I", self.bytes)[0] == IMAGE_MAGIC else ">"
        magic, _version, _flags, _resources, self.slots, locations, strings = struct.unpack_from(
            f"{self.order}7I", self.bytes
        )
        if magic != IMAGE_MAGIC:
            raise NoJava(f"{path}: not a Java image (its first word is {magic:#x}); reinstall the JDK")
        self.redirects = 28
        self.offsets = self.redirects + 4 * self.slots
        self.locations = self.offsets + 4 * self.slots
        self.strings = self.locations + locations
        self.content = self.strings + strings

    def class_bytes(self, name: str) -> bytes | None:
        """The class file of `name` (`java/lang/Object`), or None."""
        for module in MODULES:
            found = self._resource(f"/{module}/{name}.class")
            if found is not None:
                return found
        return None

    def _resource(self, name: str) -> bytes | None:
        raw = name.encode()
        index = _hash(raw) % self.slots
        (redirect,) = struct.unpack_from(f"{self.order}i", self.bytes, self.redirects + 4 * index)
        if redirect < 0:
            index = -1 - redirect
        elif redirect > 0:
            index = _hash(raw, redirect) % self.slots
        else:
            return None
        (location,) = struct.unpack_from(f"{self.order}I", self.bytes, self.offsets + 4 * index)
        attributes = dict(self._attributes(self.locations + location))
        if self._name(attributes) != raw:
            return None
        if attributes.get(COMPRESSED):
            raise NoJava(f"{self.path}: its resources are compressed; name a JDK with a plain image in JAVA_HOME")
        start = self.content + attributes.get(OFFSET, 0)
        return self.bytes[start : start + attributes[SIZE]]

    def _attributes(self, at: int) -> Iterator[tuple[int, int]]:
        """A location's attributes: each a byte of kind and length, then a big-endian number."""
        while (head := self.bytes[at]) >> 3 != END:
            length = (head & 7) + 1
            yield head >> 3, int.from_bytes(self.bytes[at + 1 : at + 1 + length], "big")
            at += 1 + length

    def _name(self, attributes: dict[int, int]) -> bytes:
        module, parent, base, extension = (self._string(attributes.get(kind, 0)) for kind in (1, 2, 3, 4))
        return b"/%b/%b/%b.%b" % (module, parent, base, extension)

    def _string(self, offset: int) -> bytes:
        start = self.strings + offset
        return self.bytes[start : self.bytes.find(b"\0", start)]


def _hash(name: bytes, seed: int = HASH_SEED) -> int:
    for byte in name:
        seed = (seed * HASH_SEED ^ byte) & 0xFFFFFFFF
    return seed & 0x7FFFFFFF


class ClassPath:
    """Where classes come from: folders first for the program, the image for the library."""

    def __init__(self, folders: list[Path], image: Image) -> None:
        self.folders, self.image = folders, image

    def find(self, name: str) -> tuple[bytes, bool] | None:
        """A class's bytes, and whether they are the library's (and so trusted)."""
        library = self.image.class_bytes(name)
        if library is not None:
            return library, True
        for folder in self.folders:
            path = folder / f"{name}.class"
            if "\0" not in name and len(name) < 4000 and ".." not in name.split("/") and path.is_file():
                return path.read_bytes(), False
        return None


def java_home() -> Path:
    """The folder of the Java to read the library from: JAVA_HOME, else the one whose `java` is on the PATH."""
    named = os.environ.get("JAVA_HOME")
    found = shutil.which("java")
    for home in ([Path(named)] if named else []) + ([Path(found).resolve().parent.parent] if found else []):
        if (home / "lib" / "modules").is_file():
            return home
    raise NoJava(
        "no Java class library was found on this machine (JAVA_HOME, PATH); "
        "install a JDK 17, e.g. `apt install openjdk-17-jdk-headless`"
    )


def feature_version(home: Path) -> int:
    """17 for OpenJDK 17.0.9: what its `release` file says, else the version that this machine was written against."""
    release = home / "release"
    if release.is_file():
        for line in release.read_text().splitlines():
            if line.startswith("JAVA_VERSION="):
                return int(line.split('"')[1].split(".")[0].split("-")[0].split("+")[0])
    return 17
