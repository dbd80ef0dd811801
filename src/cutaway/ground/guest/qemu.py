"""The machine itself: QEMU's command line, a word of which stands for a part of a computer.

QEMU runs without any privilege. As root it gives its own away as soon as it has opened its files, for a user that
nobody else is; then it may start no program, and its network leads nowhere but to the ports that are published.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.guest import cache, inside
from cutaway.ground.guest.exports import Lent
from cutaway.ground.guest.running import Running
from cutaway.linux.processes import processes
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

SLOTS = 5
USERS = range(61184, 65520)  # systemd.exec(5), DynamicUser=: kept for what lives no longer than its process
BOOT_WORDS = "console=ttyS0 panic=-1 reboot=t random.trust_cpu=on"
# Code is translated once for each address, there is no speculation to stop, and on a busy host the clock may not tick
# in the moment in which a booting kernel looks whether it does, and panics if it does not.
EMULATED = "norandmaps mitigations=off no_timer_check"
EMULATION: Sequence[str] = ("-accel", "tcg,tb-size=64")  # MiB of translated code: the default takes a gigabyte
LEAST_MIB, MOST_CPUS = 160, 16  # Debian's kernel ends in a panic with 96 MiB, and 128 leave it 8
SEEN, WRITABLE = "security_model=none,readonly=on", "security_model=mapped-xattr"
SANDBOX = "on,obsolete=deny,spawn=deny,resourcecontrol=deny"

Wake = Callable[[Running, Iterable[Lent]], None]


@dataclass(frozen=True)
class Spec:
    """A computer: what it boots, how much of everything it has, what it is lent."""

    kernel: Path
    initramfs: Path
    lent: Sequence[Lent]
    accelerator: str = "tcg"
    memory_mib: int = 512
    cpus: int = 1
    disks: Sequence[Path] = ()  # files that hold raw disks; two machines may have the same
    cable: int | None = None  # an end of a socket pair: a second network card, whose wire ends in another machine
    shared: Sequence[Lent] = ()  # folders of the reader's, to which it may write
    wake: Wake | None = None  # starts what is up already in the saved one
    emulation: Sequence[str] = EMULATION  # by what words, where it is not KVM that runs its code

    def __post_init__(self) -> None:
        if self.memory_mib < LEAST_MIB:
            raise Problem(f"starting a machine of {self.memory_mib} MiB: it takes {LEAST_MIB}; give it more")
        if not 1 <= self.cpus <= MOST_CPUS:
            raise Problem(f"starting a machine with {self.cpus} processors: it may have 1 to {MOST_CPUS}")

    @property
    def slots(self) -> int:
        """For how many lent folders it has a device; some spare ones, so that most computers are of one kind."""
        return max(len(self.lent) + len(self.shared), SLOTS)

    @property
    def made_of(self) -> cache.Sources:
        """The same for two computers of which one can go on from where the other was saved."""
        facts = _accelerator(self), self.memory_mib, self.cpus, self.slots
        return cache.sources([Path(program()), self.kernel, self.initramfs], *facts)


# --- The command line --------------------------------------------------------


def command(spec: Spec, memory: Path | None, *, copied: bool = False) -> list[str]:
    """QEMU for this computer, in whose own folder it is started. Its memory is private, or the file `memory`.

    A file is the memory itself, for others to go on from; `copied`, it is where this machine goes on from, and
    what it writes is its own. Sockets are opened in the order of these words, the monitor's last: who can reach it
    can reach all of them.
    """
    return [
        *(program(), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-machine", "q35,memory-backend=ram", *_accelerator(spec)),
        *("-cpu", "host" if spec.accelerator == "kvm" else "max", "-smp", str(spec.cpus)),
        *("-m", f"{spec.memory_mib}M", "-object", _memory(spec, memory, "off" if copied else "on")),
        *("-kernel", str(spec.kernel), "-initrd", str(spec.initramfs), "-append", _boot_words(spec)),
        *("-chardev", "file,id=console,path=console", "-serial", "chardev:console"),
        *("-device", f"virtio-serial-pci,max_ports={inside.NOTEBOOK_PORT + 1}", *_ports()),
        *("-chardev", "socket,id=monitor,path=qmp,server=on,wait=off", "-mon", "chardev=monitor,mode=control"),
        *("-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="),
        *(word for number in range(spec.slots) for word in _lent(number, spec)),
        *(word for disk in spec.disks for word in ("-drive", _disk(disk))),
        *(() if spec.cable is None else _cable(spec.cable)),
        *_without_privilege(),
        *(("-incoming", "defer") if copied else ()),
    ]


ACCELERATORS = ("kvm", "tcg")


def _accelerator(spec: Spec) -> Sequence[str]:
    return ("-accel", "kvm") if spec.accelerator == "kvm" else spec.emulation


def _boot_words(spec: Spec) -> str:
    return f"{BOOT_WORDS} {EMULATED}" if spec.accelerator == "tcg" else BOOT_WORDS


def tag(number: int) -> str:
    """What the guest calls the folder that is lent to it as number so-and-so."""
    return f"lent{number}"


def _memory(spec: Spec, file: Path | None, share: str) -> str:
    size = f"id=ram,size={spec.memory_mib}M"
    return f"memory-backend-file,{size},mem-path={file},share={share}" if file else f"memory-backend-ram,{size}"


def _ports() -> list[str]:
    words = []
    for number in (inside.FIRST_PORT, *inside.PORTS, inside.NOTEBOOK_PORT):
        words += ["-chardev", f"socket,id=port{number},path=port{number},server=on,wait=off"]
        words += ["-device", f"virtserialport,nr={number},chardev=port{number}"]
    return words


def _lent(number: int, spec: Spec) -> list[str]:
    """A folder of the host's; on a spare device, one that holds only what the guest has read already.

    What the guest makes in a shared one belongs to QEMU's user here; owners and modes as the guest sees them are kept
    beside it, as attributes, so that none of it can be setuid or a device.
    """
    folders = [(each.source, SEEN) for each in spec.lent] + [(each.source, WRITABLE) for each in spec.shared]
    folder, how = folders[number] if number < len(folders) else (spec.initramfs.parent, SEEN)
    source = str(folder).replace(",", ",,")  # how QEMU's options write a comma
    backend = f"local,id={tag(number)},path={source},{how},multidevs=remap"
    return ["-fsdev", backend, "-device", f"virtio-9p-pci,fsdev={tag(number)},mount_tag={tag(number)}"]


def _disk(file: Path) -> str:
    """No lock, because it may be shared, and no memory of ours between it and those who share it."""
    return f"file={str(file).replace(',', ',,')},format=raw,if=virtio,cache=none,file.locking=off"


def _cable(fd: int) -> list[str]:
    address = f"52:54:00:{secrets.token_bytes(3).hex(':')}"  # QEMU's own vendor
    return ["-netdev", f"socket,id=cable,fd={fd}", "-device", f"virtio-net-pci,netdev=cable,romfile=,mac={address}"]


def _without_privilege() -> list[str]:
    """A seccomp filter, and no user but one that no process has; what was opened before that stays open.

    As root the filter must let QEMU change its user. It cannot do so a second time: a filter brings no_new_privs.
    """
    if os.geteuid():
        return ["-sandbox", f"{SANDBOX},elevateprivileges=deny"]
    taken = {_user(each.pid) for each in processes()}
    user = secrets.choice([user for user in USERS if user not in taken])
    return ["-sandbox", SANDBOX, "-runas", f"{user}:{user}"]


def _user(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except FileNotFoundError:
        return -1


# --- The program -------------------------------------------------------------


def program() -> str:
    """Where QEMU is."""
    path = programs.path("qemu-system-x86_64")
    if path is None:
        raise Problem(f"starting a machine: qemu-system-x86_64 is not here; {programs.remedy('qemu')}")
    return path


@once
def version() -> str:
    """What it calls itself."""
    said = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].removeprefix("QEMU emulator version ")
