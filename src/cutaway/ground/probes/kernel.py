"""What the kernel gives to whoever asks: namespaces, overlays, filters."""

from __future__ import annotations

import os
import platform
import signal
import sys
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.probes.finding import DEFECT, PATIENCE_S, Lacking, probe
from cutaway.linux import CommandFailed, Enclosed, Kind, commands, identity, seccomp

PROC = Path("/proc")


@probe("kernel", tried="ask for its name, and for a handle on a process (pidfd)", opens="every experiment")
def kernel() -> str:
    name = f"{platform.system()} {platform.release()} on {platform.machine()}"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise Lacking(f"{name}: {error}", "boot Linux 5.8 or newer; elsewhere use a virtual machine") from error
    return name


@probe("root", tried="read this process's user and capabilities", opens="a private Docker")
def root() -> str:
    status = dict(line.split(":\t", 1) for line in (PROC / "self/status").read_text().splitlines() if ":\t" in line)
    held = int(status["CapEff"], 16).bit_count()
    known = int((PROC / "sys/kernel/cap_last_cap").read_text()) + 1
    said = f"user {os.geteuid()} with {held} of {known} capabilities"
    if os.geteuid() or not held:
        raise Lacking(said, "nothing to do: no lesson insists on it")
    return said


# --- Namespaces -------------------------------------------------------------


@probe(
    "user namespaces",
    tried="make every kind of namespace at once and rename the machine inside",
    opens="namespaces, mounts and private networks without root",
    by_anybody=True,
)
def user_namespaces() -> str:
    kinds = {kind for kind in Kind if (PROC / "self/ns" / kind.value).exists()}
    try:
        with Enclosed({*kinds, Kind.USER}, hostname="inner") as box:
            name = box.run("read -r name < /proc/sys/kernel/hostname; echo $name", PATIENCE_S)
    except OSError as error:
        raise Lacking(*barrier(str(error))) from error
    except CommandFailed as failed:
        raise Lacking(failed, DEFECT) from failed
    if name != "inner":
        raise Lacking(f"inside, the machine is called {name!r} and not 'inner'", DEFECT)
    return f"{len(kinds)} kinds at once, and inside the machine took another name"


BARRIERS = {
    ("user/max_user_namespaces", "0"): (
        "the limit on user namespaces is 0",
        "15000",
    ),
    ("kernel/unprivileged_userns_clone", "0"): (
        "this system keeps user namespaces for root",
        "1",
    ),
    ("kernel/apparmor_restrict_unprivileged_userns", "1"): (
        "AppArmor lets an ordinary program make a user namespace but gives it no power inside; Ubuntu ships it so "
        "since 23.10, because that power has opened holes in the kernel",
        "0",
    ),
}  # a setting below /proc/sys and the value that forbids: what it means, and a value that allows


def barrier(refusal: str, proc: Path = PROC) -> tuple[str, str]:
    """Why user namespaces are refused here, and what lifts that, as far as the kernel's settings tell."""
    for (setting, forbidding), (meaning, allowing) in BARRIERS.items():
        file = proc / "sys" / setting
        if file.exists() and file.read_text().strip() == forbidding:
            lift = programs.as_root(f"sysctl {setting.replace('/', '.')}={allowing}")
            return f"{meaning} ({refusal.partition('; ')[0]})", f"{lift} (for all programs, until the next boot)"
    if "\nSeccomp:\t2" in (proc / "self/status").read_text():
        options = "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
        return f"this process is filtered, as in a container ({refusal})", f"start the container with {options}"
    return refusal, "enable CONFIG_USER_NS in the kernel, or ask whoever runs this machine"


def inside_one(error: Exception, remedy: str) -> Lacking:
    """Why a trial inside a user namespace failed: for want of that one, which is told once, or for its own cause."""
    try:
        with Enclosed({Kind.USER}):
            return Lacking(error, remedy)
    except OSError:
        return Lacking("it takes a user namespace, and none is to be had", "see `user namespaces`")


