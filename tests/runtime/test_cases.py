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
    beside: bool = True  # runc stands beside; 1.1 has not, or not rightly, all that the specification says


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


def joined(kind: str, file: str) -> Change:
    """This process's own namespace, by its path."""

    def change(config: Config) -> None:
        without(kind)(config)
        config["linux"]["namespaces"].append({"type": kind, "path": f"/proc/{os.getpid()}/ns/{file}"})

    return change


def clocks(**offsets: Config) -> Change:
    def change(config: Config) -> None:
        config["linux"]["namespaces"].append({"type": "time"})
        config["linux"]["timeOffsets"] = offsets

    return change


def nothing(_config: Config) -> None:
    return


def without_proc(config: Config) -> None:
    config["mounts"] = [each for each in config["mounts"] if each["destination"] != "/proc"]


def writable(config: Config) -> None:
    config["root"]["readonly"] = False


def options_of(path: str) -> str:
    return f"grep ' {path} ' /proc/self/mountinfo | cut -d' ' -f6 | tail -1"


def propagation_of(path: str) -> str:
    """The words of mountinfo between the options and the dash, without their numbers."""
    last = f"awk '$5 == \"{path}\"' /proc/self/mountinfo | tail -1"
    return f"{last} | sed 's/ - .*//' | cut -d' ' -f7- | tr -d ':0-9'"


def flags_below(word: str, *paths: str) -> str:
    """How often a word stands among the options of each path."""
    return "; ".join(f"{options_of(path)} | tr , '\\n' | grep -c -x {word}" for path in paths)


