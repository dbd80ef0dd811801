"""What a process can find out about where it runs, from the files of `/proc`, `/sys` and `/`.

It needs the standard library alone and imports nothing of ours, so that it can look from inside a container that
holds no more than Python: `python3 -I evidence.py` prints what it found as JSON.
What cannot be read is called unknown; nothing is guessed.
Reading order: words, files, then one function for each enclosure from the outside in, `look`.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

# --- Words -----------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    """A claim, the file that it rests on, and what was seen there."""

    claim: str
    file: str
    seen: str


@dataclass(frozen=True)
class Found:
    """One enclosure round this process: its kind and label as a drawing shows them, and its facts."""

    kind: str
    label: str
    details: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Mark:
    """A fact that tells of a hypervisor or an engine, and its name where the mark names it."""

    name: str
    fact: Fact


class Whose(Enum):
    """Whether a namespace is the one that the machine started with."""

    MACHINE = "the machine's"
    OWN = "its own"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Namespace:
    """This process's namespace of one kind, and from what its owner was concluded."""

    kind: str
    whose: Whose
    file: str
    seen: str

    @property
    def fact(self) -> Fact:
        return Fact(f"{self.kind} namespace: {self.whose.value}", self.file, self.seen)


# The numbers that the kernel gives to the namespaces it starts with: include/linux/proc_ns.h, PROC_*_INIT_INO,
# since Linux 6.18 in include/uapi/linux/nsfs.h. Before that the first mnt and net were numbered like all others.
FIRST_NAMESPACES = {
    "cgroup": 0xEFFFFFFB,
    "ipc": 0xEFFFFFFF,
    "mnt": 0xEFFFFFF8,
    "net": 0xEFFFFFF9,
    "pid": 0xEFFFFFFC,
    "time": 0xEFFFFFFA,
    "user": 0xEFFFFFFD,
    "uts": 0xEFFFFFFE,
}
FIRST_IS_NUMBERED_SINCE = {"mnt": (6, 18), "net": (6, 18)}

VENDOR, PRODUCT = "/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name"
MAKERS = {  # what firmware says of itself (DMI: SMBIOS specification, system information) on a virtual machine
    "QEMU": "QEMU",
    "KVM": "KVM",
    "VMware": "VMware",
    "VirtualBox": "VirtualBox",
    "Xen": "Xen",
    "Parallels": "Parallels",
    "Amazon EC2": "Amazon EC2",
    "Google Compute Engine": "Google Compute Engine",
    "Apple Virtualization": "Apple's Virtualization framework",
    "OpenStack": "OpenStack",
    "BHYVE": "bhyve",
}
HYPER_V = ("Microsoft Corporation", "Virtual Machine")  # only both together: QEMU calls a board of its own nearly so
CLOUDS = {"Amazon EC2", "Google Compute Engine"}  # they rent whole machines too, and their firmware says the same
SAID_BY_HYPERVISORS = {
    VENDOR: MAKERS,
    PRODUCT: MAKERS,
    "/sys/hypervisor/type": {"xen": "Xen"},
    "/proc/device-tree/hypervisor/compatible": {"kvm": "KVM"},
    "/sys/devices/system/clocksource/clocksource0/available_clocksource": {  # a guest is offered its host's clock
        "kvm-clock": "KVM",
        "hyperv_clocksource": "Hyper-V",
        "xen": "Xen",
    },
}

# Marks that an engine leaves on a running container, and nowhere else: parts of its control group's path, and of
# what it mounts at these places. (`/.dockerenv` alone proves nothing: a copied image keeps it.)
MARKS = {
    r"/docker[-/][0-9a-f]{64}|/docker/(overlay2|containers)/|/containers/[0-9a-f]{64}/(hosts|hostname)": "Docker",
    r"/libpod-[0-9a-f]{64}|/containers/storage/|/overlay-containers/[0-9a-f]{64}/": "Podman",
    r"/kubepods|/kubelet/pods/": "Kubernetes",
    r"/lxc(\.payload)?[./]": "LXC",
    r"/io\.containerd\.": "containerd",
}
MOUNTED_BY_ENGINES = ("/", "/etc/hosts", "/etc/hostname", "/run/.containerenv")
NAMES = {"docker": "Docker", "podman": "Podman", "lxc": "LXC", "oci": "of unknown make"}  # values of `container=`

