"""A kernel for the guest: found on this machine, or fetched as the distribution's package and unpacked, not installed.

Looked for in this order: what CUTAWAY_GUEST_KERNEL names, what /boot shows to this user, what was fetched before, and
then the package. A kernel serves when its modules are there, with all that a lab machine needs: a "cloud" one lacks 9p.
Reading order: words, finding, modules, fetching, unpacking an image.
"""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
from functools import cache as once
from pathlib import Path
from typing import NamedTuple

from elftools.elf.elffile import ELFFile

from cutaway.ground import programs
from cutaway.ground.guest import cache
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

OVERRIDE = "CUTAWAY_GUEST_KERNEL"
DRIVERS = ("virtio_pci", "virtio_console", "virtio_net", "virtio_blk", "9pnet_virtio", "9p", "overlay", "squashfs")
LOADED_FIRST = tuple(driver for driver in DRIVERS if driver != "squashfs")  # what every machine uses

PACKAGE = "linux-image-amd64"
FETCH_S = 600
UNPACKED = ("boot/vmlinuz-", "lib/modules/")
LEFT_OUT = (
    *("sound/", "drivers/gpu/", "drivers/media/", "drivers/net/ethernet/", "drivers/net/wireless/", "drivers/net/usb/"),
    *("drivers/scsi/", "drivers/infiniband/", "drivers/iio/", "drivers/usb/", "drivers/hid/", "drivers/staging/"),
)

# Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header": offsets in a bzImage
SETUP_SECTORS_AT, MAGIC_AT, VERSION_AT, PAYLOAD_AT = 0x1F1, 0x202, 0x20E, 0x248
MAGIC, SECTOR = b"HdrS", 512
HEADER_BYTES = 1 << 16


class Kernel(NamedTuple):
    """A kernel that QEMU can boot: its release as uname tells it, its image, and the folder with its modules."""

    release: str
    image: Path
    modules: Path


class Unfit(Exception):
    """Why a file is no kernel for a lab machine."""


# --- Finding ---------------------------------------------------------------


def find(fetch_it: bool = True) -> Kernel:
    """The kernel that guests run; fetched if there is none (71 MB, once). A Problem says why there is none."""
    named = os.environ.get(OVERRIDE)
    places = [Path(named)] if named else [*_newest(Path("/boot")), *_newest(cache.folder(), "kernel-*/boot/")]
    refusals = []
    for place in places:
        try:
            return examined(place)
        except (Unfit, OSError) as why:
            cause = os.strerror(why.errno or 0).lower() if isinstance(why, OSError) else str(why)
            refusals.append(f"{place}: {cause}")
    if named or not fetch_it:
        raise Problem(f"looking for a guest kernel: {'; '.join(refusals) or 'there is none yet'}; {remedy()}")
    return examined(fetched(refusals))


def examined(image: Path) -> Kernel:
    """The kernel in the file `image`, with its modules from beside it or from /lib/modules; Unfit or OSError else."""
    release = release_of(image)
    beside = image.parent.parent / "lib/modules" / release
    kernel = Kernel(release, image, beside if beside.exists() else Path("/lib/modules", release))
    _serves(kernel, kernel.modules.stat().st_mtime_ns)
    return kernel


@once
def _serves(kernel: Kernel, of: int) -> None:
    """Look through the modules, whose folder was changed at the time `of`; Unfit unless all that is needed is there."""
    needed_modules(kernel, DRIVERS)


def release_of(image: Path) -> str:
    """The release that a bzImage tells in its header."""
    with image.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if header[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
        raise Unfit("no boot header")
    (offset,) = struct.unpack_from("<H", header, VERSION_AT)
    return header[offset + SECTOR :].split(b"\0", 1)[0].split(b" ", 1)[0].decode()


def _newest(folder: Path, below: str = "") -> list[Path]:
    return sorted(folder.glob(f"{below}vmlinuz-*"), key=lambda path: path.stat().st_mtime, reverse=True)


# --- Modules ---------------------------------------------------------------


def needed_modules(kernel: Kernel, drivers: tuple[str, ...]) -> list[Path]:
    """The files of `drivers` and of all that they depend on, in the order in which they can be loaded."""
    files = {_plain(path): path for path in (kernel.modules / "kernel").rglob("*.ko*")}
    built_in = {_plain(Path(line)) for line in _lines(kernel.modules / "modules.builtin")}
    ordered: dict[str, Path] = {}

    def visit(name: str) -> None:
        if name in ordered or name in built_in:
            return
        if name not in files:
            raise Unfit(f"{kernel.release} has no {name} in {kernel.modules}")
        for other in dependencies(files[name]):
            visit(other)
        ordered[name] = files[name]

    for driver in drivers:
        visit(driver)
    return list(ordered.values())


def dependencies(module: Path) -> list[str]:
    """The modules that must be loaded before this one, as its .modinfo section says."""
    section = ELFFile(io.BytesIO(module_bytes(module))).get_section_by_name(".modinfo")
    facts = section.data().split(b"\0") if section else []
    named = next((fact.partition(b"=")[2] for fact in facts if fact.startswith(b"depends=")), b"")
    return [name.replace("-", "_") for name in named.decode().split(",") if name]


def module_bytes(module: Path) -> bytes:
    """A module as the kernel takes it; distributions compress theirs."""
    return unpacked(module.read_bytes())


def _plain(path: Path) -> str:
    return path.name.partition(".ko")[0].replace("-", "_")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


# --- Fetching --------------------------------------------------------------


def fetched(refusals: list[str]) -> Path:
    """The image out of the distribution's newest kernel package, which is unpacked into the cache."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        why = "; ".join([*refusals, "this system has no apt-get to fetch one"])
        raise Problem(f"looking for a guest kernel: {why}; {remedy()}")
    package = _newest_package()
    release = package.removeprefix("linux-image-")
    place = cache.kept(f"kernel-{release}", lambda draft: _unpack(package, draft))
    return place / "boot" / f"vmlinuz-{release}"


def fetchable() -> bool:
    """Whether this system has what fetches a kernel, and its package lists have one."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb") and programs.known([PACKAGE]))


