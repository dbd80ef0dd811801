"""What a sandbox may not ask of the kernel, as a profile in OCI's words; filters.py makes the program of it.

Everything else is allowed, because a submission may use any library. The filter judges numbers and plain arguments:
what a pointer leads to could change after it was looked at. So clone3, whose flags lie behind one, is refused as if
the kernel had none, and the C library then takes clone.
"""

from __future__ import annotations

import errno
from typing import Any

from cutaway.grading.house import WALLS

REFUSED = """
ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise move_pages migrate_pages
userfaultfd io_uring_setup io_uring_enter io_uring_register io_setup bpf perf_event_open vmsplice
modify_ldt iopl ioperm personality fanotify_init lookup_dcookie syslog
keyctl add_key request_key memfd_create memfd_secret shmget msgget semget mq_open inotify_init inotify_init1
setsid
unshare setns mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick
mount_setattr statmount listmount name_to_handle_at open_by_handle_at
init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd
settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname vhangup
""".split()  # noqa: SIM905  # other processes; rare doors into the kernel; what no limit counts; whoever has a session has its own share of time; walls; the machine

ATTRIBUTES = "setxattr lsetxattr fsetxattr setxattrat".split()  # noqa: SIM905  of files; no disk counts access lists

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10  # linux/socket.h; all others, as AF_VSOCK, may lead past a network namespace
IPPROTO_UDP = 17  # linux/in.h; above it lie protocols with queues of their own, for some of which a module is loaded
SOL_SOCKET, WISHES = 1, {"SO_SNDBUF": 7, "SO_RCVBUF": 8, "SO_LINGER": 13}  # asm-generic/socket.h
MAP_SHARED, MAP_ANONYMOUS, MAP_HUGETLB = 0x1, 0x20, 0x40000  # asm-generic/mman-common.h
INT = 0xFFFFFFFF  # what the kernel looks at of an argument that it takes as an int


def _refused(names: list[str], number: int = errno.EPERM, **more: Any) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": number, **more}


def _argument(index: int, operator: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": operator, "value": value, "valueTwo": second}


def _families() -> list[dict[str, Any]]:
    """Everything between and above the families that are let through."""
    refused = [family for family in range(AF_INET6) if family not in (AF_UNIX, AF_INET)]
    tests = [_argument(0, "SCMP_CMP_EQ", family) for family in refused] + [_argument(0, "SCMP_CMP_GT", AF_INET6)]
    return [_refused(["socket", "socketpair"], errno.EAFNOSUPPORT, args=[test]) for test in tests]


def _wishes() -> list[dict[str, Any]]:
    """What is heard, and no more. How long a socket's queues grow is the kernel's to cut anyhow. And nobody lingers:
    a socket that is sent to the grader is closed by the grader, who would wait there as long as it says.
    """
    level = _argument(1, "SCMP_CMP_MASKED_EQ", INT, SOL_SOCKET)
    wishes = [[level, _argument(2, "SCMP_CMP_MASKED_EQ", INT, each)] for each in WISHES.values()]
    return [_refused(["setsockopt"], 0, args=wish) for wish in wishes]


def _maps() -> list[dict[str, Any]]:
    """Memory that is nobody's: what is shared and has no file stays when all of it but a page has been let go of."""
    kinds = (MAP_SHARED | MAP_ANONYMOUS, MAP_HUGETLB)
    return [_refused(["mmap"], args=[_argument(3, "SCMP_CMP_MASKED_EQ", kind, kind)]) for kind in kinds]


PROFILE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        _refused(REFUSED),
        _refused(["clone3"], errno.ENOSYS),
        _refused(ATTRIBUTES, errno.EOPNOTSUPP),
        *(_refused(["clone"], args=[_argument(0, "SCMP_CMP_MASKED_EQ", each.flag, each.flag)])
          for each in sorted(WALLS, key=lambda kind: kind.flag)),
        *_families(),
        _refused(["socket"], errno.EPROTONOSUPPORT, args=[_argument(2, "SCMP_CMP_GT", IPPROTO_UDP)]),
        *_wishes(),
        *_maps(),
    ],
}  # fmt: skip