# --- Files -----------------------------------------------------------------


@dataclass(frozen=True)
class Files:
    """The files below `root`; whatever cannot be read counts as empty."""

    root: Path = Path("/")

    def __call__(self, name: str) -> str:
        try:
            return (self.root / name.lstrip("/")).read_text(errors="replace").replace("\0", "\n").strip()
        except OSError:
            return ""

    def has(self, name: str) -> bool:
        return (self.root / name.lstrip("/")).exists()

    def link(self, name: str) -> str:
        try:
            return str((self.root / name.lstrip("/")).readlink())
        except OSError:
            return ""

    def field(self, name: str, key: str) -> str:
        """The value after `key:` in a file of such lines."""
        found = re.search(rf"^{re.escape(key)}\s*:\s*(.*)$", self(name), re.MULTILINE)
        return found[1].strip() if found else ""


# --- Hardware and hypervisor -----------------------------------------------


def hypervisor_marks(files: Files) -> list[Mark]:
    """Why we hold the machine to be virtual; empty when nothing says so."""
    flags = files.field("/proc/cpuinfo", "flags").split()
    if "hypervisor" in flags:  # CPUID leaf 1, ECX bit 31: reserved for hypervisors to say that they are there
        return [Mark("", Fact("a hypervisor", "/proc/cpuinfo", "the flag `hypervisor`")), *_makers(files)]
    x86_says_no, called_metal = bool(flags), files(PRODUCT).endswith("metal")
    return [mark for mark in _makers(files) if mark.name not in CLOUDS or not (x86_says_no or called_metal)]


def _makers(files: Files) -> Iterator[Mark]:
    for file, names in SAID_BY_HYPERVISORS.items():
        for word, maker in names.items():
            if word in files(file):
                yield Mark(maker, Fact(f"the hypervisor is {maker}", file, files(file).splitlines()[0]))
    if (files(VENDOR), files(PRODUCT)) == HYPER_V:
        yield Mark("Hyper-V", Fact("the hypervisor is Hyper-V", PRODUCT, ", ".join(HYPER_V)))


def hardware(files: Files, marks: list[Mark]) -> list[Found]:
    """The machine, and the hypervisor when there is one; behind it the hardware is out of sight."""
    machine = f"{_processors(files)}, {_memory(files)}"
    facts = (
        Fact("the processors", "/proc/cpuinfo", files.field("/proc/cpuinfo", "model name") or "no model name"),
        Fact("the memory", "/proc/meminfo", f"MemTotal: {files.field('/proc/meminfo', 'MemTotal') or 'unknown'}"),
    )
    if not marks:
        return [_bare_hardware(files, machine, facts)]
    maker = next((mark.name for mark in marks if mark.name), "unknown")
    shown = (f"its maker: {maker}", f"shows {machine}")
    return [
        Found("hardware", "", ("unknown from here",), (Fact("the hardware", "-", "unknown: a hypervisor hides it"),)),
        Found("hypervisor", "", shown, (*(mark.fact for mark in marks), *facts)),
    ]


def _bare_hardware(files: Files, machine: str, facts: tuple[Fact, ...]) -> Found:
    if files.field("/proc/cpuinfo", "flags"):
        none = Fact("no hypervisor shows itself", "/proc/cpuinfo", "no flag `hypervisor`")
        return Found("hardware", "", (machine,), (*facts, none))
    unknown = Fact("a hypervisor: unknown", "/proc/cpuinfo", "no flags at all, and no firmware that names one")
    return Found("hardware", "", (machine, "a hypervisor: unknown"), (*facts, unknown))


def _processors(files: Files) -> str:
    count = len(re.findall(r"^processor\s*:", files("/proc/cpuinfo"), re.MULTILINE))
    return f"{count or 'unknown'} processor{'' if count == 1 else 's'}"


