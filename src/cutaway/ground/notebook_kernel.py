"""A notebook's kernel in a lab machine: its cells run as root under another kernel, and need no change.

Jupyter asks a provisioner for a process and a way to talk to it. This one starts a fresh machine, which ends with the
notebook's server however that ends, runs the usual kernel in it, and publishes the kernel's five ports here. A restart
is another fresh machine. See jupyter_client's "Kernel Provisioning".
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from cutaway.ground import machine
from cutaway.ground.guest.exports import Unlendable
from cutaway.ground.machine import LOOPBACK, Machine
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

MEMORY_MIB = 1024
SERVERS = ("shell", "iopub", "stdin", "control", "hb")
GUEST_PORTS = {f"{name}_port": 9000 + number for number, name in enumerate(SERVERS)}
CONNECTION, PID = "/run/kernel.json", "/run/kernel.pid"
START = f"echo $$ > {PID}; exec python -m ipykernel_launcher -f {CONNECTION}"
DEAD = -signal.SIGKILL  # the status of a kernel whose machine has ended

Facts = dict[str, Any]


class LabMachineProvisioner(KernelProvisionerBase):
    """One machine, and the kernel in it."""

    guest: Machine | None = None
    status: int | None = None
    _carrier: threading.Thread | None = None

    # --- Starting ------------------------------------------------------------

    async def pre_launch(self, **kwargs: Any) -> Facts:
        """Start the machine and tell Jupyter by which ports of ours the kernel will be reached."""
        cwd = Path(kwargs.get("cwd") or Path.cwd())
        self.guest = await asyncio.to_thread(started, cwd)
        published = await asyncio.to_thread(self._publish)
        manager: Any = self.parent
        manager.ip = LOOPBACK
        for name, port in published.items():
            setattr(manager, name, port)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel; a thread carries what it writes outside its cells, and waits for its end."""
        await asyncio.to_thread(self._tell_ports)
        self.status = None
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        return self.connection_info

    def _publish(self) -> dict[str, int]:
        assert self.guest
        return {name: self.guest.publish(port) for name, port in GUEST_PORTS.items()}

    def _tell_ports(self) -> None:
        """The same connection as Jupyter's, with the addresses that it has inside."""
        assert self.guest
        inside = {**self.connection_info, **GUEST_PORTS, "ip": "0.0.0.0"}
        self.guest.put(CONNECTION, json.dumps(inside, default=bytes.decode).encode())

    def _carry(self) -> None:
        assert self.guest
        try:
            self.status = self.guest.converse(["sh", "-c", START], None, _to_log, _to_log)
        except Problem:
            self.status = DEAD

    # --- Its life --------------------------------------------------------------

    @property
    def has_process(self) -> bool:
        return self.guest is not None

    async def poll(self) -> int | None:
        """None while it runs; its status afterwards."""
        return self.status if self.guest else 0

    async def wait(self) -> int | None:
        """Its status, once it has ended; its machine is stopped then."""
        if self._carrier:
            await asyncio.to_thread(self._carrier.join)
        await self._stop()
        return self.status

    async def send_signal(self, signum: int) -> None:
        """Send it a signal; signal 0 only asks whether it is there."""
        if self.guest and signum:
            script = f"kill -{signum} $(cat {PID})"
            await asyncio.to_thread(self.guest.run, ["sh", "-c", script])

    async def kill(self, restart: bool = False) -> None:
        """End it with its machine."""
        await self._stop()

    async def terminate(self, restart: bool = False) -> None:
        """The same: a machine has nothing to save."""
        await self._stop()

    async def cleanup(self, restart: bool = False) -> None:
        """Leave nothing."""
        await self._stop()

    async def _stop(self) -> None:
        guest, self.guest = self.guest, None
        if guest:
            await asyncio.to_thread(guest.stop)


def started(folder: Path) -> Machine:
    """A fresh machine that sees the notebook's folder, or, where that is too much to lend, only the course."""
    try:
        return machine.start(memory_mib=MEMORY_MIB, folders=[folder])
    except Unlendable:
        return machine.start(memory_mib=MEMORY_MIB)


def _to_log(data: bytes) -> None:
    os.write(2, data)
