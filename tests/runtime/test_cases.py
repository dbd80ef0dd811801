"""One case for each requirement of the runtime specification's Linux part, run by ours and by runc: both say the same.

A case: its number, the requirement, what it changes in config.json, the command inside, and what that must say.
The sections are those of config.md, config-linux.md and runtime.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from oci import Config, Runtime

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: what an ordinary user may is in test_rootless.py"
)

Change = Callable[[Config], object]


class Case(NamedTuple):
    """One requirement."""

    number: int
    requirement: str
    change: Change
    command: str
    says: str  # a regular expression for all of it


def both(*changes: Change) -> Change:
    return lambda config: [change(config) for change in changes]


def process(**values: object) -> Change:
    return lambda config: config["process"].update(values)


def linux(**values: object) -> Change:
    return lambda config: config["linux"].update(values)


def resources(**values: object) -> Change:
    return lambda config: config["linux"]["resources"].update(values)


def mounted(*mounts: Config) -> Change:
    return lambda config: config["mounts"].extend(mounts)


def without(kind: str) -> Change:
    def change(config: Config) -> None:
        config["linux"]["namespaces"] = [each for each in config["linux"]["namespaces"] if each["type"] != kind]
        if kind == "uts":
            config.pop("hostname")

    return change


def tmpfs(destination: str, *options: str) -> Config:
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


def bound(source: str, destination: str, *options: str) -> Config:
    return {"destination": destination, "type": "bind", "source": source, "options": ["bind", *options]}


def capable(*names: str, **more: list[str]) -> Change:
    sets = {each: [f"CAP_{name}" for name in names] for each in ("bounding", "effective", "permitted")}
    return process(capabilities=sets | more)


def judged(*rules: Config, default: str = "SCMP_ACT_ALLOW") -> Change:
    return linux(seccomp={"defaultAction": default, "syscalls": list(rules)})


def nothing(_config: Config) -> None:
    return


def writable(config: Config) -> None:
    config["root"]["readonly"] = False


def options_of(path: str) -> str:
    return f"grep ' {path} ' /proc/self/mountinfo | cut -d' ' -f6 | tail -1"


ALL_CAPS = "grep Cap /proc/self/status | tr -d '\\n\\t'"
EPERM_MKDIR = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}

CASES = [
    # config.md: root, mounts, process, user, hostname
    Case(1, "root.readonly: nothing can be written there", nothing, "touch /x 2>&1; echo $?", r".*Read-only file system\n1\n"),
    Case(2, "root.readonly false: it can", writable, "touch /tmp/x && rm /tmp/x && echo ok", "ok\n"),
    Case(3, "mounts: in the listed order", mounted(tmpfs("/mnt"), tmpfs("/mnt/a")), "mkdir /mnt/a/b && ls /mnt", "a\n"),
    Case(4, "mounts: options become flags", mounted(tmpfs("/mnt", "nosuid", "noexec", "ro")), options_of("/mnt"), "ro,nosuid,noexec,relatime\n"),
    Case(5, "mounts: what is no flag is data", mounted(tmpfs("/mnt", "size=64k", "mode=700")), "grep /mnt /proc/self/mountinfo | grep -o 'size=64k,mode=700'", "size=64k,mode=700\n"),
    Case(6, "mounts: noatime, nodiratime", mounted(tmpfs("/mnt", "noatime", "nodiratime")), options_of("/mnt"), "rw,noatime,nodiratime\n"),
    Case(7, "mounts: strictatime", mounted(tmpfs("/mnt", "strictatime")), options_of("/mnt"), "rw\n"),
    Case(8, "mounts: a file is bound to a file", mounted(bound("/etc/os-release", "/run/some/os")), "test -s /run/some/os && echo file", "file\n"),
    Case(9, "mounts: a bound tree can be read-only", mounted(bound("/usr/lib", "/mnt", "ro", "rbind")), "touch /mnt/x 2>&1 | grep -o Read-only; " + options_of("/mnt"), r"Read-only\nro,.*\n"),
    Case(10, "mounts: propagation is set", mounted(bound("/usr/lib", "/mnt", "rslave")), "grep ' /mnt ' /proc/self/mountinfo | grep -c master", r"\d\n"),
    Case(11, "mounts: a missing destination is made", mounted(tmpfs("/run/deep/er")), "stat -c %F /run/deep/er", "directory\n"),
    Case(12, "process.cwd: it begins there", process(cwd="/var/www"), "pwd", "/var/www\n"),
    Case(13, "process.env: exactly these, and a HOME", process(env=["PATH=/bin", "A=b c"]), "env | grep -v -e PWD -e SHLVL -e _= | sort", "A=b c\nHOME=/root\nPATH=/bin\n"),
    Case(14, "process.user: uid, gid and additional groups", process(user={"uid": 65534, "gid": 65534, "additionalGids": [5, 7]}), "id -u; id -g; id -G", "65534\n65534\n65534 5 7\n"),
    Case(15, "process.user.umask", process(user={"uid": 0, "gid": 0, "umask": 0o077}), "umask", "0077\n"),
    Case(16, "process.user.umask: 022 where none is said", nothing, "umask", "0022\n"),
    Case(17, "process.rlimits", process(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]), "ulimit -Sn; ulimit -Hn; ulimit -c", "100\n200\n0\n"),
    Case(18, "process.capabilities: exactly these", capable("KILL", "CHOWN"), ALL_CAPS, "CapInh:0{16}CapPrm:0{14}21CapEff:0{14}21CapBnd:0{14}21CapAmb:0{16}"),
    Case(19, "process.capabilities: an absent set is empty", process(capabilities={}), ALL_CAPS, "(Cap...:0{16}){5}"),
    Case(20, "process.capabilities: ambient reach another user", both(process(user={"uid": 1, "gid": 1}), capable("KILL", inheritable=["CAP_KILL"], ambient=["CAP_KILL"])), "grep CapEff /proc/self/status", r"CapEff:\t0{14}20\n"),
    Case(21, "process.capabilities: another user has none effective", both(process(user={"uid": 1, "gid": 1}), capable("KILL")), ALL_CAPS, "CapInh:0{16}CapPrm:0{16}CapEff:0{16}CapBnd:0{14}20CapAmb:0{16}"),
    Case(22, "process.noNewPrivileges", nothing, "grep NoNew /proc/self/status", "NoNewPrivs:\t1\n"),
    Case(23, "process.noNewPrivileges false", process(noNewPrivileges=False), "grep NoNew /proc/self/status", "NoNewPrivs:\t0\n"),
    Case(24, "process.oomScoreAdj", process(oomScoreAdj=321), "cat /proc/self/oom_score_adj", "321\n"),
    Case(25, "hostname", lambda config: config.update(hostname="here"), "hostname", "here\n"),
    # config-linux.md: namespaces, devices, cgroups, sysctl, seccomp, paths
    Case(26, "a pid namespace: the program is process 1", nothing, "echo $$; test $(ls -d /proc/[0-9]* | wc -l) -lt 7 && echo few", "1\nfew\n"),
    Case(27, "a network namespace: only lo, and it is up", nothing, "ip -o link 2>/dev/null | grep -o 'lo: <[A-Z,_]*>' || ls /sys/class/net", r"lo.*\n"),
    Case(28, "an ipc namespace: nothing of the machine's", nothing, "wc -l < /proc/sysvipc/shm", "1\n"),
    Case(29, "a cgroup namespace: its own group is the top", nothing, "cut -d: -f3 /proc/self/cgroup | sort -u", "/\n"),
    Case(30, "default devices", nothing, "cd /dev && stat -c '%n %t:%T %a' null zero full random urandom tty", "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\n"),
    Case(31, "default links under /dev", nothing, "cd /dev && for each in fd stdin stdout stderr ptmx; do readlink $each; done", "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n"),
    Case(32, "linux.devices: node, numbers, mode, owner", linux(devices=[{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 3, "gid": 4}]), "stat -c '%t:%T %a %u %g' /dev/mine", "1:3 640 3 4\n"),
    Case(33, "linux.devices: a fifo", linux(devices=[{"path": "/dev/pipe", "type": "p", "fileMode": 0o600}]), "test -p /dev/pipe && echo fifo", "fifo\n"),
    Case(34, "resources.devices: what is not allowed cannot be opened", both(capable("MKNOD"), writable, mounted(tmpfs("/mnt", "dev"))), "mknod /mnt/x b 7 0 2>&1; dd if=/dev/null of=/dev/null 2>/dev/null && echo null", r"(.*\n)?null\n"),
    Case(35, "resources.memory.limit", resources(memory={"limit": 33554432}), "cat /sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n"),
    Case(36, "resources.cpu: shares, quota, period", resources(cpu={"shares": 512, "quota": 20000, "period": 50000}), "cd /sys/fs/cgroup/cpu && cat cpu.shares cpu.cfs_quota_us cpu.cfs_period_us", "512\n20000\n50000\n"),
    Case(37, "resources.cpu.cpus", resources(cpu={"cpus": "0"}), "cat /sys/fs/cgroup/cpuset/cpuset.cpus; grep Cpus_allowed_list /proc/self/status", "0\nCpus_allowed_list:\t0\n"),
    Case(38, "resources.pids.limit", resources(pids={"limit": 20}), "cat /sys/fs/cgroup/pids/pids.max", "20\n"),
    Case(39, "resources.blockIO.throttle", resources(blockIO={"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1048576}]}), "cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device", "254:0 1048576\n"),
    Case(40, "linux.sysctl", linux(sysctl={"net.ipv4.ip_forward": "1", "kernel.shmmni": "100"}), "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni", "1\n100\n"),
    Case(41, "linux.maskedPaths: a file reads as empty", linux(maskedPaths=["/proc/version"]), "wc -c < /proc/version", "0\n"),
    Case(42, "linux.maskedPaths: a folder is empty", linux(maskedPaths=["/proc/sys"]), "ls /proc/sys | wc -l; touch /proc/sys/x 2>&1 | grep -o Read-only", "0\nRead-only\n"),
    Case(43, "linux.maskedPaths: what is not there is no matter", linux(maskedPaths=["/nowhere"]), "echo ok", "ok\n"),
    Case(44, "linux.readonlyPaths", linux(readonlyPaths=["/proc/sys"]), "echo x > /proc/sys/kernel/domainname; echo $?", "1\n"),
    Case(45, "linux.seccomp: an error of the profile's choice", both(judged(EPERM_MKDIR), mounted(tmpfs("/mnt"))), "mkdir /mnt/x 2>&1 | grep -o 'Function not implemented'; grep Seccomp: /proc/self/status", "Function not implemented\nSeccomp:\t2\n"),
    Case(46, "linux.seccomp without noNewPrivileges", both(process(noNewPrivileges=False), judged(EPERM_MKDIR), mounted(tmpfs("/mnt"))), "mkdir /mnt/x 2>&1 | grep -o 'Function not implemented'; grep -c Seccomp:.2 /proc/self/status", "Function not implemented\n1\n"),
    Case(47, "linux.seccomp: a condition on an argument", both(judged({"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]})), "kill -10 $$ 2>&1 | grep -o 'not permitted'; kill -0 $$ && echo fine", "not permitted\nfine\n"),
    Case(48, "linux.rootfsPropagation", linux(rootfsPropagation="slave"), "head -1 /proc/self/mountinfo | grep -c -e master -e shared || true", r"\d\n"),
    Case(49, "without a pid namespace it sees the machine's processes", without("pid"), "test $(ls -d /proc/[0-9]* | wc -l) -gt 8 && echo many", "many\n"),
    Case(50, "without a network namespace it has the machine's links", without("network"), "ls /sys/class/net | grep -c .", r"\d+\n"),
    Case(51, "a user namespace: root inside, somebody outside", both(
        lambda config: config["linux"]["namespaces"].append({"type": "user"}), linux(
            uidMappings=[{"containerID": 0, "hostID": 100000, "size": 1000}],
            gidMappings=[{"containerID": 0, "hostID": 100000, "size": 1000}])),
        "id -u; cat /proc/self/uid_map | tr -s ' '", " ?0\n 0 100000 1000\n"),
    Case(52, "process.args: other programs than a shell", process(args=["uname", "-s"]), "", "Linux\n"),
    Case(53, "process.args: a program that is found in PATH", nothing, "true; echo $0", "/bin/sh\n"),
    # Ignored are at most those that a shell's background ignores (1 to 3), and glibc's own, which make's children ignore.
    Case(54, "the program finds its signals as usual", nothing, "grep -e SigBlk -e SigIgn /proc/self/status", r"SigBlk:\t0{16}\nSigIgn:\t0{8}[08]0{6}[0-7]\n"),
    Case(55, "no descriptor but the three reaches it", nothing, "ls /proc/self/fd | wc -l", "4\n"),
    Case(56, "it leads a session of its own", nothing, "cut -d' ' -f6 /proc/1/stat", "1\n"),
    Case(57, "cgroups are seen where they are mounted", nothing, "ls /sys/fs/cgroup | grep -c -x -e memory -e pids -e cpu", "3\n"),
    Case(58, "the mount of cgroups is read-only if it says so", nothing, "mkdir /sys/fs/cgroup/memory/x 2>&1 | grep -o Read-only", "Read-only\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.number:02}-{re.sub('[^a-zA-Z0-9]+', '-', case.requirement)}" for case in CASES]
)
def test_the_requirement_holds_as_in_runc(
    case: Case, ours: Runtime, runc: Runtime, bundle: Callable[..., Path]
) -> None:
    made = bundle("/bin/sh", "-c", case.command, change=case.change)
    mine, oracle = ours.run(made), runc.run(made)
    assert (mine.stdout, mine.returncode) == (oracle.stdout, oracle.returncode), mine.stderr + oracle.stderr
    assert re.fullmatch(case.says, mine.stdout), mine.stdout + mine.stderr
    assert ours("list", "-q").stdout == ""


def test_the_cases_are_numbered_without_a_gap() -> None:
    assert [case.number for case in CASES] == list(range(1, len(CASES) + 1))
