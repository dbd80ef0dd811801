"""Lab 06: every right way passes, no cheat gains a point, and umoci makes the same of the layers that are drawn."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from answers import master, working_cells
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status
from cutaway.check.layered import own_layers, own_trap, packed, tree, wanted
from cutaway.images import layers, layout
from cutaway.images.layers import LayerError
from cutaway.images.layout import Image

LAB = "06-unpack"
GIVEN = [cell for cell in working_cells(master(LAB)) if "### BEGIN SOLUTION" not in cell]
SOLVED = [cell for cell in working_cells(master(LAB)) if "### BEGIN SOLUTION" in cell]


def results(folder: Path, cells: list[str], task: int | None = None) -> list[Result]:
    """What the checks say of a notebook with the given cells and these."""
    return of_cells(LAB, [*GIVEN, *cells], folder, task)


# --- Three other ways than the solution's ----------------------------------

BY_TARFILES_OWN_EXTRACT = """
from pathlib import Path, PurePosixPath

def place(folder, name):
    way = PurePosixPath(name)
    if way.is_absolute() or ".." in way.parts:
        raise Refused(name)
    here = Path(folder)
    for step in way.parts:
        if here.is_symlink():
            raise Refused(name)
        here /= step
    return str(here)

def put(tar, member, where, folder):
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        raise Refused(member.name)
    if member.islnk():
        place(folder, member.linkname)
    trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
    tar.extract(member, folder, **trusted)

def remove(path):
    if path.is_dir() and not path.is_symlink():
        for each in path.iterdir():
            remove(each)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)

def make_room(where, member):
    path = Path(where)
    if not (member.isdir() and path.is_dir() and not path.is_symlink()):
        remove(path)

def hide(where, laid):
    if where not in laid:
        remove(Path(where))
    else:
        clear(where, laid)

def clear(folder, laid):
    if Path(folder).is_dir() and not Path(folder).is_symlink():
        for each in Path(folder).iterdir():
            hide(str(each), laid)
"""

BY_OPEN_FOLDERS = """
import contextlib

NOT_THROUGH_LINKS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW

def steps_of(name):
    steps = [each for each in name.split("/") if each not in ("", ".")]
    if name[:1] == "/" or ".." in steps:
        raise Refused(name)
    return steps

def place(folder, name):
    steps = steps_of(name)
    here = os.open(folder, NOT_THROUGH_LINKS)
    with contextlib.suppress(FileNotFoundError):
        for each in steps[:-1]:
            try:
                here = os.open(each, NOT_THROUGH_LINKS, dir_fd=here)
            except NotADirectoryError:
                raise Refused(name)
    return "/".join([folder, *steps])

def at(top, steps, make=False):
    here = os.dup(top)
    for each in steps:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(each, dir_fd=here)
        try:
            here = os.open(each, NOT_THROUGH_LINKS, dir_fd=here)
        except NotADirectoryError:
            raise Refused("/".join(steps))
    return here

def is_folder(name, here):
    try:
        os.close(os.open(name, NOT_THROUGH_LINKS, dir_fd=here))
    except OSError:
        return False
    return True

def remove(name, here):
    if is_folder(name, here):
        shutil.rmtree(name, dir_fd=here)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=here)

def sweep(top, steps, new):
    if tuple(steps) not in new:
        with contextlib.suppress(FileNotFoundError):
            remove(steps[-1], at(top, steps[:-1]))
    elif is_folder(steps[-1], at(top, steps[:-1])):
        for each in os.listdir(at(top, steps)):
            sweep(top, [*steps, each], new)

def unpack(layers, folder):
    top = os.open(folder, NOT_THROUGH_LINKS)
    for path in layers:
        new = set()
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                *way, name = steps_of(member.name) or [None]
                if name is None:
                    continue
                if name == ".wh..wh..opq":
                    with contextlib.suppress(FileNotFoundError):
                        for each in os.listdir(at(top, way)):
                            sweep(top, [*way, each], new)
                elif name.startswith(".wh."):
                    sweep(top, [*way, *steps_of(name[4:])], new)
                else:
                    here = at(top, way, make=True)
                    if not (member.isdir() and is_folder(name, here)):
                        remove(name, here)
                    lay(top, tar, member, name, here)
                    new.update(tuple([*way, name][:depth]) for depth in range(1, len(way) + 2))

def lay(top, tar, member, name, here):
    if member.issym():
        return os.symlink(member.linkname, name, dir_fd=here)
    if member.islnk():
        *way, old = steps_of(member.linkname)
        return os.link(old, name, src_dir_fd=at(top, way), dst_dir_fd=here, follow_symlinks=False)
    if member.isdir():
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=here)
    elif member.isreg():
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=here), "wb") as file:
            file.write(tar.extractfile(member).read())
    else:
        raise Refused(name)
    os.chmod(name, member.mode, dir_fd=here)
"""

BY_TOOLS = """
import subprocess

def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

def place(folder, name):
    if name.startswith("/") or f"/{name}/".find("/../") >= 0:
        raise Refused(name)
    place = os.path.normpath(f"{folder}/{name}")
    above = os.path.dirname(place)
    if above != os.path.dirname(folder) and os.path.relpath(above, folder) != os.path.relpath(
        os.path.realpath(above), os.path.realpath(folder)
    ):
        raise Refused(name)
    return place