def _memory(files: Files) -> str:
    kibibytes = files.field("/proc/meminfo", "MemTotal").removesuffix(" kB")
    if not kibibytes.isdigit():
        return "memory unknown"
    mebibytes = int(kibibytes) / 2**10
    return f"{mebibytes / 2**10:.0f} GiB of memory" if mebibytes >= 2**10 else f"{mebibytes:.0f} MiB of memory"


def kernel(files: Files, virtual: bool) -> Found:
    """The kernel that answers this process; a guest kernel when its machine is virtual."""
    release = files("/proc/sys/kernel/osrelease") or "unknown"
    fact = Fact("the kernel", "/proc/sys/kernel/osrelease", release)
    return Found("guest kernel" if virtual else "kernel", "", (f"Linux {release}",), (fact,))


# --- Containers and namespaces ---------------------------------------------


def namespaces(files: Files) -> list[Namespace]:
    """This process's eight namespaces, each the machine's, its own, or unknown."""
    return [_namespace(files, kind, first) for kind, first in FIRST_NAMESPACES.items()]


def _namespace(files: Files, kind: str, first: int) -> Namespace:
    file = f"/proc/self/ns/{kind}"
    ours = _number(files, file)
    if ours is None:
        return Namespace(kind, Whose.UNKNOWN, file, "it cannot be read")
    if ours == first:
        return Namespace(kind, Whose.MACHINE, file, f"{ours}, which the kernel gives to its first")
    if _release(files) >= FIRST_IS_NUMBERED_SINCE.get(kind, (0, 0)):
        return Namespace(kind, Whose.OWN, file, f"{ours}; the machine's is {first}")
    return _beside_the_first_process(files, kind, ours)


def _beside_the_first_process(files: Files, kind: str, ours: int) -> Namespace:
    """Compare with process 1, which is the machine's where our pid namespace is.

    Only who may trace it may read where its namespaces lead (namespaces(7)): root, that is.
    """
    file = f"/proc/1/ns/{kind}"
    if _number(files, "/proc/self/ns/pid") != FIRST_NAMESPACES["pid"]:
        return Namespace(kind, Whose.UNKNOWN, file, f"ours is {ours}; the machine's first process is out of sight")
    if theirs := _number(files, file):
        return Namespace(kind, Whose.MACHINE if ours == theirs else Whose.OWN, file, f"{theirs}; ours is {ours}")
    return Namespace(kind, Whose.UNKNOWN, file, f"ours is {ours}; that of the machine's first process may not be read")


def _number(files: Files, file: str) -> int | None:
    """4026531836 where the link says `pid:[4026531836]`."""
    found = re.fullmatch(r"\w+:\[(\d+)\]", files.link(file))
    return int(found[1]) if found else None


