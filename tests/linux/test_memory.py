"""What a process has in memory, compared with what it mapped itself."""

import ctypes
import mmap
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from cutaway.linux import Mapping, memory_map


def at(address: int, pid: int | str = "self") -> Mapping:
    (found,) = [each for each in memory_map(pid) if each.start <= address < each.end]
    return found


def address_of(mapped: mmap.mmap) -> int:
    view = ctypes.c_char.from_buffer(mapped)
    address = ctypes.addressof(view)
    del view
    return address


@pytest.mark.parametrize(("flags", "last"), [(mmap.MAP_SHARED, "s"), (mmap.MAP_PRIVATE, "p")])
def test_a_mapped_file_is_found_with_its_whole_name_and_permissions(flags: int, last: str, tmp_path: Path) -> None:
    path = tmp_path / "a name  with spaces"
    path.write_bytes(bytes(3 * mmap.PAGESIZE))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, flags=flags) as mapped:
        found = at(address_of(mapped) + mmap.PAGESIZE)
        assert (found.path, found.permissions, found.end - found.start) == (str(path), f"rw-{last}", 3 * mmap.PAGESIZE)
        assert str(found) == f"rw-{last}         {3 * mmap.PAGESIZE // 1024} KiB  {path}"


def test_memory_without_a_file_has_no_name() -> None:
    with mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapped:
        assert at(address_of(mapped)).path == ""
        assert "(anonymous)" in str(at(address_of(mapped)))


def test_another_process_is_read_by_its_number_from_low_addresses_to_high() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        found = memory_map(other.pid)
        other.communicate(b"\n")
    assert found != memory_map()
    assert "[stack]" in {each.path for each in found}
    assert [each.start for each in found] == sorted(each.start for each in found)
    assert all(low.end <= high.start for low, high in pairwise(found))


def test_a_process_that_has_gone_has_no_map() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with pytest.raises(FileNotFoundError, match=f"/proc/{gone.pid}/maps"):
        memory_map(gone.pid)


def test_the_code_that_runs_may_not_be_written_to() -> None:
    code = at(ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value or 0)
    assert "x" in code.permissions
    assert "w" not in code.permissions
    assert Path(code.path).is_file()
