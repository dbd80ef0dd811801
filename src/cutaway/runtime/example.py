"""A config.json to begin with, as `spec` writes it: every usual protection is on."""

from __future__ import annotations

import json
import os

from cutaway.linux import syscalls
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Config = dict[str, Any]

CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
USUAL = """
    CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
    AUDIT_WRITE
""".split()  # noqa: SIM905  # what Docker leaves to root of a container
FORBIDDEN = """
    add_key bpf delete_module finit_module init_module kcmp kexec_file_load kexec_load keyctl mount move_mount
    open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot
    request_key setns settimeofday swapoff swapon syslog umount2 unshare userfaultfd
""".split()  # noqa: SIM905  # calls that reach past namespaces, or much of the kernel; Docker's profile names them, too
MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
)  # fmt: skip
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
QUIET = ["nosuid", "noexec", "nodev"]


def mount(destination: str, kind: str, *options: str, source: str = "") -> Config:
    """One entry of `mounts`."""
    return {"destination": destination, "type": kind, "source": source or kind, "options": list(options)}


def config(*args: str, terminal: bool = False) -> Config:
    """A container that runs `args` as root of its own namespaces, with three capabilities and no way to gain more."""
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "args": list(args),
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "cutaway",
        "mounts": [
            mount("/proc", "proc"),
            mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
            mount("/dev/shm", "tmpfs", *QUIET, "mode=1777", "size=65536k", source="shm"),
            mount("/dev/mqueue", "mqueue", *QUIET),
            mount("/sys", "sysfs", *QUIET, "ro"),
            mount("/sys/fs/cgroup", "cgroup", *QUIET, "relatime", "ro"),
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
        },
    }


def profile() -> Config:
    """A seccomp profile of the size of Docker's: every call of this machine by its name, but for FORBIDDEN."""
    allowed = [name for name in syscalls.native() if name not in FORBIDDEN]
    rules = [{"names": allowed, "action": "SCMP_ACT_ALLOW"}]
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}


def protected(*args: str, capabilities: Iterable[str] = USUAL) -> Config:
    """What an engine asks for: as `config`, with these capabilities, a seccomp profile, and a root to write to."""
    wanted = config(*args)
    names = [f"CAP_{name.upper().removeprefix('CAP_')}" for name in capabilities]
    wanted["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), names)
    wanted["linux"]["seccomp"] = profile()
    wanted["root"]["readonly"] = False
    return wanted


def without_root(wanted: Config, uid: int | None = None, gid: int | None = None) -> Config:
    """The same for an ordinary user: a user namespace, and nothing that only root may ask for.

    `uid` and `gid` are theirs who will run it, if that is not who we are.
    """
    wanted["linux"] |= {
        "uidMappings": [{"containerID": 0, "hostID": os.geteuid() if uid is None else uid, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": os.getegid() if gid is None else gid, "size": 1}],
        "resources": {},
    }
    wanted["linux"]["namespaces"].append({"type": "user"})
    wanted["linux"]["namespaces"] = [each for each in wanted["linux"]["namespaces"] if each["type"] != "cgroup"]
    wanted["mounts"] = [each for each in wanted["mounts"] if each["type"] != "cgroup"]
    for each in wanted["mounts"]:
        each["options"] = [option for option in each["options"] if not option.startswith("gid=")]
    return wanted


def write(bundle: str, *, rootless: bool = False) -> None:
    """Write it as config.json; one that is there is not overwritten."""
    wanted = config("sh", terminal=True)
    try:
        with open(os.path.join(bundle, "config.json"), "x") as file:
            json.dump(without_root(wanted) if rootless else wanted, file, indent="\t")
    except FileExistsError:
        raise ContainerError(f"spec: {bundle}/config.json exists already; remove it first") from None
