"""QEMU's monitor: one JSON object a line, in both directions. See docs/interop/qmp-spec in QEMU's sources."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any, Self

from cutaway.ground.guest.conversation import connect

PATIENCE_S = 30


class Refused(RuntimeError):
    """QEMU would not do it; the text is its own."""


class Monitor:
    """A conversation with the monitor of the machine in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._socket = connect(folder, "qmp")
        self._socket.settimeout(PATIENCE_S)
        self._lines = self._socket.makefile()
        self._answer()
        self.do("qmp_capabilities")

    def do(self, command: str, **arguments: Any) -> Any:
        """What QEMU returns for a command; Refused when it would not."""
        self._say(command, arguments)
        return self._result()

    def lend(self, fd: int, name: str) -> None:
        """Hand QEMU a descriptor, which later commands call `fd:name`."""
        words = json.dumps({"execute": "getfd", "arguments": {"fdname": name}}).encode()
        socket.send_fds(self._socket, [words], [fd])
        self._result()

    def await_status(self, *wanted: str) -> None:
        """Wait until the machine is in one of these states."""
        deadline = time.monotonic() + PATIENCE_S
        while (status := self.do("query-status")["status"]) not in wanted:
            if time.monotonic() > deadline:
                raise Refused(f"after {PATIENCE_S} s it is {status} and not {' or '.join(wanted)}")
            time.sleep(0.002)

    def close(self) -> None:
        """End the conversation."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _say(self, command: str, arguments: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())

    def _result(self) -> Any:
        while "event" in (answer := self._answer()):
            pass
        if "error" in answer:
            raise Refused(answer["error"]["desc"])
        return answer["return"]

    def _answer(self) -> Any:
        line = self._lines.readline()
        if not line:
            raise Refused("it ended")
        return json.loads(line)


# --- Saving and restoring -----------------------------------------------------

SHARED = [{"capability": "x-ignore-shared", "state": True}]  # memory is a file already: only the devices are saved


def save(folder: Path, state: Path) -> None:
    """Stop the machine in `folder` and write the state of its devices to `state`."""
    fd = os.open(state, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with Monitor(folder) as monitor:
        monitor.do("stop")
        monitor.do("migrate-set-capabilities", capabilities=SHARED)
        monitor.lend(fd, "state")
        os.close(fd)
        monitor.do("migrate", uri="fd:state")
        monitor.await_status("postmigrate")


def restore(folder: Path, state: Path) -> None:
    """Give the machine in `folder`, which waits for it, the state of another's devices, and let it go on."""
    fd = os.open(state, os.O_RDONLY | os.O_CLOEXEC)
    with Monitor(folder) as monitor:
        monitor.do("migrate-set-capabilities", capabilities=SHARED)
        monitor.lend(fd, "state")
        os.close(fd)
        monitor.do("migrate-incoming", uri="fd:state")
        monitor.await_status("paused", "postmigrate")
        monitor.do("cont")