def same_as_outside(file: str) -> str:
    return re.escape(str(Path(f"/proc/self/ns/{file}").readlink())) + r"\n"


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
    # config-linux.md: namespaces that exist already, and clocks
    Case(59, "namespaces.path: a network namespace is joined", joined("network", "net"), "readlink /proc/self/ns/net", same_as_outside("net")),
    Case(60, "namespaces.path: an ipc namespace is joined", both(joined("ipc", "ipc"), lambda config: config.update(mounts=[each for each in config["mounts"] if each["type"] != "mqueue"])), "readlink /proc/self/ns/ipc", same_as_outside("ipc")),
    Case(61, "namespaces.path: a uts namespace is joined", joined("uts", "uts"), "readlink /proc/self/ns/uts", same_as_outside("uts")),
    Case(62, "namespaces.path: a pid namespace is joined", joined("pid", "pid"), "readlink /proc/self/ns/pid; test $$ -gt 1 && echo many", same_as_outside("pid") + r"many\n"),
    Case(63, "namespaces.path: a cgroup namespace is joined", joined("cgroup", "cgroup"), "readlink /proc/self/ns/cgroup", same_as_outside("cgroup")),
    Case(64, "namespaces.path: what is no namespace is refused", lambda config: config["linux"]["namespaces"].append({"type": "user", "path": "/proc/version"}), "true", ""),
    Case(65, "timeOffsets: the boot clock is shifted", clocks(boottime={"secs": 900000000, "nanosecs": 5}), "test $(cut -d. -f1 /proc/uptime) -gt 900000000 && echo later", "later\n", beside=False),
    Case(66, "timeOffsets: the monotonic clock alone", clocks(monotonic={"secs": 900000000}), "test $(cut -d. -f1 /proc/uptime) -lt 900000000 && cat /proc/self/timens_offsets | tr -s ' '", "later|monotonic 900000000 0\nboottime 0 0\n", beside=False),
    Case(67, "a time namespace without offsets", clocks(), "cd /proc/self/ns; test $(readlink time) = $(readlink time_for_children) && echo same", "same\n", beside=False),
    # config.md: mounts: propagation, recursive options, what a runtime does itself
    Case(68, "mounts: shared", mounted(bound("/usr/lib", "/mnt", "shared")), propagation_of("/mnt"), "shared\n"),
    Case(69, "mounts: rshared reaches the mounts below", mounted(bound("/dev", "/mnt", "rbind", "rshared")), propagation_of("/mnt/shm"), "shared\n"),
    Case(70, "mounts: private", mounted(bound("/usr/lib", "/mnt", "private")), propagation_of("/mnt"), r"-?\n?"),
    Case(71, "mounts: unbindable", mounted(bound("/usr/lib", "/mnt", "unbindable")), propagation_of("/mnt"), "unbindable\n"),
    Case(72, "mounts: runbindable reaches the mounts below", mounted(bound("/dev", "/mnt", "rbind", "runbindable")), propagation_of("/mnt/shm"), "unbindable\n"),
    Case(73, "mounts: ro is for one mount alone", mounted(bound("/dev", "/mnt", "rbind", "ro")), flags_below("ro", "/mnt", "/mnt/shm"), "1\n0\n"),
    Case(74, "mounts: rro reaches the mounts below", mounted(bound("/dev", "/mnt", "rbind", "rro")), flags_below("ro", "/mnt", "/mnt/shm"), "1\n1\n"),
    Case(75, "mounts: rnoexec, rnosuid, rnodev reach the mounts below", mounted(bound("/dev", "/mnt", "rbind", "rnoexec", "rnosuid", "rnodev")), flags_below("-e noexec -e nosuid -e nodev", "/mnt", "/mnt/shm"), "3\n3\n"),
    Case(76, "mounts: rnoatime", mounted(bound("/dev", "/mnt", "rbind", "rnoatime")), flags_below("noatime", "/mnt", "/mnt/shm"), "1\n1\n"),
    Case(77, "mounts: rnosymfollow", mounted(bound("/dev", "/mnt", "rbind", "rnosymfollow")), flags_below("nosymfollow", "/mnt", "/mnt/shm"), "1\n1\n"),
    Case(78, "mounts: tmpcopyup: what lay there is in the new file system", mounted(tmpfs("/var/www", "tmpcopyup", "mode=755")), "head -c 15 /var/www/index.html; echo; echo > /var/www/new && ls /var/www", "<!doctype html>\nindex.html\nnew\n"),
    Case(79, "mounts: nosymfollow: links are not followed there", both(writable, mounted(tmpfs("/mnt", "nosymfollow"))), "ln -s /etc/passwd /mnt/link; cat /mnt/link 2>&1 | grep -o 'Too many'", "Too many\n"),
    Case(80, "mounts: a bind keeps what it is not told to change", mounted(tmpfs("/mnt", "noexec", "nosuid"), bound("/dev", "/run/dev", "rbind")), options_of("/run/dev"), r"rw,.*\n"),
    Case(81, "rootfsPropagation: private", linux(rootfsPropagation="private"), propagation_of("/"), r"-?\n?"),
    Case(82, "rootfsPropagation: shared", linux(rootfsPropagation="shared"), propagation_of("/"), "shared\n", beside=False),
    Case(83, "rootfsPropagation: unbindable", linux(rootfsPropagation="unbindable"), propagation_of("/"), "unbindable\n", beside=False),
    Case(84, "mounts: one may hide another", mounted(tmpfs("/mnt", "size=64k"), tmpfs("/mnt", "size=128k")), "df -k /mnt | tail -1 | grep -o ' 128 ' | head -1; grep -c ' /mnt ' /proc/self/mountinfo", " 128 \n2\n"),
    # config.md: process, again
    Case(85, "process.rlimits: several, soft below hard", process(rlimits=[{"type": f"RLIMIT_{name}", "soft": 10, "hard": 20} for name in ("FSIZE", "NPROC", "STACK", "CPU")][:2]), "ulimit -Sf; ulimit -Hf", r"\d+\n\d+\n"),
    Case(86, "process.rlimits: RLIM_INFINITY", process(rlimits=[{"type": "RLIMIT_FSIZE", "soft": 18446744073709551615, "hard": 18446744073709551615}]), "ulimit -f", "unlimited\n"),
    Case(87, "process.oomScoreAdj 0", process(oomScoreAdj=0), "cat /proc/self/oom_score_adj", "0\n"),
    Case(88, "process.user.umask 0", process(user={"uid": 0, "gid": 0, "umask": 0}), "umask", "0000\n"),
    Case(89, "process.env: HOME as it is said", process(env=["PATH=/bin", "HOME=/tmp"]), "echo $HOME", "/tmp\n"),
    Case(90, "process.env: HOME is that of the user", process(user={"uid": 65534, "gid": 65534}), "echo $HOME", "/\n"),
    Case(91, "process.cwd: a missing folder is made", both(writable, process(cwd="/new/deep")), "pwd; rmdir /new/deep /new", "/new/deep\n"),
    Case(92, "process.capabilities: a bounding set alone", process(capabilities={"bounding": ["CAP_KILL", "CAP_CHOWN"]}), ALL_CAPS, "CapInh:0{16}CapPrm:0{16}CapEff:0{16}CapBnd:0{14}21CapAmb:0{16}"),
    Case(93, "process.capabilities: what the kernel does not know is left out", process(capabilities={"bounding": ["CAP_KILL", "CAP_NONE"]}), "grep CapBnd /proc/self/status", "CapBnd:\t0{14}20\n"),
    Case(94, "domainname", lambda config: config.update(domainname="there"), "cat /proc/sys/kernel/domainname", "there\n", beside=False),
    # config-linux.md: the rest
    Case(95, "linux.sysctl with slashes", linux(sysctl={"net/ipv4/ip_forward": "1"}), "cat /proc/sys/net/ipv4/ip_forward", "1\n", beside=False),
    Case(96, "linux.sysctl: of an ipc namespace", linux(sysctl={"kernel.msgmax": "12345", "fs.mqueue.msg_max": "7"}), "cat /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max", "12345\n7\n"),
    Case(97, "linux.personality", linux(personality={"domain": "LINUX32"}), "uname -m", "i[3-6]86\n", beside=False),
    Case(98, "linux.devices: a block device", linux(devices=[{"path": "/dev/disk", "type": "b", "major": 7, "minor": 3, "fileMode": 0o600}]), "stat -c '%F %t:%T %a' /dev/disk", "block special file 7:3 600\n"),
    Case(99, "linux.devices: u is c", linux(devices=[{"path": "/dev/u", "type": "u", "major": 1, "minor": 5, "fileMode": 0o666}]), "stat -c '%F %t:%T' /dev/u", "character special file 1:5\n"),
    Case(100, "linux.devices: below a folder that is missing", linux(devices=[{"path": "/dev/deep/er/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]), "echo x > /dev/deep/er/null && echo written", "written\n"),
    Case(101, "resources.memory: reservation and swappiness", resources(memory={"limit": 67108864, "reservation": 33554432, "swappiness": 7}), "cd /sys/fs/cgroup/memory && cat memory.soft_limit_in_bytes memory.swappiness", "33554432\n7\n"),
    Case(102, "resources.blockIO: other throttles", resources(blockIO={f"throttle{way}Device": [{"major": 254, "minor": 0, "rate": 4096}] for way in ("WriteBps", "ReadIOPS", "WriteIOPS")}), "cd /sys/fs/cgroup/blkio && cat blkio.throttle.write_bps_device blkio.throttle.read_iops_device blkio.throttle.write_iops_device", "(254:0 4096\n){3}"),
    Case(103, "resources.devices: what comes later wins", resources(devices=[{"allow": True, "access": "rwm"}, {"allow": False, "type": "c", "major": 1, "minor": 5, "access": "r"}]), "grep -c 'a ' /sys/fs/cgroup/devices/devices.list; head -c1 /dev/zero 2>&1 | wc -c", r"\d\n\d+\n"),
    Case(104, "linux.cgroupsPath: relative to the runtime's own group", linux(cgroupsPath=None), "cut -d: -f3 /proc/self/cgroup | sort -u", "/\n"),
    Case(105, "linux.seccomp: the whole process is ended", judged({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}), "mkdir /tmp/x; echo $?", "159\n"),
    Case(106, "linux.seccomp: a trap", judged({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_TRAP"}), "mkdir /tmp/x; echo $?", "159\n"),
    Case(107, "linux.seccomp: a masked argument", judged({"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 0xF0, "valueTwo": 0x10, "op": "SCMP_CMP_MASKED_EQ"}]}), "kill -17 $$ 2>&1 | grep -o 'not permitted'; kill -0 $$ && echo fine", "not permitted\nfine\n"),
    Case(108, "linux.seccomp: all but some", judged({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ALLOW"}, default="SCMP_ACT_LOG"), "grep -c Seccomp:.2 /proc/self/status", "1\n"),
    Case(109, "linux.uidMappings: several ranges", both(
        lambda config: config["linux"]["namespaces"].append({"type": "user"}), linux(
            uidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 10, "hostID": 200000, "size": 5}],
            gidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}])),
        "cat /proc/self/uid_map | tr -s ' '", " 0 100000 10\n 10 200000 5\n"),
    Case(110, "linux.uidMappings: another user inside", both(
        lambda config: config["linux"]["namespaces"].append({"type": "user"}), process(user={"uid": 5, "gid": 6, "additionalGids": [7]}), linux(
            uidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}], gidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}])),
        "id -u; id -g; id -G", "5\n6\n6 7\n"),
    Case(111, "mounts: no /proc is asked for, and none is there; runc needs one, crun does not", both(without_proc, process(user={"uid": 5, "gid": 6, "additionalGids": [7]})), "ls -A /proc; id -G", "6 7\n", beside=False),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.number:02}-{re.sub('[^a-zA-Z0-9]+', '-', case.requirement)}" for case in CASES]
)
def test_the_requirement_holds_as_in_runc(
    case: Case, ours: Runtime, runc: Runtime, bundle: Callable[..., Path]
) -> None:
    made = bundle("/bin/sh", "-c", case.command, change=case.change)
    mine = ours.run(made)
    if case.beside:
        oracle = runc.run(made)
        assert (mine.stdout, mine.returncode) == (oracle.stdout, oracle.returncode), mine.stderr + oracle.stderr
    assert re.fullmatch(case.says, mine.stdout), mine.stdout + mine.stderr
    assert ours("list", "-q").stdout == ""


def test_the_cases_are_numbered_without_a_gap() -> None:
    assert [case.number for case in CASES] == list(range(1, len(CASES) + 1))


def test_the_list_of_requirements_names_every_case_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/oci.md").read_text()
    cells = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")]
    listed = {int(number) for cell in cells for number in re.findall(r"\b\d+\b", cell.split(";")[0])}
    assert listed == {case.number for case in CASES}
