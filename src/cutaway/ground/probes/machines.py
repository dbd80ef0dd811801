"""Whether a second machine runs on this one: QEMU, KVM, the modes of its processor, and a kernel to give it."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.guest import cache, engine, kernel
from cutaway.ground.probes.finding import LESS_BUSY, PATIENCE_S, Lacking, probe
from cutaway.ground.probes.limits import user_name
from cutaway.hypervisor import Mode, computer, processors
from cutaway.problem import Problem

# --- QEMU and KVM -----------------------------------------------------------

# mov al, 20 | add al, 1 | out 0xf4, al | hlt: what a CPU finds at its first address, 16 bytes below 4 GiB
FIRST_INSTRUCTIONS = bytes.fromhex("b014 0401 e6f4 f4")
FIRMWARE = FIRST_INSTRUCTIONS.ljust(16, b"\xf4").rjust(64 << 10, b"\xf4")  # QEMU maps its last byte just below 4 GiB
ANSWER = 21 << 1 | 1  # QEMU's isa-debug-exit ends it with (value << 1) | 1 (qemu: hw/misc/debugexit.c)


def guest_answers(accelerator: str, remedy: str) -> None:
    """Run three instructions on a machine of their own; its exit status carries the sum that they make."""
    qemu = programs.path("qemu-system-x86_64")
    if qemu is None:
        raise Lacking("qemu-system-x86_64 is not here", programs.remedy("qemu"))
    firmware = os.memfd_create("firmware")
    try:
        os.write(firmware, FIRMWARE)
        argv = [qemu, "-machine", "pc", "-accel", accelerator, "-m", "16", "-nodefaults", "-display", "none"]
        argv += ["-bios", f"/proc/self/fd/{firmware}", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        ended = subprocess.run(
            argv, pass_fds=[firmware], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Lacking(f"a guest of three instructions had not ended after {PATIENCE_S} s", remedy) from error
    finally:
        os.close(firmware)
    if ended.returncode != ANSWER:
        said = ended.stderr.decode(errors="replace").strip()
        raise Lacking(f"the guest ended with {ended.returncode} and not {ANSWER}: {said}", remedy)


@probe("qemu", tried="run a guest of three instructions, by emulation", opens="a whole computer with another kernel")
def qemu() -> str:
    guest_answers("tcg", f"{LESS_BUSY}, or reinstall qemu-system-x86")
    return "the guest added two numbers and handed the sum to QEMU"


@probe("kvm", tried="open /dev/kvm and run the same guest on the real CPU", opens="virtual machines at full speed")
def kvm() -> str:
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError as error:
        raise Lacking("/dev/kvm does not exist", "switch on virtualisation in the firmware, or do without") from error
    except OSError as error:
        raise Lacking(error, key_to_kvm()) from error
    guest_answers("kvm", "do without: emulation carries every lesson")
    return "the guest ran; whether a whole Linux comes up is not tried here"


def key_to_kvm() -> str:
    """How this user comes to use /dev/kvm: by its group, where that one may, or else by owning it."""
    found = Path("/dev/kvm").stat()
    if os.geteuid() == 0:
        return "start the container, if this is one, with --device /dev/kvm; or do without"
    if found.st_gid and found.st_mode & stat.S_IRGRP and found.st_mode & stat.S_IWGRP:
        return f"{programs.as_root(f'usermod -aG {found_group(found.st_gid)} {user_name()}')}, then log in again"
    return f"{programs.as_root(f'chown {user_name()} /dev/kvm')} (until the next boot), or do without"


def found_group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


@probe(
    "guest modes", tried="run a small guest in each mode on /dev/kvm", opens="a hypervisor in Python, on the real CPU"
)
def guest_modes() -> str:
    lacking = processors.missing("kvm")
    if lacking:
        cause, _, _ = lacking.partition("; ")
        raise Lacking(cause, "see `kvm`; meanwhile the same guests run on a processor in software")
    refused = {mode: why for mode, why in computer.modes("kvm").items() if why}
    if refused:
        told = "; ".join(f"{mode.value}: {why}" for mode, why in refused.items())
        raise Lacking(told, "choose on='software' for these; the lesson runs them so")
    return f"each found its answer: {'; '.join(mode.value for mode in Mode)}"


# --- What a guest boots ------------------------------------------------------


@probe("guest kernel", tried="look for one with the drivers that a guest needs", opens="the lab machine")
def guest_kernel() -> str:
    cache.folder()  # where one would be kept; a Problem says why it cannot be made
    try:
        found = kernel.find(fetch_it=False)
    except Problem as problem:
        cause, _, remedy = str(problem).partition("; ")
        if os.environ.get(kernel.OVERRIDE) or not kernel.fetchable():
            raise Lacking(cause.partition(": ")[2], remedy) from problem
        return "none is here yet; the first machine fetches one, 71 MB, and unpacks it without installing it"
    return f"{found.image} has all that a guest needs"


@probe("engine programs", tried="look for an engine's parts and the command", opens="an engine inside a machine")
def engine_programs() -> str:
    kinds = engine.startable()
    if not kinds:
        raise Lacking(f"{', '.join(engine.missing('docker'))}: not here", programs.remedy("docker"))
    if programs.path("docker") is None:
        raise Lacking("the docker command is not here", programs.remedy("docker client"))
    return f"all those of {kinds[0]} are here; none was started"