def put(tar, member, where, folder):
    if member.type in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        raise Refused(member.name)
    if member.type == tarfile.LNKTYPE:
        place(folder, member.linkname)
    run("tar", "--extract", "--preserve-permissions", "--no-same-owner", "--no-recursion", "--occurrence=1",
        "--file", tar.name, "--directory", folder, "--absolute-names", member.name + "/" * member.isdir())

def make_room(where, member):
    if not (member.isdir() and run("stat", "--format", "%F", where) == "directory\\n"):
        run("rm", "--recursive", "--force", where)

def hide(where, laid):
    if where in laid:
        clear(where, laid)
    else:
        run("rm", "--recursive", "--force", where)

def clear(folder, laid):
    if os.path.lexists(folder):
        for each in run("find", folder, "-mindepth", "1", "-maxdepth", "1").splitlines():
            hide(each, laid)
"""

WAYS = {
    "tarfile's own extract": BY_TARFILES_OWN_EXTRACT,
    "open folders, and a loop of one's own": BY_OPEN_FOLDERS,
    "tar, find and rm": BY_TOOLS,
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_another_way_earns_every_point(way: str, tmp_path: Path) -> None:
    said = results(tmp_path, [way])
    assert unmet(said) == []
    assert sum(each.earned for each in said) == 20


AS_NOBODY = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:]
from test_06_unpack import SOLVED, Status, results
print([each.name for each in results(Path.cwd(), SOLVED) if each.status is not Status.PASSED])
"""


@pytest.mark.soak
def test_an_ordinary_user_can_do_the_lab(as_ordinary_user: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    script = f"import os, tempfile; os.chdir(tempfile.mkdtemp())\n{AS_NOBODY}"
    done = as_ordinary_user("-c", script, str(Path(__file__).parent), str(Path(__file__).parents[1]))
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


# --- Cheats ----------------------------------------------------------------

CHEATS = {
    "refuses everything": (1, "def place(folder, name):\n    raise Refused(name)"),
    "returns what equals everything": (
        1,
        "class Sly(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\n"
        "def place(folder, name):\n    return Sly(name)",
    ),
    "unpacks nothing": (2, "def unpack(layers, folder):\n    return"),
    "unpacks elsewhere": (2, "def unpack(layers, folder):\n    os.symlink('/usr', os.path.join(folder, 'x'))"),
    "puts nothing there": (2, "def put(tar, member, where, folder):\n    return"),
    "keeps the marks": (4, "def hide(where, laid):\n    open(where, 'w').close()"),
    "removes the image": (5, "def clear(folder, laid):\n    shutil.rmtree(folder, ignore_errors=True)"),
    "asks the course": (5, "def clear(folder, laid):\n    import cutaway.images.layers"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("task", "cheat"), CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(task: int, cheat: str, tmp_path: Path) -> None:
    said = results(tmp_path, [*SOLVED[: task - 1], cheat], task)
    assert sum(each.earned for each in said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}


@pytest.mark.parametrize(
    "statement", ["import cutaway.images.layers", "from cutaway.images import layers", "import cutaway.images.files"]
)
def test_the_courses_own_unpacker_cannot_be_had_in_the_lab(statement: str, tmp_path: Path) -> None:
    said = results(tmp_path, [f"def place(folder, name):\n    {statement}"], 1)
    assert re.search("it holds the answer of lab 06-unpack", said[0].observed), said[0]


# --- What is drawn ---------------------------------------------------------


@pytest.mark.skipif(not shutil.which("umoci"), reason="needs umoci")
@pytest.mark.parametrize("seed", range(3))
def test_the_files_of_the_layers_that_are_drawn_are_those_that_umoci_unpacks(seed: int, tmp_path: Path) -> None:
    tars = [Path(each).read_bytes() for each in packed(tmp_path, own_layers(Random(seed)))]
    (tmp_path / "ours").mkdir()
    layers.unpack(tars, tmp_path / "ours")
    layout.write(tmp_path / "layout", Image({"architecture": "amd64", "os": "linux", "config": {}}, tars))
    rootless = ["--rootless"] if os.geteuid() else []
    argv = ["umoci", "unpack", *rootless, "--image", f"{tmp_path}/layout:latest", str(tmp_path / "theirs")]
    subprocess.run(argv, check=True, capture_output=True)
    assert tree(tmp_path / "ours") == tree(tmp_path / "theirs/rootfs")


def test_every_learner_is_drawn_something_else_with_all_of_it_in(tmp_path: Path) -> None:
    drawn = [own_layers(Random(seed)) for seed in range(50)]
    assert len(set(map(str, drawn))) == 50
    for each in drawn:
        text = str(each)
        assert all(sign in text for sign in (".wh..wh..opq", ".wh.", " -> ", " == ", "1777 ", "640 ")), each
    for seed in range(10):
        with pytest.raises(LayerError, match="leads out"):
            layers.unpack([Path(packed(tmp_path, [own_trap(Random(seed))])[0]).read_bytes()], tmp_path)


def test_what_is_written_in_lines_is_read_again_in_the_same_lines(tmp_path: Path) -> None:
    lines = ["a/", "600 a/f = text with = signs", "a/g == a/f", "l -> a/f", "1777 t/", "empty ="]
    (tmp_path / "root").mkdir()
    layers.unpack([Path(packed(tmp_path, [lines])[0]).read_bytes()], tmp_path / "root")
    assert [each.rstrip() for each in tree(tmp_path / "root")] == wanted(lines)
    with pytest.raises(ValueError, match="it is no line about a member"):
        packed(tmp_path, [["two words"]])
