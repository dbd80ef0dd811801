"""Every number that we give to the kernel is the one in its own headers."""

import importlib
import pkgutil
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway import linux
from cutaway.linux import seccomp
from cutaway.linux.links import IFINFOMSG, NLMSGHDR
from cutaway.linux.loopback import IFREQ
from cutaway.linux.mounts import Flag
from cutaway.linux.namespaces import Kind, names
from cutaway.linux.networks import NEIGHBOUR

HEADERS = (
    *("stdio.h", "sys/mount.h", "linux/sched.h", "linux/prctl.h", "linux/capability.h", "linux/sockios.h"),
    *("linux/if.h", "linux/rtnetlink.h", "linux/netlink.h", "linux/seccomp.h", "linux/filter.h", "linux/audit.h"),
    *("stddef.h", "linux/random.h", "linux/close_range.h", "linux/openat2.h", "linux/keyctl.h", "linux/bpf.h"),
    "linux/ptrace.h",
    *("sys/socket.h", "fcntl.h", "linux/net_namespace.h", "linux/if_ether.h", "netinet/in.h", "netinet/tcp.h"),
)
IN_HEADERS = {  # ours, where it has another name there
    "MODE_FILTER": "SECCOMP_MODE_FILTER",
    "RETURN": "BPF_RET | BPF_K",
    **{each: f"SECCOMP_RET_{each}" for each in ("KILL_THREAD", "TRAP", "ERRNO", "TRACE", "LOG", "ALLOW")},
    "KILL": "SECCOMP_RET_KILL_PROCESS",
    "NOTIFY": "SECCOMP_RET_USER_NOTIF",
    "LOAD": "BPF_LD | BPF_W | BPF_ABS",
    "AND": "BPF_ALU | BPF_AND | BPF_K",
    "JUMP": "BPF_JMP | BPF_JA",
    "IF_EQUAL": "BPF_JMP | BPF_JEQ | BPF_K",
    "IF_GREATER": "BPF_JMP | BPF_JGT | BPF_K",
    "IF_AT_LEAST": "BPF_JMP | BPF_JGE | BPF_K",
    "NUMBER_OFFSET": "offsetof(struct seccomp_data, nr)",
    "ARCHITECTURE_OFFSET": "offsetof(struct seccomp_data, arch)",
    "ARGUMENTS_OFFSET": "offsetof(struct seccomp_data, args)",
    "LOAD_WORD": "BPF_LDX | BPF_MEM | BPF_W",
    "MOVE": "BPF_ALU64 | BPF_MOV | BPF_K",
    "COPY": "BPF_ALU | BPF_MOV | BPF_X",
    "AND_32": "BPF_ALU | BPF_AND | BPF_K",
    "SHIFT_RIGHT": "BPF_ALU | BPF_RSH | BPF_K",
    "NOT_EQUAL": "BPF_JMP32 | BPF_JNE | BPF_K",
    "EXIT": "BPF_JMP | BPF_EXIT",
    "MOST": "32 * _LINUX_CAPABILITY_U32S_3",
    "LINUX_CAPABILITY_VERSION_3": "_LINUX_CAPABILITY_VERSION_3",
    "MAIN": "RT_TABLE_MAIN",
    "UNICAST": "RTN_UNICAST",
    "NOT_THERE": "(unsigned) NETNSA_NSID_NOT_ASSIGNED",
    "TCP": "IPPROTO_TCP",
    "SYN": "TH_SYN",
    "ACK": "TH_ACK",
    "X32_SYSCALL_BIT": "0x40000000",  # __X32_SYSCALL_BIT, which only x86 has
}
NOT_THE_KERNELS = {
    *("CANNOT_START", "DEADLINE_S", "SHOWN_LENGTH", "KEPT", "LOOKS", "TICKS", "NO_CALL", "HIGH", "LOW", "PATIENCE_S"),
    *(
        "BECOMES_S",
        "ENDED_S",
        "EMPTY_BYTES",
        "TIME_S",
        "MEMORY_BYTES",
        "PIECE_BYTES",
        "LONGEST_BYTES",
        "HOST_BYTES",
        "AT_ONCE",
    ),
    *("ANSWER", "CONTEXT", "KIND", "ACCESS", "MAJOR", "MINOR", "SCRATCH"),  # registers
}


def constants() -> Iterator[tuple[str, int]]:
    """Each number of the room as an expression of C and the value that we use."""
    for module in pkgutil.iter_modules(linux.__path__):
        for name, value in vars(importlib.import_module(f"cutaway.linux.{module.name}")).items():
            if name.isupper() and type(value) is int and name not in NOT_THE_KERNELS:
                yield IN_HEADERS.get(name, name), value
    yield from ((names({kind}), kind.flag) for kind in Kind)
    yield from seccomp.FLAGS.items()
    yield from ((f"MS_{name}", value) for name, value in vars(Flag).items() if name.isupper())
    yield from zip((f"NUD_{name}" for name in NEIGHBOURS), NEIGHBOUR, strict=True)
    yield from ((f"sizeof(struct {name})", ours.size) for name, ours in STRUCTURES.items())


NEIGHBOURS = ("INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "PERMANENT")
STRUCTURES: dict[str, struct.Struct] = {"ifreq": IFREQ, "nlmsghdr": NLMSGHDR, "ifinfomsg": IFINFOMSG}


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler, gcc, to read the headers")
def test_every_constant_is_the_one_in_the_headers(tmp_path: Path) -> None:
    ours = dict(constants())
    prints = "\n".join(f'printf("%lld\\n", (long long) ({expression}));' for expression in ours)
    includes = "\n".join(f"#include <{header}>" for header in HEADERS)
    source, program = tmp_path / "constants.c", tmp_path / "constants"
    source.write_text(f"#define _GNU_SOURCE\n{includes}\nint main(void) {{ {prints} }}")
    subprocess.run(["gcc", "-o", program, source], check=True)
    theirs = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    assert ours == dict(zip(ours, map(int, theirs), strict=True))


def test_no_constant_is_forgotten() -> None:
    found = dict(constants())
    assert {"CLONE_NEWTIME", "MS_PRIVATE", "MNT_DETACH", "PR_SET_PDEATHSIG", "RTM_DELLINK"} <= set(found)
