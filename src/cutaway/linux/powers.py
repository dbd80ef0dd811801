"""What single capabilities allow: for each, one small command that works with it and is refused without it.

A user namespace's root has all of these over what that namespace owns; only the machine's own root has those that
count for the machine as a whole, or for a second user. Run as a program by root, this file tries the latter: in the lab
machine, `cutaway machine run -- python -m cutaway.linux.powers`. See capabilities(7); taught in notebook 09.
"""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

from cutaway.linux import capabilities


class Power(NamedTuple):
    """A capability, and a line for the shell that it decides; the line knows no single quotes."""

    capability: str
    allows: str
    line: str


# What the lines need to be there: a file that is closed to everybody, and one that is another user's.
PREPARE = "mount -t tmpfs none /mnt && : > /mnt/closed && chmod 0 /mnt/closed && : > /mnt/file"
PREPARE_USERS = f"{PREPARE} && : > /mnt/theirs && chown 1 /mnt/theirs"

# A program that gives CAP_NET_ADMIN to whoever starts it: a shell copies it, then Python marks it.
COPY = "cp $(command -v grep) /mnt/marked"
MARK = "from cutaway.linux import capabilities as c; c.mark('/mnt/marked', c.mask({'NET_ADMIN'}))"

POWERS = (
    Power("DAC_OVERRIDE", "write to a file that is closed to its owner", "echo word > /mnt/closed"),
    Power("NET_ADMIN", "change links", "ip link set lo up"),
    Power("NET_BIND_SERVICE", "listen at a port below 1024", "busybox httpd -p 80 -h /mnt"),
    Power("NET_RAW", "send packets of its own making", "busybox ping -c 1 127.0.0.1"),
    Power("SETPCAP", "change the rules by which sets change", "setpriv --securebits=+noroot true"),
    Power("SYS_ADMIN", "rename the machine, mount, and much more", "hostname box"),
    Power("SYS_CHROOT", "choose another root folder", "chroot / true"),
    Power("SYS_PTRACE", "look into a process that may do more", "readlink /proc/1/exe"),
    Power("SYS_RESOURCE", "raise limits", "echo 100 > /proc/sys/user/max_uts_namespaces"),
)

OF_THE_MACHINE = (
    Power("CHOWN", "give a file to another user", "chown 1 /mnt/file"),
    Power("FOWNER", "change the mode of another user's file", "chmod 600 /mnt/theirs"),
    Power("KILL", "send a signal to another user's process", "kill -0 $(pidof -s sleep)"),
    Power("MKNOD", "make a device file", "mknod -m 600 /mnt/disk-$$ b 1 0"),
    Power("SETGID", "change groups", "setpriv --regid=1 --clear-groups true"),
    Power("SETUID", "become another user", "setpriv --reuid=1 true"),
    Power("SYS_NICE", "go before others", "renice -n -1 -p $$"),
    Power("SYS_TIME", "set the clock", "date -s @$(date +%s)"),
)


def alone(power: Power) -> str:
    """A line for the shell that prints whether the power's own works with its capability and no other."""
    return under(power, f"-all,+{power.capability.lower()}")


def missing(power: Power) -> str:
    """The same with every capability but this one."""
    return under(power, f"+all,-{power.capability.lower()}")


def under(power: Power, bounding: str) -> str:
    """The same under a bounding set in setpriv's words."""
    return f"setpriv --bounding-set={bounding} sh -c '{power.line}' >/dev/null 2>&1 && echo yes || echo no"


def switched() -> list[str]:
    """What becomes of chroot(2) in root's process while it switches the capability off and on, and gives it up."""
    bit, said = capabilities.mask({"SYS_CHROOT"}), []
    for effective, permitted in ((bit, bit), (0, bit), (bit, bit), (0, 0), (bit, bit)):
        try:
            capabilities.assume(effective, permitted, 0)
            os.chroot("/")
            said.append("chroot works")
        except OSError as error:
            said.append(f"{getattr(error, 'call', 'chroot').partition('(')[0]} is refused")
    return said


def try_as_root() -> None:
    """Print, for each power of the machine's root, whether it works alone, and without."""
    theirs = "setpriv --reuid=1 sleep 60 >/dev/null 2>&1 & for look in $(seq 500); do pidof -s sleep && break; done"
    answers = [f"echo {each.capability} $({alone(each)}) $({missing(each)})" for each in OF_THE_MACHINE]
    alone_there = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]
    subprocess.run([*alone_there, "sh", "-c", "; ".join([PREPARE_USERS, f"{theirs} >/dev/null", *answers])], check=True)


if __name__ == "__main__":
    try_as_root()
