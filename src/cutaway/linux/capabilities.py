"""Capabilities: root's power in pieces, and the five sets of them that each thread has.

permitted    what it may switch on
effective    what is on: the kernel asks only for this one
inheritable  what a program may take over that is itself marked for it
bounding     what no program started from here can ever have more than
ambient      what an ordinary program keeps at execve(2)

A set is a number with one bit for each capability. See capabilities(7); taught in notebook 09.
"""

from __future__ import annotations

import errno
import os
import struct

from cutaway.linux import calls, files

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# --- Words -----------------------------------------------------------------

NAMES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
""".split()  # noqa: SIM905  # linux/capability.h, in the order of their bits

SETS = {
    "inheritable": "CapInh",
    "permitted": "CapPrm",
    "effective": "CapEff",
    "bounding": "CapBnd",
    "ambient": "CapAmb",
}
MOST = 64  # bits of a set
LINUX_CAPABILITY_VERSION_3 = 0x20080522
VFS_CAP_REVISION_2, VFS_CAP_FLAGS_EFFECTIVE = 0x02000000, 1
PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP = 8, 23, 24
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_CAP_AMBIENT_CLEAR_ALL = 47, 2, 4

# --- Seeing ----------------------------------------------------------------


def sets(pid: int | str = "self") -> dict[str, int]:
    """The five sets of a process, by their names."""
    lines = dict(line.split(":", 1) for line in files.read(f"/proc/{pid}/status").splitlines())
    return {name: int(lines[field], 16) for name, field in SETS.items()}


def held() -> dict[str, int]:
    """Three sets of this thread, asked of the kernel itself: what lies at /proc may be somebody else's."""
    data = calls.capget(struct.pack("Ii", LINUX_CAPABILITY_VERSION_3, 0), 24)
    low_and_high = struct.unpack("6I", data)
    three = (low | high << 32 for low, high in zip(low_and_high[:3], low_and_high[3:], strict=True))
    return dict(zip(("effective", "permitted", "inheritable"), three, strict=True))


def names(capabilities: int) -> list[str]:
    """The capabilities of a set as the manual page writes them, in the order of their bits."""
    return [f"CAP_{name}" for bit, name in enumerate(NAMES) if capabilities >> bit & 1]


def mask(capabilities: Iterable[str]) -> int:
    """These capabilities as a set, `CAP_KILL` or `KILL`; ValueError for a name that Linux does not have."""
    wanted = {name.upper().removeprefix("CAP_") for name in capabilities}
    if unknown := sorted(wanted.difference(NAMES)):
        raise ValueError(f"capability {unknown[0]!r}: Linux has none of that name; see capabilities(7)")
    return sum(1 << NAMES.index(name) for name in wanted)


def known() -> int:
    """Every capability that this kernel has."""
    with open("/proc/sys/kernel/cap_last_cap") as last:
        return (1 << int(last.read()) + 1) - 1


def privileged() -> bool:
    """Whether this process may do what root may, CAP_SYS_ADMIN; its user's number does not tell."""
    return bool(sets()["effective"] & mask(["SYS_ADMIN"]))


# --- Changing --------------------------------------------------------------


def limit(bounding: int) -> None:
    """Let nothing that is started from here ever have more than these; there is no way back.

    Takes CAP_SETPCAP, so it comes before the other sets; dropping nothing takes nothing.
    """
    for bit in range(MOST):
        try:
            if calls.prctl(PR_CAPBSET_READ, bit) and not bounding >> bit & 1:
                calls.prctl(PR_CAPBSET_DROP, bit)
        except OSError as error:
            if error.errno == errno.EINVAL:  # this kernel has no more of them
                break
            raise


def keep_when_changing_user() -> None:
    """Let the permitted set outlive the change from root to another user, until the next execve."""
    calls.prctl(PR_SET_KEEPCAPS, 1)


def assume(effective: int, permitted: int, inheritable: int) -> None:
    """Have exactly these; nobody gains what he was not permitted before."""
    low, high = 0xFFFFFFFF, 32
    wanted = (effective, permitted, inheritable)
    data = struct.pack("6I", *(each & low for each in wanted), *(each >> high for each in wanted))
    calls.capset(struct.pack("Ii", LINUX_CAPABILITY_VERSION_3, 0), data)


def make_ambient(ambient: int) -> None:
    """Keep exactly these at execve; each must be both permitted and inheritable."""
    calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for bit in range(ambient.bit_length()):
        if ambient >> bit & 1:
            calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit)


def confine(wanted: Mapping[str, int]) -> None:
    """Have exactly these five sets, where a set that is not named is empty; the bounding one is limited first."""
    limit(wanted.get("bounding", 0))
    assume(*(wanted.get(name, 0) for name in ("effective", "permitted", "inheritable")))
    make_ambient(wanted.get("ambient", 0))


def mark(path: str, permitted: int) -> None:
    """Let the program at `path` have these capabilities, whoever starts it. Takes CAP_SETFCAP over its file system."""
    low, high = 0xFFFFFFFF, 32
    data = struct.pack("<5I", VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, permitted & low, 0, permitted >> high, 0)
    os.setxattr(path, "security.capability", data)  # struct vfs_cap_data
