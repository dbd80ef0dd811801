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
THE_MACHINES, ITS_OWN = "the machine's", "its own"  # or unknown

MAKERS = {  # what firmware says of itself (DMI: SMBIOS specification, system information) on a virtual machine
    "QEMU": "QEMU",
    "KVM": "KVM",
    "VMware": "VMware",
    "VirtualBox": "VirtualBox",
    "Xen": "Xen",
    "Virtual Machine": "Hyper-V",
    "Parallels": "Parallels",
    "Amazon EC2": "Amazon EC2",
    "Google Compute Engine": "Google Compute Engine",
    "Apple Virtualization": "Apple's Virtualization framework",
    "OpenStack": "OpenStack",
    "BHYVE": "bhyve",
}
CLOCKS = {"kvm-clock": "KVM", "hyperv_clocksource": "Hyper-V", "xen": "Xen"}  # a guest's kernel offers its host's clock

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

    def exist(self, name: str) -> bool:
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


def hypervisor_facts(files: Files) -> list[Fact]:
    """Why we hold the machine to be virtual; empty when nothing says so.

    On x86 the processor itself tells, and what firmware says only names the maker.
    (A guest of our own will be recognised here as well.)
    """
    bit = _processor_bit(files)
    x86_says_no = not bit and bool(files.field("/proc/cpuinfo", "flags"))
    rented_whole = files("/sys/class/dmi/id/product_name").endswith("metal")  # so clouds call machines without one
    return [] if x86_says_no or (rented_whole and not bit) else bit + _maker_facts(files)


def _processor_bit(files: Files) -> list[Fact]:
    """CPUID leaf 1, ECX bit 31: reserved for hypervisors to say that they are there."""
    flags = files.field("/proc/cpuinfo", "flags").split()
    return [Fact("there is a hypervisor", "/proc/cpuinfo", "the flag `hypervisor`")] if "hypervisor" in flags else []


def _maker_facts(files: Files) -> list[Fact]:
    said = [("/sys/class/dmi/id/sys_vendor", MAKERS), ("/sys/class/dmi/id/product_name", MAKERS)]
    said += [("/sys/hypervisor/type", {"xen": "Xen"}), ("/proc/device-tree/hypervisor/compatible", {"kvm": "KVM"})]
    said += [("/sys/devices/system/clocksource/clocksource0/available_clocksource", CLOCKS)]
    return [
        Fact(f"the hypervisor is {maker}", file, files(file).splitlines()[0])
        for file, makers in said
        for word, maker in makers.items()
        if word in files(file)
    ]


def hardware(files: Files, virtual: list[Fact]) -> list[Found]:
    """The machine, and the hypervisor when there is one; behind it the hardware is out of sight."""
    machine = f"{_processors(files)}, {_memory(files)}"
    facts = (
        Fact("the processors", "/proc/cpuinfo", files.field("/proc/cpuinfo", "model name") or "no model name"),
        Fact("the memory", "/proc/meminfo", f"MemTotal: {files.field('/proc/meminfo', 'MemTotal') or 'unknown'}"),
    )
    if not virtual:
        nothing = Fact("no hypervisor shows itself", "/proc/cpuinfo", _why_no_hypervisor(files))
        return [Found("hardware", "", (machine,), (*facts, nothing))]
    out_of_sight = Fact("the hardware itself", "-", "unknown: a hypervisor stands between")
    return [
        Found("hardware", "", ("unknown from here",), (out_of_sight,)),
        Found("hypervisor", "", (f"its maker: {_maker(virtual)}", f"shows {machine}"), (*virtual, *facts)),
    ]


def _why_no_hypervisor(files: Files) -> str:
    if files.field("/proc/cpuinfo", "flags"):
        return "the flag `hypervisor` is not there"
    return "unknown: this processor has no such flag, and the firmware names none"


def _maker(virtual: list[Fact]) -> str:
    named = [fact.claim.removeprefix("the hypervisor is ") for fact in virtual if "hypervisor is " in fact.claim]
    return named[0] if named else "unknown"


def _processors(files: Files) -> str:
    count = len(re.findall(r"^processor\s*:", files("/proc/cpuinfo"), re.MULTILINE))
    return f"{count or 'unknown'} processor{'' if count == 1 else 's'}"


def _memory(files: Files) -> str:
    kibibytes = files.field("/proc/meminfo", "MemTotal").removesuffix(" kB")
    return f"{int(kibibytes) / 2**20:.0f} GiB of memory" if kibibytes.isdigit() else "memory unknown"


def kernel(files: Files, virtual: list[Fact]) -> Found:
    """The kernel that answers this process; a guest kernel when its machine is virtual."""
    release = files("/proc/sys/kernel/osrelease") or "unknown"
    fact = Fact("the kernel", "/proc/sys/kernel/osrelease", release)
    return Found("guest kernel" if virtual else "kernel", "", (f"Linux {release}",), (fact,))


# --- Containers and namespaces ---------------------------------------------


def namespace_facts(files: Files) -> dict[str, Fact]:
    """For each kind of namespace: whether this process has the machine's, its own, or whether that is unknown."""
    return {kind: _namespace_fact(files, kind, first) for kind, first in FIRST_NAMESPACES.items()}


