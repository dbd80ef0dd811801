"""KVM where a Linux guest truly comes up with it, emulation where it does not: tried once, and remembered."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cutaway.ground.guest import cache, qemu, running
from cutaway.ground.guest.qemu import Spec
from cutaway.ledger import state
from cutaway.linux.processes import Process, boot_id
from cutaway.problem import Problem

OVERRIDE = "CUTAWAY_MACHINE_ACCELERATOR"
DEVICE = "/dev/kvm"
TRIAL_S = 15  # with KVM a guest is up in less than one second


class Accelerator(NamedTuple):
    """What runs the guest's instructions: `kvm`, the processor itself, or `tcg`, emulation; and what told us so."""

    name: str
    evidence: str


def choose(spec: Spec) -> Accelerator:
    """The best that boots this computer here, or the one that CUTAWAY_MACHINE_ACCELERATOR names."""
    named = os.environ.get(OVERRIDE)
    if named:
        if named not in qemu.ACCELERATORS:
            raise Problem(f"taking {OVERRIDE}={named}: there is no such one; say kvm or tcg, or unset it")
        return Accelerator(named, f"{OVERRIDE} asks for it")
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Accelerator("tcg", f"{DEVICE} is not there, or not for this user")
    trial = cache.fingerprint([Path(qemu.program()), spec.kernel], boot_id())
    return _remembered(trial) or _tried(spec, trial)


def _remembered(trial: str) -> Accelerator | None:
    """What came of the same trial earlier in this boot."""
    try:
        seen = json.loads(_memory().read_text())
    except (OSError, ValueError):
        return None
    return Accelerator(*seen["found"]) if seen["trial"] == trial else None


def _tried(spec: Spec, trial: str) -> Accelerator:
    """Boot it once with KVM, with nothing lent to it."""
    found = Accelerator("kvm", "a Linux guest came up with it")
    try:
        command = qemu.command(replace(spec, accelerator="kvm", lent=[]), None)
        guest = running.start("trial of KVM", command, Process.current())
        try:
            guest.hear(TRIAL_S)
        finally:
            guest.stop()
    except Problem as problem:
        found = Accelerator("tcg", f"{DEVICE} is there, and no Linux guest came up with it: {problem}")
    state.write(_memory(), json.dumps({"trial": trial, "found": found}))
    return found


def _memory() -> Path:
    return cache.folder() / "kvm.json"