def declare_namespace(kind: Kind, opens: str) -> None:
    """Declare the trial that makes one kind of namespace."""
    name = f"{kind.value} namespace"

    @probe(name, tried="make one, and compare its number with ours", opens=opens, by_anybody=True)
    def namespace() -> str:
        try:
            with Enclosed({Kind.USER, kind}) as box:
                shared = box.identities()[kind] == identity(kind)
        except OSError as error:
            limit = f"/proc/sys/user/max_{kind.value}_namespaces"
            raise inside_one(
                error, f"raise {limit}; where there is none, boot a kernel that was built with it"
            ) from error
        if shared:
            raise Lacking("the process that should have a new one has our number", DEFECT)
        return "a new process has another number than ours"


declare_namespace(Kind.UTS, "a host name of one's own")
declare_namespace(Kind.PID, "process numbers of one's own")
declare_namespace(Kind.MNT, "mounts of one's own")
declare_namespace(Kind.NET, "a network of one's own")
declare_namespace(Kind.IPC, "message queues and shared memory of one's own")
declare_namespace(Kind.USER, "being user 0 without being root")
declare_namespace(Kind.CGROUP, "a cgroup tree that begins where one stands")
declare_namespace(Kind.TIME, "a boot clock of one's own")


# --- What needs a user namespace to be tried --------------------------------

OVERLAY_TRIAL = """
mount -t tmpfs tmpfs /tmp && cd /tmp && mkdir lower upper work merged && echo below > lower/file &&
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged &&
echo above > merged/file && cat lower/file upper/file
"""


@probe(
    "overlay",
    tried="without root, lay one folder over another and write",
    opens="layers of images without root",
    by_anybody=True,
)
def overlay() -> str:
    try:
        with Enclosed({Kind.USER, Kind.MNT}) as box:
            seen = box.run(OVERLAY_TRIAL, PATIENCE_S)
    except (OSError, CommandFailed) as error:
        loads = programs.as_root("modprobe overlay")
        raise inside_one(error, f"{loads} loads it; Linux 5.11 or newer allows it without root") from error
    if seen.split() != ["below", "above"]:
        raise Lacking(f"the two layers hold {seen.split()}", DEFECT)
    return "what was written went into the upper layer; the lower one kept its file"


NETWORK_TRIAL = """
PATH=$PATH:/usr/sbin:/sbin
ip link add bridge0 type bridge && ip link add one type veth peer name two && ip link set one master bridge0 &&
iptables -t nat -A POSTROUTING -o bridge0 -j MASQUERADE && iptables -t nat -S POSTROUTING | grep -c MASQUERADE
"""


@probe(
    "private networks",
    tried="without root, lay a wire to a bridge in a network of one's own, and have addresses translated there",
    opens="the networks of containers, by hand",
    by_anybody=True,
)
def private_networks() -> str:
    for name in ("ip", "iptables"):
        if not programs.named(name).found:
            raise Lacking(f"{name} is not here", programs.remedy(name))
    try:
        with Enclosed({Kind.USER, Kind.NET}) as box:
            rules = box.run(NETWORK_TRIAL, PATIENCE_S)
    except (OSError, CommandFailed) as error:
        loads = programs.as_root("modprobe -a veth bridge nft_masq iptable_nat")
        raise inside_one(error, f"{loads} loads what this kernel may have as modules") from error
    return f"a wire, a bridge, and {rules} rule that translates addresses"


# --- Filters ----------------------------------------------------------------


@probe("seccomp", tried="let a process filter itself with `kill` and go on", opens="filters on system calls")
def filters() -> str:
    try:
        commands.run([sys.executable, "-I", "-S", seccomp.__file__], PATIENCE_S)
    except CommandFailed as failed:
        if failed.status == 128 + signal.SIGSYS:
            return "the kernel ended it at its next call (SIGSYS)"
        raise Lacking(failed, "enable CONFIG_SECCOMP_FILTER in the kernel") from failed
    raise Lacking("the process lived on", DEFECT)