def _namespace_fact(files: Files, kind: str, first: int) -> Fact:
    file = f"/proc/self/ns/{kind}"
    ours = _number(files, file)
    if ours is None:
        return Fact(f"{kind} namespace: unknown", file, "it cannot be read")
    if ours == first:
        return Fact(f"{kind} namespace: {THE_MACHINES}", file, f"{ours}, which the kernel gives to its first")
    if _release(files) >= FIRST_IS_NUMBERED_SINCE.get(kind, (0, 0)):
        return Fact(f"{kind} namespace: {ITS_OWN}", file, f"{ours}; the machine's is {first}")
    return _beside_process_1(files, kind, ours)


def _beside_process_1(files: Files, kind: str, ours: int) -> Fact:
    """Compare with process 1, which stands for the machine if our pid namespace is the machine's."""
    file = f"/proc/1/ns/{kind}"
    ours_is_1_of_the_machine = _number(files, "/proc/self/ns/pid") == FIRST_NAMESPACES["pid"]
    theirs = _number(files, file) if ours_is_1_of_the_machine else None
    if theirs is None:
        return Fact(
            f"{kind} namespace: unknown", file, f"ours is {ours}; that of the machine's process 1 is out of sight"
        )
    whose = THE_MACHINES if ours == theirs else ITS_OWN
    return Fact(f"{kind} namespace: {whose}", file, f"{theirs}; ours is {ours}")


def _number(files: Files, file: str) -> int | None:
    """4026531836 where the link says `pid:[4026531836]`."""
    found = re.fullmatch(r"\w+:\[(\d+)\]", files.link(file))
    return int(found[1]) if found else None


def _release(files: Files) -> tuple[int, ...]:
    """(6, 18) of `6.18.44-amd64`; (0, 0) when it is unknown."""
    found = re.match(r"(\d+)\.(\d+)", files("/proc/sys/kernel/osrelease"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def container_facts(files: Files) -> list[tuple[str, Fact]]:
    """The marks of an engine on this process, each with the engine's name."""
    return [
        *_marks_in("/proc/self/cgroup", files("/proc/self/cgroup")),
        *_marks_in("/proc/self/mountinfo", _mounted_by_engines(files)),
        *_said_by_engines(files),
    ]


def _marks_in(file: str, text: str) -> Iterator[tuple[str, Fact]]:
    for pattern, engine in MARKS.items():
        if found := re.search(pattern, text):
            yield engine, Fact("a container", file, f"a path with {found[0][:40]}")


def _mounted_by_engines(files: Files) -> str:
    return "\n".join(line for line in _mounts(files) if line.split()[4] in MOUNTED_BY_ENGINES)


def _said_by_engines(files: Files) -> Iterator[tuple[str, Fact]]:
    for file, pattern in (("/run/systemd/container", r"^(.+)$"), ("/proc/self/environ", r"^container=(.+)$")):
        if found := re.search(pattern, files(file), re.MULTILINE):
            yield NAMES.get(found[1], found[1]), Fact("a container", file, found[0])


def _mounts(files: Files) -> list[str]:
    """The lines of mountinfo (proc(5): the fourth field is what is mounted, the fifth is where)."""
    return files("/proc/self/mountinfo").splitlines()


def _root(files: Files) -> str:
    """The type of the file system mounted last at `/`."""
    types = [line.split(" - ")[1].split()[0] for line in _mounts(files) if line.split()[4] == "/"]
    return types[-1] if types else ""


def container(files: Files, own: dict[str, Fact], mnt: Fact) -> list[Found]:
    """The container, or the bare namespaces, between the kernel and this process; none when all are the machine's.

    A container has a mount namespace of its own: where that is the machine's, marks were only copied.
    """
    marks = [] if mnt.claim.endswith(THE_MACHINES) else container_facts(files)
    if marks:
        details = f"its own: {', '.join(own) or 'unknown'}"
        return [Found("container", marks[0][0], (details,), (*(fact for _, fact in marks), *own.values()))]
    return [Found("namespace", ", ".join(own), (f"{ITS_OWN}, not {THE_MACHINES}",), tuple(own.values()))] if own else []


# --- Process, interpreter, program -----------------------------------------


def process(files: Files, namespaces: list[Fact]) -> Found:
    """This process; a changed root directory is its own affair and no enclosure."""
    name, numbers = files("/proc/self/comm") or "unknown", files.field("/proc/self/status", "NSpid").split()
    details = [f"{name}, process {numbers[-1] if numbers else 'unknown'}"]
    if _mounts(files) and not _root(files):
        details.append("its root is moved: chroot")
    return Found("process", "", tuple(details), (*_process_facts(files, name, numbers), *namespaces))


def _process_facts(files: Files, name: str, numbers: list[str]) -> Iterator[Fact]:
    yield Fact("the process", "/proc/self/comm", name)
    yield Fact("its number, from the outermost namespace in", "/proc/self/status", " ".join(numbers) or "unknown")
    paths = sorted({line.split(":", 2)[-1] for line in files("/proc/self/cgroup").splitlines()})
    yield Fact("its control groups", "/proc/self/cgroup", " ".join(paths) or "unknown")
    yield Fact("its root directory", "/proc/self/mountinfo", _what_root_is(files))
    if files.exist("/.dockerenv"):
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
    virtual, namespaces = hypervisor_facts(files), namespace_facts(files)
    own = {kind: fact for kind, fact in namespaces.items() if fact.claim.endswith(ITS_OWN)}
    others = [fact for kind, fact in namespaces.items() if kind not in own]
    outside = [*hardware(files, virtual), kernel(files, virtual), *container(files, own, namespaces["mnt"])]
    return [*outside, process(files, others), interpreter(), program()]


if __name__ == "__main__":
    print(json.dumps([asdict(found) for found in look()]))
