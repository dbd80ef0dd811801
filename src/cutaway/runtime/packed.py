"""What the command line loads, compiled, in one file: one place to read from, and no search for each of the modules.

A module is taken from there as long as its source has the size and the time that it had when it was packed; else, and
where there is no such file or none of this Python's, Python finds it as it finds any other.
launcher.py makes the file, beside the program that it writes. It begins with Python's magic number and the length of
the table that follows; behind that lie the modules, each of which is read when it is loaded.
"""

from __future__ import annotations

import marshal
import posix
import sys
from _frozen_importlib_external import MAGIC_NUMBER  # where importlib has it from

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Part = tuple[str, int, int, bool, int, int]  # source, its time and size, whether a package, where and how long
else:
    ModuleSpec = type(__spec__)

LENGTH_BYTES = 4


class Packed:
    """Finds and loads the modules of an open file: `table` is name -> Part, `start` where the first one begins."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        head = posix.read(fd, len(MAGIC_NUMBER) + LENGTH_BYTES)
        if not head.startswith(MAGIC_NUMBER):
            raise ValueError("packed by another Python")
        length = int.from_bytes(head[-LENGTH_BYTES:], "little")
        self.start = len(head) + length
        self.table: Mapping[str, Part] = marshal.loads(posix.read(fd, length))
        if posix.fstat(fd).st_size != self.start + sum(length for *_, length in self.table.values()):
            raise ValueError("cut short")

    def current(self, name: str) -> bool:
        """Whether a module's source is the one that was packed."""
        source, time_ns, size, *_ = self.table[name]
        try:
            now = posix.stat(source)
        except OSError:
            return False
        return (now.st_mtime_ns, now.st_size) == (time_ns, size)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What Python's own finders answer, for a module that is here and has not changed."""
        if name not in self.table or not self.current(name):
            return None
        source, _, _, is_package, *_ = self.table[name]
        spec = ModuleSpec(name, self, origin=source, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True  # so it has a __file__
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(source.rpartition("/")[0])
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """As Python makes any module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        *_, at, length = self.table[module.__name__]
        exec(marshal.loads(posix.pread(self.fd, length, self.start + at)), module.__dict__)


def unpacked(file: str) -> Packed | None:
    """What is in the file; None when there is none, when it is damaged, and when another Python has made it."""
    try:
        fd = posix.open(file, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Packed(fd)
    except (EOFError, ValueError, TypeError):
        posix.close(fd)
        return None


def use(file: str) -> None:
    """Load from the file what is in it, from now on."""
    if found := unpacked(file):
        sys.meta_path.insert(0, found)


def current(file: str) -> bool:
    """Whether there is such a file, and nothing of it has changed."""
    found = unpacked(file)
    if not found:
        return False
    posix.close(found.fd)
    return all(map(found.current, found.table))


def pack() -> bytes:
    """What such a file holds: all that the command line has loaded once it has entered a container."""
    from importlib import import_module
    from importlib.abc import InspectLoader

    for name in ("cli", "enter", "sealed"):
        import_module(f"cutaway.runtime.{name}")
    table, codes = {}, b""
    for name in sorted(each for each in sys.modules if each.split(".")[0] == "cutaway"):
        module = sys.modules[name]
        source, loader = str(module.__file__), module.__loader__
        assert isinstance(loader, InspectLoader)
        there = posix.stat(source)  # first: what is written meanwhile is newer than what is noted
        code = marshal.dumps(loader.get_code(name))
        is_package = hasattr(module, "__path__")
        table[name] = source, there.st_mtime_ns, there.st_size, is_package, len(codes), len(code)
        codes += code
    index = marshal.dumps(table)
    return bytes(MAGIC_NUMBER) + len(index).to_bytes(LENGTH_BYTES, "little") + index + codes