def _newest_package() -> str:
    """What the package of packages depends on now."""
    listed = _apt(["apt-cache", "depends", "--important", PACKAGE]).splitlines()
    found = [line.split()[-1] for line in listed if "Depends:" in line and "linux-image-" in line]
    if not found:
        raise Problem(f"looking for a guest kernel: the package lists have no {PACKAGE}; run `apt-get update` as root")
    return found[0]


def _unpack(package: str, draft: Path) -> None:
    """Download the package, and keep of it the kernel and the modules that a guest under QEMU can use."""
    _apt(["apt-get", "download", package], draft)
    (archive,) = draft.glob("*.deb")
    words = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE) as package_tool,
        tarfile.open(fileobj=package_tool.stdout, mode="r|") as tar,
    ):
        for member in tar:
            if member.isfile() and _wanted(member.name.removeprefix("./")):
                tar.extract(member, draft, set_attrs=False)
    archive.unlink()
    for modules in draft.glob("lib/modules/*"):
        _index(draft, modules.name)


def _wanted(name: str) -> bool:
    return name.startswith(UNPACKED) and not name.partition("/kernel/")[2].startswith(LEFT_OUT)


def _index(root: Path, release: str) -> None:
    """What modprobe reads; without it, guests lack only what no lab machine loads by itself."""
    if busybox := shutil.which("busybox"):
        subprocess.run([busybox, "depmod", "-b", root, release], check=False, capture_output=True)


def _apt(argv: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=FETCH_S, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        full = os.strerror(errno.ENOSPC) in done.stderr
        room = f"make room in {cache.folder()}, or set CUTAWAY_CACHE to a folder that has it"
        raise Problem(f"fetching a guest kernel with `{' '.join(argv)}`: {last}; {room if full else remedy()}")
    return done.stdout


def remedy() -> str:
    """How to come by a kernel by hand."""
    return f"set {OVERRIDE} to a bzImage that you may read, with its modules in ../lib/modules or in /lib/modules"


# --- Unpacking an image ----------------------------------------------------

PVH_NOTES = [b"\4\0\0\0%c\0\0\0\x12\0\0\0Xen\0" % size for size in (4, 8)]  # include/xen/interface/elfnote.h: 18
PACKERS = {b"\xfd7zXZ": "xz", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def unpacked(data: bytes) -> bytes:
    """What was packed by xz, gzip or zstd; anything else as it is."""
    packer = next((name for magic, name in PACKERS.items() if data.startswith(magic)), None)
    if packer == "xz":
        return lzma.LZMADecompressor().decompress(data)  # unlike lzma.decompress, it stops where the stream ends
    if packer == "gzip":
        return gzip.GzipFile(fileobj=io.BytesIO(data)).read()
    if packer == "zstd" and shutil.which("zstd"):
        return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=False).stdout
    return data


def bare(kernel: Kernel) -> Path:
    """The file that QEMU boots: the kernel's bare image, kept in the cache."""
    made_of = cache.sources([kernel.image])
    place = cache.made("bare", made_of, lambda draft: (draft / "kernel").write_bytes(bare_image(kernel.image)))
    return place / "kernel"


def bare_image(image: Path) -> bytes:
    """The ELF kernel inside a bzImage, so that no guest has to unpack it; the bzImage itself where that cannot be.

    By emulation a kernel needs longer to unpack itself than to boot. QEMU starts an ELF kernel at its PVH entry.
    """
    data = image.read_bytes()
    setup = (data[SETUP_SECTORS_AT] or 4) + 1
    offset, length = struct.unpack_from("<II", data, PAYLOAD_AT)
    inner = unpacked(data[setup * SECTOR + offset :][:length])
    return inner if inner.startswith(b"\x7fELF") and any(note in inner for note in PVH_NOTES) else data
