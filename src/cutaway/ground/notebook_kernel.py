"""A notebook's kernel in a lab machine: its cells run as root under another kernel, and need no change.

Jupyter asks a provisioner for a process and a way to talk to it. This one starts a machine in which a kernel is up
already (guest/notebook.py), publishes the kernel's five ports here, and gives it the connection's key. The machine ends
with the notebook's server however that ends; a restart is another fresh machine. See jupyter_client's "Kernel
Provisioning".
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from cutaway.ground import machine
from cutaway.ground.guest import notebook
from cutaway.ground.guest.exports import Unlendable
from cutaway.ground.machine import LOOPBACK, Machine
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

MEMORY_MIB = 1024
WORD_S = 60
DEAD = -signal.SIGKILL  # the status of a kernel whose machine has ended

Facts = dict[str, Any]


class LabMachineProvisioner(KernelProvisionerBase):
    """One machine, and the kernel in it."""

    guest: Machine | None = None
    cwd: Path
    pid = 0  # in the guest
    status: int | None = None
    _carrier: threading.Thread | None = None

    # --- Starting ------------------------------------------------------------

    async def pre_launch(self, **kwargs: Any) -> Facts:
        """Start the machine, or take the caller's, and tell Jupyter by which ports of ours the kernel is reached."""
        self.cwd = Path(kwargs.get("cwd") or Path.cwd())
        self.guest = kwargs.pop("machine", None) or await asyncio.to_thread(started, self.cwd)
        manager: Any = self.parent
        manager.ip = LOOPBACK
        wanted = {port: getattr(manager, f"{name}_port") for name, port in notebook.PORTS.items()}  # 0, or as before
        for name, port in zip(notebook.PORTS, await asyncio.to_thread(self.guest.publish_all, wanted), strict=True):
            setattr(manager, f"{name}_port", port)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Give the kernel its word; a thread carries what it writes outside its cells, and waits for its end."""
        assert self.guest
        manager: Any = self.parent
        self.status, begun = None, threading.Event()
        word = {"key": manager.session.key.decode(), "cwd": str(self.cwd), "env": self.guest.environment()}
        self._carrier = threading.Thread(target=self._carry, args=(self.guest, word, begun), daemon=True)
        self._carrier.start()
        if not await asyncio.to_thread(begun.wait, WORD_S):
            raise Problem(f"starting a notebook's kernel in {self.guest.name}: it was silent for {WORD_S} s")
        if self.status is not None:
            raise Problem(f"starting a notebook's kernel in {self.guest.name}: it ended with status {self.status}")
        return self.connection_info

    def _carry(self, guest: Machine, word: Facts, begun: threading.Event) -> None:
        def begins(pid: int) -> None:
            self.pid = pid
            begun.set()

        try:
            self.status = notebook.carry(guest.running.folder, word, begins, _to_log)
        except OSError:  # the machine has ended
            self.status = DEAD
        begun.set()

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
        """Send it, and what its cells have started, a signal; signal 0 only asks whether it is there."""
        if self.guest and signum and self.status is None:
            try:
                await asyncio.to_thread(self.guest.run, f"kill -{signum} -{self.pid} || true")  # it may have ended
            except Problem:
                if self.guest.running.process.alive():
                    raise

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
        return machine.start(memory_mib=MEMORY_MIB, folders=[folder], warm="notebook")
    except Unlendable:
        return machine.start(memory_mib=MEMORY_MIB, warm="notebook")


def _to_log(data: bytes) -> None:
    os.write(2, data)