def _release(files: Files) -> tuple[int, ...]:
    """(6, 18) of `6.18.44-amd64`; (0, 0) when it is unknown."""
    found = re.match(r"(\d+)\.(\d+)", files("/proc/sys/kernel/osrelease"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def engine_marks(files: Files) -> list[Mark]:
    """What an engine left on this process."""
    return [
        *_marks_in("/proc/self/cgroup", files("/proc/self/cgroup")),
        *_marks_in("/proc/self/mountinfo", _mounted_by_engines(files)),
        *_said_by_engines(files),
    ]


def _marks_in(file: str, text: str) -> Iterator[Mark]:
    for pattern, engine in MARKS.items():
        if found := re.search(pattern, text):
            yield Mark(engine, Fact("a container", file, f"a path with {found[0][:40]}"))


def _mounted_by_engines(files: Files) -> str:
    return "\n".join(line for line in _mounts(files) if line.split()[4] in MOUNTED_BY_ENGINES)


def _said_by_engines(files: Files) -> Iterator[Mark]:
    for file, pattern in (("/run/systemd/container", r"^(.+)$"), ("/proc/self/environ", r"^container=(.+)$")):
        if found := re.search(pattern, files(file), re.MULTILINE):
            yield Mark(NAMES.get(found[1], found[1]), Fact("a container", file, found[0]))


def _mounts(files: Files) -> list[str]:
    """The lines of mountinfo (proc(5): the fourth field is what is mounted, the fifth is where)."""
    return files("/proc/self/mountinfo").splitlines()


def _root(files: Files) -> str:
    """The type of the file system mounted last at `/`."""
    types = [line.split(" - ")[1].split()[0] for line in _mounts(files) if line.split()[4] == "/"]
    return types[-1] if types else ""


def container(files: Files, all_namespaces: list[Namespace]) -> list[Found]:
    """The container, or the bare namespaces, between the kernel and this process; none when all are the machine's.

    A container has a mount namespace of its own: where that is the machine's, marks were only copied.
    """
    whose = {namespace.kind: namespace.whose for namespace in all_namespaces}
    own = [namespace for namespace in all_namespaces if namespace.whose is Whose.OWN]
    kinds, facts = ", ".join(namespace.kind for namespace in own), [namespace.fact for namespace in own]
    marks = engine_marks(files) if whose["mnt"] is not Whose.MACHINE else []
    if marks:
        details = (f"its own: {kinds or 'unknown'}",)
        return [Found("container", marks[0].name, details, (*(mark.fact for mark in marks), *facts))]
    return [Found("namespace", kinds, ("its own, not the machine's",), tuple(facts))] if own else []


# --- Process, interpreter, program -----------------------------------------


def process(files: Files, all_namespaces: list[Namespace]) -> Found:
    """This process; a changed root directory is its own affair and no enclosure."""
    name, numbers = files("/proc/self/comm") or "unknown", files.field("/proc/self/status", "NSpid").split()
    details = [f"{name}, process {numbers[-1] if numbers else 'unknown'}"]
    if _mounts(files) and not _root(files):
        details.append("its root is moved: chroot")
    not_own = [namespace.fact for namespace in all_namespaces if namespace.whose is not Whose.OWN]
    return Found("process", "", tuple(details), (*_process_facts(files, name, numbers), *not_own))


def _process_facts(files: Files, name: str, numbers: list[str]) -> Iterator[Fact]:
    yield Fact("the process", "/proc/self/comm", name)
    yield Fact("its number, from the outermost namespace in", "/proc/self/status", " ".join(numbers) or "unknown")
    paths = sorted({line.split(":", 2)[-1] for line in files("/proc/self/cgroup").splitlines()})
    yield Fact("its control groups", "/proc/self/cgroup", " ".join(paths) or "unknown")
    yield Fact("its root directory", "/proc/self/mountinfo", _what_root_is(files))
    if files.has("/.dockerenv"):
        yield Fact("its files come from an image of Docker's", "/.dockerenv", "the file exists")


def _what_root_is(files: Files) -> str:
    if not _mounts(files):
        return "unknown: it cannot be read"
    return f"a mounted file system, {_root(files)}" if _root(files) else "nothing is mounted there: moved by chroot"


def interpreter() -> Found:
    """The interpreter that runs this line."""
    name, version = platform.python_implementation(), platform.python_version()
    return Found("interpreter", name, (version,), (Fact("the interpreter", "sys.version", f"{name} {version}"),))


def program() -> Found:
    """What the interpreter carries out: a cell when it is a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    is_kernel = hasattr(ipython.get_ipython(), "kernel") if ipython else False
    seen = "a Jupyter kernel" if is_kernel else "no Jupyter kernel"
    fact = Fact("what runs", "IPython.get_ipython()", seen)
    return Found("program", "this cell" if is_kernel else "this program", ("you are here",), (fact,))


def look(root: Path = Path("/")) -> list[Found]:
    """Every enclosure round this line of code, from the outside in."""
    files = Files(root)
    marks, all_namespaces = hypervisor_marks(files), namespaces(files)
    outside = [*hardware(files, marks), kernel(files, virtual=bool(marks)), *container(files, all_namespaces)]
    return [*outside, process(files, all_namespaces), interpreter(), program()]


if __name__ == "__main__":
    print(json.dumps([asdict(found) for found in look()]))
